"""`make repro`: run DVC's pipeline, several stages at a time, and leave what `dvc repro` leaves.

A stage runs as soon as all that it needs is there. One that fails stops what depends on it, and nothing else.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from probeline.pipeline import numerics
from probeline.pipeline.errors import FILE, UserError, listed
from probeline.pipeline.params import load_yaml
from probeline.pipeline.progress import say
from probeline.scheduler import graph, room
from probeline.scheduler.graph import Graph
from probeline.scheduler.process import End, Event, Line, Process, Signal
from probeline.scheduler.view import View, count

PATIENCE = 20  # seconds that a stage has to end after it was interrupted
TICK = 1.0  # seconds between two looks at the clock
STOPS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Run:
    """One run of the pipeline.

    Args:
        pipeline: Its stages.
        jobs: How many run at a time.
        view: What the user sees.
        events: What stages say, and signals.
    """

    def __init__(self, pipeline: Graph, jobs: int, view: View, events: "SimpleQueue[Event]") -> None:
        self._graph, self._jobs, self._view, self._events = pipeline, jobs, view, events
        self._gpu = room.one_gpu()
        self._turn = room.by_urgency(pipeline.needs, room.times())
        self._open = list(self._turn)  # about which DVC was not asked yet
        self._to_run: list[str] = []
        self._running: dict[str, Process] = {}
        self._deadline: float | None = None
        self.settled: dict[str, str] = {}  # what became of the stages that are there: ran, cached, unchanged
        self.failed: dict[str, str] = {}
        self.stopped: int | None = None  # the signal that ended it

    @property
    def left_out(self) -> list[str]:
        """The stages that did not run, for want of what failed or was interrupted."""
        return [name for name in self._graph.needs if name not in self.settled and name not in self.failed]

    def carry_out(self) -> None:
        """Run until nothing is left that can run."""
        try:
            while self._act():
                self._take_events()
        finally:
            for process in self._running.values():  # only after a fault of ours
                process.send(signal.SIGINT)

    def _act(self) -> bool:
        """Start a stage, or ask DVC about one, or else wait for an event. False: nothing is left to do."""
        if self.stopped is None:
            if name := room.startable(self._to_run, self._running, self._jobs, gpu=self._gpu):
                self._start(name)
                return True
            if name := next((name for name in self._open if self._graph.needs[name] <= self.settled.keys()), None):
                self._open.remove(name)
                self._settle(name)
                return True
        if not self._running:
            return False
        self._wait()
        return True

    def _settle(self, name: str) -> None:
        try:
            what = self._graph.settle(name)
        except Exception as error:  # noqa: BLE001 (as DVC does: whatever it is, the other stages go on)
            self._fail(name, graph.said(error))
            return
        if what == "to run":
            self._to_run = sorted([*self._to_run, name], key=self._turn.index)
        else:
            self._finish(name, what)

    def _start(self, name: str) -> None:
        self._to_run.remove(name)
        self._view.start(name)
        self._running[name] = Process(name, *self._graph.command(name), self._events.put)

    def _finish(self, name: str, what: str) -> None:
        self.settled[name] = what
        self._view.end(name, {"ran": "done", "cached": "from cache"}.get(what, what))

    def _fail(self, name: str, why: str) -> None:
        self.failed[name] = why
        self._view.end(name, "failed" if self.stopped is None else "stopped")

    def _wait(self) -> None:
        self._view.refresh()
        with suppress(Empty):
            self._take(self._events.get(timeout=TICK))
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._send(signal.SIGKILL)

    def _take_events(self) -> None:
        while not self._events.empty():
            self._take(self._events.get())

    def _take(self, event: Event) -> None:
        match event:
            case Line(name, text):
                if self.stopped is None or text.startswith("error:"):  # not the traceback of an import cut short
                    self._view.said(name, text)
            case End(name, status):
                del self._running[name]
                self._ended(name, status)
            case Signal(number):
                self._stop(number)

    def _ended(self, name: str, status: int) -> None:
        if status:
            self._fail(name, _how(status))
            return
        try:
            self._graph.keep(name)
        except Exception as error:  # noqa: BLE001 (as DVC does: whatever it is, the other stages go on)
            self._fail(name, graph.said(error))
            return
        self._finish(name, "ran")

    def _stop(self, number: int) -> None:
        """At the first signal interrupt all stages, at the second kill them."""
        if self.stopped is None:
            self.stopped = number
            self._deadline = time.monotonic() + PATIENCE
            self._view.line(f"interrupted: waiting for {listed(self._running) or 'DVC'}; once more to kill")
            self._send(signal.SIGINT)
        else:
            self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        for process in self._running.values():
            process.send(number)


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    name = signal.Signals(-status).name
    return f"killed by {name}{', perhaps for want of memory: try a smaller JOBS' * (name == 'SIGKILL')}"


@contextmanager
def _signals(events: "SimpleQueue[Event]") -> Iterator[None]:
    """Turn signals into events, so that none comes between two steps of DVC.

    What the user lets this process ignore (`nohup`, `&` in a script) stays ignored, but not by the stages.
    """
    kept = {number: signal.getsignal(number) for number in STOPS}

    def handle(number: int, _: object) -> None:
        if kept[signal.Signals(number)] != signal.SIG_IGN:
            events.put(Signal(number))

    for number in STOPS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def repro(asked: str | None, targets: list[str]) -> int:
    """Run the pipeline, and give the exit status: 1 where a stage failed, 130 after Ctrl-C.

    Args:
        asked: How many stages at a time; None or empty for as many as there is room for.
        targets: Stages to run, with what they need; none for all.

    Raises:
        UserError: Nothing could run: another dvc is at work, a target is unknown, or the like.
    """
    events: SimpleQueue[Event] = SimpleQueue()
    params = load_yaml(Path(FILE))
    jobs = room.jobs(asked, params.get("numerics", numerics.DEFAULT) if isinstance(params, dict) else None)
    with graph.opened(targets) as pipeline, _signals(events):
        view = View(pipeline.needs, jobs)
        run = Run(pipeline, jobs, view, events)
        try:
            run.carry_out()
        finally:
            view.close()
        return _report(run, view)


def _report(run: Run, view: View) -> int:
    ran, cached, unchanged = (list(run.settled.values()).count(what) for what in ("ran", "cached", "unchanged"))
    say(
        f"{count(len(run.settled), 'stage')} in {view.seconds()}: "
        f"{ran} ran, {cached} came from the cache, {unchanged} did not change"
    )
    if run.stopped is not None:
        _complain("interrupted; the same command goes on from here")
        return 128 + run.stopped
    for name, why in run.failed.items():
        _complain(f"{name}: {why}", *view.last_words(name))
    if run.left_out:
        _complain(f"not run, for they need what failed: {listed(run.left_out)}")
    return int(bool(run.failed))


def _complain(line: str, *details: str) -> None:
    print("\n  ".join([f"error: {line}", *details]), file=sys.stderr, flush=True)


def main() -> None:
    """`python -m probeline.scheduler.run [--jobs N] [STAGE...]`."""
    parser = argparse.ArgumentParser(prog="make repro", description=__doc__)
    parser.add_argument("--jobs", metavar="N", help="how many stages run at a time")
    parser.add_argument("targets", metavar="STAGE", nargs="*", help="run these and what they need; none: all")
    given = parser.parse_args()
    try:
        sys.exit(repro(given.jobs, given.targets))
    except UserError as error:
        sys.exit("\n".join(f"error: {line}" for line in error.lines))
    except KeyboardInterrupt:  # before a stage ran
        _complain("interrupted")
        sys.exit(130)


if __name__ == "__main__":
    main()
