"""Networks of torchvision: images that they take, and the order of their layers."""

import re

import pytest
import torch

from probeline.models import _contract
from probeline.models.torchvision import Spec
from tests.unit.models.conftest import weighted


@pytest.mark.parametrize(
    ("shape", "model", "message"),
    [
        ((1, 28, 28), "resnet18", "networks of torchvision take images of three channels, not of 1"),
        ((3, 28, 28), "vit_b_16", "vit_b_16 takes square images of a multiple of 16 pixels, not images of 28x28"),
        ((3, 8, 8), "alexnet", "images of 8x8 do not fit alexnet; change tasks.<task>.pixels"),
    ],
)
def test_images_that_a_network_cannot_take(shape: tuple[int, int, int], model: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        _contract.build(Spec(name="torchvision", model=model), shape, 10)


def test_the_shortcut_of_a_block_comes_before_the_rest_and_the_head_last() -> None:
    with torch.device("meta"):
        layers = weighted(_contract.build(Spec(name="torchvision", model="resnet18"), (3, 224, 224), 5))
    assert layers[-3:] == ["features.layer4.1.conv2", "features.layer4.1.bn2", "head"]
    assert [name[len("features.layer4.0.") :] for name in layers if ".layer4.0." in name] == [
        "downsample.0",
        "downsample.1",
        "conv1",
        "bn1",
        "conv2",
        "bn2",
    ]
