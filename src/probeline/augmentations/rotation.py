"""Images turned about their center."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from probeline.augmentations import _warp
from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: rotation, degrees: 15, interpolation: nearest}]`, as torchvision's RandomRotation, fill 0.

    Attributes:
        degrees: The largest angle, either way.
    """

    name: Literal["rotation"]
    degrees: Annotated[float, Field(gt=0, le=180)]
    interpolation: _warp.Interpolation = "nearest"

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Angles in degrees, counterclockwise, uniform in [-degrees, degrees]; float32 (B,)."""
        angles = torch.empty(len(images), device=images.device)
        return angles.uniform_(-self.degrees, self.degrees, generator=generator)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """The turned images, (B, C, H, W)."""
        half = _warp.half_size(images)
        # In double precision first: the nearest pixel hangs on the last bit where two are equally near.
        angles = drawn.double().deg2rad()
        cos, sin = angles.cos(), angles.sin()
        back = torch.stack([cos, -sin, sin, cos], 1).float().view(-1, 2, 2) / half.view(2, 1)
        places = _warp.centers(images)[:, :2] - half
        sources = places.expand(len(images), -1, -1).bmm(back.mT)
        return _warp.sample(images, sources, self.interpolation)
