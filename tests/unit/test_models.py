"""Models: the parameter counts that the reports print, and outputs against independent computations."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet, vgg16_bn

from probeline.models.vgg import AdaptiveAverage
from probeline.pipeline import params

CIFAR, MNIST = (3, 32, 32), (1, 28, 28)
VGG = {"name": "vgg", "pool": 7, "embedding": 64}
LENET = {"name": "convnet", "channels": [6, 16], "kernel": 5, "padding": 0, "batch_norm": False, "hidden": [120, 84]}
WIDE = {"name": "convnet", "channels": [64, 128], "kernel": 3, "padding": 1, "batch_norm": True, "hidden": [512]}
RESNET18 = {"name": "resnet", "layers": [2, 2, 2, 2], "widths": [64, 128, 256, 512], "stem": "large"}


def build(spec: dict[str, Any], shape: tuple[int, int, int] = CIFAR, outputs: int | None = 10) -> nn.Sequential:
    torch.manual_seed(0)
    model: nn.Sequential = params.module("models", spec["name"]).Spec.model_validate(spec).build(shape, outputs)
    return model


def count(model: nn.Module, layer: str = "") -> int:
    return sum(parameter.numel() for parameter in model.get_submodule(layer).parameters())


@pytest.mark.parametrize(
    ("spec", "shape", "outputs", "layers"),
    [
        # Report A's table: the whole at z = 64, its linear layer on 512x7x7, and A8's deeper head.
        (VGG, CIFAR, None, {"": 16_328_832, "embedding": 1_605_696}),
        (VGG | {"pool": 1, "embedding": None, "head": [512]}, CIFAR, 10, {"head.fc1": 262_656, "head.fc2": 5_130}),
        # Report B: LeNet-5's 120-84, and the shapes of B3, B4 and B6.
        (LENET, CIFAR, 100, {"features.fc2": 10_164, "features.fc1": 400 * 120 + 120, "head": 8_500}),
        (WIDE, CIFAR, 100, {"features.fc1": 8192 * 512 + 512, "head": 51_300}),
        (WIDE, (3, 96, 96), 5, {"features.fc1": 73_728 * 512 + 512, "head": 2_565}),
        ({"name": "mlp", "hidden": [64]}, CIFAR, 100, {"": 3072 * 64 + 64 + 6_500}),
        ({"name": "mlp", "hidden": [128] * 3}, CIFAR, 100, {"": 3073 * 128 + 2 * 129 * 128 + 12_900}),
        ({"name": "mlp", "hidden": [5000]}, MNIST, 10, {"": 785 * 5000 + 50_010}),
        ({"name": "mlp", "hidden": [256]}, MNIST, 10, {"": 203_530}),
        ({"name": "linear"}, MNIST, 10, {"": 7_850}),
        (RESNET18, (3, 224, 224), 1000, {"": 11_689_512}),
    ],
)
def test_the_parameters_that_the_reports_print(
    spec: dict[str, Any], shape: tuple[int, int, int], outputs: int | None, layers: dict[str, int]
) -> None:
    with torch.device("meta"):
        model = build(spec, shape, outputs)
    assert {layer: count(model, layer) for layer in layers} == layers


@pytest.mark.parametrize("spec", [VGG, LENET, WIDE, RESNET18, {"name": "mlp", "hidden": [7]}, {"name": "linear"}])
@pytest.mark.parametrize("embedding", [None, 6])
def test_a_network_is_features_embedding_head(spec: dict[str, Any], embedding: int | None) -> None:
    model = build(spec | {"embedding": embedding}).eval()
    parts = [name for name, _ in model.named_children()]
    assert parts == (["features", "head"] if embedding is None else ["features", "embedding", "head"])
    images = torch.rand(2, *CIFAR)
    assert model(images).shape == (2, 10)
    assert embedding is None or model[:2](images).shape == (2, embedding)


def test_without_outputs_the_network_ends_in_its_embedding() -> None:
    assert build(VGG, outputs=None).eval()(torch.rand(2, *CIFAR)).shape == (2, 64)
    with pytest.raises(ValueError, match=r"no layer to train with this objective; set model.embedding"):
        build({"name": "linear"}, outputs=None)


def values_of(model: nn.Module) -> list[Tensor]:
    """Weights and batch statistics in the order of torchvision's networks, where a shortcut ends its block."""
    state = {name: value for name, value in model.state_dict().items() if value.ndim}
    blocks = list(dict.fromkeys(_block(name) for name in state))
    return [state[name] for name in sorted(state, key=lambda name: (blocks.index(_block(name)), "shortcut" in name))]


def _block(name: str) -> str:
    return name.partition(".block")[0] + name.partition(".block")[2][:1]


def copied(mine: nn.Module, theirs: nn.Module) -> None:
    """Take over another network's weights and batch statistics, layer by layer in their order."""
    for parameter in theirs.buffers():
        if parameter.is_floating_point():
            parameter.uniform_(0.5, 1.5)
    with torch.no_grad():
        for to, value in zip(values_of(mine), values_of(theirs), strict=True):
            to.copy_(value)


def test_vgg_is_torchvisions() -> None:
    torch.manual_seed(0)
    theirs = vgg16_bn(weights=None).features.eval()
    mine = build(VGG)[0].eval()
    copied(mine, theirs)
    images = torch.rand(2, 3, 64, 64)
    convolutions = nn.Sequential(*list(mine.children())[:-2])
    torch.testing.assert_close(convolutions(images), theirs(images))


@pytest.mark.parametrize("size", [64, 72])
def test_resnet_is_torchvisions(size: int) -> None:
    torch.manual_seed(0)
    theirs = resnet.ResNet(resnet.BasicBlock, [2, 1, 1, 2]).eval()
    mine = build(RESNET18 | {"layers": [2, 1, 1, 2]}, outputs=1000).eval()
    copied(mine, theirs)
    images = torch.rand(2, 3, size, size)
    torch.testing.assert_close(mine(images), theirs(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("height", "width", "side"), [(1, 1, 7), (2, 2, 7), (3, 5, 2), (7, 7, 7), (9, 10, 7), (5, 4, 1)]
)
def test_adaptive_average_is_pytorchs(height: int, width: int, side: int) -> None:
    maps = torch.rand(2, 3, height, width)
    expected = functional.adaptive_avg_pool2d(maps, side)
    torch.testing.assert_close(AdaptiveAverage(height, width, side)(maps), expected)


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


@pytest.mark.parametrize("spec", [VGG, LENET, WIDE | {"channels": [8] * 6}])
def test_an_image_that_is_too_small_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"images of 10x10 are too small"):
        build(spec, (3, 10, 10))


@pytest.mark.parametrize("spec", [VGG | {"widths": [8]}, RESNET18 | {"layers": [2]}])
def test_as_many_widths_as_layers(spec: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="give one of each"):
        build(spec)


def test_initial_weights_follow_the_seed_alone() -> None:
    one, two = (torch.cat([value.flatten() for value in build(WIDE).parameters()]) for _ in range(2))
    assert one.equal(two)
    assert 0 < one.std() < 1 / math.sqrt(27)
