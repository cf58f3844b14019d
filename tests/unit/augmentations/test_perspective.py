"""Corners are uniform; where they lie on one line, no pixel is nan."""

import torch

from tests.unit.augmentations.conftest import draws, made, spec, unevenness


def test_uniform_corners() -> None:
    # RandomPerspective.get_params: 0 to int(distortion_scale * half the size), both ends included.
    _, inwards = draws(spec("perspective", distortion_scale=0.3), 10_000, shape=(1, 27, 40))
    for corner in range(4):
        assert unevenness(inwards[:, corner, 0], int(0.3 * 20) + 1) < 3.5
        assert unevenness(inwards[:, corner, 1], int(0.3 * 13) + 1) < 3.5
    one_place = (inwards * torch.tensor([4, 1])).sum(2)  # x and y of a corner are independent, and so are two corners
    assert unevenness(one_place[:, 0], 28) < 2
    assert unevenness(inwards[:, 0, 0] * 7 + inwards[:, 1, 0], 49) < 2


def test_corners_on_one_line_leave_no_nan() -> None:
    inwards = torch.tensor([[[14, 3], [14, 0], [0, 0], [0, 14]]])  # (14, 3), (17, 0) and (0, 17): on x + y = 17
    for interpolation in ("nearest", "bilinear"):
        augmentation = spec("perspective", distortion_scale=1.0, interpolation=interpolation)
        for corners in (inwards, torch.full((1, 4, 2), 16), torch.tensor([[[16, 0], [16, 0], [0, 0], [0, 0]]])):
            result = augmentation.apply(made(1, (3, 32, 32)), (torch.tensor([True]), corners))
            assert ((result >= 0) & (result <= 1)).all()
