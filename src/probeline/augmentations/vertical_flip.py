"""Images mirrored, top and bottom."""

from typing import Literal

import torch
from torch import Tensor

from probeline.augmentations import _touched
from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: vertical_flip, p: 0.5}]`, as torchvision's RandomVerticalFlip."""

    name: Literal["vertical_flip"]
    p: _touched.Probability = 0.5

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Which images are mirrored, bool (B,)."""
        return _touched.draw(images, self.p, generator)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Images (B, C, H, W), those drawn with top and bottom exchanged."""
        return torch.where(drawn.view(-1, 1, 1, 1), images.flip(-2), images)
