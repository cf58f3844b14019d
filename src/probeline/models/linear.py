"""One linear layer on the flattened pixels: softmax or logistic regression or a linear SVM, as its objective says."""

import math
from typing import Literal

from torch import nn

from probeline.models._parts import Width, network
from probeline.pipeline import params


class Spec(params.Spec):
    """`model: {name: linear}`.

    Attributes:
        embedding: Width of a linear embedding before the head; null leaves it out.
    """

    name: Literal["linear"]
    embedding: Width | None = None

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs). Weights start uniform in +-1/sqrt(C H W), PyTorch's own."""
        return network(nn.Flatten(), math.prod(shape), outputs, self.embedding)
