"""What a user sees of all stages: a line for what starts and ends, and on a terminal a last line of what is at work."""

import time
from collections import deque
from collections.abc import Iterable

from tqdm import tqdm

from probeline.pipeline.progress import bar, say

KEPT = 20  # last lines of a stage that failed which are shown again at the end


class View:
    """The lines of a run of the pipeline. A stage's own lines begin with its name.

    Args:
        names: All stages that are asked for.
        jobs: How many run at a time.
    """

    def __init__(self, names: Iterable[str], jobs: int) -> None:
        names = list(names)
        self._width = max(map(len, names), default=0)
        self._all, self._ended = len(names), 0
        self._started: dict[str, float] = {}
        self._said: dict[str, deque[str]] = {}
        self._began = time.monotonic()
        self._bar = bar("", bar_format="{desc}", dynamic_ncols=True)
        self.line(f"{count(self._all, 'stage')}, {jobs} at a time")

    def line(self, text: str) -> None:
        """Print a line above the last one."""
        with tqdm.external_write_mode():
            say(text)

    def refresh(self) -> None:
        """Bring the last line of a terminal up to date."""
        now = time.monotonic()
        at_work = ", ".join(f"{name} {now - start:.0f} s" for name, start in self._started.items())
        self._bar.set_description_str(f"{self._ended} of {self._all} done; at work: {at_work or 'DVC'}", refresh=True)

    def close(self) -> None:
        """Remove the last line."""
        self._bar.close()

    def start(self, name: str) -> None:
        self._started[name] = time.monotonic()
        self._said[name] = deque(maxlen=1000)
        self.line(f"start      {name}")

    def said(self, name: str, text: str) -> None:
        """Show a line of a stage."""
        self._said[name].append(text)
        self.line(text if text.startswith(f"{name} ") else f"{name} | {text}")

    def end(self, name: str, how: str) -> None:
        """Say how a stage has ended: `done`, `from cache`, `failed`, `stopped`; nothing where it is `unchanged`."""
        self._ended += how not in {"failed", "stopped"}
        if how != "unchanged":
            started = self._started.pop(name, None)
            seconds = "" if started is None else f"{time.monotonic() - started:.1f} s"
            self.line(f"{how:<10} {name:<{self._width}} {seconds:>9}   {self._ended} of {self._all}")

    def last_words(self, name: str) -> list[str]:
        """The lines in which a stage says why it failed: its errors, or its last lines."""
        lines = list(self._said.get(name, ()))
        return [line for line in lines if line.startswith("error:")] or lines[-KEPT:]

    def seconds(self) -> str:
        """How long all has taken."""
        return f"{time.monotonic() - self._began:.0f} s"


def count(number: int, what: str) -> str:
    """`1 stage`, `2 stages`."""
    return f"{number} {what}{'s' * (number != 1)}"
