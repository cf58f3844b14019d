"""sweep@name: what is chosen, and what it leaves."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from probeline.pipeline import checkpoint
from probeline.pipeline.errors import ParamError
from probeline.results import outputs
from probeline.results import sweeps as results
from probeline.sweeps import sweep as sweeping
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from probeline.training import seeds
from stages import sweep
from tests.unit.sweeps.made import one_by_one
from tests.unit.sweeps.test_spec import GRID, RUN
from tests.unit.sweeps.test_spec import sweep as spec

FOLDER = Path("data/results/sweep/mine")
MLP = {"name": "mlp", "hidden": [6]}


@pytest.fixture
def _project(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the task `made`."""
    monkeypatch.chdir(tmp_path)
    Path("data/tasks/made").mkdir(parents=True)
    tasks.save(task, Path("data/tasks/made"))


def carried_out(**changes: Any) -> results.Sweep:
    entry = {"run": RUN, "grid": GRID} | changes
    Path("params.yaml").write_text(yaml.safe_dump({"sweeps": {"mine": entry}}))
    sweep.main("mine")
    return results.Sweep.load(FOLDER / results.FILE)


def mean_accuracy(rows: list[results.Point], point: int) -> float:
    values = [row.validation_accuracy for row in rows if row.point == point]
    return float(np.mean([-1 if value is None else value for value in values]))


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize("model", [{"name": "linear"}, MLP], ids=["in one pass", "one by one"])
def test_the_best_point_alone_is_scored_on_test_images(task: Task, model: dict[str, Any], tmp_path: Path) -> None:
    record = carried_out(run=RUN | {"model": model})
    assert (record.report_id, record.task, record.dataset, record.model) == ("D2", "made", "made", model["name"])
    assert record.images == {"train": 30, "validation": 10, "test": 15}
    assert (record.grid, record.axes) == (True, {"optimizer.lr": "lr", "batch_size": "batch_size"})
    rows = record.rows
    assert [(row.point, row.seed) for row in rows] == [(point, seed) for point in range(6) for seed in (0, 1)]
    for row in rows:
        diverged = row.values["optimizer.lr"] == 1e30
        assert (row.diverged_at is not None) == diverged
        for value in (row.kept_step, row.train_loss, row.train_accuracy, row.validation_loss, row.validation_accuracy):
            assert (value is None) == diverged
        assert (row.test_accuracy is not None) == row.best
    (best,) = {row.point for row in rows if row.best}
    means = [mean_accuracy(rows, point) for point in range(6)]
    assert best == means.index(max(means))  # the first of equals
    # The same run on its own, as train@run has it.
    chosen = spec(run=RUN | {"model": model}).all_points()[best].run
    (alone,) = one_by_one(task, [chosen], tmp_path / "alone")
    for row, result in zip((row for row in rows if row.best), alone, strict=True):
        assert row.test_accuracy == result.scores["test"].accuracy
        assert row.validation_loss == pytest.approx(result.scores["validation"].loss, rel=1e-4)
        assert result.outputs is not None
        left = outputs.load(results.outputs(FOLDER, 1.0, row.seed))
        for split in ("validation", "test"):
            np.testing.assert_allclose(left.scores[split], result.outputs.scores[split], atol=1e-4)


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize("model", [{"name": "linear"}, MLP], ids=["in one pass", "one by one"])
def test_the_chosen_point_leaves_outputs_of_all_splits_for_each_seed_and_fraction(
    task: Task, model: dict[str, Any]
) -> None:
    record = carried_out(
        run=RUN | {"model": model}, grid={"optimizer": {"lr": [0.1, 0.01]}}, train_fractions=[0.2, 1.0]
    )
    names = [f"fraction-{fraction}.seed-{seed}.npz" for fraction in ("0.2", "1.0") for seed in (0, 1)]
    assert sorted(path.name for path in FOLDER.iterdir()) == [*names, "sweep.json"]
    best = [row for row in record.rows if row.best]
    assert [(row.train_fraction, row.seed) for row in best] == [(0.2, 0), (0.2, 1), (1.0, 0), (1.0, 1)]
    for row in best:
        found = outputs.load(results.outputs(FOLDER, row.train_fraction, row.seed))
        resample = row.seed % 2
        images = {
            "train": sweeping.subset(task, row.train_fraction, row.seed).train[resample],
            "validation": task.validation[resample],
            "test": task.test,
        }
        assert found.kind == "logits"
        for split, indices in images.items():
            right = found.predicted[split] == task.labels[indices]
            assert right.mean() == pytest.approx(getattr(row, f"{split}_accuracy"))
        assert {split: scores.shape for split, scores in found.scores.items()} == {
            "validation": (10, 3), "test": (15, 3),
        }  # fmt: skip
        assert found.losses["train"].mean() == pytest.approx(row.train_loss, rel=1e-4)


@pytest.mark.usefixtures("_project")
def test_fractions_are_nested_and_each_has_its_best(task: Task) -> None:
    parts = [sweeping.subset(task, fraction, seed=1).train for fraction in (0.2, 0.5, 1.0)]
    assert parts[1].tolist() != sweeping.subset(task, 0.5, seed=0).train.tolist()
    assert [part.shape for part in parts] == [(2, 6), (2, 15), (2, 30)]
    for small, large in pairwise(parts):
        assert all(set(a) <= set(b) for a, b in zip(small.tolist(), large.tolist(), strict=True))
    assert parts[2].tolist() == task.train.tolist()
    assert sweeping.subset(task, 0.001, seed=0).train.shape == (2, 2)  # two images at the least
    record = carried_out(train_fractions=[0.2, 1.0], grid={"optimizer": {"lr": [0.1, 0.01]}})
    assert [row.train_images for row in record.rows] == [6] * 4 + [30] * 4
    for fraction in (0.2, 1.0):
        rows = [row for row in record.rows if row.train_fraction == fraction]
        (best,) = {row.point for row in rows if row.best}
        assert mean_accuracy(rows, best) == max(mean_accuracy(rows, point) for point in (0, 1))


@pytest.mark.usefixtures("_project")
def test_a_sweep_twice_leaves_the_same_bytes_and_no_checkpoints() -> None:
    carried_out()
    files = sorted(FOLDER.iterdir())
    first = [path.read_bytes() for path in files]
    carried_out()
    assert [path.read_bytes() for path in files] == first
    assert not [path for path in Path(".checkpoints").iterdir() if path.is_dir()]


@pytest.mark.usefixtures("_project")
def test_a_list_of_points_and_fractions_alone_are_sweeps() -> None:
    listed = carried_out(grid={}, points=[{}, {"model": {"embedding": 4}}])
    assert (listed.grid, listed.axes) == (False, {"model.embedding": "embedding"})
    assert [row.setting for row in listed.rows] == ["the run itself"] * 2 + ["embedding 4"] * 2
    fractions = carried_out(grid={}, train_fractions=[0.2, 1.0])
    assert (fractions.grid, fractions.axes) == (False, {})
    assert all(row.best for row in fractions.rows)


@pytest.mark.usefixtures("_project")
def test_a_sweep_that_was_stopped_goes_on_from_the_points_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: dict[str, Any] = {"run": RUN | {"model": MLP}, "grid": {"batch_size": [8, 16, 30]}}
    whole = carried_out(**changes)
    calls = []

    def stopped(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments[0].recipe.batch_size)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return seeds.train(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(sweeping, "train_seeds", stopped)
        with pytest.raises(KeyboardInterrupt):
            carried_out(**changes)
    assert calls == [8, 16, 30]
    loaded = []
    load = checkpoint.Checkpoint.load

    def counted(self: checkpoint.Checkpoint) -> Any:
        state = load(self)
        loaded.append(state is not None)
        return state

    monkeypatch.setattr(checkpoint.Checkpoint, "load", counted)
    assert carried_out(**changes) == whole
    assert loaded == [True] * 2 + [False] * 4  # three points a seed


@pytest.mark.usefixtures("_project")
def test_a_point_that_cannot_be_built_is_named_before_any_is_trained() -> None:
    model = {"name": "convnet", "channels": [2], "kernel_size": 3, "padding": 1, "batch_norm": False, "hidden": [4]}
    with pytest.raises(ParamError) as error:
        carried_out(run=RUN | {"model": model}, grid={}, points=[{}, {"model": {"kernel_size": 9, "padding": 0}}])
    assert error.value.lines[0].startswith("params.yaml: the point kernel_size 9, padding 0: images of 4x4 are too")
    assert len(error.value.lines) == 1
    assert not Path(".checkpoints").exists()


@pytest.mark.usefixtures("_project")
@pytest.mark.parametrize("model", [{"name": "linear"}, MLP], ids=["in one pass", "one by one"])
def test_a_normalization_for_other_channels_is_told_at_the_key_of_the_run(model: dict[str, Any]) -> None:
    with pytest.raises(ParamError) as error:
        carried_out(run=RUN | {"model": model, "normalize": {"mean": [0.1, 0.2], "std": [1.0]}})
    assert error.value.lines == ("params.yaml: run.normalize.mean: 2 values for images of 1 channels; give 1",)


@pytest.mark.usefixtures("_project")
def test_a_sweep_whose_points_all_diverge_has_no_best(capsys: pytest.CaptureFixture[str]) -> None:
    record = carried_out(grid={"optimizer": {"lr": [1e30, 1e31]}})
    assert {(row.kept_step, row.best, row.test_accuracy) for row in record.rows} == {(None, False, None)}
    assert [path.name for path in FOLDER.iterdir()] == ["sweep.json"]
    assert capsys.readouterr().out.splitlines()[-1] == "mine, 30 training images: every point diverged"
