"""Objectives, on values worked out by hand."""

import math

import pytest
import torch

from probeline.objectives import binary_cross_entropy, cross_entropy, hinge

LABELS = torch.tensor([0, 2])
SCORES = torch.tensor([[2.0, 1.5, 0.0], [0.0, 1.0, 0.5]])


def test_cross_entropy() -> None:
    objective = cross_entropy.Spec(name="cross_entropy")
    first = math.log(1 + math.exp(-0.5) + math.exp(-2.0))
    second = math.log(math.exp(-0.5) + math.exp(0.5) + 1)
    assert objective.loss(SCORES, LABELS)[0].item() == pytest.approx((first + second) / 2)
    assert objective.predict(SCORES).tolist() == [0, 1]
    assert objective.outputs(7) == 7


def test_hinge() -> None:
    # First: max(0, 1 - 2 + 1.5) + max(0, 1 - 2 + 0) = 0.5. Second: (1 - 0.5 + 0) + (1 - 0.5 + 1) = 2. Over 3 classes.
    objective = hinge.Spec(name="hinge")
    assert objective.loss(SCORES, LABELS)[0].item() == pytest.approx((0.5 / 3 + 2 / 3) / 2)
    wide = hinge.Spec(name="hinge", margin=2.0)  # (1.5 + 0) / 3 and (1.5 + 2.5) / 3
    assert wide.loss(SCORES, LABELS)[0].item() == pytest.approx((1.5 / 3 + 4 / 3) / 2)


def test_binary_cross_entropy() -> None:
    objective = binary_cross_entropy.Spec(name="binary_cross_entropy", eps=0.01)
    logits, labels = torch.tensor([[math.log(3)], [math.log(3)]]), torch.tensor([1, 0])  # p = 0.75
    expected = -(math.log(0.75 + 0.01) + math.log(0.25 + 0.01)) / 2
    assert objective.loss(logits, labels)[0].item() == pytest.approx(expected)
    assert objective.predict(torch.tensor([[0.1], [-0.1]])).tolist() == [1, 0]


def test_binary_cross_entropy_is_finite_where_the_sigmoid_is_exactly_one() -> None:
    objective = binary_cross_entropy.Spec(name="binary_cross_entropy")
    logits = torch.tensor([[200.0], [-200.0]], requires_grad=True)
    loss, _ = objective.loss(logits, torch.tensor([0, 1]))
    (gradient,) = torch.autograd.grad(loss, [logits])
    assert loss.item() == pytest.approx(-math.log(1e-7), rel=1e-4)
    assert torch.isfinite(gradient).all()


def test_binary_cross_entropy_wants_two_classes() -> None:
    objective = binary_cross_entropy.Spec(name="binary_cross_entropy")
    assert objective.outputs(2) == 1
    with pytest.raises(ValueError, match="needs a task of 2 classes, not 10; use cross_entropy"):
        objective.outputs(10)
