"""The format of data/probes/<encoder>: its linear probes as the last layers of a network, for fine-tuning.

heads.json                      Record
resample-<r>.<probe>.pt         a state_dict: weight (K, D) and bias (K,), float32
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import force
from probeline.results import record
from probeline.results.embeddings import Embedded
from probeline.training import weights


class Record(record.Record):
    """Of which vectors the probes are, and how many resamples there are."""

    VERSION: ClassVar[int] = 1

    encoder: Embedded
    resamples: int


@dataclass(frozen=True)
class Heads:
    """The linear probes of an encoder."""

    folder: Path
    embedded: Embedded
    resamples: int

    def weights(self, probe: str, resample: int) -> dict[str, Tensor] | None:
        """Weight and bias of a probe; None where there is no such probe.

        Raises:
            UserError: They are damaged, or not those of a linear layer.
        """
        path = self.folder / f"resample-{resample}.{probe}.pt"
        if not path.exists():
            return None
        remedy = f"run: {force('probe', self.folder.name)}"
        found = weights.load(path, remedy)
        dimensions = {name: value.ndim for name, value in found.items()}
        if dimensions != {"weight": 2, "bias": 1} or len(found["weight"]) != len(found["bias"]):
            raise UserError(f"{path}: is missing or damaged; {remedy}")
        return found


def save(embedded: Embedded, resamples: Sequence[Mapping[str, Mapping[str, Any] | None]], folder: Path) -> None:
    """Write the heads of every resample, by probe, into a folder that exists; None is no head."""
    Record(encoder=embedded, resamples=len(resamples)).save(folder / "heads.json")
    for resample, heads in enumerate(resamples):
        for probe, head in heads.items():
            if head is not None:
                state = {name: torch.as_tensor(value).float() for name, value in head.items()}
                weights.save(folder / f"resample-{resample}.{probe}.pt", state)


def load_heads(folder: Path) -> Heads:
    """Open the heads of an encoder.

    Raises:
        UserError: They are missing or damaged.
    """
    about = Record.load(folder / "heads.json", f"run: {force('probe', folder.name)}")
    return Heads(folder, about.encoder, about.resamples)
