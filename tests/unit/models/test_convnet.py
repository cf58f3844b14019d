"""The convolutional network of report B against plain loops."""

from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.unit.models.conftest import LENET, WIDE, build


def test_the_convnet_layer_by_layer() -> None:
    model = build(WIDE | {"channels": [2, 4], "hidden": [6]}, (3, 10, 8))
    state = model.state_dict()
    x = torch.rand(5, 3, 10, 8)
    expected = x
    for stage in ("1", "2"):
        expected = functional.conv2d(
            expected, state[f"features.conv{stage}.weight"], state[f"features.conv{stage}.bias"], padding=1
        )
        mean, variance = expected.mean((0, 2, 3), keepdim=True), expected.var((0, 2, 3), keepdim=True, unbiased=False)
        expected = ((expected - mean) / (variance + 1e-5).sqrt()).clamp(min=0)
        expected = expected[:, :, : expected.shape[2] // 2 * 2, : expected.shape[3] // 2 * 2]
        expected = (
            expected[:, :, ::2, ::2]
            + expected[:, :, 1::2, ::2]
            + expected[:, :, ::2, 1::2]
            + expected[:, :, 1::2, 1::2]
        ) / 4
    expected = expected.flatten(1) @ state["features.fc1.weight"].T + state["features.fc1.bias"]
    expected = expected.clamp(min=0) @ state["head.weight"].T + state["head.bias"]
    torch.testing.assert_close(model.train()(x), expected)


def test_max_pooling_takes_the_largest() -> None:
    model = build(LENET | {"pool": "max", "channels": [2], "hidden": []}, (1, 8, 8))
    state = model.state_dict()
    x = torch.rand(3, 1, 8, 8)
    inner = functional.conv2d(x, state["features.conv1.weight"], state["features.conv1.bias"]).clamp(min=0)
    pooled = torch.stack([inner[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]).amax(0)
    torch.testing.assert_close(model(x), pooled.flatten(1) @ state["head.weight"].T + state["head.bias"])


@pytest.mark.parametrize("spec", [LENET, WIDE | {"channels": [8] * 6}])
def test_an_image_that_is_too_small_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"images of 10x10 are too small"):
        build(spec, (3, 10, 10))
