"""Checkpoints: where a training that was killed goes on, bit for bit.

A checkpoint lies outside DVC's outputs, which DVC deletes before it runs a stage. Its name is a hash of everything
that determines the training, so that it can never be continued under other circumstances.
"""

import hashlib
import io
import json
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from probeline.pipeline import files, numerics, parent, settings
from probeline.pipeline.lock import lock
from probeline.pipeline.progress import say

DIGEST = 32  # bytes of the SHA-256 before a checkpoint


def folder() -> Path:
    """Where checkpoints lie: PROBELINE_CHECKPOINTS, or `.checkpoints` in the clone."""
    return settings.folder("PROBELINE_CHECKPOINTS")


def fingerprint(folders: Iterable[Path], facts: Mapping[str, Any]) -> str:
    """A hash of some folders, of the code that is loaded, of the pins, and of more facts that decide a training."""
    parts = [json.dumps({**facts, "pinned": numerics.in_force()}, sort_keys=True, default=str)]
    sources = [Path(sys.argv[0]), *(Path(f) for m in _loaded() if (f := getattr(m, "__file__", None)))]
    data = [path for folder in folders for path in folder.iterdir()]
    for path in sorted({*data, *(source for source in sources if source.is_file())}):
        with path.open("rb") as content:
            parts.append(f"{path.name} {hashlib.file_digest(content, 'sha256').hexdigest()}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _loaded() -> Iterator[Any]:
    return (module for name, module in sorted(sys.modules.items()) if name.split(".")[0] == "probeline")


class Checkpoint:
    """The checkpoint of one training (one run, one seed).

    Args:
        path: The file.

    The time between two saves grows with the time that one takes, so that saving stays below a twentieth of the whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wait = settings.checkpoint_seconds()
        self._next = time.monotonic() + self._wait
        self._next_look = 0.0

    def load(self) -> dict[str, Any] | None:
        """The state that was saved last, on the CPU; None if there is none that can be read."""
        if not self.path.exists():
            return None
        content = self.path.read_bytes()
        if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
            say(f"{self.path}: a damaged checkpoint; starting anew")
            return None
        import torch  # here: the lessons keep their results below `store` without it

        state: dict[str, Any] = torch.load(io.BytesIO(content[DIGEST:]), map_location="cpu", weights_only=True)
        return state

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the checkpoint in one step."""
        import torch

        started = time.monotonic()
        buffer = io.BytesIO()
        torch.save(dict(state), buffer)
        content = buffer.getvalue()
        files.write(self.path, hashlib.sha256(content).digest() + content)  # torch.load checks nothing
        ended = time.monotonic()
        self._next = ended + max(self._wait, 20 * (ended - started) if self._wait else 0)

    @property
    def due(self) -> bool:
        """Whether it is time to save."""
        return time.monotonic() >= self._next

    @property
    def orphaned(self) -> bool:
        """Whether the `dvc` that started this stage is gone; looks twice a second."""
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + 0.5
        return parent.gone()


@contextmanager
def store(name: str, mark: str) -> Iterator[Path]:
    """Yield the folder of a run's checkpoints, held by this process alone; remove it when the block ends well.

    Args:
        name: Of the run.
        mark: Its fingerprint.
    """
    path = folder() / f"{name}-{mark}"
    with lock(path.with_suffix(".lock"), f"another process that trains {name} in the same way"):
        yield path
        shutil.rmtree(path, ignore_errors=True)
