"""Vectors that tests of probes make up."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from probeline.encoders.embedding import Embedding
from probeline.probes._data import ProbeData
from tests.unit.report.made import embedded

Split = tuple[Any, Any]


def clouds(n: int, values: int, classes: int, seed: int = 0, apart: float = 1.0) -> Split:
    """Classes that overlap, on axes of very different length, far from the origin."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centers = np.random.default_rng(99).normal(size=(classes, values)) * apart
    lengths = np.geomspace(1, 0.01, values)
    vectors = (centers[labels] + rng.normal(size=(n, values))) * lengths + 3
    return vectors.astype(np.float32), labels


def points(rows: list[list[float]]) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


def probe_data(
    train: Split, validation: Split, test: Split, classes: int, checkpoints: Path = Path("nowhere")
) -> ProbeData:
    """An embedding with one resample, as a probe gets it: validation and test first, so that no index is its place."""
    parts = {"validation": validation, "test": test, "train": train}
    ends = np.cumsum([0, *(len(labels) for _, labels in parts.values())])
    indices = {split: np.arange(ends[place], ends[place + 1]) for place, split in enumerate(parts)}
    found = Embedding(
        facts=embedded(),
        classes=tuple(f"class {label}" for label in range(classes)),
        vectors=np.concatenate([vectors for vectors, _ in parts.values()]).astype(np.float32),
        labels=np.concatenate([labels for _, labels in parts.values()]).astype(np.int64),
        train=indices["train"][None],
        validation=indices["validation"][None],
        test=indices["test"],
    )
    return ProbeData(found, 0, torch.device("cpu"), checkpoints)
