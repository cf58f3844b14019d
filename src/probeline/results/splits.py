"""The labels of a task's images, and which of them are train, validation and test: all that follows a task has them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline.files import Kind

KINDS: dict[str, Kind] = {
    "labels": (np.int64, 1),
    "train": (np.int64, 2),
    "validation": (np.int64, 2),
    "test": (np.int64, 1),
}


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Labels, and the splits of each resample.

    Attributes:
        classes: Names; a label is an index into them.
        labels: int64 (N,), one per image of the task, in its order.
        train: int64 (resamples, n), indices into labels. One row per resample.
        validation: int64 (resamples, n), disjoint from the train row of the same resample.
        test: int64 (n,), the same for every resample and disjoint from all of them.
    """

    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def indices(self, resample: int) -> dict[str, NDArray[np.int64]]:
        """The images of each split of a resample, int64 (n,), in the order of a fit's outputs."""
        return {"train": self.train[resample], "validation": self.validation[resample], "test": self.test}

    def of(self, split: str, resample: int) -> NDArray[np.int64]:
        """The labels of a split, int64 (n,), in the same order."""
        return self.labels[self.indices(resample)[split]]

    @property
    def counts(self) -> dict[str, int]:
        """How many images each split has."""
        return {split: len(indices) for split, indices in self.indices(0).items()}


def consistent(found: Splits) -> bool:
    """Whether labels are those of its classes, and indices those of its images, none in two splits of a resample."""
    resamples = len(found.train) == len(found.validation) > 0
    parts = (found.train, found.validation, found.test)
    return (
        resamples
        and _below(found.labels, len(found.classes))
        and all(part.size and _below(part, len(found.labels)) for part in parts)
        and all(_apart(found.indices(resample), len(found.labels)) for resample in range(len(found.train)))
    )


def _apart(indices: Mapping[str, NDArray[np.int64]], images: int) -> bool:
    taken = np.zeros(images, dtype=np.int8)
    for chosen in indices.values():
        taken[chosen] += 1
    return not (taken > 1).any()


def _below(numbers: NDArray[np.int64], end: int) -> bool:
    return bool(((numbers >= 0) & (numbers < end)).all())
