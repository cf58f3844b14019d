"""A sweep in one pass against the engine, point by point."""

from pathlib import Path
from typing import Any

import pytest
import torch

from probeline.sweeps import linear
from probeline.tasks.task import Task
from probeline.training.seeds import SeedResult
from tests.unit.sweeps.made import HINGE, SOFTMAX, in_one_pass, l2, one_by_one, run


def assert_alike(found: list[list[SeedResult]], expected: list[list[SeedResult]]) -> None:
    for mine, reference in zip((r for rs in found for r in rs), (r for rs in expected for r in rs), strict=True):
        assert (mine.seed, mine.resample, mine.fit.step) == (reference.seed, reference.resample, reference.fit.step)
        for name, value in reference.fit.weights.items():
            torch.testing.assert_close(mine.fit.weights[name], value, rtol=0, atol=1e-5)
        unmeasured = {"train_loss", "train_accuracy"}
        rows = [row.model_dump(exclude=unmeasured) for row in reference.fit.history]
        assert [row.step for row in mine.fit.history] == [row.step for row in reference.fit.history]
        for row, wanted in zip(mine.fit.history, rows, strict=True):
            assert row.model_dump(exclude=unmeasured) == pytest.approx(wanted, abs=1e-5)
        assert set(mine.scores) == {"train", "validation"}
        for split in ("train", "validation"):
            assert mine.scores[split].loss == pytest.approx(reference.scores[split].loss, abs=1e-5)
            assert mine.scores[split].accuracy == reference.scores[split].accuracy


# 30 training images: the last minibatch of 8 has 6, that of 7 has 2.
POINTS: list[dict[str, Any]] = [
    {},
    {"lr": 0.01},
    {"epochs": 2},
    {"epochs": 2, "momentum": 0.9},
    {"momentum": 0.9},
    {"weight_decay": 0.3},
    {"weight_decay": 0.1, "momentum": 0.5, "l2": l2(0.2, "sum"), "lr": 0.05},
    {"l2": l2(0.2, "half"), "seeds": [1, 3]},
    {"l2": l2(6.0, "per_image"), "seeds": [1, 0]},
    {"batch_size": 7, "l2": l2(0.2, "sum")},
    {"batch_size": 7, "l2": l2(0.2, "sum"), "epochs": 3},
    {"batch_size": 30},
]


@pytest.mark.parametrize("objective", [SOFTMAX, HINGE], ids=["softmax", "hinge"])
@pytest.mark.parametrize("normalize", [None, {"mean": [0.4], "std": [0.3]}], ids=["as they are", "normalized"])
def test_every_point_is_what_the_engine_makes_of_it(
    task: Task, tmp_path: Path, objective: dict[str, Any], normalize: dict[str, Any] | None
) -> None:
    runs = [run(**point, objective=objective, normalize=normalize) for point in POINTS]
    found = in_one_pass(task, runs)
    assert_alike(found, one_by_one(task, runs, tmp_path))
    finals = [r.fit.weights["head.weight"] for rs in found for r in rs]
    for number, one in enumerate(finals):  # or equality would say little
        assert all((one - other).abs().max() > 1e-3 for other in finals[:number])


def test_it_is_evaluated_when_the_engine_evaluates(task: Task, tmp_path: Path) -> None:
    runs = [run(evaluate_every=2), run(evaluate_every=3, lr=0.02), run(evaluate_every=9, epochs=4)]
    found = in_one_pass(task, runs)
    assert [[row.epoch for row in rs[0].fit.history] for rs in found] == [[2, 4, 5], [3, 5], [4]]
    assert_alike(found, one_by_one(task, runs, tmp_path))


def test_epochs_cost_nothing_more(task: Task) -> None:
    seen: list[tuple[int, int]] = []
    runs = [run(epochs=epochs, batch_size=size) for epochs in (2, 3, 5) for size in (8, 30)]
    in_one_pass(task, runs, report=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 25) for done in (4, 8, 12, 16, 20, 21, 22, 23, 24, 25)]  # 5 epochs of 4 steps and of 1


@pytest.mark.parametrize("objective", [SOFTMAX, HINGE], ids=["softmax", "hinge"])
def test_a_point_that_diverges_harms_no_other(task: Task, tmp_path: Path, objective: dict[str, Any]) -> None:
    calm = [run(epochs=10, objective=objective), run(epochs=10, momentum=0.9, objective=objective)]
    # The weights grow a hundredfold each step, past the largest float32 after some 20 of 40.
    wild = [run(epochs=epochs, weight_decay=1010.0, objective=objective) for epochs in (10, 2)]
    tame = [run(epochs=epochs, weight_decay=0.1, objective=objective) for epochs in (10, 2)]
    found = in_one_pass(task, [calm[0], *wild, calm[1]])
    undisturbed = in_one_pass(task, [calm[0], *tame, calm[1]])
    for place in (0, 3):
        for name, value in undisturbed[place][0].fit.weights.items():
            assert torch.equal(found[place][0].fit.weights[name], value)
        assert found[place][0].fit.history == undisturbed[place][0].fit.history
        assert found[place][0].fit.diverged_at is None

    by_engine = one_by_one(task, wild, tmp_path)
    lost, ended_before = found[1][0], found[2][0]
    assert 15 < (lost.fit.diverged_at or 0) < 25
    assert lost.fit.diverged_at == by_engine[0][0].fit.diverged_at
    assert [row.step for row in lost.fit.history] == [row.step for row in by_engine[0][0].fit.history]
    assert lost.fit.last_step == by_engine[0][0].fit.last_step
    assert lost.scores == {}
    assert ended_before.fit.diverged_at is None
    assert ended_before.scores["train"].loss == pytest.approx(by_engine[1][0].scores["train"].loss, rel=1e-4)


def test_the_same_sweep_gives_the_same_bits(task: Task) -> None:
    runs = [run(), run(lr=0.01, momentum=0.9), run(batch_size=7, seeds=[0, 1])]
    one, two = ([r for rs in in_one_pass(task, runs) for r in rs] for _ in range(2))
    for mine, other in zip(one, two, strict=True):
        assert all(torch.equal(value, other.fit.weights[name]) for name, value in mine.fit.weights.items())
        assert mine.fit.history == other.fit.history


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"name": "mlp", "hidden": [4]}},
        {"model": {"name": "linear", "embedding": 4}},
        {"objective": {"name": "binary_cross_entropy", "eps": 1e-7}},
        {"optimizer": {"name": "adam", "lr": 0.1}},
        {"epochs": None, "steps": 5},
        {"clip_norm": 1.0},
        {"early_stopping": {"metric": "loss", "patience": 3}},
        {"augment": [{"name": "horizontal_flip"}]},
        {"precision": "bfloat16"},
        {"evaluate_start": True},
        {"compile": True},
        {"channels_last": True},
    ],
    ids=str,
)
def test_what_needs_the_engine_is_no_point(task: Task, change: dict[str, Any]) -> None:
    assert linear.fits(run())
    assert not linear.fits(run(**change))
    assert not linear.in_one_pass([run(), run(**change)])
    with pytest.raises(ValueError, match="not points of one linear sweep"):
        in_one_pass(task, [run(), run(**change)])


def test_points_differ_in_numbers_alone(task: Task) -> None:
    assert linear.in_one_pass([run(), run(lr=0.2, batch_size=7, epochs=3, l2=l2(0.1, "sum"), seeds=[1])])
    other = run(normalize={"mean": [0.5], "std": [0.5]})
    assert not linear.in_one_pass([run(), other])
    with pytest.raises(ValueError, match="not points of one linear sweep"):
        in_one_pass(task, [run(), other])
