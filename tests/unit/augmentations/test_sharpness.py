"""Sharpness at the edge of what it can do."""

import torch

from tests.unit.augmentations.conftest import made, spec


def test_an_image_that_is_too_small_stays_as_it_is() -> None:
    small = made(1, (1, 2, 8))
    assert torch.equal(spec("sharpness", sharpness_factor=2.0).apply(small, torch.tensor([True])), small)
