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
from probeline.pipeline.groups import again
from probeline.results import splits
from probeline.results.record import ClassName, Record
from probeline.results.splits import Splits

if TYPE_CHECKING:
    from probeline.tasks.task import Task as Drawn

SHOWN = (5, 10)  # classes, images of each: report B's first look at its data (B1)
KINDS: dict[str, files.Kind] = {**splits.KINDS, "origin": (np.int64, 1)}


class Task(Record):
    """What the images of a task are called."""

    dataset: str
    classes: list[ClassName]


@dataclass(frozen=True, kw_only=True)
class Labels(Splits):
    """The labels of a task's images, and which are train, validation and test.

    Attributes:
        dataset: Name of the dataset that the images come from.
        origin: int64 (N,): the number of each image in its dataset (tasks/task.py).
    """

    dataset: str
    origin: NDArray[np.int64]


def save(drawn: "Drawn", folder: Path) -> None:
    """Write what the summary needs of a task into a folder that exists."""
    Task(dataset=drawn.dataset, classes=list(drawn.classes)).save(folder / "task.json")
    files.write_npz(folder / "labels.npz", **{name: getattr(drawn, name) for name in KINDS})
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
    path = folder / "labels.npz"
    found = Labels(dataset=about.dataset, classes=tuple(about.classes), **files.read_npz(path, again(path), KINDS))
    if not splits.consistent(found) or len(found.origin) != len(found.labels):
        raise UserError(f"{path}: is missing or damaged; {again(path)}")
    return found


def examples(folder: Path) -> NDArray[np.uint8]:
    """The images to look at, uint8 (classes, images, H, W, C).

    Raises:
        UserError: They are missing or damaged.
    """
    path = folder / "examples.npy"
    return files.read_array(path, (np.uint8, 5), again(path))
