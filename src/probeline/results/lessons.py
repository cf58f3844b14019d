"""What lesson leaves: `data/results/lesson/<name>/`.

lesson.json         Facts
original.npy        the images of D12, uint8 (N, H, W, C)
blurred.npy         the same, blurred: float64 (N, channels, H, W), from 0 to 255
d5.npz, <run>.npz   the outputs of D5 and of each run of D8 to D10 (results/outputs.py)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from probeline.pipeline import files
from probeline.pipeline.groups import again
from probeline.results import outputs
from probeline.results.outputs import Outputs
from probeline.results.record import Counts, Evaluation, Part, Record

KINDS: dict[str, files.Kind] = {"original": (np.uint8, 4), "blurred": (np.float64, 4)}
FILE = "lesson.json"
LIBRARY = "d5"  # the name of its outputs


class Library(Part):
    """D5: the fit of scikit-learn's LogisticRegression.

    Attributes:
        c, iterations: As in params.yaml: C, and the most iterations.
        made_iterations: The iterations that the solver made.
        converged: Whether it ended before the most iterations.
        images: By split.
    """

    c: float
    iterations: int
    made_iterations: int
    converged: bool
    images: dict[str, int]


class Quantity(Part):
    """D7: one number at one point.

    Attributes:
        x, y, z: The point.
        quantity: f, df/dx, df/dy or df/dz.
        measured: By our back-propagation.
        exact: From the formula, with 50 digits, then rounded to float64.
        reported: By report D; None for a point of our own.
    """

    x: float
    y: float
    z: float
    quantity: str
    measured: float
    exact: float
    reported: float | None


class Run(Part):
    """One training of D8 to D10.

    Attributes:
        run: Its name in params.yaml.
        hidden: ReLU units of the hidden layer.
        seed: Of the initial weights and the order of the images.
        lr, batch_size, l2, l2_form: As in params.yaml; l2 is lambda.
        last_epoch: The last epoch made.
        kept_epoch: Whose weights were kept: those of the lowest validation loss.
        images: By split.
        losses: By split, with the kept weights: the mean cross-entropy of all images.
        history: One row per epoch.
    """

    run: str
    hidden: int
    seed: int
    lr: float
    batch_size: int
    l2: float
    l2_form: Literal["sum", "half", "per_image"]
    last_epoch: int
    kept_epoch: int
    images: Counts
    losses: dict[str, float]
    history: Annotated[list[Evaluation], Field(min_length=1)]


class NotFinite(Part):
    """Where a training of D13 or D14 first gave a number that is not finite, counted from 0; None where it never did.

    Attributes:
        step: First step whose loss is inf or nan.
        epoch: First epoch whose loss is inf or nan.
        nan_epoch: First epoch whose loss is nan.
    """

    step: int | None
    epoch: int | None
    nan_epoch: int | None


class Matched(Part):
    """One training of D13 or D14.

    Attributes:
        batch_size, seed: Of this training.
        norm: L2 norm of the difference between the layers' outputs over all images, after the last epoch.
        not_finite: Where the numbers left the range of float64.
        losses: By epoch: the mean over its minibatches of the L2 norm of the difference, each before its step. A nan
            ends the training, and is the last one.
    """

    batch_size: int
    seed: int
    norm: float | None
    not_finite: NotFinite
    losses: Annotated[list[float | None], Field(min_length=1)]


class Facts(Record):
    """The numbers of an entry of `lessons`.

    Attributes:
        mlp_task: The entry of `tasks` of D5, D8 to D10 and D12.
        convolution_task: The entry of `tasks` of D13 and D14.
        d7: One row per point and quantity.
        mlp: The runs of D8 to D10.
        d12: The kernel that blurs, by row and column.
        d13, d14: One training per batch size and seed.
    """

    VERSION: ClassVar[int] = 1

    mlp_task: str
    convolution_task: str
    d5: Library
    d7: Annotated[list[Quantity], Field(min_length=1)]
    mlp: Annotated[list[Run], Field(min_length=1)]
    d12: Annotated[list[list[float]], Field(min_length=1)]
    d13: Annotated[list[Matched], Field(min_length=1)]
    d14: Annotated[list[Matched], Field(min_length=1)]


@dataclass(frozen=True)
class Lesson:
    """All that an entry of `lessons` measured.

    Attributes:
        original: The images of D12, uint8 (N, H, W, C).
        blurred: The same, blurred: float64 (N, channels, H, W), from 0 to 255.
        outputs: Of D5 (`d5`) and of each run of D8 to D10, by its name.
    """

    facts: Facts
    original: NDArray[np.uint8]
    blurred: NDArray[np.float64]
    outputs: Mapping[str, Outputs]


def save(lesson: Lesson, folder: Path) -> None:
    """Write a lesson into a folder that exists."""
    lesson.facts.save(folder / FILE)
    for name in KINDS:
        files.write_array(folder / f"{name}.npy", getattr(lesson, name))
    for name, found in lesson.outputs.items():
        outputs.save(found, outputs_of(folder, name))


def load(folder: Path) -> Lesson:
    """Read `data/results/lesson/<name>`.

    Raises:
        UserError: It is missing, damaged or of another version; the line says which stage to run.
    """
    facts = Facts.load(folder / FILE)
    paths = {folder / f"{name}.npy": kind for name, kind in KINDS.items()}
    original, blurred = (files.read_array(path, kind, again(path)) for path, kind in paths.items())
    fits = (LIBRARY, *(run.run for run in facts.mlp))
    return Lesson(facts, original, blurred, {name: outputs.load(outputs_of(folder, name)) for name in fits})


def outputs_of(folder: Path, fit: str) -> Path:
    """Where the outputs of D5 or of a run are."""
    return folder / f"{fit}.npz"
