"""D8 to D10 against the engine and PyTorch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from probeline.compute.data import of_resample, to_device
from probeline.lessons import layers, mlp
from probeline.lessons.spec import Mlp, MlpRun
from probeline.pipeline.checkpoint import Checkpoint
from probeline.pipeline.errors import ParamError
from probeline.results.lessons import Run
from probeline.tasks.task import Task
from probeline.training import engine, spec
from probeline.training.job import Job
from tests.unit.lessons.conftest import LESSONS, SECTION


@pytest.mark.parametrize("form", ["sum", "half", "per_image"])
def test_training_by_hand_gives_what_the_engine_gives(task: Task, tmp_path: Path, form: str) -> None:
    shared = {"batch_size": 8, "epochs": 80, "l2": {"lambda": 0.01, "form": form}}
    shared["early_stopping"] = {"metric": "loss", "patience": None}
    automatic = spec.Run.model_validate({
        "report_id": "D8", "task": "made", "seeds": [3], "model": {"name": "mlp", "hidden": [5]}, "evaluate_every": 1,
        "objective": {"name": "cross_entropy"}, "optimizer": {"name": "sgd", "lr": 0.1}, **shared,
    })  # fmt: skip
    job = Job.of(automatic)
    data = of_resample(to_device(task, job.view, torch.device("cpu")), task, 0)
    torch.manual_seed(3)
    model = job.build(task)
    start = [parameter.detach().numpy().copy() for parameter in model.parameters()]
    network: list[layers.Layer] = [layers.Linear(*start[:2]), layers.ReLU(), layers.Linear(*start[2:])]

    done = engine.fit(model, data, automatic, 3, Checkpoint(tmp_path / "c.pt"))
    history, kept = mlp.fit(network, task, MlpRun.model_validate({"lr": 0.1, **shared}), engine_order(task))
    assert len(history) == 80  # epochs of 4 minibatches: 320 steps
    assert kept * 4 == done.step
    assert [row.step for row in history] == [row.step for row in done.history]
    for mine, theirs in zip(history, done.history, strict=True):
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-5)
    for found, wanted in zip(
        [parameter for layer in network for parameter in layer.parameters], done.weights.values(), strict=True
    ):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5, atol=1e-5)
    losses = [row.model_dump()["validation_loss"] for row in done.history]
    assert losses[-1] < 0.7 * losses[0]


def engine_order(task: Task) -> Callable[[int], mlp.Indices]:
    return lambda epoch: engine.epoch_order(3, epoch - 1, task.train.shape[1]).numpy()


def validation_losses(record: Run) -> list[float]:
    return [row.validation_loss for row in record.history if row.validation_loss is not None]


def test_a_run_scores_the_weights_of_its_best_epoch(task: Task) -> None:
    # At this learning rate the validation loss jumps about, so that the last epoch is not the best.
    section = {**SECTION["mlp"], "runs": {"d8": {**SECTION["mlp"]["runs"]["d8"], "lr": 0.8, "epochs": 13}}}
    record, outputs = mlp.train(task, Mlp.model_validate(section), "d8")
    losses = validation_losses(record)
    assert record.kept_epoch == 1 + losses.index(min(losses)) < record.last_epoch == 13
    assert record.losses["validation"] == pytest.approx(min(losses))
    assert record.images == {"train": 30, "validation": 10, "test": 15}
    accuracy = (outputs.predicted["validation"] == task.labels[task.validation[0]]).mean()
    assert accuracy == record.history[record.kept_epoch - 1].validation_accuracy


def test_the_outputs_of_a_run_are_its_logits_classes_and_losses(task: Task) -> None:
    record, outputs = mlp.train(task, LESSONS.mlp, "d8")
    assert outputs.kind == "logits"
    for split, chosen in (("validation", task.validation[0]), ("test", task.test)):
        scores = torch.tensor(outputs.scores[split])
        assert scores.dtype == torch.float32
        loss = functional.cross_entropy(scores, torch.tensor(task.labels[chosen])).item()
        assert loss == pytest.approx(record.losses[split], rel=1e-6)
        assert outputs.predicted[split].tolist() == scores.argmax(1).tolist()
    assert outputs.losses["train"].shape == outputs.predicted["train"].shape == (30,)
    assert outputs.losses["train"].mean() == pytest.approx(record.losses["train"], rel=1e-6)
    assert (outputs.predicted["train"] == task.labels[task.train[0]]).mean() > 0.6  # of three classes


def test_d8_stops_where_the_validation_loss_rises(task: Task) -> None:
    run = {**SECTION["mlp"]["runs"]["d8"], "lr": 0.8, "early_stopping": {"metric": "loss", "patience": 1}}
    record, _ = mlp.train(task, Mlp.model_validate({**SECTION["mlp"], "runs": {"d8": run}}), "d8")
    losses = validation_losses(record)
    assert losses[-1] >= losses[-2]
    assert losses[:-1] == sorted(losses[:-1], reverse=True)
    assert record.last_epoch < 80


def test_a_run_that_diverges_is_refused_by_its_key(task: Task) -> None:
    run = {**SECTION["mlp"]["runs"]["d8"], "lr": 1e30}
    with pytest.raises(ParamError, match=r"^params.yaml: mlp\.runs\.d8: diverged: a loss of epoch .*; lower lr$"):
        mlp.train(task, Mlp.model_validate({**SECTION["mlp"], "runs": {"d8": run}}), "d8")
