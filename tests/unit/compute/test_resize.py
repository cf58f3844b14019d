"""Resizing is that of torchvision."""

import pytest
import torch
from torchvision.transforms.v2 import functional

from probeline.compute.view import Resize


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("side", [8, 20])
def test_resizing_is_that_of_torchvision(mode: str, side: int) -> None:
    images = torch.randint(0, 256, (3, 3, 12, 12), generator=torch.Generator().manual_seed(0)).float()
    whole = functional.resize(images, [side, side], interpolation=functional.InterpolationMode(mode))
    found = Resize(side, 6, mode)(images)
    assert torch.allclose(found, functional.center_crop(whole, [6, 6]).clamp(0, 255), atol=1e-3)
