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
from probeline.results import splits
from probeline.results.embeddings import Embedded
from probeline.results.record import ClassName, Record
from probeline.results.splits import Splits


class Facts(Record):
    """Where the vectors come from, and the names of the classes."""

    VERSION: ClassVar[int] = 1

    encoder: Embedded
    classes: list[ClassName]


@dataclass(frozen=True, kw_only=True)
class Embedding(Splits):
    """The vectors that an encoder gives for the images of a task.

    Attributes:
        facts: Where they come from.
        vectors: float32 (N, D), one per image of the task, in its order.
    """

    facts: Embedded
    vectors: NDArray[np.float32]


_KINDS: dict[str, files.Kind] = {"vectors": (np.float32, 2), **splits.KINDS}


def of_task(task: Splits, vectors: NDArray[np.float32], facts: Embedded) -> Embedding:
    """The embedding of a task's images: its vectors, with the task's labels and splits."""
    return Embedding(
        facts=facts,
        vectors=vectors,
        classes=task.classes,
        labels=task.labels,
        train=task.train,
        validation=task.validation,
        test=task.test,
    )


def save(embedding: Embedding, folder: Path) -> None:
    """Write an embedding into a folder that exists."""
    for name in _KINDS:
        files.write_array(folder / f"{name}.npy", getattr(embedding, name))
    Facts(encoder=embedding.facts, classes=list(embedding.classes)).save(folder / "embedding.json")


def load(folder: Path) -> Embedding:
    """Read an embedding.

    Raises:
        UserError: It is missing or damaged.
    """
    remedy = f"run: {force('embed', folder.name)}"
    about = Facts.load(folder / "embedding.json", remedy)
    arrays = {name: files.read_array(folder / f"{name}.npy", kind, remedy) for name, kind in _KINDS.items()}
    found = Embedding(facts=about.encoder, classes=tuple(about.classes), **arrays)
    if not splits.consistent(found) or len(found.vectors) != len(found.labels):
        raise UserError(f"{folder}: is missing or damaged; {remedy}")
    return found
