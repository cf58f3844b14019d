"""What every network has to be, checked when it is built; `models/__init__.py` says it in words."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def build(spec: Any, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
    """Build the network of a model, with new weights from PyTorch's global random state, and check it.

    The check runs one image through the network, where the network lies. It draws no random numbers and changes
    nothing.

    Args:
        spec: A `Spec` of models/.
        shape: (C, H, W) of the images.
        outputs: Numbers that the network gives for an image; None for an embedding of any width.

    Raises:
        ValueError: The model does not take these images, or its network does not keep to the contract; in one line.
    """
    network: nn.Module = spec.build(shape, outputs)
    if not any(True for _ in network.parameters()):
        return network  # the pixels themselves
    training = {layer: layer.training for layer in network.modules()}
    try:
        _check_names(network, outputs)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            _check_values(network.eval(), shape, outputs)
    except ValueError as error:
        raise ValueError(f"models/{spec.name}.py: {error}") from None
    finally:
        for layer, mode in training.items():
            layer.training = mode
    return network


def _check_names(network: nn.Module, outputs: int | None) -> None:
    outside = [name for found in (network.named_parameters, network.named_buffers) for name, _ in found(recurse=False)]
    if outside:
        raise ValueError(f"'{outside[0]}' belongs to none of its layers; put it into one")
    *_, last = (name for name, _ in network.named_children())
    if outputs is not None and last != "head":
        raise ValueError(f"its last layer is '{last}', not 'head'; name the last layer head")
    if outputs is None and "head" in dict(network.named_children()):
        raise ValueError("has a layer 'head' where outputs is None; build no head then")


def _check_values(network: nn.Module, shape: tuple[int, int, int], outputs: int | None) -> None:
    whole = _applied(network, shape, "does")
    if whole is None:
        return
    if outputs is not None and whole.shape != (1, outputs):
        raise ValueError(
            f"maps one image to {size(whole.shape)} numbers, not to 1x{outputs}; let its head give {outputs}"
        )
    if outputs is None and whole.ndim != 2:
        raise ValueError(f"maps one image to {size(whole.shape)} numbers, not to a vector; end it with nn.Flatten()")
    layers = nn.Sequential(*network.children())
    # A layer that stands in a network twice is one child.
    in_order = isinstance(network, nn.Sequential) and type(network).forward is nn.Sequential.forward
    if in_order and len(network) == len(layers):  # type: ignore[arg-type]
        return
    parts = _applied(layers, shape, "its layers, applied in order, do")
    if parts is None or (parts.shape == whole.shape and (whole.is_meta or whole.allclose(parts, equal_nan=True))):
        return
    raise ValueError(
        "its layers, applied in order, give other numbers than its forward; make every step of forward a layer of its "
        "own, as nn.ReLU() and nn.Flatten(), in the order of forward"
    )


def _applied(network: nn.Module, shape: tuple[int, int, int], who: str) -> Tensor | None:
    """What a network gives for one image; None on the meta device, which has no values, where it needs values."""
    place = next(network.parameters()).device
    image = torch.linspace(0, 1, math.prod(shape), device=place).view(1, *shape)
    try:
        found = network(image)
    except Exception as error:  # noqa: BLE001 (a user's code may raise anything)
        if place.type == "meta" and (isinstance(error, NotImplementedError) or "meta" in str(error)):
            return None
        reason = (str(error) or type(error).__name__).partition("\n")[0][:120]
        raise ValueError(f"{who} not take images of {size(shape)}: {reason}; mend it, or the images' size") from None
    if not isinstance(found, Tensor):
        raise ValueError(f"its forward gives a {type(found).__name__}, not a tensor; return one tensor")  # noqa: TRY004
    return found


def size(shape: Sequence[int]) -> str:
    """A shape in words, for messages: 3x32x32."""
    return "x".join(map(str, shape)) or "a number"
