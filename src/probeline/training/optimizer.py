"""The optimizers of torch.optim, where they take a root in the form that is the same on every processor."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import nn

from probeline.compute.root import root
from probeline.pipeline.params import Spec
from probeline.pipeline.types import NotNegative, Positive


class RMSprop(torch.optim.RMSprop):
    """PyTorch's, which has no fused form, with our root. Without `centered` and `maximize`, which no run asks for."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: nn.Parameter, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["square_avg"] = torch.zeros_like(parameter)
            state["momentum_buffer"] = torch.zeros_like(parameter)
        gradient = gradient.add(parameter, alpha=group["weight_decay"]) if group["weight_decay"] else gradient
        square = state["square_avg"].mul_(group["alpha"]).addcmul_(gradient, gradient, value=1 - group["alpha"])
        size = root(square).add_(group["eps"])
        if group["momentum"]:
            moved = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(gradient, size)
            parameter.add_(moved, alpha=-group["lr"])
        else:
            parameter.addcdiv_(gradient, size, value=-group["lr"])


KINDS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": RMSprop,
    "adagrad": torch.optim.Adagrad,
}
FUSED = {"adam", "adagrad"}  # on a CPU, where their other forms take MKL's root; Adagrad has none for a GPU


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
        those = list(parameters)
        options: dict[str, Any] = {"lr": self.lr, "weight_decay": self.weight_decay}
        if self.name in FUSED and all(one.is_cpu for one in those):
            options["fused"] = True
        if self.momentum:
            options["momentum"] = self.momentum
        return KINDS[self.name](those, **options)
