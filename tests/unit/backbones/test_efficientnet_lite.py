"""EfficientNet-Lite from its official names, against a plain loop."""

from pathlib import Path

import torch
from torch import Tensor, nn

from tests.unit.backbones.conftest import BLOCKS, lite0, network, own, saved


def test_efficientnet_lite_reads_the_official_names(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = lite0(9)
    found = own(tmp_path, saved(state, old=True), kind="efficientnet_lite", model="lite0")
    assert len(found.weights) == len(state)
    images = torch.rand(1, 3, 33, 40)
    with torch.no_grad():
        torch.testing.assert_close(network(found, 64)(images), by_hand(state, images), rtol=1e-3, atol=1e-3)


def by_hand(state: dict[str, Tensor], images: Tensor) -> Tensor:
    """Lite0 as a plain loop over the official names, every convolution padded as TensorFlow does."""

    def step(x: Tensor, conv: str, norm: str, stride: int = 1, relu: bool = True) -> Tensor:
        weight = state[f"{conv}.weight"]
        side = weight.shape[-1]
        lost = [max((-(-size // stride) - 1) * stride + side - size, 0) for size in x.shape[2:]]
        x = nn.functional.pad(x, (lost[1] // 2, -(-lost[1] // 2), lost[0] // 2, -(-lost[0] // 2)))
        x = nn.functional.conv2d(x, weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        x = (x - state[f"{norm}.running_mean"][:, None, None]) / (state[f"{norm}.running_var"] + 0.001)[
            :, None, None
        ] ** 0.5
        x = x * state[f"{norm}.weight"][:, None, None] + state[f"{norm}.bias"][:, None, None]
        return x.clamp(0, 6) if relu else x

    x = step(images, "_conv_stem", "_bn0", 2)
    for number, (inputs, expanded, _, outputs) in enumerate(BLOCKS):
        at, before, stride = f"_blocks.{number}.", x, 2 if number in {1, 3, 5, 11} else 1
        if expanded > inputs:
            x = step(x, f"{at}_expand_conv", f"{at}_bn0")
        x = step(x, f"{at}_depthwise_conv", f"{at}_bn1", stride)
        x = step(x, f"{at}_project_conv", f"{at}_bn2", relu=False)
        if inputs == outputs and stride == 1:
            x = x + before
    x = step(x, "_conv_head", "_bn1").mean((2, 3))
    return x @ state["_fc.weight"].T + state["_fc.bias"]
