"""A sweep in one pass against the engine, point by point, and gradients by hand against autograd."""

from pathlib import Path
from typing import Any

import pytest
import torch

from probeline.sweeping import linear, stack
from probeline.task import Task
from probeline.training import seeds
from probeline.training.data import to_device
from probeline.training.record import SeedResult
from probeline.training.spec import Run

CPU = torch.device("cpu")
SOFTMAX, HINGE = {"name": "cross_entropy"}, {"name": "hinge", "margin": 0.7}


def spec(lr: float = 0.1, momentum: float = 0.0, weight_decay: float = 0.0, **changes: Any) -> Run:
    defaults = {
        "experiment": "D3", "task": "made", "seeds": [0], "model": {"name": "linear"}, "objective": SOFTMAX,
        "optimizer": {"name": "sgd", "lr": lr, "momentum": momentum, "weight_decay": weight_decay}, "batch_size": 8,
        "epochs": 5, "evaluate_every": 1, "may_diverge": True,
    }  # fmt: skip
    return Run.model_validate(defaults | changes)


def l2(strength: float, form: str) -> dict[str, object]:
    return {"strength": strength, "form": form}


def sweep(task: Task, runs: list[Run], **options: Any) -> list[list[SeedResult]]:
    return linear.train("sweeps.mine", runs, task, to_device(task, runs[0], "sweeps.mine", CPU), **options)


def one_by_one(task: Task, runs: list[Run], folder: Path) -> list[list[SeedResult]]:
    shared = to_device(task, runs[0], "sweeps.mine", CPU)
    return [
        seeds.train("sweeps.mine", run, task, shared, folder / str(number), seeds.Effort())
        for number, run in enumerate(runs)
    ]


def assert_alike(found: list[list[SeedResult]], expected: list[list[SeedResult]]) -> None:
    for mine, reference in zip((r for rs in found for r in rs), (r for rs in expected for r in rs), strict=True):
        assert (mine.seed, mine.draw, mine.fit.step) == (reference.seed, reference.draw, reference.fit.step)
        for name, value in reference.fit.weights.items():
            torch.testing.assert_close(mine.fit.weights[name], value, rtol=0, atol=1e-5)
        rows = [{k: v for k, v in row.items() if not k.startswith("train")} for row in reference.fit.history]
        assert [row["step"] for row in mine.fit.history] == [row["step"] for row in rows]
        for row, wanted in zip(mine.fit.history, rows, strict=True):
            assert row == pytest.approx(wanted, abs=1e-5)
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
@pytest.mark.parametrize("normalise", [None, {"mean": [0.4], "std": [0.3]}], ids=["as they are", "normalised"])
def test_every_point_is_what_the_engine_makes_of_it(
    task: Task, tmp_path: Path, objective: dict[str, Any], normalise: dict[str, Any] | None
) -> None:
    runs = [spec(**point, objective=objective, normalise=normalise) for point in POINTS]
    found = sweep(task, runs)
    assert_alike(found, one_by_one(task, runs, tmp_path))
    finals = [r.fit.weights["head.weight"] for rs in found for r in rs]
    for number, one in enumerate(finals):  # or equality would say little
        assert all((one - other).abs().max() > 1e-3 for other in finals[:number])


def test_many_small_decays_add_up() -> None:
    """lr * penalty is 2e-8, and 1 minus that is 1 in float32: yet 4,000 such steps take 8e-5 off a weight of 1."""
    start = {"head.weight": torch.ones(2, 3), "head.bias": torch.ones(2)}
    models = stack.Stack.of([start])
    descent = stack.Descent(models, [stack.Sgd(lr=1e-5, momentum=0.0, weight_decay=0.0, penalty=0.002)])
    generator = torch.Generator().manual_seed(0)
    moved = torch.zeros(2, dtype=torch.float64)
    for _ in range(4000):
        gradient = torch.randn(2, 1, 1, generator=generator)
        moved -= 1e-5 * gradient.view(2).double()
        descent.step(gradient, torch.ones(1, 3))
    decayed = models.model(0)["head.weight"].double() - 1 - moved[:, None]
    assert decayed == pytest.approx(torch.full((2, 3), -8e-5).numpy(), rel=0.1)
    torch.testing.assert_close(models.model(0)["head.bias"].double(), 1 + moved, rtol=0, atol=4e-6)


def test_it_is_evaluated_when_the_engine_evaluates(task: Task, tmp_path: Path) -> None:
    runs = [spec(evaluate_every=2), spec(evaluate_every=3, lr=0.02), spec(evaluate_every=9, epochs=4)]
    found = sweep(task, runs)
    assert [[row["epoch"] for row in rs[0].fit.history] for rs in found] == [[2, 4, 5], [3, 5], [4]]
    assert_alike(found, one_by_one(task, runs, tmp_path))


def test_epochs_cost_nothing_more(task: Task) -> None:
    seen: list[tuple[int, int]] = []
    runs = [spec(epochs=epochs, batch_size=size) for epochs in (2, 3, 5) for size in (8, 30)]
    sweep(task, runs, report=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 25) for done in (4, 8, 12, 16, 20, 21, 22, 23, 24, 25)]  # 5 epochs of 4 steps and of 1


@pytest.mark.parametrize("objective", [SOFTMAX, HINGE], ids=["softmax", "hinge"])
def test_a_point_that_diverges_harms_no_other(task: Task, tmp_path: Path, objective: dict[str, Any]) -> None:
    calm = [spec(epochs=10, objective=objective), spec(epochs=10, momentum=0.9, objective=objective)]
    # The weights grow a hundredfold each step, past the largest float32 after some 20 of 40.
    wild = [spec(epochs=epochs, weight_decay=1010.0, objective=objective) for epochs in (10, 2)]
    tame = [spec(epochs=epochs, weight_decay=0.1, objective=objective) for epochs in (10, 2)]
    found = sweep(task, [calm[0], *wild, calm[1]])
    undisturbed = sweep(task, [calm[0], *tame, calm[1]])
    for place in (0, 3):
        for name, value in undisturbed[place][0].fit.weights.items():
            assert torch.equal(found[place][0].fit.weights[name], value)
        assert found[place][0].fit.history == undisturbed[place][0].fit.history
        assert found[place][0].fit.diverged_at is None

    by_engine = one_by_one(task, wild, tmp_path)
    lost, ended_before = found[1][0], found[2][0]
    assert 15 < (lost.fit.diverged_at or 0) < 25
    assert lost.fit.diverged_at == by_engine[0][0].fit.diverged_at
    assert [row["step"] for row in lost.fit.history] == [row["step"] for row in by_engine[0][0].fit.history]
    assert lost.fit.last_step == by_engine[0][0].fit.last_step
    assert lost.scores == {}
    assert ended_before.fit.diverged_at is None
    assert ended_before.scores["train"].loss == pytest.approx(by_engine[1][0].scores["train"].loss, rel=1e-4)


def test_the_same_sweep_gives_the_same_bits(task: Task) -> None:
    runs = [spec(), spec(lr=0.01, momentum=0.9), spec(batch_size=7, seeds=[0, 1])]
    one, two = ([r for rs in sweep(task, runs) for r in rs] for _ in range(2))
    for mine, other in zip(one, two, strict=True):
        assert all(torch.equal(value, other.fit.weights[name]) for name, value in mine.fit.weights.items())
        assert mine.fit.history == other.fit.history


@pytest.mark.parametrize("objective", [SOFTMAX, HINGE], ids=["softmax", "hinge"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_gradients_by_hand_are_those_of_the_objective(objective: dict[str, Any], scale: float) -> None:
    chosen = spec(objective=objective).objective
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(4, 3, 5, generator=generator) * scale  # four classes, three models, five images
    labels = torch.tensor([3, 0, 0, 2, 1])
    hot = stack.one_hot(labels, 4)
    for model in range(3):
        alone = outputs[:, model].T.clone().requires_grad_()
        loss, _ = chosen.loss(alone, labels)
        (expected,) = torch.autograd.grad(loss, alone)
        torch.testing.assert_close(stack.gradient(chosen, outputs, hot)[:, model].T / 5, expected, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(stack.losses(chosen, outputs, hot)[model].mean(), loss, rtol=1e-5, atol=1e-7)


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
    ],
    ids=str,
)
def test_what_needs_the_engine_is_no_point(task: Task, change: dict[str, Any]) -> None:
    assert linear.fits(spec())
    assert not linear.fits(spec(**change))
    with pytest.raises(ValueError, match="not points of one linear sweep"):
        sweep(task, [spec(), spec(**change)])


def test_points_differ_in_numbers_alone(task: Task) -> None:
    with pytest.raises(ValueError, match="not points of one linear sweep"):
        sweep(task, [spec(), spec(normalise={"mean": [0.5], "std": [0.5]})])
