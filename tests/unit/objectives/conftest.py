"""Batches of embeddings, and the definition of an objective's anchors in plain loops."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

Losses = Callable[[Tensor, list[int]], list[Tensor]]  # of the anchors, in their order, from embeddings and labels
BATCHES = {
    "mixed": [7, -2, 7, 5, -2, 7, 5, 7, 300, -2],  # unsorted, with gaps, one image alone
    "two": [1, 0, 0],
    "sorted": [0] * 6 + [1] * 6,
    "alone": [3, 1, 2],
    "one class": [4, 4, 4, 4],
    "one image": [4],
}
each_batch = pytest.mark.parametrize("labels", BATCHES.values(), ids=BATCHES)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_embeddings(labels: list[int], seed: int = 0, z: int = 3) -> Tensor:
    return torch.randn(len(labels), z, generator=seeded(seed)).requires_grad_()


def positives(labels: list[int], i: int) -> list[int]:
    return [j for j, label in enumerate(labels) if label == labels[i] and j != i]


def negatives(labels: list[int], i: int) -> list[int]:
    return [j for j, label in enumerate(labels) if label != labels[i]]


def anchors(labels: list[int]) -> list[int]:
    return [i for i in range(len(labels)) if positives(labels, i) and negatives(labels, i)]


def check_against_the_definition(objective: Any, losses: Losses, labels: list[int]) -> None:
    """Compare loss, gradient and the loss of every image with the same computed in float64 by plain loops."""
    for seed in range(5):
        x = random_embeddings(labels, seed)
        loss, count = objective.loss(x, torch.tensor(labels), seeded())
        (gradient,) = torch.autograd.grad(loss, [x])
        exact = x.detach().double().requires_grad_()
        found = losses(exact, labels)
        assert int(count) == len(found)
        expected = torch.stack(found).mean() if found else 0 * exact.sum()
        (expected_gradient,) = torch.autograd.grad(expected, [exact])
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-5)
        torch.testing.assert_close(gradient.double(), expected_gradient, rtol=1e-4, atol=1e-5)
        each = objective.losses(x.detach(), torch.tensor(labels), seeded())
        assert each.dtype == torch.float32
        assert each.isfinite().nonzero().flatten().tolist() == anchors(labels)
        assert each[anchors(labels)].tolist() == pytest.approx([value.item() for value in found], rel=1e-5, abs=1e-5)
