"""What train, transfer and finetune leave: `data/results/<stage>/<run>/`.

run.json            Run
seed-<seed>.npz     the outputs of each seed that did not diverge (results/outputs.py)
layers.txt          every layer of the network
augmented.npy       uint8 (2, images, H, W, C): training images before and after augmentation, where there is one
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import again
from probeline.results.record import ClassName, Counts, Evaluation, Part, Record

FILE = "run.json"


class Begun(Part):
    """What a transfer or a fine-tuning began with.

    Attributes:
        source: The run or backbone whose weights it loaded.
        load, new: Layers with these weights, and with fresh ones.
        trainable: What trains, as in params.yaml.
        loaded_parameters, new_parameters, trained_parameters: Numbers of the network.
        encoder, head: Of a fine-tuning: whose probe became the head, and which probe.
    """

    source: str
    load: list[str]
    new: list[str]
    trainable: Any
    loaded_parameters: int
    new_parameters: int
    trained_parameters: int
    encoder: str | None = None
    head: str | None = None


class Seed(Part):
    """One training of a run.

    Attributes:
        resample: Of the task, which it was trained on.
        kept_step: Whose weights were kept: the best by early stopping, else the last.
        last_step: The last step made.
        stopped_early: Before the length of the run.
        left_out: Images that a loss could not use, over all steps.
        diverged_at: First step whose loss was not finite.
        losses: By split, with the kept weights: the mean of the objective over all images, as the training computes it.
            Empty where the training diverged.
        history: One row per evaluation.
    """

    seed: int
    resample: int
    kept_step: int
    last_step: int
    stopped_early: bool
    left_out: int
    diverged_at: int | None
    losses: dict[str, float | None]
    history: Annotated[list[Evaluation], Field(min_length=1)]


class Run(Record):
    """A run: one training per seed."""

    VERSION: ClassVar[int] = 1

    report_id: str
    task: str
    dataset: str
    model: str
    objective: str
    parameters: int
    start: Begun | None
    images: Counts
    classes: list[ClassName]
    seeds: Annotated[list[Seed], Field(min_length=1)]


def outputs(folder: Path, seed: int) -> Path:
    """Where the outputs of a seed are."""
    return folder / f"seed-{seed}.npz"


def layers(folder: Path) -> str:
    """Every layer of the network, as text.

    Raises:
        UserError: It is missing or damaged.
    """
    path = folder / "layers.txt"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is missing or damaged; {again(path)}") from error


def augmented(folder: Path) -> NDArray[np.uint8] | None:
    """Images before and after augmentation, uint8 (2, images, H, W, C); None where there is none.

    Raises:
        UserError: They are damaged.
    """
    path = folder / "augmented.npy"
    return files.read_array(path, (np.uint8, 5), again(path)) if path.exists() else None
