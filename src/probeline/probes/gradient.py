"""The linear probe as the reports train it: one linear layer on frozen vectors, by gradient descent (A6, E1)."""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import nn

from probeline.compute.data import DeviceVectors, splits_of
from probeline.compute.explained import explained
from probeline.pipeline import params
from probeline.pipeline.checkpoint import Checkpoint
from probeline.pipeline.errors import ParamError
from probeline.pipeline.progress import bar
from probeline.pipeline.types import NotNegative, Positive, Seeds
from probeline.probes._data import Fitted, ProbeData
from probeline.results.probes import Probe
from probeline.training import engine
from probeline.training.evaluation import Score, evaluate, measure
from probeline.training.spec import Recipe


class Grid(params.Spec):
    """Values that are tried in place of the recipe's own, all with all.

    Attributes:
        lr: Of `optimizer.lr`.
        l2: Of `l2.lambda`.
    """

    lr: Annotated[list[Positive], Field(min_length=1), AfterValidator(params.each_once)] = []
    l2: Annotated[list[NotNegative], Field(min_length=1), AfterValidator(params.each_once)] = []


class Spec(Recipe):
    """How a probe is trained: a recipe, once for each seed and each point of the grid; validation chooses (E1).

    The criterion is that of early stopping: `metric: loss` or `accuracy`; without early stopping it is the loss.

    Attributes:
        seeds: Of the initial weights and the order of the images.
    """

    name: Literal["gradient"] = "gradient"
    seeds: Seeds = [0]
    grid: Grid = Grid()

    @model_validator(mode="after")
    def _can_vary(self) -> "Spec":
        if self.grid.l2 and self.l2 is None:
            raise ValueError("grid.l2 needs the key l2, which says the form of the penalty")
        if self.may_diverge:
            raise ValueError("may_diverge: a point that diverges is left out anyway; leave may_diverge out")
        if self.freeze_batch_norm:
            raise ValueError("freeze_batch_norm: a probe is one linear layer, without batch norm; leave it out")
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
        penalties = [self.l2]
        if self.l2 is not None and self.grid.l2:
            penalties = [self.l2.model_copy(update={"lambda_": lambda_}) for lambda_ in self.grid.l2]
        for optimizer, l2 in product(optimizers, penalties):
            yield self.model_copy(update={"optimizer": optimizer, "l2": l2})


def fit(spec: Spec, data: ProbeData) -> Fitted:
    """Train every point, choose one on validation, and say what that one gives; see probes/__init__.

    Raises:
        ParamError: Every point diverged, or this machine cannot train it.
    """
    found = data.embedding
    vectors = DeviceVectors(
        torch.from_numpy(found.vectors).to(data.device),
        torch.from_numpy(found.labels).to(data.device),
        splits_of(found, data.resample, data.device),
    )
    try:
        outputs = spec.objective.outputs(data.classes)
    except ValueError as error:  # an objective for another number of classes
        raise ParamError.of("", error) from None
    layer = nn.Linear(vectors.values, outputs, device=data.device)
    rows: list[dict[str, Any]] = []
    best: tuple[float, engine.Fit, dict[str, Any]] | None = None
    with bar("gradient probe", unit="step") as progress:
        for number, (point, seed) in enumerate(product(list(spec.points()), spec.seeds)):
            try:
                done, score = _train(
                    layer, point, seed, vectors, Checkpoint(data.checkpoints / f"{number}.pt"), progress
                )
            except RuntimeError as error:
                raise explained(error) from error
            row = {
                "lr": point.optimizer.lr,
                "l2": point.l2.lambda_ if point.l2 else 0.0,
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
        raise ParamError("", "diverged at every point", "lower its learning rate")
    _, done, row = best
    layer.load_state_dict(done.weights)
    scores, measured = measure(layer, vectors, spec)
    return Fitted(
        Probe(
            chosen=row,
            rows=rows,
            losses={split: score.loss for split, score in scores.items()},
            history=done.history,
        ),
        measured,
        {name: value.detach().cpu() for name, value in layer.state_dict().items()},
    )


def _train(
    layer: nn.Linear, point: Spec, seed: int, data: DeviceVectors, saved: Checkpoint, progress: Any
) -> tuple[engine.Fit, Score | None]:
    torch.manual_seed(seed)
    layer.load_state_dict(nn.Linear(layer.in_features, layer.out_features).state_dict())
    done = engine.fit(layer, data, point, seed, saved, lambda *_: progress.update())
    if done.diverged_at is not None:
        return done, None
    layer.load_state_dict(done.weights)
    return done, evaluate(layer, data, "validation", point)
