"""Networks of the reports, small and large."""

from typing import Any

import torch
from torch import Tensor, nn

from probeline.models import _contract
from probeline.pipeline import params

CIFAR, MNIST = (3, 32, 32), (1, 28, 28)
VGG = {"name": "vgg", "pool": 7, "embedding": 64}
LENET = {
    "name": "convnet",
    "channels": [6, 16],
    "kernel_size": 5,
    "padding": 0,
    "batch_norm": False,
    "hidden": [120, 84],
}
WIDE = {"name": "convnet", "channels": [64, 128], "kernel_size": 3, "padding": 1, "batch_norm": True, "hidden": [512]}
RESNET18 = {"name": "resnet", "layers": [2, 2, 2, 2], "widths": [64, 128, 256, 512], "stem": "large"}


def build(spec: dict[str, Any], shape: tuple[int, int, int] = CIFAR, outputs: int | None = 10) -> nn.Sequential:
    torch.manual_seed(0)
    model = _contract.build(params.module("models", spec["name"]).Spec.model_validate(spec), shape, outputs)
    assert isinstance(model, nn.Sequential)
    return model


def count(model: nn.Module, layer: str = "") -> int:
    return sum(parameter.numel() for parameter in model.get_submodule(layer).parameters())


def copied(mine: nn.Module, theirs: nn.Module) -> None:
    """Take over another network's weights and batch statistics, layer by layer in their order."""
    for parameter in theirs.buffers():
        if parameter.is_floating_point():
            parameter.uniform_(0.5, 1.5)
    with torch.no_grad():
        for to, value in zip(values_of(mine), values_of(theirs), strict=True):
            to.copy_(value)


def values_of(model: nn.Module) -> list[Tensor]:
    """Weights and batch statistics in the order of torchvision's networks, where a shortcut ends its block."""
    state = {name: value for name, value in model.state_dict().items() if value.ndim}
    blocks = list(dict.fromkeys(_block(name) for name in state))
    return [state[name] for name in sorted(state, key=lambda name: (blocks.index(_block(name)), "shortcut" in name))]


def _block(name: str) -> str:
    return name.partition(".block")[0] + name.partition(".block")[2][:1]


def weighted(model: nn.Module) -> list[str]:
    """The names of the layers that have weights, in their order."""
    return [name for name, layer in model.named_modules() if list(layer.parameters(recurse=False))]
