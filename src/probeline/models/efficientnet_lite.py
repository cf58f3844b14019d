"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv 1905.11946) without squeeze-and-excitation, with ReLU6.

As the authors' TensorFlow code has it, which also sets its padding. Width and depth grow with the number; stem, head
and the first and last stages' depth do not.
"""

import math
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from probeline.models._parts import Width, named, network
from probeline.pipeline import params

# Of each stage, for Lite0: blocks, kernel, stride, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, LAST = 32, 1280  # channels
SCALES = {"lite0": (1.0, 1.0, 0.2), "lite1": (1.0, 1.1, 0.2), "lite2": (1.1, 1.2, 0.3)}  # width, depth, dropout


class Spec(params.Spec):
    """`model: {name: efficientnet_lite, model: lite0}`.

    Attributes:
        model: Published for 224 (lite0), 240 (lite1) and 260 pixels (lite2); it takes images of other sizes too.
        embedding: Width of a linear layer after the features; null leaves it out.
    """

    name: Literal["efficientnet_lite"]
    model: Literal["lite0", "lite1", "lite2"]
    embedding: Width | None = None

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs). The features are 1280 means over positions, after dropout.

        Stochastic depth, which the authors train with, is left out.
        """
        width, depth, dropout = SCALES[self.model]
        layers: dict[str, nn.Module] = {"stem": _layer(shape[0], STEM, 3, stride=2)}
        inputs = STEM
        for stage, (count, kernel, stride, expansion, channels) in enumerate(STAGES):
            end = stage in {0, len(STAGES) - 1}
            outward = _rounded(channels * width)
            for number in range(count if end else math.ceil(count * depth)):
                layers[f"block{len(layers)}"] = Block(inputs, outward, kernel, 1 if number else stride, expansion)
                inputs = outward
        layers |= {
            "last": _layer(inputs, LAST, 1),
            "average": nn.AdaptiveAvgPool2d(1),
            "flatten": nn.Flatten(),
            "dropout": nn.Dropout(dropout),
        }
        return network(named(layers), LAST, outputs, self.embedding)


class Block(nn.Module):
    """An inverted bottleneck: more channels, a filter for each, fewer channels; plus the input where that fits."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        layers = {"expand": _layer(inputs, inner, 1)} if expansion > 1 else {}
        layers["depthwise"] = _layer(inner, inner, kernel, stride, groups=inner)
        layers["project"] = _layer(inner, outputs, 1)[:-1]  # no ReLU6
        self.layers = named(layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H / stride, W / stride), rounded up."""
        inner: Tensor = self.layers(x)
        return x + inner if self.shortcut else inner


class Same(nn.Conv2d):
    """A convolution with TensorFlow's padding SAME: where it is odd, the larger part is below and to the right."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride), rounded up."""
        pads = []
        for side, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pads))


def _layer(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm with TensorFlow's settings, ReLU6."""
    convolution = (
        Same(inputs, outputs, kernel, stride, groups=groups, bias=False)
        if stride > 1
        else nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    )
    norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
    return named({"conv": convolution, "norm": norm, "relu": nn.ReLU6()})


def _rounded(channels: float) -> int:
    """To a multiple of 8, but not by more than a tenth down."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8
