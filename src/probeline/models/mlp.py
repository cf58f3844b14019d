"""A multilayer perceptron on the flattened pixels, with ReLU (B2 and B3's TwoLayerNet, C4, C5, D8 to D11)."""

import math
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from probeline.models._parts import Width, dense, named, network
from probeline.pipeline import params


class Spec(params.Spec):
    """`model: {name: mlp, hidden: [256]}`.

    Attributes:
        hidden: Width of every hidden layer.
        embedding: Width of a linear layer after them; null leaves it out.
    """

    name: Literal["mlp"]
    hidden: Annotated[list[Width], Field(min_length=1)]
    embedding: Width | None = None

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs). The features are the last hidden layer, after its ReLU."""
        features = named({"flatten": nn.Flatten(), **dense([math.prod(shape), *self.hidden])})
        return network(features, self.hidden[-1], outputs, self.embedding)
