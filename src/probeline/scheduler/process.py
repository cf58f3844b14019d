"""A stage at work: the processes of its commands, and what they say."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

LAST_WORDS = 5  # seconds that what a stage started and left behind may keep its output open


@dataclass(frozen=True)
class Line:
    """What a stage said."""

    name: str
    text: str


@dataclass(frozen=True)
class End:
    """A stage has ended, with this exit status: 0 for well, -9 for killed by signal 9."""

    name: str
    status: int


@dataclass(frozen=True)
class Signal:
    """The scheduler is asked to stop."""

    number: int


Event = Line | End | Signal


class Process:
    """A stage at work. It has a process group of its own, so that Ctrl-C reaches it once, from here.

    Args:
        name: The stage.
        commands: The arguments of its commands, which run one after another.
        options: For `Popen`.
        post: Takes its events, in any thread.
    """

    def __init__(
        self, name: str, commands: list[list[str]], options: dict[str, Any], post: Callable[[Event], None]
    ) -> None:
        self.name = name
        self._commands, self._options, self._post = commands, options, post
        self._guard = threading.Lock()
        self._stopped = False
        self._process: subprocess.Popen[str] | None = None
        threading.Thread(target=self._work, daemon=True).start()

    def send(self, number: int) -> None:
        """Send a signal to all of its processes; no further command starts."""
        with self._guard:
            self._stopped = True
            if self._process is not None and self._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)

    def _work(self) -> None:
        status = 0
        for command in self._commands:
            try:
                started = self._start(command)
            except OSError as error:
                self._post(Line(self.name, f"error: {command[0]}: cannot be started: {error.strerror}"))
                status = 127
                break
            if started is None:
                status = -signal.SIGINT
                break
            reader = threading.Thread(target=self._read, args=(started,), daemon=True)
            reader.start()
            status = started.wait()
            reader.join(LAST_WORDS)
            if status:
                break
        self._post(End(self.name, status))

    def _start(self, command: list[str]) -> "subprocess.Popen[str] | None":
        with self._guard:
            if self._stopped:
                return None
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                process_group=0,
                **self._options,
            )
            return self._process

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._post(Line(self.name, line.rstrip()))
