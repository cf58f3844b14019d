"""Images sampled at other places of themselves."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Interpolation = Literal["nearest", "bilinear"]


def centers(images: Tensor) -> Tensor:
    """Homogeneous pixel centers (x, y, 1), row by row, from the upper left corner of the image; float32 (H * W, 3)."""
    height, width = images.shape[-2:]
    y, x = torch.meshgrid(
        torch.arange(height, device=images.device) + 0.5, torch.arange(width, device=images.device) + 0.5, indexing="ij"
    )
    return torch.stack([x, y, torch.ones_like(x)], 2).view(-1, 3)


def half_size(images: Tensor) -> Tensor:
    """Half of width and height, float32 (2): what a coordinate is divided by for `sample`."""
    height, width = images.shape[-2:]
    return torch.tensor([width / 2, height / 2], device=images.device)


def sample(images: Tensor, sources: Tensor, interpolation: Interpolation) -> Tensor:
    """Take each pixel from its source, or 0 where that lies outside of the image.

    Args:
        images: float32 (B, C, H, W).
        sources: float32 (B, H * W, 2): x and y of each pixel's source, row by row; -1 and 1 are the image's edges.
        interpolation: Bilinear fades to 0 along the edge, as torchvision's transforms do with their fill of 0.
    """
    height, width = images.shape[-2:]
    grid = sources.view(-1, height, width, 2)
    if interpolation == "nearest":
        return functional.grid_sample(images, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    # torchvision weighs the edge twice: the zeros outside are mixed in, then the result is scaled by what lies inside.
    inside = functional.pad(images, (0, 0, 0, 0, 0, 1), value=1.0)
    sampled = functional.grid_sample(inside, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled[:, :-1] * sampled[:, -1:]
