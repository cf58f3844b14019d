"""The linear probe as the reports train it: one linear layer on frozen vectors, by gradient descent (A6, E1)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, model_validator
from torch import Tensor, nn

from probeline.pipeline import params
from probeline.pipeline.progress import bar
from probeline.training.checkpoint import Checkpoint
from probeline.training.data import DeviceVectors
from probeline.training.engine import Fit, fit
from probeline.training.evaluation import Score, evaluate
from probeline.training.seeds import explained
from probeline.training.spec import L2, NotNegative, Positive, Recipe, Seeds


class Grid(params.Spec):
    """Values that are tried in place of the recipe's own, all with all.

    Attributes:
        lr: Of `optimizer.lr`.
        l2: Of `l2.strength`.
    """

    lr: Annotated[list[Positive], AfterValidator(params.each_once)] = []
    l2: Annotated[list[NotNegative], AfterValidator(params.each_once)] = []


class Spec(Recipe):
    """How a probe is trained: a recipe, once for each seed and each point of the grid; validation chooses (E1).

    The criterion is that of early stopping: `metric: loss` or `accuracy`; without early stopping it is the loss.

    Attributes:
        seeds: Of the initial weights and the order of the images.
    """

    seeds: Seeds
    grid: Grid = Grid()

    @model_validator(mode="after")
    def _can_vary(self) -> "Spec":
        if self.grid.l2 and self.l2 is None:
            raise ValueError("grid.l2 needs the key l2, which says the form of the penalty")
        if self.may_diverge:
            raise ValueError("may_diverge: a point that diverges is left out anyway; leave may_diverge out")
        if not hasattr(self.objective, "predict"):
            raise ValueError(f"{self.objective.name} predicts no classes; a probe needs an objective that does")
        return self

    @property
    def criterion(self) -> str:
        """The validation value that chooses: loss or accuracy."""
        return self.early_stopping.metric if self.early_stopping else "loss"

    def points(self) -> Iterator["Spec"]:
        """The recipe of every point of the grid."""
        optimizers = [self.optimizer.model_copy(update={"lr": lr}) for lr in self.grid.lr] or [self.optimizer]
        penalties: list[L2 | None] = [self.l2]
        if self.l2 is not None and self.grid.l2:
            penalties = [self.l2.model_copy(update={"strength": strength}) for strength in self.grid.l2]
        for optimizer, l2 in product(optimizers, penalties):
            yield self.model_copy(update={"optimizer": optimizer, "l2": l2})


@dataclass(frozen=True)
class Result:
    """The probe that validation chose.

    Attributes:
        layer: Maps vectors (B, D) to the objective's outputs (B, K).
        chosen: The point: lr, l2, seed, steps.
        rows: Every point and seed: setting, validation loss and accuracy, steps; one that diverged has None.
        history: Of the chosen one, as `engine.Progress` describes it.
    """

    layer: nn.Linear
    chosen: dict[str, Any]
    rows: list[dict[str, Any]]
    history: list[dict[str, Any]]

    def state(self) -> dict[str, Tensor]:
        """Weight (K, D) and bias (K,), float32, on the CPU."""
        return {name: value.detach().cpu() for name, value in self.layer.state_dict().items()}


def probe(spec: Spec, data: DeviceVectors, classes: int, where: str, checkpoints: Path) -> Result | None:
    """Train every point, and choose one on validation. None where all diverged.

    Args:
        where: Key in params.yaml, for messages and the progress bar.
        checkpoints: A folder for them.

    Raises:
        UserError: This machine cannot train it.
    """
    rows: list[dict[str, Any]] = []
    best: tuple[float, Fit, dict[str, Any]] | None = None
    layer = nn.Linear(data.values, spec.objective.outputs(classes), device=data.vectors.device)
    points = list(spec.points())
    with bar(where, unit="step") as progress:
        for number, (point, seed) in enumerate(product(points, spec.seeds)):
            try:
                done, score = _train(layer, point, seed, data, Checkpoint(checkpoints / f"{number}.pt"), progress)
            except RuntimeError as error:
                raise explained(error, where) from error
            row = {
                "lr": point.optimizer.lr,
                "l2": point.l2.strength if point.l2 else 0.0,
                "seed": seed,
                "kept_step": done.step,
                "last_step": done.last_step,
                "stopped_early": done.stopped_early,
                "validation_loss": score.loss if score else None,
                "validation_accuracy": score.accuracy if score else None,
            }
            rows.append(row)
            value = row[f"validation_{spec.criterion}"]
            if value is not None:
                cost = value if spec.criterion == "loss" else -value
                if best is None or cost < best[0]:
                    best = cost, done, row
    if best is None:
        return None
    _, done, row = best
    layer.load_state_dict(done.weights)
    return Result(layer, row, rows, done.history)


def _train(
    layer: nn.Linear, point: Spec, seed: int, data: DeviceVectors, saved: Checkpoint, progress: Any
) -> tuple[Fit, Score | None]:
    torch.manual_seed(seed)
    layer.load_state_dict(nn.Linear(layer.in_features, layer.out_features).state_dict())
    done = fit(layer, data, point, seed, saved, lambda *_: progress.update())
    if done.diverged_at is not None:
        return done, None
    layer.load_state_dict(done.weights)
    return done, evaluate(layer, data, "validation", point)
