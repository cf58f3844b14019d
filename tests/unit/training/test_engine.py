"""The engine against plain loops."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from probeline.pipeline.errors import UserError
from probeline.tasks.task import Task
from probeline.training import engine
from probeline.training.evaluation import evaluate
from probeline.training.penalty import L2
from probeline.training.spec import Run
from tests.unit.training.made import CONVNET, EXPLODES, SUM, TRIPLET, VGG, fit, network, on_device, spec


def plain_loop(task: Task, run: Run, l2: float = 0.0, clip: float = math.inf) -> nn.Linear:
    """The same training with autograd's own penalty, clipping by hand, and floats from the start."""
    torch.manual_seed(0)
    layer = nn.Linear(16, 3)
    images = torch.tensor(task.images.reshape(-1, 16) / 255, dtype=torch.float32)
    labels = torch.tensor(task.labels)
    train = torch.tensor(task.train[0])
    for epoch in range(run.epochs or 0):
        order = train[engine.epoch_order(0, epoch, len(train))]
        for chosen in torch.split(order, run.batch_size):
            loss = nn.functional.cross_entropy(layer(images[chosen]), labels[chosen]) + l2 * layer.weight.square().sum()
            gradients = torch.autograd.grad(loss, [layer.weight, layer.bias])
            norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
            with torch.no_grad():
                for parameter, gradient in zip((layer.weight, layer.bias), gradients, strict=True):
                    parameter.sub_(run.optimizer.lr * gradient * min(1.0, clip / norm))
    return layer


@pytest.mark.parametrize(
    ("form", "strength", "factor"), [("sum", 0.1, 0.1), ("half", 0.1, 0.05), ("per_image", 3.0, 3.0 / 30)]
)
def test_the_engine_is_a_plain_loop_with_the_penalty_of_its_form(
    task: Task, tmp_path: Path, form: str, strength: float, factor: float
) -> None:
    run = spec(l2={"lambda": strength, "form": form})
    expected = plain_loop(task, run, l2=factor).state_dict()
    found = fit(task, run, tmp_path).weights
    for name, value in expected.items():
        torch.testing.assert_close(found[f"head.{name}"], value, rtol=1e-5, atol=1e-6)


def test_clipping_limits_the_norm_of_the_whole_gradient(task: Task, tmp_path: Path) -> None:
    expected = plain_loop(task, spec(), clip=0.05).state_dict()
    found = fit(task, spec(clip_norm=0.05), tmp_path).weights
    assert not torch.allclose(found["head.weight"], fit(task, spec(), tmp_path / "2").weights["head.weight"], atol=1e-3)
    for name, value in expected.items():
        torch.testing.assert_close(found[f"head.{name}"], value, rtol=1e-4, atol=1e-6)


def test_the_history_is_what_was_seen(task: Task, tmp_path: Path) -> None:
    """With a learning rate that moves nothing, every value is that of the initial weights."""
    run = spec(optimizer={"name": "sgd", "lr": 1e-30}, epochs=2)
    history = fit(task, run, tmp_path).history
    model, data = network(task, run), on_device(task, run)
    train, validation = (evaluate(model, data, split, run) for split in ("train", "validation"))
    assert [row.step for row in history] == [4, 8]  # 30 images in batches of 8: the last has 6
    assert [row.epoch for row in history] == [1, 2]
    for row in history:
        assert row.train_loss == pytest.approx(train.loss, rel=1e-5)
        assert row.train_accuracy == train.accuracy
        assert row.validation_loss == pytest.approx(validation.loss)
        assert row.validation_accuracy == validation.accuracy


def test_evaluations_come_in_the_unit_of_the_length(task: Task, tmp_path: Path) -> None:
    by_step = fit(task, spec(epochs=None, steps=7, evaluate_every=3), tmp_path / "a").history
    assert [row.step for row in by_step] == [3, 6, 7]
    by_epoch = fit(task, spec(epochs=3, evaluate_every=2), tmp_path / "b").history
    assert [row.step for row in by_epoch] == [8, 12]
    at_once = fit(task, spec(epochs=1, evaluate_start=True), tmp_path / "c").history
    first = at_once[0].model_dump()
    assert (first["step"], first["train_accuracy"]) == (0, None)
    assert math.isnan(first["train_loss"])
    assert first["validation_loss"] == pytest.approx(
        evaluate(network(task, spec()), on_device(task, spec()), "validation", spec()).loss
    )


@pytest.mark.parametrize("epoch", [0, 1])
def test_an_epoch_sees_every_image_once(epoch: int) -> None:
    assert sorted(engine.epoch_order(3, epoch, 50).tolist()) == list(range(50))
    assert engine.epoch_order(3, epoch, 50).tolist() != engine.epoch_order(4, epoch, 50).tolist()
    assert engine.epoch_order(3, 0, 50).tolist() != engine.epoch_order(3, 1, 50).tolist()


def test_without_patience_the_best_is_kept_and_nothing_stops(task: Task, tmp_path: Path) -> None:
    run = spec(early_stopping={"metric": "loss", "patience": None}, optimizer={"name": "sgd", "lr": 8.0}, epochs=4)
    found = fit(task, run, tmp_path)
    losses = [row.model_dump()["validation_loss"] for row in found.history]
    assert (found.step, found.last_step) == (12, 16)
    assert int(np.argmin(losses)) == 2
    model = network(task, run)
    model.load_state_dict(found.weights)
    assert evaluate(model, on_device(task, run), "validation", run).loss == pytest.approx(min(losses))


def test_no_stop_before_the_minimum(task: Task, tmp_path: Path) -> None:
    stopping = {"metric": "accuracy", "patience": 0, "threshold": 0.0}
    assert fit(task, spec(early_stopping=stopping), tmp_path / "a").last_step == 4
    late = fit(task, spec(early_stopping=stopping | {"minimum": 2}), tmp_path / "b")
    assert (late.last_step, late.stopped_early) == (8, True)


def test_divergence_names_its_first_step(task: Task, tmp_path: Path) -> None:
    run = spec(**EXPLODES, may_diverge=True)
    found = fit(task, run, tmp_path)
    model, data = network(task, run), on_device(task, run)
    train = data.splits["train"][engine.epoch_order(0, 0, 30)]
    with torch.no_grad():
        for step in range(1, 5):
            chosen = train[(step - 1) * 8 : step * 8]
            with torch.enable_grad():
                loss = nn.functional.cross_entropy(model(data.batch(chosen)), data.labels[chosen])
                gradients = torch.autograd.grad(loss, list(model.parameters()))
            if not torch.isfinite(loss):
                break
            weight, bias = model.parameters()
            weight.sub_(1e30 * (gradients[0] + 2 * weight))
            bias.sub_(1e30 * gradients[1])
    assert found.diverged_at == step
    assert len(found.history) == 1


@pytest.mark.parametrize("stopping", [None, {"metric": "loss", "patience": 3}])
def test_a_hinge_of_weights_that_are_not_numbers_is_no_success(
    task: Task, tmp_path: Path, stopping: dict[str, Any] | None
) -> None:
    """PyTorch's multi_margin_loss of nan is 0, the best loss there is."""
    run = spec(objective={"name": "hinge"}, **EXPLODES, early_stopping=stopping)
    assert fit(task, run, tmp_path).diverged_at in {2, 3}


def test_a_last_step_that_breaks_the_weights_is_seen_in_the_evaluation(task: Task, tmp_path: Path) -> None:
    run = spec(objective={"name": "hinge"}, optimizer={"name": "sgd", "lr": 1e35}, l2=SUM, epochs=None, steps=1)
    broken = run.model_copy(update={"l2": L2.model_validate({"lambda": 1e9, "form": "sum"})})
    assert fit(task, broken, tmp_path).diverged_at == 1


def test_images_alone_in_their_batch_are_counted(task: Task, tmp_path: Path) -> None:
    run = spec(**TRIPLET, batch_size=4, epochs=5)
    found = fit(task, run, tmp_path)
    expected = 0
    for epoch in range(5):
        order = task.train[0][engine.epoch_order(0, epoch, 30).numpy()]
        for batch in (task.labels[order[start : start + 4]] for start in range(0, 30, 4)):
            alone = [(batch == label).sum() == 1 for label in batch]
            expected += len(batch) if len(set(batch)) == 1 else sum(alone)
    assert found.left_out == expected > 0


def test_a_validation_without_any_triplet_is_refused(task: Task, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no validation image has another of its class in its batch of 1, as triplet"):
        fit(task, spec(**TRIPLET).model_copy(update={"batch_size": 1}), tmp_path)


def test_16_bits_are_near_32_and_not_the_same(task: Task, tmp_path: Path) -> None:
    full = fit(task, spec(model=CONVNET), tmp_path / "a").history[-1].train_loss
    half = fit(task, spec(model=CONVNET, precision="bfloat16"), tmp_path / "b").history[-1].train_loss
    assert full == pytest.approx(half, rel=0.02)
    assert full != half


def test_channels_last_changes_the_layout_and_not_the_result(task: Task, tmp_path: Path) -> None:
    color = replace(task, images=np.repeat(task.images, 3, axis=3))
    usual, other = spec(model=CONVNET), spec(model=CONVNET, channels_last=True)
    one, two = (fit(color, run, tmp_path / str(run.channels_last)) for run in (usual, other))
    for name, value in one.weights.items():
        torch.testing.assert_close(value, two.weights[name], rtol=1e-3, atol=1e-4)


def test_supervised_contrastive_trains_an_embedding(task: Task, tmp_path: Path) -> None:
    run = spec(model=VGG, objective={"name": "supervised_contrastive"}, optimizer=TRIPLET["optimizer"], epochs=9)
    history = [row.model_dump() for row in fit(task, run, tmp_path).history]
    assert history[-1]["train_loss"] < 0.9 * history[0]["train_loss"]
    assert history[-1]["validation_loss"] < history[0]["validation_loss"]
