"""What all networks share, and the parameter counts that the reports print."""

import math
from typing import Any

import pytest
import torch

from tests.unit.models.conftest import CIFAR, LENET, MNIST, RESNET18, VGG, WIDE, build, count


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


def test_initial_weights_follow_the_seed_alone() -> None:
    one, two = (torch.cat([value.flatten() for value in build(WIDE).parameters()]) for _ in range(2))
    assert one.equal(two)
    assert 0 < one.std() < 1 / math.sqrt(27)
