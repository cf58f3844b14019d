"""The format of `data/embeddings/<encoder>`: what embed leaves, and all that a probe or a map reads.

embedding.json      Facts
<array>.npy         the arrays of Embedding
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import force
from probeline.results.embeddings import Embedded
from probeline.results.record import Record


class Facts(Record):
    """Where the vectors come from, and the names of the classes."""

    VERSION: ClassVar[int] = 1

    encoder: Embedded
    classes: list[str]


@dataclass(frozen=True)
class Embedding:
    """The vectors that an encoder gives for the images of a task.

    Attributes:
        facts: Where they come from.
        classes: Names; a label is an index into them.
        vectors: float32 (N, D), one per image of the task, in its order.
        labels: int64 (N,).
        train: int64 (resamples, n), indices into vectors. One row per resample of the task.
        validation: int64 (resamples, n), disjoint from the train row of the same resample.
        test: int64 (n,), the same for every resample and disjoint from all of them.
    """

    facts: Embedded
    classes: tuple[str, ...]
    vectors: NDArray[np.float32]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


_ARRAYS = ("vectors", "labels", "train", "validation", "test")


def save(embedding: Embedding, folder: Path) -> None:
    """Write an embedding into a folder that exists."""
    for name in _ARRAYS:
        files.write_array(folder / f"{name}.npy", getattr(embedding, name))
    Facts(encoder=embedding.facts, classes=list(embedding.classes)).save(folder / "embedding.json")


def load(folder: Path) -> Embedding:
    """Read an embedding.

    Raises:
        UserError: It is missing or damaged.
    """
    remedy = f"run: {force('embed', folder.name)}"
    about = Facts.load(folder / "embedding.json", remedy)
    try:
        arrays = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS}
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{folder}: is missing or damaged; {remedy}") from error
    return Embedding(facts=about.encoder, classes=tuple(about.classes), **arrays)
