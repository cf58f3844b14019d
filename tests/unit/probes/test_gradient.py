"""The gradient probe: a plain loop gives the same, validation chooses, and a checkpoint goes on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from probeline.pipeline.checkpoint import Checkpoint
from probeline.pipeline.errors import ParamError
from probeline.probes import gradient
from probeline.probes._data import Fitted, ProbeData
from probeline.tasks.task import Task
from probeline.training import engine
from tests.unit.encoders.made import GRADIENT, embedding_of


def spec(**changes: Any) -> gradient.Spec:
    return gradient.Spec.model_validate(GRADIENT | changes)


def pixels(task: Task, checkpoints: Path, resample: int = 0) -> ProbeData:
    """The task's pixels as vectors of 64 numbers."""
    vectors = (np.array(task.images).reshape(60, -1) / np.float32(255)).astype(np.float32)
    return ProbeData(embedding_of(task, vectors), resample, torch.device("cpu"), checkpoints)


@pytest.mark.parametrize("resample", [0, 1])
def test_it_is_a_plain_loop_and_validation_chooses(task: Task, tmp_path: Path, resample: int) -> None:
    data = pixels(task, tmp_path, resample)
    found = gradient.fit(spec(), data)
    rows = found.record.rows
    assert [(row["lr"], row["l2"], row["seed"]) for row in rows] == [
        (lr, l2, seed) for lr in (0.3, 0.01) for l2 in (0.0, 5.0) for seed in (0, 1)
    ]
    losses = [row["validation_loss"] for row in rows]
    chosen = found.record.chosen
    assert chosen == rows[losses.index(min(losses))]
    assert len(set(losses)) == len(losses)
    # The chosen point once more, without the engine: report E's loss, by automatic differentiation.
    held, labels = torch.from_numpy(data.embedding.vectors), torch.from_numpy(task.labels)
    torch.manual_seed(chosen["seed"])
    layer = nn.Linear(64, 3)
    optimizer = torch.optim.Adam(layer.parameters(), lr=chosen["lr"])
    train, step = torch.from_numpy(task.train[resample]), 0
    for epoch in range(6):
        for images in torch.split(train[engine.epoch_order(chosen["seed"], epoch, len(train))], 8):
            if step == chosen["kept_step"]:
                break
            loss = nn.functional.cross_entropy(layer(held[images]), labels[images])
            loss = loss + chosen["l2"] / len(train) * layer.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    assert found.head is not None
    assert torch.allclose(layer.weight, found.head["weight"], atol=1e-5)
    assert torch.allclose(layer.bias, found.head["bias"], atol=1e-5)
    # Its history is of the chosen point.
    at_kept = next(row for row in found.record.history if row.step == chosen["kept_step"])
    assert at_kept.validation_loss == pytest.approx(chosen["validation_loss"], rel=1e-6)
    assert found.record.history[-1].step == chosen["last_step"]


def test_accuracy_chooses_where_early_stopping_watches_it(task: Task, tmp_path: Path) -> None:
    watching = spec(early_stopping={"metric": "accuracy", "patience": 2})
    assert (spec().criterion, watching.criterion, spec(early_stopping=None).criterion) == ("loss", "accuracy", "loss")
    found = gradient.fit(watching, pixels(task, tmp_path)).record
    accuracies = [row["validation_accuracy"] for row in found.rows]
    assert found.chosen == found.rows[accuracies.index(max(accuracies))]  # the first of equals


def test_a_hinge_probe_leaves_margins_and_one_output_is_enough_for_two_classes(task: Task, tmp_path: Path) -> None:
    found = gradient.fit(spec(objective={"name": "hinge"}), pixels(task, tmp_path / "a")).outputs
    assert found.kind == "margins"
    data = pixels(task, tmp_path / "b")
    labels = np.minimum(task.labels, 1)
    two = replace(data, embedding=replace(data.embedding, classes=("dark", "other"), labels=labels))
    binary = gradient.fit(spec(objective={"name": "binary_cross_entropy"}), two)
    assert binary.head is not None
    assert binary.head["weight"].shape == (1, 64)
    assert binary.outputs.scores["test"].shape == (15, 1)
    assert ((binary.outputs.scores["test"][:, 0] > 0) == binary.outputs.predicted["test"]).all()


def test_an_objective_for_another_number_of_classes_is_one_line(task: Task, tmp_path: Path) -> None:
    with pytest.raises(ParamError, match=r"^params.yaml: .*binary_cross_entropy.*2 classes") as error:
        gradient.fit(spec(objective={"name": "binary_cross_entropy"}), pixels(task, tmp_path))
    assert len(error.value.lines) == 1


def test_a_probe_whose_points_all_diverge_is_one_line(task: Task, tmp_path: Path) -> None:
    wild = spec(grid={"lr": [1e30]}, optimizer={"name": "sgd", "lr": 1.0})
    with pytest.raises(ParamError) as error:
        gradient.fit(wild, pixels(task, tmp_path))
    assert error.value.lines == ("params.yaml: diverged at every point; lower its learning rate",)


def test_a_point_that_diverges_is_a_row_without_values(task: Task, tmp_path: Path) -> None:
    found = gradient.fit(
        spec(grid={"lr": [1e30, 0.1]}, optimizer={"name": "sgd", "lr": 1.0}), pixels(task, tmp_path)
    ).record
    lost = [row for row in found.rows if row["lr"] == 1e30]
    assert len(lost) == 2
    assert all(row["validation_loss"] is None and row["validation_accuracy"] is None for row in lost)
    assert found.chosen["lr"] == 0.1


def test_a_memory_that_is_too_small_is_one_line(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4398046511104 bytes")

    monkeypatch.setattr(engine, "fit", full)
    with pytest.raises(ParamError, match=r"^params.yaml: this machine's memory is too small; lower batch_size"):
        gradient.fit(spec(), pixels(task, tmp_path))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"grid": {"lr": []}}, "List should have at least 1 item"),
        ({"grid": {"lr": [0.1], "l2": []}}, "List should have at least 1 item"),
        ({"freeze_batch_norm": True}, "freeze_batch_norm: a probe is one linear layer, without batch norm; leave it"),
        ({"may_diverge": True}, "may_diverge: a point that diverges is left out anyway"),
        ({"l2": None}, "grid.l2 needs the key l2, which says the form of the penalty"),
        ({"objective": {"name": "triplet"}, "early_stopping": None}, "triplet predicts no classes; a probe needs an"),
        ({"grid": {"lr": [0.1, 0.1]}}, "names 0.1 twice; name each once"),
        ({"grid": {"momentum": [0.9]}}, "unknown key 'momentum'; there is: l2, lr"),
        ({"seeds": []}, "at least 1 item"),
    ],
)
def test_a_mistake_in_a_gradient_probe(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        spec(**changes)


def test_a_checkpointed_probe_goes_on(task: Task, tmp_path: Path) -> None:
    whole = gradient.fit(spec(), pixels(task, tmp_path / "a"))
    calls = 0
    plain = Checkpoint.save

    def save(self: Checkpoint, state: dict[str, Any]) -> None:
        nonlocal calls
        plain(self, state)
        calls += 1
        if calls == 40:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
        patch.setattr(Checkpoint, "save", save)
        with pytest.raises(KeyboardInterrupt):
            gradient.fit(spec(), pixels(task, tmp_path / "b"))
    loaded = []
    plain_load = Checkpoint.load

    def load(self: Checkpoint) -> dict[str, Any] | None:
        state = plain_load(self)
        loaded.append(state is not None)
        return state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "load", load)
        again: Fitted = gradient.fit(spec(), pixels(task, tmp_path / "b"))
    assert 1 < loaded.count(True) < len(loaded)
    assert again.record == whole.record
    assert again.head is not None
    assert whole.head is not None
    assert again.head["weight"].equal(whole.head["weight"])
