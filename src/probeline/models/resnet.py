"""A residual network of basic blocks (He et al. 2016, arXiv 1512.03385).

`layers: [2, 2, 2, 2]` with `stem: large` is ResNet-18, with the parameters of torchvision's.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from probeline.models._parts import Width, named, network
from probeline.pipeline import params


class Spec(params.Spec):
    """`model: {name: resnet, layers: [1, 1, 1], widths: [16, 32, 64], stem: small}`.

    Attributes:
        layers: Basic blocks (two 3x3 convolutions and a shortcut) of each stage; each stage but the first halves the
            image.
        widths: Channels of each stage.
        stem: large is a 7x7 convolution with stride 2 and a max pooling, for photographs; small is one 3x3 convolution,
            for images of some 32 pixels.
        embedding: Width of a linear layer after the features; null leaves it out.
    """

    name: Literal["resnet"]
    layers: Annotated[list[Annotated[int, Field(ge=1, le=64)]], Field(min_length=1)]
    widths: Annotated[list[Width], Field(min_length=1)]
    stem: Literal["small", "large"]
    embedding: Width | None = None

    @model_validator(mode="after")
    def _stages(self) -> "Spec":
        if len(self.layers) != len(self.widths):
            raise ValueError(
                f"layers has {len(self.layers)} stages and widths has {len(self.widths)}; give one of each per stage"
            )
        return self

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs). The features are the mean over the last stage's positions."""
        first = self.widths[0]
        large = self.stem == "large"
        layers: dict[str, nn.Module] = {
            "conv1": nn.Conv2d(shape[0], first, 7 if large else 3, 2 if large else 1, 3 if large else 1, bias=False),
            "norm1": nn.BatchNorm2d(first),
            "relu1": nn.ReLU(),
        }
        if large:
            layers["pool1"] = nn.MaxPool2d(3, 2, 1)
        inputs = first
        for stage, (depth, channels) in enumerate(zip(self.layers, self.widths, strict=True), 1):
            blocks = {}
            for number in range(1, depth + 1):
                blocks[f"block{number}"] = Block(inputs, channels, 2 if number == 1 and stage > 1 else 1)
                inputs = channels
            layers[f"stage{stage}"] = named(blocks)
        layers["average"] = Mean()
        return network(named(layers), inputs, outputs, self.embedding)


class Block(nn.Module):
    """relu(norm(conv(relu(norm(conv(x))))) + shortcut(x)).

    The shortcut is the identity, or a 1x1 convolution with batch norm where the shape changes.
    """

    def __init__(self, inputs: int, channels: int, stride: int) -> None:
        super().__init__()
        # First, so that the layers stand in an order in which the last ones can train alone.
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != channels:
            self.shortcut = named(
                {"conv": nn.Conv2d(inputs, channels, 1, stride, bias=False), "norm": nn.BatchNorm2d(channels)}
            )
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, channels, H / stride, W / stride)."""
        inner = self.relu(self.norm1(self.conv1(x)))
        out: Tensor = self.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))
        return out


class Mean(nn.Module):
    """Mean over all positions: (B, C, H, W) to (B, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Average."""
        return maps.mean((2, 3))
