"""Scores of a model on a split."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from probeline.pipeline.errors import UserError
from probeline.training.data import Data
from probeline.training.forward import forward
from probeline.training.spec import Recipe

# Values of the images of one batch: 1024 images of 32x32 in colour.
VALUES = 1024 * 3 * 32 * 32


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


@torch.no_grad()
def evaluate(model: nn.Module, data: Data, split: str, recipe: Recipe) -> Score:
    """Score a model on all images of a split, in evaluation mode, which it leaves the model in.

    An objective that draws among the images of a batch gets the training's batch size, images in an order that has
    nothing to do with their classes, and the same draws every time.
    """
    model.eval()
    indices = data.splits[split]
    predicts = hasattr(recipe.objective, "predict")
    if predicts:
        size = max(1, min(1024, VALUES // data.values))
    else:
        size = recipe.batch_size
        indices = indices[torch.randperm(len(indices), generator=torch.Generator().manual_seed(0)).to(indices.device)]
    generator = torch.Generator(indices.device).manual_seed(0)
    total, used, predicted, finite = 0.0, 0, [], True
    for chosen in torch.split(indices, size):
        outputs = forward(model, data.batch(chosen), recipe.precision)
        mean, images = recipe.objective.loss(outputs, data.labels[chosen], generator)
        total += float(mean) * int(images)
        used += int(images)
        finite = finite and bool(outputs.isfinite().all())
        if predicts:
            predicted.append(recipe.objective.predict(outputs))
    if not used:
        raise UserError(
            f"no {split} image has another of its class in its batch of {size}, as {recipe.objective.name} needs it; "
            "raise batch_size, or give the task more images of each class"
        )
    loss = total / used if finite else math.nan
    if not predicts:
        return Score(loss, None, None)
    classes = torch.cat(predicted)
    accuracy = int((classes == data.labels[indices]).sum()) / len(indices)
    return Score(loss, accuracy, classes.cpu())
