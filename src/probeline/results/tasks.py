"""What split leaves for the summary: `data/results/split/<task>/`: the labels of its images, and some to look at.

task.json           Task
labels.npz          the arrays of Labels
examples.npy        uint8 (classes, images, H, W, C): training images of the first classes,
                        white where a class has fewer
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import force
from probeline.results.record import DAMAGED, Record

if TYPE_CHECKING:
    from probeline.tasks.task import Task as Drawn

SHOWN = (5, 10)  # classes, images of each: report B's first look at its data (B1)
ARRAYS = ("labels", "origin", "train", "validation", "test")


class Task(Record):
    """What the images of a task are called."""

    dataset: str
    classes: list[str]


@dataclass(frozen=True)
class Labels:
    """The labels of a task's images, and which are train, validation and test.

    Attributes:
        labels: int64 (N,).
        origin: int64 (N,): the number of each image in its dataset (tasks/task.py).
        train, validation: int64 (resamples, n), indices into labels.
        test: int64 (n,), the same for every resample.
    """

    dataset: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    origin: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def images(self, split: str, resample: int) -> NDArray[np.int64]:
        """The images of a split, int64 (n,), in the order of a fit's outputs: indices into labels."""
        found: NDArray[np.int64] = self.test if split == "test" else getattr(self, split)[resample]
        return found

    def of(self, split: str, resample: int) -> NDArray[np.int64]:
        """The labels of a split, int64 (n,), in the order of a fit's outputs."""
        return self.labels[self.images(split, resample)]


def save(drawn: "Drawn", folder: Path) -> None:
    """Write what the summary needs of a task into a folder that exists."""
    Task(dataset=drawn.dataset, classes=list(drawn.classes)).save(folder / "task.json")
    files.write_npz(folder / "labels.npz", **{name: getattr(drawn, name) for name in ARRAYS})
    classes, images = SHOWN
    shown = np.full((min(classes, len(drawn.classes)), images, *drawn.images.shape[1:]), 255, dtype=np.uint8)
    train = drawn.train[0]
    for label, row in enumerate(shown):
        chosen = train[drawn.labels[train] == label][:images]
        row[: len(chosen)] = drawn.images[chosen]
    files.write_array(folder / "examples.npy", shown)


def load(folder: Path) -> Labels:
    """Read the labels of `data/results/split/<task>`.

    Raises:
        UserError: They are missing, damaged or of another version.
    """
    about = Task.load(folder / "task.json")
    try:
        with np.load(folder / "labels.npz", allow_pickle=False) as found:
            arrays = {name: found[name] for name in ARRAYS}
    except DAMAGED as error:
        raise UserError(f"{folder}: is missing or damaged; run: {force('split', folder.name)}") from error
    return Labels(about.dataset, tuple(about.classes), **arrays)
