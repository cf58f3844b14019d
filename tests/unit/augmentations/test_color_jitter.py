"""Factors are uniform, in every order."""

from itertools import permutations

import torch

from tests.unit.augmentations.conftest import JITTER, applied, drawn, draws, spec, tenths, unevenness


def test_uniform_factors_in_every_order() -> None:
    order, factors = draws(spec("color_jitter", **JITTER), 24_000)
    rank = {each: index for index, each in enumerate(permutations(range(4)))}
    assert unevenness(torch.tensor([rank[tuple(row)] for row in order.tolist()]), 24) < 2
    ends = [(0.6, 1.4), (0.0, 2.5), (0.4, 1.6), (-0.5, 0.5)]
    for column, (low, high) in zip(factors.unbind(1), ends, strict=True):
        assert unevenness(tenths(column, low, high), 10) < 3
    assert factors.T.corrcoef().fill_diagonal_(0).abs().max() < 0.03


def test_one_channel_has_no_saturation_and_no_hue() -> None:
    images = torch.randn(8, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    augmentation = spec("color_jitter", saturation=0.5, hue=0.5)
    assert torch.equal(applied(augmentation, images, drawn(augmentation, images, seed=0)), images)
