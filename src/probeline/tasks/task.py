"""The format of `data/tasks/<task>`: what split@task writes, and all that a run reads of its data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import force
from probeline.results import splits
from probeline.results.record import Record
from probeline.results.splits import Splits

COPY = np.uint64(0)


@dataclass(frozen=True, kw_only=True)
class Task(Splits):
    """The images of a task, once, and which of them are train, validation and test.

    Attributes:
        dataset: Name of the dataset the images come from.
        images: uint8 (N, H, W, C).
        origin: int64 (N,), which image of the dataset each is: its number among the training images or, counting on
            from the last of them, among the test images.
        digests: uint64 (N,), what tells pictures apart in every dataset (`Raw.digests`); COPY for a test image that
            the dataset has once more, among the images that are not for testing.
    """

    dataset: str
    images: NDArray[np.uint8]
    origin: NDArray[np.int64]
    digests: NDArray[np.uint64]

    @property
    def copies(self) -> int:
        """How many test images the dataset has once more, among the images that are not for testing."""
        return int((self.digests[self.test] == COPY).sum())


class _About(Record):
    """task.json: what the images of a task are called."""

    dataset: str
    classes: list[str]


_KINDS: dict[str, files.Kind] = {
    "images": (np.uint8, 4),
    "origin": (np.int64, 1),
    "digests": (np.uint64, 1),
    **splits.KINDS,
}


def save(task: Task, folder: Path) -> None:
    """Write a task into a folder that exists: one .npy for each array, and task.json."""
    for name in _KINDS:
        files.write_array(folder / f"{name}.npy", getattr(task, name))
    _About(dataset=task.dataset, classes=list(task.classes)).save(folder / "task.json")


def load(folder: Path) -> Task:
    """Read a task. The images are memory-mapped: they stay on the disk until they are indexed.

    Raises:
        UserError: It is missing, damaged, of another version, or of files of several tasks.
    """
    remedy = f"run: {force('split', folder.name)}"
    about = _About.load(folder / "task.json", remedy)
    arrays = {
        name: files.read_array(folder / f"{name}.npy", kind, remedy, "r" if name == "images" else None)
        for name, kind in _KINDS.items()
    }
    found = Task(dataset=about.dataset, classes=tuple(about.classes), **arrays)
    lengths = {len(part) for part in (found.images, found.labels, found.origin, found.digests)}
    if len(lengths) > 1 or not splits.consistent(found):
        raise UserError(f"{folder}: its files do not fit each other; {remedy}")
    return found
