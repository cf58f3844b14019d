"""All seeds of a run: their resamples, their outcome, and mistakes in one line."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from probeline.compute.data import to_device
from probeline.pipeline.errors import ParamError, at
from probeline.results.runs import Begun
from probeline.tasks.task import Task
from probeline.training import engine, seeds
from probeline.training.evaluation import evaluate
from probeline.training.job import Job
from tests.unit.training.made import (
    CONVNET,
    CPU,
    EXPLODES,
    HALF,
    TRIPLET,
    VGG,
    Killed,
    network,
    on_device,
    spec,
    train_all,
)


def test_each_seed_has_its_resample_and_its_weights(task: Task, tmp_path: Path) -> None:
    run = spec(seeds=3)
    trained = train_all(task, run, tmp_path)
    assert [(result.seed, result.resample) for result in trained] == [(0, 0), (1, 1), (2, 0)]
    assert not trained[0].fit.weights["head.weight"].equal(trained[2].fit.weights["head.weight"])
    for result in trained:
        model = network(task, run)
        model.load_state_dict(result.fit.weights)
        for split in ("train", "validation", "test"):
            score = evaluate(model, on_device(task, run, result.resample), split, run)
            assert (score.loss, score.accuracy) == (result.scores[split].loss, result.scores[split].accuracy)
            assert result.outputs is not None
            labels = task.labels[task.test if split == "test" else getattr(task, split)[result.resample]]
            assert (result.outputs.predicted[split] == labels).mean() == score.accuracy
        assert result.begun is None


def test_a_seed_is_the_same_alone(task: Task, tmp_path: Path) -> None:
    run = spec(seeds=[0, 1], model=CONVNET)
    together = train_all(task, run, tmp_path / "a")[1]
    (alone,) = train_all(task, spec(seeds=[1], model=CONVNET), tmp_path / "b")
    assert alone.fit.history == together.fit.history
    assert all(value.equal(together.fit.weights[name]) for name, value in alone.fit.weights.items())


def test_a_run_that_was_stopped_goes_on_with_its_next_seed(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = spec(seeds=2)
    whole = train_all(task, run, tmp_path / "whole")
    steps = 0

    def counted(model: Any, data: Any, recipe: Any, seed: int, saved: Any, report: Any) -> engine.Fit:
        def stops(step: int, *rest: Any) -> None:
            nonlocal steps
            steps += 1
            if steps == 15:  # the third step of the second seed
                raise Killed
            report(step, *rest)

        return engine.fit(model, data, recipe, seed, saved, stops)

    monkeypatch.setattr(seeds, "fit", counted)
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
    with pytest.raises(Killed):
        train_all(task, run, tmp_path / "cut")
    again = train_all(task, run, tmp_path / "cut")
    assert steps == 15 + 12 - 2
    assert [result.fit.history for result in again] == [result.fit.history for result in whole]


def test_divergence_fails_where_it_may_not(task: Task, tmp_path: Path) -> None:
    with pytest.raises(ParamError) as error, at("train.mine"):
        train_all(task, spec(**EXPLODES), tmp_path)
    line = str(error.value)
    assert line.startswith("params.yaml: train.mine: diverged: the loss of seed 0 is not finite at step ")
    assert line.endswith("; lower optimizer.lr, set clip_norm, or set may_diverge: true if that is the result")


def test_a_seed_that_diverged_has_neither_scores_nor_outputs(task: Task, tmp_path: Path) -> None:
    (result,) = train_all(task, spec(**EXPLODES, may_diverge=True), tmp_path)
    assert result.fit.diverged_at in {2, 3}
    assert (result.scores, result.outputs) == ({}, None)


def test_a_last_minibatch_of_one_image_is_refused_where_batch_norm_cannot_take_it(task: Task, tmp_path: Path) -> None:
    model = {"name": "resnet", "layers": [1, 1, 1], "widths": [2, 2, 2], "stem": "small"}
    with pytest.raises(ParamError, match=r"the last minibatch of an epoch has one image, and batch norm") as error:
        train_all(task, spec(model=model, batch_size=29), tmp_path)
    assert error.value.key == "batch_size"
    assert train_all(task, spec(model=model, batch_size=28), tmp_path)[0].fit.last_step == 6


def test_too_little_memory_is_one_line(task: Task, tmp_path: Path) -> None:
    run = spec(model={"name": "mlp", "hidden": [2**20, 2**20]})  # 4 TiB
    with (
        pytest.raises(ParamError, match=r"params.yaml: train.mine: this machine's memory is too small"),
        at("train.mine"),
    ):
        train_all(task, run, tmp_path)


def test_what_is_told_of_each_seed(task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (result, _) = train_all(task, spec(seeds=2), tmp_path / "a")
    first, second = capsys.readouterr().out.splitlines()
    values = ", ".join(f"{split} {score.accuracy:.4f}" for split, score in result.scores.items())
    assert first == f"train@mine seed 0 (1 of 2): 12 steps, kept step 12, accuracy {values}"
    assert second.startswith("train@mine seed 1 (2 of 2): ")
    train_all(task, spec(**TRIPLET, batch_size=4), tmp_path / "b")
    told = capsys.readouterr().out
    assert told.startswith("train@mine seed 0: 24 steps, kept step 24, loss train ")
    assert "images were left out, the only ones of their class in a batch" in told
    train_all(task, spec(**EXPLODES, may_diverge=True), tmp_path / "c")
    assert "train@mine seed 0: diverged at step " in capsys.readouterr().out


def test_what_a_network_began_with_in_words() -> None:
    begun = Begun(
        source="first", load=["features"], new=["head"], trainable="all", loaded_parameters=1234, new_parameters=5,
        trained_parameters=1239,
    )  # fmt: skip
    line = "from first: features loaded (1,234 parameters), head new (5); 1,239 parameters train"
    assert seeds.sentence(begun) == line


def test_the_log_counts_images_and_seconds(task: Task, tmp_path: Path) -> None:
    run, log = spec(epochs=2), seeds.Log("train@mine")
    shared = to_device(task, run.view(), CPU)
    seeds.train(Job.of(run), task, shared, tmp_path, log)
    assert log.images == 60
    facts = log.facts(CPU)
    assert facts["images_per_second"] == round(60 / log.seconds)
    seeds.train(Job.of(run), task, shared, tmp_path, log)  # from its checkpoints: nothing more was trained
    assert log.images == 60
    assert seeds.Log("nothing").facts(CPU)["images_per_second"] is None


def test_a_triplet_run_has_losses_and_no_accuracy(task: Task, tmp_path: Path) -> None:
    for result in train_all(task, spec(**TRIPLET, seeds=2, batch_size=10), tmp_path):
        assert {score.accuracy for score in result.scores.values()} == {None}
        assert all(score.loss > 0 for score in result.scores.values())
        assert result.outputs is not None
        assert list(result.outputs.losses) == ["train", "validation", "test"]
        assert {row.validation_accuracy for row in result.fit.history} == {None}


def test_a_network_moves_to_the_layout_of_its_data(task: Task) -> None:
    run = spec(model=VGG, channels_last=True, normalize=HALF)
    wide = replace(task, images=task.images.repeat(3, axis=3))
    model = Job.of(run).build(wide)
    seeds.place(model, on_device(wide, run))
    kernel = next(weight for weight in model.parameters() if weight.ndim == 4)
    assert kernel.is_contiguous(memory_format=torch.channels_last)
    assert math.prod(kernel.shape[1:]) == 27
