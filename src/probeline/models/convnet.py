"""A small convolutional network: report B's LeNet-5 with ReLU (B2) and its wider form with batch norm (B4, B6).

Each stage is a convolution, batch norm if asked for, ReLU, and pooling over 2x2. Then come fully connected layers.
"""

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from probeline.models._parts import Width, dense, named, network
from probeline.pipeline import params


class Spec(params.Spec):
    """Stages of a convolution each, then fully connected layers.

    `model: {name: convnet, channels: [6, 16], kernel_size: 5, padding: 0, batch_norm: false, hidden: [120, 84]}`

    Attributes:
        channels: Of each stage.
        kernel_size, padding: Of every convolution, in pixels; padding with zeros.
        pool: How 2x2 pixels become one.
        hidden: Widths of the fully connected ReLU layers.
        embedding: Width of a linear layer after them; null leaves it out.
    """

    name: Literal["convnet"]
    channels: Annotated[list[Width], Field(min_length=1)]
    kernel_size: Annotated[int, Field(ge=1, le=15)]
    padding: Annotated[int, Field(ge=0, le=7)]
    batch_norm: bool
    pool: Literal["average", "max"] = "average"
    hidden: list[Width]
    embedding: Width | None = None

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs). The features are the last hidden layer, after its ReLU.

        Raises:
            ValueError: The images are too small for so many stages.
        """
        inputs, height, width = shape
        layers: dict[str, nn.Module] = {}
        for stage, channels in enumerate(self.channels, 1):
            layers[f"conv{stage}"] = nn.Conv2d(inputs, channels, self.kernel_size, padding=self.padding)
            if self.batch_norm:
                layers[f"norm{stage}"] = nn.BatchNorm2d(channels)
            layers[f"relu{stage}"] = nn.ReLU()
            layers[f"pool{stage}"] = nn.AvgPool2d(2) if self.pool == "average" else nn.MaxPool2d(2)
            height, width = ((side + 2 * self.padding - self.kernel_size + 1) // 2 for side in (height, width))
            if min(height, width) < 1:
                raise ValueError(
                    f"images of {shape[1]}x{shape[2]} are too small for {len(self.channels)} stages of convnet; "
                    "give fewer channels, or larger tasks.<task>.pixels"
                )
            inputs = channels
        flat = inputs * height * width
        # `relu` of the fully connected layers goes on counting, so that names stay unique.
        hidden = {
            f"fc_{name}" if name.startswith("relu") else name: part
            for name, part in dense([flat, *self.hidden]).items()
        }
        features = named({**layers, "flatten": nn.Flatten(), **hidden})
        return network(features, [flat, *self.hidden][-1], outputs, self.embedding)
