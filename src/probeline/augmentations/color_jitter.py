"""Brightness, contrast, saturation and hue changed at random, in a random order."""

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from probeline.augmentations import _color
from probeline.pipeline import params

Spread = Annotated[float, Field(ge=0, le=1e6)]
ADJUST = {
    "brightness": _color.brightness,
    "contrast": _color.contrast,
    "saturation": _color.saturation,
    "hue": _color.hue,
}


class Spec(params.Spec):
    """`augment: [{name: color_jitter, brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.05}]`.

    As torchvision's ColorJitter. A part of 0 is left out.

    Attributes:
        brightness, contrast, saturation: v draws a factor from [max(0, 1 - v), 1 + v].
        hue: h draws an angle from [-h, h], in whole circles.
    """

    name: Literal["color_jitter"]
    brightness: Spread = 0.0
    contrast: Spread = 0.0
    saturation: Spread = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0

    @model_validator(mode="after")
    def _any(self) -> Self:
        if not self._parts():
            raise ValueError(f"changes nothing; set one of {', '.join(ADJUST)} above 0")
        return self

    def _parts(self) -> list[str]:
        return [part for part in ADJUST if getattr(self, part) > 0]

    def _range(self, part: str) -> tuple[float, float]:
        spread: float = getattr(self, part)
        return (-spread, spread) if part == "hue" else (max(0.0, 1 - spread), 1 + spread)

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The order of the parts that are not 0, and the factor of each.

        Returns:
            int64 (B, P): which part comes first, second, ..., counted in the order of the Spec; every permutation is
            equally likely. float32 (B, P): the factors, in the order of the Spec.
        """
        ranges = [self._range(part) for part in self._parts()]
        order = torch.rand((len(images), len(ranges)), generator=generator, device=images.device).argsort(1)
        empty = torch.empty(len(images), device=images.device)
        return order, torch.stack([empty.clone().uniform_(*ends, generator=generator) for ends in ranges], 1)

    def apply(self, images: Tensor, drawn: tuple[Tensor, Tensor]) -> Tensor:
        """The jittered images, (B, C, H, W)."""
        order, factors = drawn
        jittered = images.clone()
        for turn in order.unbind(1):
            for index, part in enumerate(self._parts()):
                where = (turn == index).nonzero().squeeze(1)
                jittered[where] = ADJUST[part](jittered[where], factors[where, index])
        return jittered
