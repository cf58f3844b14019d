"""What shows of a task's images without data: their shape, their classes, how many there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Groups = Mapping[str, Mapping[str, Any]]
LIKELY = (3, 96, 96), 2  # of images that must be seen first: networks are built for these, to look at their layers


@dataclass(frozen=True)
class Images:
    """The images of a task, None for what only the data say.

    Attributes:
        shape: (C, H, W).
        classes: How many there are.
        counts: How many images each split has.
    """

    shape: tuple[int, int, int] | None
    classes: int | None
    counts: Mapping[str, int | None]

    @property
    def known(self) -> bool:
        """Whether a network for them is the one that will be trained."""
        return self.shape is not None and self.classes is not None

    def likely(self) -> tuple[tuple[int, int, int], int]:
        """Shape and classes, those of LIKELY where they are not known."""
        shape, classes = LIKELY
        return self.shape or shape, self.classes or classes


def of_task(name: str, groups: Groups) -> Images | None:
    """The images of a task; None where the task or its dataset is mistaken, which is told elsewhere."""
    task = groups["tasks"].get(name)
    data = groups["datasets"].get(task.dataset) if task else None
    if task is None or data is None:
        return None
    shape, classes = getattr(data, "SHAPE", None), getattr(data, "CLASSES", None)
    channels = shape[0] if shape else getattr(data, "CHANNELS", None)
    if task.pixels is not None:
        shape = (channels, task.pixels, task.pixels) if channels is not None else None
    if task.classes != "all":
        classes = len(task.classes)
    sizes = {split: getattr(task, split) for split in ("train", "validation", "test")}
    counts = {split: size if isinstance(size, int) else None for split, size in sizes.items()}
    return Images(shape, classes, counts)
