"""One linear layer on the flattened pixels: softmax or logistic regression or a linear SVM, as its objective says."""

import math
from collections import OrderedDict
from typing import Literal

from torch import nn

from probeline.pipeline import params


class Spec(params.Spec):
    """`model: {name: linear}`."""

    name: Literal["linear"]

    def build(self, shape: tuple[int, int, int], outputs: int) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs). Weights start uniform in +-1/sqrt(C H W), PyTorch's own."""
        layers = {"features": nn.Flatten(), "head": nn.Linear(math.prod(shape), outputs)}
        return nn.Sequential(OrderedDict(layers))
