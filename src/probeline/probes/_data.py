"""What every probe gets, and what every probe gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probeline.encoders.embedding import Embedding
from probeline.results.outputs import Outputs
from probeline.results.probes import Probe

Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ProbeData:
    """The vectors of an encoder, and one resample of its task.

    Attributes:
        resample: Which one.
        device: A torch.device, for probes that train on it.
        checkpoints: A folder for those that can go on after a kill.
    """

    embedding: Embedding
    resample: int
    device: Any
    checkpoints: Path

    @property
    def classes(self) -> int:
        """How many there are."""
        return len(self.embedding.classes)

    def of(self, split: str) -> tuple[Vectors, Labels]:
        """float32 (n, D) and int64 (n,): the vectors of train, validation or test, and their classes."""
        indices = self.embedding.indices(self.resample)[split]
        return self.embedding.vectors[indices], self.embedding.labels[indices]


@dataclass(frozen=True)
class Fitted:
    """A probe that validation chose.

    Attributes:
        record: What was tried, and what was chosen.
        outputs: What it says of each image.
        head: weight (K, D) and bias (K,) of a linear probe, by these names; None for others.
    """

    record: Probe
    outputs: Outputs
    head: Mapping[str, Any] | None = None
