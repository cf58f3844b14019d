"""Sweeps: their points, their choice, and what each leaves."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from probeline import sweep_summary
from probeline import task as tasks
from probeline.figures import sweeps
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.sweeping import sweep as sweeping
from probeline.sweeping.spec import Spec, told
from probeline.task import Task
from probeline.training import checkpoint, seeds
from probeline.training.data import to_device
from stages import sweep

RUN = {
    "experiment": "D2", "task": "made", "seeds": [0, 1], "model": {"name": "linear"},
    "objective": {"name": "cross_entropy"}, "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 8, "epochs": 3,
    "evaluate_every": 1, "l2": {"strength": 0.1, "form": "sum"},
}  # fmt: skip
GRID = {"optimizer": {"lr": [0.1, 1e30, 0.01]}, "batch_size": [8, 16]}


def spec(**changes: Any) -> Spec:
    return params.validate("sweeps.mine", {"run": RUN, "grid": GRID} | changes, Spec)


@pytest.fixture
def project(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/tasks/made").mkdir(parents=True)
    tasks.save(task, tmp_path / "data/tasks/made")
    return tmp_path


def carried_out(**changes: Any) -> dict[str, Any]:
    entry = {"run": RUN, "grid": GRID} | changes
    Path("params.yaml").write_text(yaml.safe_dump({"sweeps": {"mine": entry}}))
    sweep.main("mine")
    found: dict[str, Any] = json.loads(Path("data/results/sweep/mine/sweep.json").read_text())
    return found


def test_the_points_of_a_grid_and_of_a_list() -> None:
    points = spec().all_points()
    assert [(point.run.optimizer.lr, point.run.batch_size) for point in points] == [
        (lr, size) for lr in (0.1, 1e30, 0.01) for size in (8, 16)
    ]
    assert told(points[1].values) == "lr 0.1, batch_size 16"
    listed = spec(grid={}, points=[{}, {"model": {"embedding": 4}}, {"l2": {"strength": 1.0, "form": "sum"}}])
    assert [told(values) for values in listed.settings()] == [
        "the run itself",
        "embedding 4",
        "l2 1, form sum",
    ]
    assert listed.all_points()[1].run.model.embedding == 4
    assert listed.all_points()[2].run.l2.strength == 1.0  # type: ignore[union-attr]
    assert told({"l2": None, "optimizer.name": "adam"}) == "l2 null, optimizer adam"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"grid": {"optimizer": {"lr": 0.1}}}, "sweeps.mine: grid.optimizer.lr: is 0.1; give a list of values"),
        ({"grid": {"optimizer": {"lr": []}}}, "sweeps.mine: grid.optimizer.lr: is empty; give at least one value"),
        ({"grid": {"optimizer": {"rl": [0.1]}}}, "the point rl 0.1: optimizer: unknown key 'rl'; there is"),
        (
            {"grid": {"batch_size": [8, 0]}},
            "the point batch_size 0: batch_size: should be greater than or equal to 1, not 0",
        ),
        ({"grid": {"optimizer": {"lr": [0.1, 0.1]}}}, "sweeps.mine: grid.optimizer.lr: names 0.1 twice; name each"),
        ({"grid": {"task": ["a", "b"]}}, "task is the same for all points of a sweep; make a second sweep for another"),
        ({"grid": {"objective": [{"name": "cross_entropy"}, {"name": "hinge"}]}}, "objective.name is the same for all"),
        ({"grid": {"model": [{"name": "linear"}, {"name": "mlp", "hidden": [4]}]}}, "model.name is the same for all"),
        ({"grid": {"seeds": [[0], [1]]}}, "seeds is the same for all points of a sweep"),
        ({"grid": {"batch_size": list(range(2, 2000))}}, "sweeps.mine: has 1998 points; a sweep has 1000 at the most"),
        ({"shares": [0.5, 0.5]}, "sweeps.mine.shares: names 0.5 twice; name each once"),
        ({"grid": {}}, "sweeps.mine: varies nothing; give a grid, points, or two shares"),
        ({"grid": {"optimizer": {}}}, "sweeps.mine: varies nothing; give a grid, points, or two shares"),
        ({"grid": {}, "points": [{}]}, "sweeps.mine: varies nothing; give a grid, points, or two shares"),
        (
            {"grid": {}, "points": [{"epochs": 2}, {"epochs": 2}]},
            "sweeps.mine.points: names {'epochs': 2} twice; name each once",
        ),
        ({"grid": {"size": [1]}}, "sweeps.mine: the point size 1: unknown key 'size'; there"),
        ({"points": [{}]}, "sweeps.mine: has a grid and points; give one of them"),
        ({"shares": [0.5, 1.5]}, "sweeps.mine.shares.1: should be less than or equal to 1, not 1.5"),
        ({"run": {**RUN, "objective": {"name": "triplet"}}}, "triplet predicts no classes, and a sweep chooses by acc"),
    ],
)
def test_a_mistake_in_a_sweep(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as error:
        spec(**changes)
    assert line in str(error.value)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("model", [{"name": "linear"}, {"name": "mlp", "hidden": [6]}])
def test_the_best_point_alone_is_scored_on_test_images(task: Task, model: dict[str, Any], tmp_path: Path) -> None:
    record = carried_out(run=RUN | {"model": model})
    frame = sweep_summary.rows(record)
    assert len(frame) == 12
    diverged = frame["optimizer.lr"] == 1e30
    assert frame[diverged]["diverged_at"].notna().all()
    assert frame[~diverged]["validation_accuracy"].notna().all()
    means = frame[~diverged].groupby(["optimizer.lr", "batch_size"])["validation_accuracy"].mean()
    best = frame[frame["best"]]
    assert best["test_accuracy"].notna().all()
    assert frame[~frame["best"]]["test_accuracy"].isna().all()
    assert best["validation_accuracy"].mean() == pytest.approx(means.max())
    # The same run on its own, as train@run has it.
    point = next(p for p in spec(run=RUN | {"model": model}).all_points() if (p.run.optimizer.lr, p.run.batch_size) == (
        best.iloc[0]["optimizer.lr"], best.iloc[0]["batch_size"]))  # fmt: skip
    cpu = torch.device("cpu")
    alone = seeds.train(
        "train.x", point.run, task, to_device(task, point.run, "x", cpu), tmp_path / "c", seeds.Effort()
    )
    for (_, row), result in zip(best.iterrows(), alone, strict=True):
        assert row["test_accuracy"] == result.scores["test"].accuracy
        assert row["validation_loss"] == pytest.approx(result.scores["validation"].loss, rel=1e-4)


@pytest.mark.usefixtures("project")
def test_shares_are_nested_and_each_has_its_best(task: Task) -> None:
    parts = [sweeping.subset(task, share, seed=1).train for share in (0.2, 0.5, 1.0)]
    assert parts[1].tolist() != sweeping.subset(task, 0.5, seed=0).train.tolist()
    assert [part.shape for part in parts] == [(2, 6), (2, 15), (2, 30)]
    for small, large in pairwise(parts):
        assert all(set(a) <= set(b) for a, b in zip(small.tolist(), large.tolist(), strict=True))
    assert parts[2].tolist() == task.train.tolist()
    record = carried_out(shares=[0.2, 1.0], grid={"optimizer": {"lr": [0.1, 0.01]}})
    points = sweep_summary.points(record)
    assert points.groupby("share")["best"].sum().tolist() == [1, 1]
    assert points["train_images"].tolist() == [6, 6, 30, 30]
    assert sweep_summary.numbers({"mine": record}) == {
        "mine.best": points[points["best"] & (points["share"] == 1.0)]["test_accuracy"].item()
    }


@pytest.mark.usefixtures("project")
def test_a_sweep_that_was_stopped_goes_on_from_the_points_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, Any] = {
        "run": RUN | {"model": {"name": "mlp", "hidden": [6]}},
        "grid": {"batch_size": [8, 16, 30]},
    }
    whole = carried_out(**changes)
    plain, calls = seeds.train, []

    def stopped(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments[1].batch_size)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(*arguments, **options)

    monkeypatch.setattr(seeds, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        carried_out(**changes)
    loaded = []
    load = checkpoint.Checkpoint.load

    def counted(self: checkpoint.Checkpoint) -> Any:
        state = load(self)
        loaded.append(state is not None)
        return state

    monkeypatch.setattr(checkpoint.Checkpoint, "load", counted)
    assert carried_out(**changes) == whole
    assert loaded == [True] * 2 + [False] * 4  # three points a seed


@pytest.mark.usefixtures("project")
def test_a_point_that_cannot_be_built_is_named_before_any_is_trained() -> None:
    model = {"name": "convnet", "channels": [2], "kernel": 3, "padding": 1, "batch_norm": False, "hidden": [4]}
    with pytest.raises(UserError, match=r"^params.yaml: sweeps.mine, the point kernel 9, padding 0: images of 4x4"):
        carried_out(run=RUN | {"model": model}, grid={}, points=[{}, {"model": {"kernel": 9, "padding": 0}}])
    assert not Path(".checkpoints").exists()


@pytest.mark.usefixtures("project")
def test_a_sweep_whose_points_all_diverge_has_no_best() -> None:
    record = carried_out(grid={"optimizer": {"lr": [1e30, 1e31]}})
    assert sweep_summary.numbers({"mine": record}) == {}
    assert sweep_summary.table({"mine": record})["best"].tolist() == ["none: every point diverged"]
    assert {row["kept_step"] for row in record["rows"]} == {None}
    sweeps.draw(Path("a.png"), "mine", record)
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"shares": [0.2, 1.0], "grid": {}},
        {"grid": {}, "points": [{}, {"model": {"embedding": 4}}]},
        {"grid": {"optimizer": {"lr": [0.1, 0.01]}, "batch_size": [8, 16], "epochs": [1, 2]}},
        {
            "run": RUN | {"model": {"name": "mlp", "hidden": [3]}},
            "grid": {"model": {"hidden": [[4], [8]]}, "epochs": [1, 2]},
        },
        {"grid": {}, "points": [{}, {"objective": {"margin": 2.0}}], "run": RUN | {"objective": {"name": "hinge"}}},
    ],
)
def test_every_kind_of_sweep_has_a_figure_of_the_same_bytes(changes: dict[str, Any]) -> None:
    record = carried_out(**changes)
    for name in ("a", "b"):
        sweeps.draw(Path(f"{name}.png"), "mine", record)
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_means_and_spreads_are_over_the_seeds_of_a_point() -> None:
    def row(share: float, point: int, seed: int, accuracy: float | None, test: float | None = None) -> dict[str, Any]:
        values = dict.fromkeys(("train_loss", "train_accuracy", "validation_loss"), 0.5)
        return {
            "share": share, "train_images": 10, "point": point, "lr": [0.1, 0.2][point], "seed": seed, "kept_step": 1,
            "setting": f"lr 0.{point + 1}",
            "last_step": 1, "diverged_at": None if accuracy else 1, **values, "validation_accuracy": accuracy,
            "best": test is not None, "test_accuracy": test,
        }  # fmt: skip

    record = {
        "experiment": "D6", "task": "made", "model": "linear", "objective": "hinge", "axes": {"lr": "lr"},
        "rows": [
            row(0.1, 0, 0, 0.2, 0.3), row(0.1, 0, 1, 0.4, 0.5), row(0.1, 1, 0, 0.1), row(0.1, 1, 1, None),
            row(1.0, 0, 0, 0.5), row(1.0, 0, 1, 0.5), row(1.0, 1, 0, 0.6, 0.7), row(1.0, 1, 1, 0.9, 0.8),
        ],
    }  # fmt: skip
    points = sweep_summary.points(record)
    assert points["validation_accuracy"].tolist()[:1] == [pytest.approx(0.3)]
    assert points["validation_accuracy"].isna().tolist() == [False, True, False, False]
    assert points["diverged"].tolist() == [0, 1, 0, 0]
    assert points["test_accuracy"].tolist()[0::3] == [pytest.approx(0.4), pytest.approx(0.75)]
    assert points["test_accuracy_std"].tolist()[0] == pytest.approx(0.1 * 2**0.5)
    table = sweep_summary.table({"mine": record})
    assert table["best"].tolist() == ["lr 0.1", "lr 0.2"]
    assert sweep_summary.numbers({"mine": record}) == {"mine.best": pytest.approx(0.75)}
