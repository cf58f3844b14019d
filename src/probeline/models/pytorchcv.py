"""ResNet-10 and ResNet-26 of the package pytorchcv: the backbones of report E (E1, E2).

Layers keep pytorchcv's names; its `output` is `head`.
"""

from typing import Literal

from pytorchcv.models import resnet
from torch import nn

from probeline.models._parts import Width, network
from probeline.pipeline import params

BUILDERS = {"resnet10": resnet.resnet10, "resnet26": resnet.resnet26}


class Spec(params.Spec):
    """`model: {name: pytorchcv, model: resnet10}`.

    Attributes:
        model: pytorchcv's name, without the dataset that weights come from.
        embedding: Width of a linear layer after the features; null leaves it out.
    """

    name: Literal["pytorchcv"]
    model: Literal["resnet10", "resnet26"]
    embedding: Width | None = None

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, C, H, W) to (B, outputs). The features are the mean over the last stage's positions."""
        found = BUILDERS[self.model](in_channels=shape[0])
        for unit in list(found.features.modules()):
            if hasattr(unit, "identity_conv"):  # the shortcut reads the unit's input: the others go behind it
                body, relu = unit.body, unit.activ
                del unit.body, unit.activ
                unit.body, unit.activ = body, relu
        # pytorchcv averages over 7x7 positions, all there are at 224 pixels; all there are here, at any size.
        found.features.final_pool = nn.AdaptiveAvgPool2d(1)
        found.features.flatten = nn.Flatten()
        return network(found.features, found.output.in_features, outputs, self.embedding)
