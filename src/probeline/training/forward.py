"""One pass through a network, in the precision of the run."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def forward(model: Callable[[Tensor], Tensor], images: Tensor, precision: str) -> Tensor:
    """Outputs of a network as float32. Weights are float32 too; bfloat16 is the precision of its products."""
    if precision == "float32":
        return model(images)
    with torch.autocast(images.device.type, torch.bfloat16):
        out = model(images)
    return out.float()


def train_mode(model: nn.Module, statistics: str) -> None:
    """Set training mode, but for frozen layers: their batch norm learns nothing either.

    A layer without parameters, as dropout, is frozen before the first layer that trains.

    Args:
        statistics: `Recipe.running_statistics`.
    """
    model.train()
    trains = False
    for layer in model.modules():
        own = list(layer.parameters(recurse=False))
        if any(parameter.requires_grad for parameter in own):
            trains = True
        elif own or not (trains or list(layer.children())):
            layer.eval()
        if statistics == "kept" and isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 (of all dimensions)
            layer.eval()
