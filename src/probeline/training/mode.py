"""The training mode of a network, parts of which may be frozen."""

from torch import nn


def train_mode(model: nn.Module, *, freeze_batch_norm: bool) -> None:
    """Set training mode, but for frozen layers: their batch norm learns nothing either.

    A layer without parameters, as dropout, is frozen before the first layer that trains.

    Args:
        freeze_batch_norm: `Recipe.freeze_batch_norm`.
    """
    model.train()
    trains = False
    for layer in model.modules():
        own = list(layer.parameters(recurse=False))
        if any(parameter.requires_grad for parameter in own):
            trains = True
        elif own or not (trains or list(layer.children())):
            layer.eval()
        if freeze_batch_norm and isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 (of all dimensions)
            layer.eval()
