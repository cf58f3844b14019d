"""Images sharpened or smoothed, by one factor."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from probeline.augmentations import _touched
from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: sharpness, sharpness_factor: 2.0, p: 0.5}]`, as torchvision's RandomAdjustSharpness.

    Attributes:
        sharpness_factor: 0 smooths, 1 leaves the image as it is, 2 adds what smoothing would take away.
    """

    name: Literal["sharpness"]
    sharpness_factor: Annotated[float, Field(ge=0, le=1e6)]
    p: _touched.Probability = 0.5

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Which images are touched, bool (B,)."""
        return _touched.draw(images, self.p, generator)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """Images (B, C, H, W). The outermost pixels are not sharpened; images under 3 pixels stay as they are."""
        return images.clone() if min(images.shape[-2:]) < 3 else _touched.change(images, drawn, self._sharpen)

    def _sharpen(self, images: Tensor) -> Tensor:
        sharp = images.clone()
        inner = sharp[..., 1:-1, 1:-1]
        rows = images[..., :-2, :] + images[..., 1:-1, :] + images[..., 2:, :]
        square = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
        # The smooth image weighs a pixel 5 and its eight neighbors 1 each.
        smooth = (square + 4 * inner) / 13
        inner.add_(smooth.sub_(inner), alpha=1 - self.sharpness_factor)
        # As torchvision does, whatever the range of the images: on normalized ones it would cut most of them off.
        return sharp.clamp_(0, 1)
