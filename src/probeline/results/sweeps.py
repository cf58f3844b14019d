"""What sweep leaves: `data/results/sweep/<name>/`.

sweep.json                              Sweep
fraction-<fraction>.seed-<seed>.npz     the outputs of the chosen point of each fraction (results/outputs.py)
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from probeline.results.record import Counts, Evaluation, Part, Record

FILE = "sweep.json"


class Point(Part):
    """One point of a sweep, with one seed.

    Attributes:
        train_fraction: Of the task's training images that it had.
        train_images: How many these are.
        point: Its number.
        setting: Its values in words.
        values: The same by the dotted key of the run.
        kept_step: Whose weights were kept; None where it diverged, as for all losses and accuracies.
        best: Whether validation chose it, of its fraction.
        test_accuracy: Of the best alone.
    """

    train_fraction: float
    train_images: int
    point: int
    setting: str
    values: dict[str, Any]
    seed: int
    kept_step: int | None
    last_step: int
    diverged_at: int | None
    train_loss: float | None
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    best: bool
    test_accuracy: float | None


class Chosen(Part):
    """The training of the chosen point of a fraction, with one seed.

    Attributes:
        history: One row per evaluation. Linear models that train in one pass are evaluated at their end alone.
    """

    train_fraction: float
    point: int
    seed: int
    history: Annotated[list[Evaluation], Field(min_length=1)]


class Sweep(Record):
    """A sweep: one row per point, fraction and seed.

    Attributes:
        grid: Whether its points are all combinations of the axes.
        axes: What varies: the dotted key of the run, and its name in a word.
        chosen: One for each fraction and seed, where not all points diverged.
    """

    VERSION: ClassVar[int] = 1

    report_id: str
    task: str
    dataset: str
    model: str
    objective: str
    images: Counts
    grid: bool
    axes: dict[str, str]
    rows: Annotated[list[Point], Field(min_length=1)]
    chosen: list[Chosen] = []


def outputs(folder: Path, fraction: float, seed: int) -> Path:
    """Where the outputs of the chosen point of a fraction are."""
    return folder / f"fraction-{fraction}.seed-{seed}.npz"
