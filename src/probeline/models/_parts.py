"""What the models share: every network is `features`, then perhaps `embedding`, then perhaps `head`."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

Width = Annotated[int, Field(ge=1, le=2**20)]


def named(layers: Mapping[str, nn.Module]) -> nn.Sequential:
    """Layers in a row, under names of their own: what a transfer loads and freezes is said by name."""
    return nn.Sequential(OrderedDict(layers))


def dense(widths: Sequence[int]) -> dict[str, nn.Module]:
    """Linear layers with a ReLU after each: fc1, relu1, fc2, ..."""
    layers: dict[str, nn.Module] = {}
    for number, (inputs, outputs) in enumerate(pairwise(widths), 1):
        layers |= {f"fc{number}": nn.Linear(inputs, outputs), f"relu{number}": nn.ReLU()}
    return layers


def network(
    features: nn.Module, width: int, outputs: int | None, embedding: int | None = None, head: Sequence[int] = ()
) -> nn.Sequential:
    """Put the parts of a network together.

    Args:
        features: Maps images (B, C, H, W) to (B, width).
        outputs: Of the network; None for an objective that wants the embedding itself, and then there is no head.
        embedding: Width of a linear layer after the features (report A's z); None leaves it out.
        head: Widths of hidden ReLU layers before the last linear layer.

    Raises:
        ValueError: Nothing in it can be trained.
    """
    parts = {"features": features}
    if embedding is not None:
        parts["embedding"] = nn.Linear(width, embedding)
        width = embedding
    if outputs is not None:
        hidden = dense([width, *head])
        last = nn.Linear([width, *head][-1], outputs)
        parts["head"] = named({**hidden, f"fc{len(head) + 1}": last}) if head else last
    model = named(parts)
    if not any(True for _ in model.parameters()):
        raise ValueError("the network has no layer to train with this objective; set model.embedding to a width")
    return model
