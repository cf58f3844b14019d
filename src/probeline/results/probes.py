"""What probe leaves: `data/results/probe/<encoder>/`.

probe.json                      Probes
resample-<r>.<probe>.npz        the outputs of each probe on each resample (results/outputs.py)
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from probeline.results.embeddings import Embedded
from probeline.results.record import ClassName, Counts, Evaluation, Part, Record

FILE = "probe.json"
PROBES = ("logistic", "gradient", "knn")  # in the order of tables


class Probe(Part):
    """One probe on one resample.

    Attributes:
        chosen: The row that validation chose.
        rows: What was tried, one row each: its setting, and validation loss and accuracy.
        losses: By split, of the chosen one: mean cross-entropy, or the objective; empty for nearest neighbors.
        history: Of the chosen training; empty for probes that are not trained by gradient descent.
    """

    chosen: dict[str, Any]
    rows: list[dict[str, Any]]
    losses: dict[str, float | None] = {}
    history: list[Evaluation] = []


class Probes(Record):
    """All probes of an encoder, by resample of its task and name."""

    VERSION: ClassVar[int] = 1

    report_id: str
    encoder: Embedded
    objective: str | None
    images: Counts
    classes: list[ClassName]
    resamples: Annotated[list[Annotated[dict[str, Probe], Field(min_length=1)]], Field(min_length=1)]


def outputs(folder: Path, resample: int, probe: str) -> Path:
    """Where the outputs of a probe are."""
    return folder / f"resample-{resample}.{probe}.npz"
