"""The images of a batch that an augmentation touches, each with probability p."""

from collections.abc import Callable
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

Probability = Annotated[float, Field(ge=0, le=1)]


def draw(images: Tensor, p: float, generator: torch.Generator) -> Tensor:
    """Touch each image with probability p on its own, bool (B,)."""
    return torch.rand(len(images), generator=generator, device=images.device) < p


def change(images: Tensor, touched: Tensor, how: Callable[..., Tensor], *drawn: Tensor) -> Tensor:
    """A copy in which the touched images, and no other bit, are changed.

    Args:
        images: (B, C, H, W).
        touched: bool (B,).
        how: From images (N, C, H, W) and their part of `drawn`, (N, ...) each, to images of the same shape. It gets
            the touched ones alone, as the others would cost as much.
    """
    changed = images.clone()
    where = touched.nonzero().squeeze(1)
    if len(where):
        changed[where] = how(images[where], *(values[where] for values in drawn))
    return changed
