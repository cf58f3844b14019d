"""VGG with batch norm (Simonyan and Zisserman 2015, arXiv 1409.1556), as report A's encoder has it (A4, A7, A8).

VGG-16 on CIFAR-10 with `pool: 7` and `embedding: 64` has 16,328,832 parameters, the number that report A prints.
Narrower `widths` and `pool: 1` make it a network for a laptop.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from probeline.models._parts import Width, named, network
from probeline.pipeline import params


class Spec(params.Spec):
    """`model: {name: vgg, pool: 7, embedding: 64}`.

    Attributes:
        layers: 3x3 convolutions of each block; each is followed by batch norm and ReLU, each block by 2x2 max pooling.
        widths: Channels of each block.
        pool: Side of the map to which the last block's output is averaged; 1 is global pooling.
        embedding: Width of a linear layer after the features (report A's z); null leaves it out.
        head: Widths of hidden ReLU layers of the classifier (A8 has [512]).
    """

    name: Literal["vgg"]
    layers: Annotated[list[Annotated[int, Field(ge=1, le=16)]], Field(min_length=1)] = [2, 2, 3, 3, 3]
    widths: Annotated[list[Width], Field(min_length=1)] = [64, 128, 256, 512, 512]
    pool: Annotated[int, Field(ge=1, le=32)]
    embedding: Width | None = None
    head: list[Width] = []

    @model_validator(mode="after")
    def _blocks(self) -> "Spec":
        if len(self.layers) != len(self.widths):
            raise ValueError(
                f"layers has {len(self.layers)} blocks and widths has {len(self.widths)}; give one of each per block"
            )
        return self

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs), or to the embedding (B, embedding) without outputs.

        Raises:
            ValueError: The images are too small for so many blocks.
        """
        inputs, height, width = shape
        if min(height, width) >> len(self.layers) < 1:
            raise ValueError(
                f"images of {height}x{width} are too small for {len(self.layers)} blocks of vgg; "
                "give fewer layers and widths, or larger tasks.<task>.pixels"
            )
        layers: dict[str, nn.Module] = {}
        for block, (depth, channels) in enumerate(zip(self.layers, self.widths, strict=True), 1):
            for number in range(1, depth + 1):
                # The convolutions keep their biases, as in the report's count, though batch norm takes them out again.
                layers[f"conv{block}_{number}"] = nn.Conv2d(inputs, channels, 3, padding=1)
                layers[f"norm{block}_{number}"] = nn.BatchNorm2d(channels)
                layers[f"relu{block}_{number}"] = nn.ReLU()
                inputs = channels
            layers[f"pool{block}"] = nn.MaxPool2d(2)
            height, width = height // 2, width // 2
        layers["average"] = AdaptiveAverage(height, width, self.pool)
        layers["flatten"] = nn.Flatten()
        return network(named(layers), inputs * self.pool**2, outputs, self.embedding, self.head)


class AdaptiveAverage(nn.Module):
    """nn.AdaptiveAvgPool2d as one matrix product: its own backward on CUDA is not deterministic, this one is.

    Args:
        height, width: Of the input.
        side: Of the output; larger than the input, it repeats values.
    """

    weights: Tensor

    def __init__(self, height: int, width: int, side: int) -> None:
        super().__init__()
        rows, columns = _bins(height, side), _bins(width, side)
        self.register_buffer("weights", torch.kron(rows, columns).T.contiguous(), persistent=False)
        self.side = side

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, C, height, width) to (B, C, side, side)."""
        means: Tensor = maps.flatten(2) @ self.weights
        return means.reshape(*maps.shape[:2], self.side, self.side)


def _bins(size: int, side: int) -> Tensor:
    """Each input's share in each output, (side, size): i averages [floor(i size / side), ceil((i + 1) size / side))."""
    start = torch.arange(side) * size // side
    end = -(-(torch.arange(side) + 1) * size // side)
    place = torch.arange(size)
    inside = ((place >= start[:, None]) & (place < end[:, None])).float()
    return inside / inside.sum(1, keepdim=True)
