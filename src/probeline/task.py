"""The format of `data/tasks/<task>`: what split@task writes, and all that a run reads of its data."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError


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
        train: int64 (draws, n), indices into images. One row a draw.
        validation: int64 (draws, n), disjoint from the train row of the same draw.
        test: int64 (n,), the same for every draw and disjoint from all of them.
    """

    dataset: str
    classes: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    origin: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


EXAMPLES = (5, 10)  # classes, images of each: report B's first look at its data (B1)
_ARRAYS = ("images", "labels", "origin", "train", "validation", "test")


def save(task: Task, folder: Path) -> None:
    """Write a task into a folder that exists: one .npy an array, and task.json."""
    for name in _ARRAYS:
        files.write_array(folder / f"{name}.npy", getattr(task, name))
    files.write_json(folder / "task.json", {"dataset": task.dataset, "classes": list(task.classes)})


def save_examples(task: Task, folder: Path) -> None:
    """Write some training images of the first classes, for a picture of what the task is about.

    images.npy is uint8 (classes, images, H, W, C), white where a class has fewer; examples.json has the names.
    """
    classes, images = EXAMPLES
    shown = np.full((min(classes, len(task.classes)), images, *task.images.shape[1:]), 255, dtype=np.uint8)
    train = task.train[0]
    for label, row in enumerate(shown):
        chosen = train[task.labels[train] == label][:images]
        row[: len(chosen)] = task.images[chosen]
    files.write_array(folder / "images.npy", shown)
    about = {"dataset": task.dataset, "classes": len(task.classes), "shown": list(task.classes[: len(shown)])}
    files.write_json(folder / "examples.json", about)


def load(folder: Path) -> Task:
    """Read a task. The images are memory-mapped.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        about = json.loads((folder / "task.json").read_text())
        images = np.load(folder / "images.npy", mmap_mode="r")
        small = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS[1:]}
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{folder}: missing or damaged; run: dvc repro --force split@{folder.name}") from error
    return Task(dataset=about["dataset"], classes=tuple(about["classes"]), images=images, **small)
