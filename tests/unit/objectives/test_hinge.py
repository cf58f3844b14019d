"""Hinge loss, on values worked out by hand."""

import pytest
import torch

from probeline.objectives.hinge import Spec

LABELS = torch.tensor([0, 2])
SCORES = torch.tensor([[2.0, 1.5, 0.0], [0.0, 1.0, 0.5]])


@pytest.mark.parametrize(
    ("margin", "losses"),
    [
        # First: max(0, 1 - 2 + 1.5) + max(0, 1 - 2 + 0) = 0.5. Second: (1 - 0.5 + 0) + (1 - 0.5 + 1) = 2.
        # Over 3 classes.
        (1.0, [0.5 / 3, 2 / 3]),
        (2.0, [1.5 / 3, 4 / 3]),  # (1.5 + 0) / 3 and (1.5 + 2.5) / 3
    ],
)
def test_the_loss_of_every_image_and_their_mean(margin: float, losses: list[float]) -> None:
    objective = Spec(name="hinge", margin=margin)
    loss, count = objective.loss(SCORES, LABELS)
    assert loss.item() == pytest.approx(sum(losses) / 2)
    assert count == 2
    assert objective.losses(SCORES, LABELS).tolist() == pytest.approx(losses)


def test_the_largest_score_is_the_class() -> None:
    objective = Spec(name="hinge")
    assert objective.predict(SCORES).tolist() == [0, 1]
    assert objective.outputs(7) == 7
    assert objective.scores == "margins"
