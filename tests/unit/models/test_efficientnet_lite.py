"""EfficientNet-Lite: its published size, its padding, the order of its layers."""

from typing import Any

import pytest
import torch
from torch import nn

from probeline.models import _contract
from probeline.models.efficientnet_lite import Same, Spec
from tests.unit.models.conftest import count, weighted


@pytest.mark.parametrize(("model", "parameters"), [("lite0", 4_652_008), ("lite1", 5_416_680), ("lite2", 6_092_072)])
def test_the_published_parameters(model: Any, parameters: int) -> None:
    with torch.device("meta"):
        network = _contract.build(Spec(name="efficientnet_lite", model=model), (3, 224, 224), 1000)
    assert count(network) == parameters
    assert weighted(network)[-3:] == ["features.last.conv", "features.last.norm", "head"]


def test_padding_same_puts_the_odd_pixel_last() -> None:
    layer = Same(1, 1, 3, stride=2, bias=False)
    nn.init.ones_(layer.weight)
    # 4 pixels need one more, below and to the right; 5 need one on each side.
    assert layer(torch.ones(1, 1, 4, 4)).flatten().tolist() == [9, 6, 6, 4]
    assert layer(torch.ones(1, 1, 5, 5)).flatten().tolist() == [4, 6, 4, 6, 9, 6, 4, 6, 4]
