"""What holds for every objective that trains an embedding."""

import math
from typing import Any

import pytest
import torch

from probeline.objectives import supervised_contrastive, triplet
from tests.unit.objectives.conftest import BATCHES, random_embeddings, seeded

MINING = ["random", "batch_hard", "semi_hard"]
OBJECTIVES: list[Any] = [
    *(triplet.Spec(name="triplet", mining=mining) for mining in MINING),  # type: ignore[arg-type]
    supervised_contrastive.Spec(name="supervised_contrastive"),
]
each_objective = pytest.mark.parametrize("objective", OBJECTIVES, ids=[*MINING, "contrastive"])


@each_objective
def test_its_networks_have_no_head_and_no_scores(objective: Any) -> None:
    assert objective.outputs(10) is None
    assert objective.scores is None
    assert not hasattr(objective, "predict")


@each_objective
@pytest.mark.parametrize("labels", [BATCHES[name] for name in ("alone", "one class", "one image")])
def test_without_anchors_the_loss_and_its_gradient_are_zero(objective: Any, labels: list[int]) -> None:
    x = random_embeddings(labels)
    loss, count = objective.loss(x, torch.tensor(labels), seeded())
    (gradient,) = torch.autograd.grad(loss, [x])
    assert (loss.item(), int(count), gradient.abs().max().item()) == (0, 0, 0)
    assert objective.losses(x, torch.tensor(labels), seeded()).isnan().all()


@each_objective
def test_gradients_are_finite_where_embeddings_coincide(objective: Any) -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    for rows in ([0, 0, 0, 1, 2, 3], [0, 0, 0, 0, 0, 0]):
        x = random_embeddings([0] * 4)[rows].detach().requires_grad_()
        loss, count = objective.loss(x, labels, seeded())
        (gradient,) = torch.autograd.grad(loss, [x])
        assert torch.isfinite(gradient).all()
        assert math.isfinite(loss.item())
        assert int(count) == 5


@each_objective
def test_same_seed_same_bits_and_no_other_randomness(objective: Any) -> None:
    labels = torch.tensor(BATCHES["mixed"] * 5)
    before = torch.get_rng_state()

    def bits(seed: int, times: int) -> list[float]:
        x, generator = random_embeddings(labels.tolist()), seeded(seed)
        losses = [objective.loss(x, labels, generator)[0] for _ in range(times)]
        (gradient,) = torch.autograd.grad(torch.stack(losses).sum(), [x])
        return [*(loss.item() for loss in losses), *gradient.flatten().tolist()]

    torch.use_deterministic_algorithms(mode=True)
    try:
        assert bits(1, 2) == bits(1, 2)
    finally:
        torch.use_deterministic_algorithms(mode=False)
    assert torch.equal(torch.get_rng_state(), before)
