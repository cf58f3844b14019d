"""Standard deviations are uniform; the kernel has to fit the image."""

import pytest
import torch

from tests.unit.augmentations.conftest import draws, made, spec, tenths, unevenness


def test_uniform_sigmas() -> None:
    (sigmas,) = draws(spec("gaussian_blur", kernel_size=3), 10_000)
    assert unevenness(tenths(sigmas, 0.1, 2.0), 10) < 3


def test_an_image_that_is_too_small_is_refused() -> None:
    augmentation = spec("gaussian_blur", kernel_size=9)
    augmentation.apply(made(1, (1, 5, 8)), torch.tensor([1.0]))
    with pytest.raises(ValueError, match="a kernel_size of 9 does not fit images of 4x8; give at most 7"):
        augmentation.apply(made(1, (1, 4, 8)), torch.tensor([1.0]))
