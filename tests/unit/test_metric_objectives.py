"""Objectives of metric learning: against their definitions in plain loops, and on values worked out by hand."""

import math
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from probeline.objectives import supervised_contrastive, triplet

Loss = Callable[[Tensor, list[int]], list[Tensor]]
MINING = ["random", "batch_hard", "semi_hard"]
OBJECTIVES: list[Any] = [
    *(triplet.Spec(name="triplet", mining=mining) for mining in MINING),  # type: ignore[arg-type]
    supervised_contrastive.Spec(name="supervised_contrastive"),
]
BATCHES = {
    "mixed": [7, -2, 7, 5, -2, 7, 5, 7, 300, -2],  # unsorted, with gaps, one image alone
    "two": [1, 0, 0],
    "sorted": [0] * 6 + [1] * 6,
    "alone": [3, 1, 2],
    "one class": [4, 4, 4, 4],
    "one image": [4],
}
each_objective = pytest.mark.parametrize("objective", OBJECTIVES, ids=[*MINING, "contrastive"])
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


@pytest.mark.parametrize("labels", [*BATCHES.values(), *np.random.default_rng(0).integers(-4, 4, (20, 12)).tolist()])
def test_draws_are_of_the_right_classes(labels: list[int]) -> None:
    for seed in range(20):
        positive, negative, valid = (t.tolist() for t in triplet.draw(torch.tensor(labels), seeded(seed)))
        assert [i for i in range(len(labels)) if valid[i]] == anchors(labels)
        for i in anchors(labels):
            assert positive[i] in positives(labels, i)
            assert negative[i] in negatives(labels, i)
        assert all(0 <= row < len(labels) for row in positive + negative)  # they are indexed before they are masked


def test_draws_are_uniform_and_independent() -> None:
    """Chi-square of every two choices of a batch together: all pairs of admissible rows are equally likely."""
    labels, times, generator = BATCHES["mixed"], 3000, seeded()
    drawn = [torch.stack(triplet.draw(torch.tensor(labels), generator)[:2]) for _ in range(times)]
    rows = torch.stack(drawn).numpy()  # (times, 2, B)
    choices = [
        (rows[:, k, i], which(labels, i)) for i in anchors(labels) for k, which in enumerate((positives, negatives))
    ]
    for (first, admissible), (second, also_admissible) in combinations(choices, 2):
        counts = np.zeros((len(labels), len(labels)))
        np.add.at(counts, (first, second), 1)
        counts = counts[np.ix_(admissible, also_admissible)]
        assert counts.sum() == times
        freedom, t = counts.size - 1, 15
        chi_square = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
        # Exceeded with a probability below exp(-t) (Laurent and Massart 2000, lemma 1).
        assert chi_square < freedom + 2 * math.sqrt(freedom * t) + 2 * t


def distance(embeddings: Tensor, i: int, j: int) -> Tensor:
    return ((embeddings[i] - embeddings[j]) ** 2).sum().sqrt()


def triplet_losses(mining: str, margin: float = 1.0) -> Loss:
    def losses(x: Tensor, labels: list[int]) -> list[Tensor]:
        drawn = [t.tolist() for t in triplet.draw(torch.tensor(labels), seeded())]
        found = []
        for i in anchors(labels):
            to = [distance(x, i, j).item() for j in range(len(labels))]
            p, n = drawn[0][i], drawn[1][i]
            if mining == "batch_hard":
                p, n = max(positives(labels, i), key=to.__getitem__), min(negatives(labels, i), key=to.__getitem__)
            elif mining == "semi_hard":
                farther = [j for j in negatives(labels, i) if to[j] > to[p]]
                nearest_first = sorted(farther or negatives(labels, i), key=to.__getitem__)
                n = nearest_first[0 if farther else -1]
            found.append((distance(x, i, p) - distance(x, i, n) + margin).clamp(min=0))
        return found

    return losses


def contrastive_losses(temperature: float) -> Loss:
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
@pytest.mark.parametrize(
    ("objective", "losses"),
    [
        *((triplet.Spec(name="triplet", mining=m), triplet_losses(m)) for m in MINING),  # type: ignore[arg-type]
        (triplet.Spec(name="triplet", margin=0.3, mining="batch_hard"), triplet_losses("batch_hard", 0.3)),
        (supervised_contrastive.Spec(name="supervised_contrastive"), contrastive_losses(0.1)),
        (supervised_contrastive.Spec(name="supervised_contrastive", temperature=0.7), contrastive_losses(0.7)),
    ],
    ids=[*MINING, "batch_hard with another margin", "contrastive", "contrastive with another temperature"],
)
def test_against_the_definition(objective: Any, losses: Loss, labels: list[int]) -> None:
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


@pytest.mark.parametrize(
    ("mining", "margin", "expected"),
    [
        # Of class 0 at 0 and 3, of class 1 at 1 and 6; the positives are 3, 3, 5, 5 away.
        ("batch_hard", 1.0, (3 - 1 + 1) + (3 - 2 + 1) + (5 - 1 + 1) + (5 - 3 + 1)),
        # Negatives farther than that: 6 of 0, none of 3 (6 is as far), none of 1, 0 of 6.
        ("semi_hard", 1.0, 0 + (3 - 3 + 1) + (5 - 2 + 1) + 0),
        ("semi_hard", 4.0, (3 - 6 + 4) + (3 - 3 + 4) + (5 - 2 + 4) + (5 - 6 + 4)),
    ],
)
def test_four_points(mining: Any, margin: float, expected: float) -> None:
    points, labels = torch.tensor([[0.0], [1.0], [3.0], [6.0]]), torch.tensor([0, 1, 0, 1])
    objective = triplet.Spec(name="triplet", margin=margin, mining=mining)
    loss, count = objective.loss(points, labels, seeded())
    assert loss.item() == pytest.approx(expected / 4)
    assert int(count) == 4


@pytest.mark.parametrize("mining", MINING)
def test_an_image_alone_in_its_class_is_a_negative_but_no_anchor(mining: Any) -> None:
    points, labels = torch.tensor([[0.0], [3.0], [1.0]]), torch.tensor([0, 0, 1])
    loss, count = triplet.Spec(name="triplet", mining=mining).loss(points, labels, seeded())
    assert loss.item() == pytest.approx(((3 - 1 + 1) + (3 - 2 + 1)) / 2)
    assert int(count) == 2


def test_mining_against_another_implementation() -> None:
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.miners import BatchEasyHardMiner, BatchHardMiner

    euclidean = LpDistance(normalize_embeddings=False)
    semi_hard_miner = BatchEasyHardMiner("hard", "semihard", distance=euclidean)
    labels = torch.arange(60) % 7 * (torch.arange(60) < 58)  # 58 and 59 join class 0
    labels[3] = 99
    x = random_embeddings([0] * 60, z=8).detach()
    positive, negative = triplet.batch_hard(x, labels)

    a, p, n = BatchHardMiner(distance=euclidean)(x, labels)
    assert a.tolist() == anchors(labels.tolist())
    assert (positive[a].tolist(), negative[a].tolist()) == (p.tolist(), n.tolist())

    a, p, _, n = semi_hard_miner(x, labels)  # only anchors with a negative farther than their farthest positive
    assert 5 < len(a) < 59
    assert triplet.semi_hard(x, labels, positive)[a].tolist() == n.tolist()


def test_batch_hard_tells_small_distances_apart_far_from_the_origin() -> None:
    labels = torch.arange(60) % 7
    x = 100 + 0.01 * random_embeddings([0] * 60, z=8).detach()
    exact = (x[:, None].double() - x.double()).square().sum(2)
    same = labels[:, None] == labels
    positive, negative = triplet.batch_hard(x, labels)
    assert torch.equal(positive, (exact * same).argmax(1))
    assert torch.equal(negative, (exact + 1e9 * same).argmin(1))


def test_batch_hard_takes_no_image_for_its_own_positive_where_all_coincide() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    positive, negative = triplet.batch_hard(torch.ones(4, 3), labels)
    assert positive.tolist() == [1, 0, 3, 2]
    assert labels[negative].tolist() == [1, 1, 0, 0]


def test_contrastive_mean_keeps_anchors_whose_loss_rounds_to_zero() -> None:
    # The two images of class 0 coincide: their loss is log(1 + 2 exp(-200) + exp(-400)). Those of class 1 are opposite,
    # at s = -200, and see all three others at s = 0: 200 + log(3 + exp(-200)).
    points = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]])
    objective = supervised_contrastive.Spec(name="supervised_contrastive", temperature=0.005)
    loss, count = objective.loss(points, torch.tensor([0, 0, 1, 1, 2]), seeded())
    assert loss.item() == pytest.approx((0 + 0 + 2 * (200 + math.log(3))) / 4)
    assert int(count) == 4


@each_objective
@pytest.mark.parametrize("labels", [BATCHES[name] for name in ("alone", "one class", "one image")])
def test_without_anchors_the_loss_and_its_gradient_are_zero(objective: Any, labels: list[int]) -> None:
    x = random_embeddings(labels)
    loss, count = objective.loss(x, torch.tensor(labels), seeded())
    (gradient,) = torch.autograd.grad(loss, [x])
    assert (loss.item(), int(count), gradient.abs().max().item()) == (0, 0, 0)


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


@pytest.mark.parametrize("mining", ["random", "semi_hard"])
def test_draws_move_on_with_the_generator(mining: Any) -> None:
    labels, generator = torch.tensor(BATCHES["mixed"] * 5), seeded()
    x = random_embeddings(labels.tolist())
    objective = triplet.Spec(name="triplet", mining=mining)
    first, second = (objective.loss(x, labels, generator)[0].item() for _ in range(2))
    assert first != second
