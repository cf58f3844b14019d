"""Cross-entropy, on values worked out by hand."""

import math

import pytest
import torch

from probeline.objectives.cross_entropy import Spec

LABELS = torch.tensor([0, 2])
SCORES = torch.tensor([[2.0, 1.5, 0.0], [0.0, 1.0, 0.5]])


def test_the_loss_of_every_image_and_their_mean() -> None:
    objective = Spec(name="cross_entropy")
    first = math.log(1 + math.exp(-0.5) + math.exp(-2.0))
    second = math.log(math.exp(-0.5) + math.exp(0.5) + 1)
    loss, count = objective.loss(SCORES, LABELS)
    assert loss.item() == pytest.approx((first + second) / 2)
    assert count == 2
    assert objective.losses(SCORES, LABELS).tolist() == pytest.approx([first, second])


def test_the_largest_logit_is_the_class() -> None:
    objective = Spec(name="cross_entropy")
    assert objective.predict(SCORES).tolist() == [0, 1]
    assert objective.outputs(7) == 7
    assert objective.scores == "logits"
