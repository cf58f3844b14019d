"""Networks of pytorchcv: the order of their layers."""

import torch

from probeline.models import _contract
from probeline.models.pytorchcv import Spec
from tests.unit.models.conftest import weighted


def test_the_shortcut_of_a_block_comes_before_the_rest_and_the_head_last() -> None:
    with torch.device("meta"):
        layers = weighted(_contract.build(Spec(name="pytorchcv", model="resnet10"), (3, 224, 224), 5))
    assert layers[-7:] == [
        *(f"features.stage4.unit1.identity_conv.{layer}" for layer in ("conv", "bn")),
        *(f"features.stage4.unit1.body.conv{number}.{layer}" for number in (1, 2) for layer in ("conv", "bn")),
        "head",
    ]
