"""Linear models side by side: one product for the outputs of all, one for their gradient, written by hand.

P models with K outputs each are one matrix of K * P rows, class first: row k * P + p is output k of model p. The K
outputs of a model are then K rows apart by P, so that a softmax over them adds whole rows, sixteen times as fast as
over ten neighbors.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from probeline.compute.data import Data
from probeline.training.engine import Weights
from probeline.training.evaluation import Score

BLOCK = 1024  # images that are scored at once


class Sgd(NamedTuple):
    """How one model of a stack descends.

    Attributes:
        weight_decay: weight_decay * w is added to the gradient of weights and biases.
        penalty: penalty * w is added to the gradient of the weights alone.
    """

    lr: float
    momentum: float
    weight_decay: float
    penalty: float


@dataclass(frozen=True)
class Stack:
    """Linear models side by side.

    Attributes:
        weight: float32 (K * P, F).
        bias: float32 (K * P, 1).
        models: P.
    """

    weight: Tensor
    bias: Tensor
    models: int

    @classmethod
    def of(cls, models: Sequence[Weights]) -> "Stack":
        """A stack of copies of single models, given as state_dicts with the names of models/linear.py."""
        weight = torch.stack([model["head.weight"].detach() for model in models], 1)
        bias = torch.stack([model["head.bias"].detach() for model in models], 1)
        return cls(weight.flatten(0, 1), bias.view(-1, 1), len(models))

    def model(self, number: int) -> Weights:
        """A copy of one model, as its state_dict."""
        rows = slice(number, None, self.models)
        return {"head.weight": self.weight[rows].clone(), "head.bias": self.bias[rows, 0].clone()}

    def outputs(self, features: Tensor) -> Tensor:
        """Outputs (K, P, B) for features (B, F)."""
        return torch.addmm(self.bias, self.weight, features.t()).view(-1, self.models, len(features))


class Descent:
    """SGD of all models of a stack, as torch.optim.SGD makes it of each.

    Args:
        settings: One a model.
    """

    def __init__(self, stack: Stack, settings: Sequence[Sgd]) -> None:
        def rows(values: list[float]) -> Tensor:
            return (
                torch.tensor(values, dtype=torch.float64).to(stack.bias).repeat(len(stack.bias) // len(values))[:, None]
            )

        self._stack = stack
        self._lr = rows([s.lr for s in settings])
        self._decay = rows([-s.lr * (s.weight_decay + s.penalty) for s in settings])
        self._decay_bias = rows([-s.lr * s.weight_decay for s in settings])
        self._momentum = rows([s.momentum for s in settings]) if any(s.momentum for s in settings) else None
        self._change, self._change_bias = torch.zeros_like(stack.weight), torch.zeros_like(stack.bias)

    def step(self, gradient: Tensor, features: Tensor) -> None:
        """Change all models in place.

        Args:
            gradient: Of the loss of each image by the outputs (K, P, B). It is overwritten.
            features: (B, F).
        """
        weight, bias = self._stack.weight, self._stack.bias
        # All that moves a weight is added up before the weight takes it: next to 1, a small decay would be lost.
        if self._momentum is None:
            torch.mul(weight, self._decay, out=self._change)
            torch.mul(bias, self._decay_bias, out=self._change_bias)
        else:
            self._change.mul_(self._momentum).addcmul_(weight, self._decay)
            self._change_bias.mul_(self._momentum).addcmul_(bias, self._decay_bias)
        by_output = gradient.view(-1, len(features)).mul_(self._lr)
        mean = -1 / len(features)
        weight.add_(self._change.addmm_(by_output, features, alpha=mean))
        bias.add_(self._change_bias.add_(by_output.sum(1, keepdim=True), alpha=mean))


def one_hot(labels: Tensor, classes: int) -> Tensor:
    """float32 (K, 1, B): 1 at an image's class, else 0."""
    return (labels == torch.arange(classes, device=labels.device)[:, None]).float()[:, None]


def gradient(objective: Any, outputs: Tensor, hot: Tensor) -> Tensor:
    """The gradient of the loss of each image by its outputs.

    Args:
        objective: Specification of cross_entropy or hinge.
        outputs: (K, P, B).
        hot: The classes, (K, 1, B).
    """
    if objective.name == "cross_entropy":
        return outputs.softmax(0).sub_(hot)
    # The label's own term, margin - s_y + s_y, is above 0 too, and is taken away again with those of the other classes.
    margin: float = objective.margin
    above = (margin - _of_label(outputs, hot) + outputs > 0).float()
    return above.addcmul_(above.sum(0), hot, value=-1).div_(len(hot))


def losses(objective: Any, outputs: Tensor, hot: Tensor) -> Tensor:
    """The loss of each image (P, B), of outputs (K, P, B); see `gradient`."""
    if objective.name == "cross_entropy":
        return -_of_label(outputs.log_softmax(0), hot)
    margin: float = objective.margin
    return ((margin - _of_label(outputs, hot) + outputs).relu_() * (1 - hot)).sum(0) / len(hot)


def _of_label(outputs: Tensor, hot: Tensor) -> Tensor:
    return (outputs * hot).sum(0)


@torch.no_grad()
def score(objective: Any, stack: Stack, data: Data, split: str) -> list[Score]:
    """Score every model of a stack on all images of a split, as training/evaluation.py scores one."""
    labels = data.labels[data.splits[split]]
    total = torch.zeros(stack.models, dtype=torch.float64, device=labels.device)
    finite = torch.ones(stack.models, dtype=torch.bool, device=labels.device)
    predicted = []
    for chosen in torch.split(data.splits[split], BLOCK):
        outputs = stack.outputs(data.batch(chosen).flatten(1))
        hot = one_hot(data.labels[chosen], len(outputs))
        total += losses(objective, outputs, hot).sum(1, dtype=torch.float64)
        finite &= outputs.isfinite().all(2).all(0)
        predicted.append(outputs.max(0).indices)  # argmax is ten times as slow
    classes = torch.cat(predicted, 1)
    correct = (classes == labels).sum(1).tolist()
    means = (total / len(labels)).tolist()
    return [
        Score(mean if whole else math.nan, right / len(labels), row)
        for mean, whole, right, row in zip(means, finite.tolist(), correct, classes.cpu(), strict=True)
    ]
