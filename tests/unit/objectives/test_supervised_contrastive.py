"""Supervised contrastive loss: against its definition in plain loops, and on values worked out by hand."""

import math

import pytest
import torch
from torch import Tensor

from probeline.objectives.supervised_contrastive import Spec
from tests.unit.objectives.conftest import Losses, anchors, check_against_the_definition, each_batch, positives, seeded


def contrastive_losses(temperature: float) -> Losses:
    """L_out of the paper, equation 2."""

    def losses(x: Tensor, labels: list[int]) -> list[Tensor]:
        unit = [row / (row @ row).sqrt() for row in x]
        found = []
        for i in anchors(labels):
            similar = [unit[i] @ other / temperature for other in unit]
            below = sum((similar[a].exp() for a in range(len(labels)) if a != i), torch.tensor(0.0))
            terms = [(similar[p].exp() / below).log() for p in positives(labels, i)]
            found.append(-torch.stack(terms).mean())
        return found

    return losses


@each_batch
@pytest.mark.parametrize("temperature", [0.1, 0.7])
def test_against_the_definition(temperature: float, labels: list[int]) -> None:
    objective = Spec(name="supervised_contrastive", temperature=temperature)
    check_against_the_definition(objective, contrastive_losses(temperature), labels)


def test_the_mean_keeps_anchors_whose_loss_rounds_to_zero() -> None:
    # The two images of class 0 coincide: their loss is log(1 + 2 exp(-200) + exp(-400)). Those of class 1 are opposite,
    # at s = -200, and see all three others at s = 0: 200 + log(3 + exp(-200)).
    points = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]])
    objective = Spec(name="supervised_contrastive", temperature=0.005)
    loss, count = objective.loss(points, torch.tensor([0, 0, 1, 1, 2]), seeded())
    assert loss.item() == pytest.approx((0 + 0 + 2 * (200 + math.log(3))) / 4)
    assert int(count) == 4
    each = objective.losses(points, torch.tensor([0, 0, 1, 1, 2]), seeded()).tolist()
    assert each[:4] == pytest.approx([0, 0, 200 + math.log(3), 200 + math.log(3)])
    assert math.isnan(each[4])
