"""The format of `data/embeddings/<encoder>`: what embed@encoder writes, and all that a probe or a map reads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError


@dataclass(frozen=True)
class Embedding:
    """The vectors that an encoder gives for the images of a task.

    Attributes:
        facts: Where they come from, for tables: source, weights, seed, task, dataset, source_dataset, top1, seen.
        classes: Names; a label is an index into them.
        vectors: float32 (N, D), one an image of the task, in its order.
        labels: int64 (N,).
        train: int64 (draws, n), indices into vectors. One row a draw of the task.
        validation: int64 (draws, n), disjoint from the train row of the same draw.
        test: int64 (n,), the same for every draw and disjoint from all of them.
    """

    facts: Mapping[str, Any]
    classes: tuple[str, ...]
    vectors: NDArray[np.float32]
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


_ARRAYS = ("vectors", "labels", "train", "validation", "test")


def save(embedding: Embedding, folder: Path) -> None:
    """Write an embedding into a folder that exists: one .npy an array, and embedding.json."""
    for name in _ARRAYS:
        files.write_array(folder / f"{name}.npy", getattr(embedding, name))
    files.write_json(folder / "embedding.json", {**embedding.facts, "classes": list(embedding.classes)})


def load(folder: Path) -> Embedding:
    """Read an embedding.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        facts = json.loads((folder / "embedding.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy") for name in _ARRAYS}
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{folder}: missing or damaged; run: dvc repro --force embed@{folder.name}") from error
    return Embedding(facts=facts, classes=tuple(facts.pop("classes")), **arrays)
