"""The format of `data/tasks/<task>`: what split@task writes, and all that a run reads of its data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import force
from probeline.results.record import DAMAGED, Record


@dataclass(frozen=True)
class Task:
    """The images of a task, once, and which of them are train, validation and test.

    Attributes:
        dataset: Name of the dataset the images come from.
        classes: Names; a label is an index into them.
        images: uint8 (N, H, W, C).
        labels: int64 (N,).
        origin: int64 (N,), which image of the dataset each is: its number among the training images or, counting on
            from the last of them, among the test images.
        train: int64 (resamples, n), indices into images. One row per resample.
        validation: int64 (resamples, n), disjoint from the train row of the same resample.
        test: int64 (n,), the same for every resample and disjoint from all of them.
    """

    dataset: str
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    origin: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


class _About(Record):
    """task.json: what the images of a task are called."""

    dataset: str
    classes: list[str]


_ARRAYS = ("images", "labels", "origin", "train", "validation", "test")


def save(task: Task, folder: Path) -> None:
    """Write a task into a folder that exists: one .npy for each array, and task.json."""
    for name in _ARRAYS:
        files.write_array(folder / f"{name}.npy", getattr(task, name))
    _About(dataset=task.dataset, classes=list(task.classes)).save(folder / "task.json")


def load(folder: Path) -> Task:
    """Read a task. The images are memory-mapped: they stay on the disk until they are indexed.

    Raises:
        UserError: It is missing, damaged or of another version.
    """
    remedy = f"run: {force('split', folder.name)}"
    about = _About.load(folder / "task.json", remedy)
    try:
        images = np.load(folder / "images.npy", mmap_mode="r")
        small = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS[1:]}
    except DAMAGED as error:
        raise UserError(f"{folder}: is missing or damaged; {remedy}") from error
    return Task(dataset=about.dataset, classes=tuple(about.classes), images=images, **small)
