"""A stage at work: its lines, its end, and how it is stopped."""

import signal
import sys
from queue import SimpleQueue

from probeline.scheduler.process import End, Event, Line, Process


def begin(*scripts: str) -> tuple[Process, "SimpleQueue[Event]"]:
    events: SimpleQueue[Event] = SimpleQueue()
    return Process("mine", [[sys.executable, "-c", script] for script in scripts], {}, events.put), events


def until_end(events: "SimpleQueue[Event]") -> list[Event]:
    found = [events.get(timeout=60)]
    while not isinstance(found[-1], End):
        found.append(events.get(timeout=60))
    return found


def test_all_that_it_says_comes_line_by_line_before_its_end() -> None:
    script = "import os; os.write(1, b'one\\rtwo\\n'); os.write(2, b'error: \\xff'); raise SystemExit(3)"
    _, events = begin(script, "print('never')")
    assert until_end(events) == [
        Line("mine", "one"), Line("mine", "two"), Line("mine", "error: \N{REPLACEMENT CHARACTER}"), End("mine", 3),
    ]  # fmt: skip


def test_commands_run_one_after_another() -> None:
    _, events = begin("print(1)", "print(2)")
    assert until_end(events) == [Line("mine", "1"), Line("mine", "2"), End("mine", 0)]


def test_a_signal_reaches_what_it_started_too_and_no_further_command_starts() -> None:
    child = "import time; print('here', flush=True); time.sleep(60)"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process, events = begin(script, "print('never')")
    assert events.get(timeout=60) == Line("mine", "here")
    process.send(signal.SIGKILL)
    assert until_end(events) == [End("mine", -signal.SIGKILL)]


def test_a_command_that_is_not_there_is_one_line() -> None:
    events: SimpleQueue[Event] = SimpleQueue()
    Process("mine", [["/no/such/shell"]], {}, events.put)
    assert until_end(events) == [
        Line("mine", "error: /no/such/shell: cannot be started: No such file or directory"), End("mine", 127),
    ]  # fmt: skip
