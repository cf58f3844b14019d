"""Binary cross-entropy, on values worked out by hand."""

import math

import pytest
import torch

from probeline.objectives.binary_cross_entropy import Spec


def test_the_loss_of_every_image_and_their_mean() -> None:
    objective = Spec(name="binary_cross_entropy", eps=0.01)
    logits, labels = torch.tensor([[math.log(3)], [math.log(3)]]), torch.tensor([1, 0])  # p = 0.75
    expected = [-math.log(0.75 + 0.01), -math.log(0.25 + 0.01)]
    loss, count = objective.loss(logits, labels)
    assert loss.item() == pytest.approx(sum(expected) / 2)
    assert count == 2
    assert objective.losses(logits, labels).tolist() == pytest.approx(expected)


def test_a_positive_logit_is_class_1() -> None:
    objective = Spec(name="binary_cross_entropy")
    assert objective.predict(torch.tensor([[0.1], [-0.1]])).tolist() == [1, 0]
    assert objective.scores == "logits"


def test_it_is_finite_where_the_sigmoid_is_exactly_one() -> None:
    objective = Spec(name="binary_cross_entropy")
    logits = torch.tensor([[200.0], [-200.0]], requires_grad=True)
    loss, _ = objective.loss(logits, torch.tensor([0, 1]))
    (gradient,) = torch.autograd.grad(loss, [logits])
    assert loss.item() == pytest.approx(-math.log(1e-7), rel=1e-4)
    assert torch.isfinite(gradient).all()


def test_it_wants_two_classes() -> None:
    objective = Spec(name="binary_cross_entropy")
    assert objective.outputs(2) == 1
    with pytest.raises(ValueError, match="needs a task of 2 classes, not 10; use cross_entropy"):
        objective.outputs(10)
