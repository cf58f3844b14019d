"""VGG against torchvision's."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import vgg16_bn

from probeline.models.vgg import AdaptiveAverage
from tests.unit.models.conftest import VGG, build, copied


def test_vgg_is_torchvisions() -> None:
    torch.manual_seed(0)
    theirs = vgg16_bn(weights=None).features.eval()
    mine = build(VGG)[0].eval()
    copied(mine, theirs)
    images = torch.rand(2, 3, 64, 64)
    convolutions = nn.Sequential(*list(mine.children())[:-2])
    torch.testing.assert_close(convolutions(images), theirs(images))


@pytest.mark.parametrize(
    ("height", "width", "side"), [(1, 1, 7), (2, 2, 7), (3, 5, 2), (7, 7, 7), (9, 10, 7), (5, 4, 1)]
)
def test_adaptive_average_is_pytorchs(height: int, width: int, side: int) -> None:
    maps = torch.rand(2, 3, height, width)
    expected = functional.adaptive_avg_pool2d(maps, side)
    torch.testing.assert_close(AdaptiveAverage(height, width, side)(maps), expected)


def test_an_image_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match=r"images of 10x10 are too small for 5 blocks"):
        build(VGG, (3, 10, 10))


def test_as_many_widths_as_layers() -> None:
    with pytest.raises(ValueError, match="layers has 5 blocks and widths has 1; give one of each per block"):
        build(VGG | {"widths": [8]})
