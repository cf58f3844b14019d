"""Cross-entropy and its derivatives in float64, against automatic differentiation."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from probeline.probes import _softmax as softmax


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_cross_entropy_and_its_gradient_are_those_of_torch(scale: float) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(4, 9)) * scale, rng.integers(0, 4, 9)
    asked = torch.from_numpy(logits).requires_grad_()
    loss = functional.cross_entropy(asked.T, torch.from_numpy(labels), reduction="sum")
    (expected,) = torch.autograd.grad(loss, asked)
    mean, wrong, miss = softmax.cross_entropy(logits, labels)
    assert mean == pytest.approx(loss.item() / 9, rel=1e-12)
    np.testing.assert_allclose(softmax.residuals(wrong, miss, labels), expected, rtol=1e-9, atol=1e-14)
    p = functional.softmax(asked.detach(), 0).numpy()
    np.testing.assert_allclose(softmax.curvature(wrong, miss, labels), (p * (1 - p)).mean(axis=1), rtol=1e-8)


def test_a_class_that_is_nearly_certain_keeps_its_gradient() -> None:
    """1 - p is 2e-22 here, and 1 - that is 1 in float64."""
    _, wrong, miss = softmax.cross_entropy(np.array([[50.0], [0.0]]), np.array([0]))
    assert miss == pytest.approx(np.exp(-50), rel=1e-12)
    assert softmax.residuals(wrong, miss, np.array([0])).ravel() == pytest.approx([-np.exp(-50), np.exp(-50)])


def test_the_best_bias_gives_every_class_its_share() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(3, 50)), rng.integers(0, 3, 50)
    shift = softmax.center_bias(logits, labels)
    assert shift.sum() == pytest.approx(0, abs=1e-12)
    _, wrong, miss = softmax.cross_entropy(logits + shift[:, None], labels)
    np.testing.assert_allclose(softmax.residuals(wrong, miss, labels).mean(axis=1), 0, atol=1e-15)
