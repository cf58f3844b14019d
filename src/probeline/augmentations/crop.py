"""A window of the image's own size, cut from the image with a margin of zeros."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: crop, padding: 4}]`, as torchvision's RandomCrop(size of the image, padding=padding).

    Attributes:
        padding: Pixels of zeros on each side.
    """

    name: Literal["crop"]
    padding: Annotated[int, Field(ge=1, le=512)]

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Top and left of each window in the padded image, int64 (B, 2) from 0 to 2 * padding."""
        size = (len(images), 2)
        return torch.randint(2 * self.padding + 1, size, generator=generator, device=images.device)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """The windows, (B, C, H, W) as the images."""
        height, width = images.shape[-2:]
        padded = functional.pad(images, [self.padding] * 4)
        # A view of all windows, (B, C, tops, lefts, H, W). The index below copies one window per image.
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)
        return windows[torch.arange(len(images), device=images.device), :, drawn[:, 0], drawn[:, 1]]
