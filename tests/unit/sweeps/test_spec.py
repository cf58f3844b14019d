"""A sweep in params.yaml: its points, and mistakes in it."""

from typing import Any

import pytest

from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.sweeps.spec import Sweep, short, told

RUN = {
    "report_id": "D2", "task": "made", "seeds": [0, 1], "model": {"name": "linear"},
    "objective": {"name": "cross_entropy"}, "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 8, "epochs": 3,
    "l2": {"lambda": 0.1, "form": "sum"},
}  # fmt: skip
GRID = {"optimizer": {"lr": [0.1, 1e30, 0.01]}, "batch_size": [8, 16]}


def sweep(**changes: Any) -> Sweep:
    return params.validate("sweeps.mine", {"run": RUN, "grid": GRID} | changes, Sweep)


def test_the_points_of_a_grid_are_all_combinations_the_last_key_changing_fastest() -> None:
    points = sweep().all_points()
    assert [(point.run.optimizer.lr, point.run.batch_size) for point in points] == [
        (lr, size) for lr in (0.1, 1e30, 0.01) for size in (8, 16)
    ]
    assert told(points[1].values) == "lr 0.1, batch_size 16"
    assert all(point.run.may_diverge for point in points)
    assert all(point.run.seeds == [0, 1] for point in points)


def test_the_points_of_a_list_are_changes_to_the_run() -> None:
    listed = sweep(grid={}, points=[{}, {"model": {"embedding": 4}}, {"l2": {"lambda": 1.0, "form": "half"}}])
    assert [told(values) for values in listed.settings()] == ["the run itself", "embedding 4", "l2 1, form half"]
    points = listed.all_points()
    assert points[1].run.model.embedding == 4
    assert points[2].run.l2 is not None
    assert (points[2].run.l2.lambda_, points[2].run.l2.form) == (1.0, "half")
    assert points[0].run.l2 is not None
    assert points[0].run.l2.lambda_ == 0.1


def test_a_grid_over_lambda_keeps_the_form_of_the_run() -> None:
    points = sweep(grid={"l2": {"lambda": [0.0, 1.0]}}).all_points()
    assert [(point.run.l2.lambda_, point.run.l2.form) for point in points if point.run.l2] == [
        (0.0, "sum"),
        (1.0, "sum"),
    ]
    assert [told(point.values) for point in points] == ["l2 0", "l2 1"]


def test_a_point_is_told_in_words() -> None:
    assert told({"l2": None, "optimizer.name": "adam"}) == "l2 null, optimizer adam"
    assert told({"optimizer.lr": 1e-7, "model.hidden": [4, 5]}) == "lr 1e-07, hidden [4, 5]"
    keys = ("optimizer.lr", "optimizer.name", "l2.lambda", "l2", "batch_size", "early_stopping.plateau.after")
    assert [short(key) for key in keys] == ["lr", "optimizer", "l2", "l2", "batch_size", "after"]


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
        ({"grid": {"l2": {"lambda": [-1.0]}}}, "the point l2 -1: l2.lambda: should be greater than or equal to 0"),
        ({"grid": {"optimizer": {"lr": [0.1, 0.1]}}}, "sweeps.mine: grid.optimizer.lr: names 0.1 twice; name each"),
        ({"grid": {"task": ["a", "b"]}}, "task is the same for all points of a sweep; make a second sweep for another"),
        ({"grid": {"objective": [{"name": "cross_entropy"}, {"name": "hinge"}]}}, "objective.name is the same for all"),
        ({"grid": {"model": [{"name": "linear"}, {"name": "mlp", "hidden": [4]}]}}, "model.name is the same for all"),
        ({"grid": {"seeds": [[0], [1]]}}, "seeds is the same for all points of a sweep"),
        ({"grid": {"report_id": ["D1", "D2"]}}, "report_id is the same for all points of a sweep"),
        ({"grid": {"batch_size": list(range(2, 2000))}}, "sweeps.mine: has 1998 points; a sweep has 1000 at the most"),
        ({"train_fractions": [0.5, 0.5]}, "sweeps.mine.train_fractions: names 0.5 twice; name each once"),
        ({"train_fractions": []}, "sweeps.mine.train_fractions: is empty; give at least one"),
        ({"grid": {}}, "sweeps.mine: varies nothing; give a grid, points, or two train_fractions"),
        ({"grid": {"optimizer": {}}}, "sweeps.mine: grid.optimizer: is empty; give it a key, or leave it out"),
        ({"grid": {**GRID, "l2": {}}}, "sweeps.mine: grid.l2: is empty; give it a key, or leave it out"),
        ({"grid": {**GRID, "l2": {"lambda": []}}}, "sweeps.mine: grid.l2.lambda: is empty; give at least one value"),
        ({"grid": {}, "points": [{}, {"model": {}}]}, "sweeps.mine: points.1.model: is empty; give it a key, or leave"),
        ({"run": {**RUN, "may_diverge": True}}, "sweeps.mine: run.may_diverge: a point that diverges is a result any"),
        ({"grid": {}, "points": [{}]}, "sweeps.mine: varies nothing; give a grid, points, or two train_fractions"),
        (
            {"grid": {}, "points": [{"epochs": 2}, {"epochs": 2}]},
            "sweeps.mine.points: names {'epochs': 2} twice; name each once",
        ),
        ({"grid": {"size": [1]}}, "sweeps.mine: the point size 1: unknown key 'size'; there"),
        ({"points": [{}]}, "sweeps.mine: has a grid and points; give one of them"),
        ({"train_fractions": [0.5, 1.5]}, "sweeps.mine.train_fractions.1: should be less than or equal to 1, not 1.5"),
        ({"run": {**RUN, "objective": {"name": "triplet"}}}, "triplet predicts no classes, and a sweep chooses by acc"),
        ({"run": {**RUN, "batch_size": 0}}, "sweeps.mine.run.batch_size: should be greater than or equal to 1, not 0"),
        ({"shares": [0.5]}, "sweeps.mine: unknown key 'shares'"),
    ],
)
def test_a_mistake_in_a_sweep_is_one_line_with_its_key(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as error:
        sweep(**changes)
    assert len(error.value.lines) == 1
    assert line in error.value.lines[0]
