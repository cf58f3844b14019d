"""Layers and losses by hand against automatic differentiation and finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from probeline.lessons import layers
from probeline.lessons.layers import Array, Layer

RNG = np.random.default_rng(0)


def made(*shape: int) -> Array:
    return RNG.normal(size=shape)


Case = tuple[Layer, Array, Callable[..., Tensor]]
CASES: dict[str, Case] = {
    "linear": (layers.Linear(made(3, 4), made(3)), made(5, 4), functional.linear),
    "relu": (layers.ReLU(), made(5, 4), functional.relu),
    **{
        f"convolution-{size}-{padding}": (
            layers.Convolution(made(2, 3, size, size), made(2), padding),
            made(2, 3, 6, 7),
            lambda x, w, b, padding=padding: functional.conv2d(x, w, b, padding=padding),
        )
        for size, padding in ((1, 0), (3, 0), (3, 1), (5, 2), (3, 3))
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_layer_gives_what_automatic_differentiation_gives(case: Case) -> None:
    layer, x, function = case
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, *layer.parameters)]
    y = function(*tensors)
    dy = made(*y.shape)
    expected = torch.autograd.grad(y, tensors, torch.tensor(dy))
    np.testing.assert_allclose(layer.forward(x), y.detach().numpy(), rtol=1e-12, atol=1e-13)
    for found, wanted in zip([layer.backward(dy), *layer.gradients(dy)], expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_layer_gives_what_finite_differences_give(case: Case) -> None:
    layer, x, _ = case
    dy = made(*layer.forward(x).shape)
    gradients = [layer.backward(dy), *layer.gradients(dy)]
    for array, gradient in zip([x, *layer.parameters], gradients, strict=True):
        wanted = differences(lambda: float((layer.forward(x) * dy).sum()), array)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-7)


def differences(value: Callable[[], float], array: Array, step: float = 1e-5) -> Array:
    """The gradient of a value by each element of an array, (f(a + h) - f(a - h)) / 2h."""
    found = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = value()
        array[index] = kept - step
        found[index] = (above - value()) / (2 * step)
        array[index] = kept
    return found


def test_softmax_cross_entropy_is_that_of_pytorch() -> None:
    logits, labels = made(6, 4), np.array([0, 3, 1, 1, 2, 0])
    loss, gradient = layers.softmax_cross_entropy(logits, labels)
    tensor = torch.tensor(logits, requires_grad=True)
    expected = functional.cross_entropy(tensor, torch.tensor(labels))
    assert loss == pytest.approx(expected.item(), rel=1e-14)
    np.testing.assert_allclose(gradient, torch.autograd.grad(expected, [tensor])[0].numpy(), atol=1e-15)
    wanted = differences(lambda: layers.softmax_cross_entropy(logits, labels)[0], logits)
    np.testing.assert_allclose(gradient, wanted, atol=1e-9)
    huge, _ = layers.softmax_cross_entropy(np.array([[1000.0, 0.0]]), np.array([1]))
    assert huge == 1000
    each = functional.cross_entropy(tensor, torch.tensor(labels), reduction="none").detach().numpy()
    np.testing.assert_allclose(layers.cross_entropies(logits, labels), each, rtol=1e-14)


@pytest.mark.parametrize(("outputs", "factor"), [("sum", 1.0), ("mean", 1 / 8)])
def test_squared_error_and_its_gradient(outputs: Any, factor: float) -> None:
    y, target = made(3, 2, 2, 2), made(3, 2, 2, 2)  # 8 outputs per image
    loss, gradient = layers.squared_error(y, target, outputs)
    assert loss == pytest.approx(factor * np.square(y - target).sum())
    wanted = differences(lambda: layers.squared_error(y, target, outputs)[0], y)
    np.testing.assert_allclose(gradient, wanted, atol=1e-8)


@pytest.mark.parametrize(("form", "loss"), [("sum", 2.5), ("half", 1.25), ("per_image", 0.25)])
def test_l2_and_its_gradient(form: Any, loss: float) -> None:
    weight = np.array([[1.0, -2.0]])  # sum of squares 5, lambda 0.5, 10 images
    found, gradient = layers.l2(weight, 0.5, form, 10)
    assert found == pytest.approx(loss)
    wanted = differences(lambda: layers.l2(weight, 0.5, form, 10)[0], weight)
    np.testing.assert_allclose(gradient, wanted, atol=1e-9)
