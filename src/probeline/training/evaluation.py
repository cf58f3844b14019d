"""What a model says of the images of a split: its score, and its outputs for every image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from probeline.compute.data import Data
from probeline.compute.forward import batch_size, forward
from probeline.pipeline.errors import ParamError
from probeline.results.outputs import Classes, Floats, Outputs
from probeline.results.record import SPLITS
from probeline.training.spec import Recipe


@dataclass(frozen=True)
class Score:
    """How good a model is on a split.

    Attributes:
        loss: Mean of the objective, without penalty; nan where an output of the network is not finite, whatever the
            objective makes of it.
        accuracy: In [0, 1]; None where the objective predicts no classes.
        predicted: int64 (n,) on the CPU, likewise.
    """

    loss: float
    accuracy: float | None
    predicted: Tensor | None


@dataclass(frozen=True)
class Seen:
    """What a model says of each image of a split, in the order of the split.

    Attributes:
        outputs: Of the network, float32 (n, K).
        losses: float32 (n,).
    """

    outputs: Floats
    losses: Floats


def evaluate(model: nn.Module, data: Data, split: str, recipe: Recipe) -> Score:
    """Score a model on all images of a split, in evaluation mode, which it leaves the model in.

    An objective that draws among the images of a batch gets the training's batch size, images in an order that has
    nothing to do with their classes, and the same random values every time.
    """
    return _pass(model, data, split, recipe, keep=False)[0]


def measure(
    model: nn.Module, data: Data, recipe: Recipe, splits: Sequence[str] = SPLITS
) -> tuple[dict[str, Score], Outputs]:
    """Score a model on some splits as `evaluate` does, and keep its outputs (results/outputs.py)."""
    scores: dict[str, Score] = {}
    predicted: dict[str, Classes] = {}
    outputs: dict[str, Floats] = {}
    losses: dict[str, Floats] = {}
    for split in splits:
        score, seen = _pass(model, data, split, recipe, keep=True)
        assert seen is not None
        scores[split] = score
        if score.predicted is not None:
            predicted[split] = score.predicted.numpy()
        if score.predicted is None or split == "train":
            losses[split] = seen.losses
        else:
            outputs[split] = seen.outputs
    return scores, Outputs(recipe.objective.scores or "losses", predicted, outputs, losses)


@torch.no_grad()
def _pass(model: nn.Module, data: Data, split: str, recipe: Recipe, *, keep: bool) -> tuple[Score, Seen | None]:
    """All images of a split once; with `keep` what the model says of each."""
    model.eval()
    indices, order = data.splits[split], None
    objective = recipe.objective
    predicts = hasattr(objective, "predict")
    size = batch_size(data) if predicts else recipe.batch_size
    if not predicts:
        order = torch.randperm(len(indices), generator=torch.Generator().manual_seed(0)).to(indices.device)
        indices = indices[order]
    # Two of them, so that both see the same random values.
    generator, again = (torch.Generator(indices.device).manual_seed(0) for _ in range(2))
    total, used, finite = 0.0, 0, True
    predicted: list[Tensor] = []
    kept: list[tuple[Tensor, Tensor]] = []
    for chosen in torch.split(indices, size):
        outputs = forward(model, data.batch(chosen), recipe.precision)
        labels = data.labels[chosen]
        mean, images = objective.loss(outputs, labels, generator)
        total += float(mean) * int(images)
        used += int(images)
        finite = finite and bool(outputs.isfinite().all())
        if predicts:
            predicted.append(objective.predict(outputs))
        if keep:
            kept.append((outputs, objective.losses(outputs, labels, again)))
    if not used:
        raise ParamError(
            "batch_size",
            f"no {split} image has another of its class in its batch of {size}, as {objective.name} needs it",
            "raise batch_size, or give the task more images of each class",
        )
    seen = Seen(*(_in_order(values, order) for values in zip(*kept, strict=True))) if keep else None
    loss = total / used if finite else math.nan
    if not predicts:
        return Score(loss, None, None), seen
    classes = torch.cat(predicted)
    accuracy = int((classes == data.labels[indices]).sum()) / len(indices)
    return Score(loss, accuracy, classes.cpu()), seen


def _in_order(values: Sequence[Tensor], order: Tensor | None) -> Floats:
    """Batches as one array, in the order that the split had before it was mixed."""
    found = torch.cat(list(values)).float().cpu().numpy()
    return found if order is None else found[np.argsort(order.cpu().numpy(), kind="stable")]
