"""The optimizers of torch.optim."""

from collections.abc import Callable, Iterable
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import nn

from probeline.pipeline.params import Spec
from probeline.pipeline.types import NotNegative, Positive

KINDS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


class Optimizer(Spec):
    """An optimizer of torch.optim, with PyTorch's defaults for what is not named here.

    `weight_decay` adds weight_decay * w to the gradient of every parameter.
    """

    name: Literal["sgd", "adam", "rmsprop", "adagrad"]
    lr: Positive
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: NotNegative = 0.0

    @model_validator(mode="after")
    def _momentum(self) -> "Optimizer":
        if self.momentum and self.name not in {"sgd", "rmsprop"}:
            raise ValueError(f"{self.name} takes no momentum; leave it out")
        return self

    def of(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """The optimizer of these parameters."""
        options = {"lr": self.lr, "weight_decay": self.weight_decay}
        if self.momentum:
            options["momentum"] = self.momentum
        return KINDS[self.name](parameters, **options)
