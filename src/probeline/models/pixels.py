"""No network at all: the pixels in a row. What every representation has to beat."""

from typing import Literal

from torch import nn

from probeline.models._parts import named
from probeline.pipeline import params


class Spec(params.Spec):
    """`model: {name: pixels}`. It has no options."""

    name: Literal["pixels"]

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:  # noqa: ARG002 (as every model)
        """Map float images (B, C, H, W) to (B, C * H * W). It has no parameters, and no head whatever the outputs."""
        return named({"features": nn.Flatten()})
