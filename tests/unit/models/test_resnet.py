"""Residual networks against torchvision's."""

import pytest
import torch
from torchvision.models import resnet

from tests.unit.models.conftest import RESNET18, build, copied


@pytest.mark.parametrize("size", [64, 72])
def test_resnet_is_torchvisions(size: int) -> None:
    torch.manual_seed(0)
    theirs = resnet.ResNet(resnet.BasicBlock, [2, 1, 1, 2]).eval()
    mine = build(RESNET18 | {"layers": [2, 1, 1, 2]}, outputs=1000).eval()
    copied(mine, theirs)
    images = torch.rand(2, 3, size, size)
    torch.testing.assert_close(mine(images), theirs(images), rtol=1e-4, atol=1e-5)


def test_as_many_widths_as_layers() -> None:
    with pytest.raises(ValueError, match="layers has 1 stages and widths has 4; give one of each per stage"):
        build(RESNET18 | {"layers": [2]})
