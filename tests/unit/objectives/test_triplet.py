"""Triplet loss: against its definition in plain loops, and on values worked out by hand."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from probeline.objectives import triplet
from tests.unit.objectives.conftest import (
    BATCHES,
    Losses,
    anchors,
    check_against_the_definition,
    each_batch,
    negatives,
    positives,
    random_embeddings,
    seeded,
)

MINING = ["random", "batch_hard", "semi_hard"]


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


def triplet_losses(mining: str, margin: float = 1.0) -> Losses:
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


@each_batch
@pytest.mark.parametrize(("mining", "margin"), [*((mining, 1.0) for mining in MINING), ("batch_hard", 0.3)])
def test_against_the_definition(mining: Any, margin: float, labels: list[int]) -> None:
    objective = triplet.Spec(name="triplet", mining=mining, margin=margin)
    check_against_the_definition(objective, triplet_losses(mining, margin), labels)


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
    objective = triplet.Spec(name="triplet", mining=mining)
    loss, count = objective.loss(points, labels, seeded())
    assert loss.item() == pytest.approx(((3 - 1 + 1) + (3 - 2 + 1)) / 2)
    assert int(count) == 2
    *two, alone = objective.losses(points, labels, seeded()).tolist()
    assert two == pytest.approx([3 - 1 + 1, 3 - 2 + 1])
    assert math.isnan(alone)


def test_a_loss_that_is_not_finite_is_no_image_left_out() -> None:
    points, labels = torch.tensor([[0.0], [math.nan], [1.0], [2.0]]), torch.tensor([0, 0, 1, 1])
    loss, count = triplet.Spec(name="triplet").loss(points, labels, seeded())
    assert math.isnan(loss.item())
    assert int(count) == 4


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


@pytest.mark.parametrize("mining", ["random", "semi_hard"])
def test_draws_move_on_with_the_generator(mining: Any) -> None:
    labels, generator = torch.tensor(BATCHES["mixed"] * 5), seeded()
    x = random_embeddings(labels.tolist())
    objective = triplet.Spec(name="triplet", mining=mining)
    first, second = (objective.loss(x, labels, generator)[0].item() for _ in range(2))
    assert first != second
