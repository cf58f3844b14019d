"""Images mirrored, left and right."""

from typing import Literal

import torch
from torch import Tensor

from probeline.augmentations import _touched
from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: horizontal_flip, p: 0.5}]`, as torchvision's RandomHorizontalFlip."""

    name: Literal["horizontal_flip"]
    p: _touched.Probability = 0.5

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Which images are mirrored, bool (B,)."""
        return _touched.draw(images, self.p, generator)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Images (B, C, H, W), those drawn with left and right exchanged."""
        return torch.where(drawn.view(-1, 1, 1, 1), images.flip(-1), images)
