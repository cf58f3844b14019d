"""Scores of a model on a split."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from probeline.training.data import DeviceData
from probeline.training.spec import Run


@dataclass(frozen=True)
class Score:
    """Mean loss of the objective (without penalty), accuracy in [0, 1], predicted classes int64 (n,) on the CPU.

    The loss is nan where an output of the network is not finite, whatever the objective makes of it.
    """

    loss: float
    accuracy: float
    predicted: Tensor


@torch.no_grad()
def evaluate(model: nn.Module, data: DeviceData, split: str, run: Run) -> Score:
    """Score a model on all images of a split, in evaluation mode, which it leaves the model in."""
    model.eval()
    indices = data.splits[split]
    total, predicted, finite = 0.0, [], True
    for chosen in torch.split(indices, max(run.batch_size, 1024)):
        outputs = model(data.batch(chosen))
        total += float(run.objective.loss(outputs, data.labels[chosen])) * len(chosen)
        predicted.append(run.objective.predict(outputs))
        finite = finite and bool(outputs.isfinite().all())
    classes = torch.cat(predicted)
    accuracy = int((classes == data.labels[indices]).sum()) / len(indices)
    return Score(total / len(indices) if finite else math.nan, accuracy, classes.cpu())
