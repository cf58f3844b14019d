"""The engine against plain loops, early stopping as it is written, and continuation to the bit."""

import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from probeline import summary
from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import Spec, module
from probeline.task import Task
from probeline.training import engine, record, seeds
from probeline.training.checkpoint import Checkpoint, fingerprint, store
from probeline.training.data import of_draw, to_device
from probeline.training.evaluation import evaluate
from probeline.training.spec import L2, EarlyStopping, Run
from probeline.training.stopping import Stopper
from tests.conftest import ROOT

CPU = torch.device("cpu")


def spec(**changes: Any) -> Run:
    defaults = {
        "experiment": "D1", "task": "made", "seeds": [0], "model": {"name": "linear"},
        "objective": {"name": "cross_entropy"}, "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 8, "epochs": 3,
        "evaluate_every": 1,
    }  # fmt: skip
    return Run.model_validate(defaults | changes)


SUM = {"strength": 1.0, "form": "sum"}


class Killed(Exception):  # noqa: N818
    pass


def train_all(task: Task, run: Run, path: Path) -> list[record.SeedResult]:
    return seeds.train("train.mine", run, task, to_device(task, run, "train.mine", CPU), path, seeds.Effort())


def fit(task: Task, run: Run, path: Path, seed: int = 0, kill_after: int | None = None) -> engine.Fit:
    data = of_draw(to_device(task, run, "train.mine", CPU), task, 0)
    torch.manual_seed(seed)
    model = seeds.build(run, task, "train.mine")
    seeds.place(model, data)

    def report(step: int, *_: object) -> None:
        if step == kill_after:
            raise Killed

    return engine.fit(model, data, run, seed, Checkpoint(path / "c.pt"), report)


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
    run = spec(l2={"strength": strength, "form": form})
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


def test_the_penalty_leaves_biases_alone() -> None:
    layer = nn.Linear(2, 2)
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    engine.add_penalty_gradient(L2(strength=0.5, form="sum"), layer.parameters(), 10)
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    torch.testing.assert_close(layer.weight.grad, layer.weight.detach())
    assert not layer.bias.grad.any()


def test_the_history_is_what_was_seen(task: Task, tmp_path: Path) -> None:
    """With a learning rate that moves nothing, every value is that of the initial weights."""
    run = spec(optimizer={"name": "sgd", "lr": 1e-30}, epochs=2)
    history = fit(task, run, tmp_path).history
    torch.manual_seed(0)
    model = seeds.build(run, task, "train.mine")
    data = of_draw(to_device(task, spec(), "train.mine", CPU), task, 0)
    train, validation = (evaluate(model, data, split, run) for split in ("train", "validation"))
    assert [row["step"] for row in history] == [4, 8]  # 30 images in batches of 8: the last has 6
    for row in history:
        assert row["train_loss"] == pytest.approx(train.loss, rel=1e-5)
        assert row["train_accuracy"] == train.accuracy
        assert row["validation_loss"] == pytest.approx(validation.loss)


def test_a_score_is_the_mean_over_all_images(task: Task) -> None:
    run = spec()
    data = of_draw(to_device(task, spec(), "train.mine", CPU), task, 0)
    model = seeds.build(run, task, "train.mine")
    score = evaluate(model, data, "test", run)
    images = torch.tensor(task.images[task.test][:, :, :, 0][:, None] / 255, dtype=torch.float32)
    labels = torch.tensor(task.labels[task.test])
    assert score.loss == pytest.approx(nn.functional.cross_entropy(model(images), labels).item(), rel=1e-5)
    assert score.accuracy == pytest.approx((model(images).argmax(1) == labels).float().mean().item())


def test_pixels_are_normalised_by_channel(task: Task) -> None:
    colour = replace(task, images=np.repeat(task.images, 3, axis=3))
    run = spec(normalise={"mean": [0.5, 0.0, 0.25], "std": [0.5, 1.0, 2.0]})
    data = to_device(colour, run, "train.mine", CPU)
    assert data.images.dtype == torch.uint8
    found = data.batch(torch.tensor([7]))[0]
    pixel = task.images[7, :, :, 0] / 255
    for channel, (mean, std) in enumerate(((0.5, 0.5), (0.0, 1.0), (0.25, 2.0))):
        np.testing.assert_allclose(found[channel].numpy(), (pixel - mean) / std, atol=1e-6)
    with pytest.raises(UserError, match=r"train.mine.normalise.mean: 3 values for images of 1 channels; give 1"):
        to_device(task, run, "train.mine", CPU)


@pytest.mark.parametrize("epoch", [0, 1])
def test_an_epoch_sees_every_image_once(epoch: int) -> None:
    assert sorted(engine.epoch_order(3, epoch, 50).tolist()) == list(range(50))
    assert engine.epoch_order(3, epoch, 50).tolist() != engine.epoch_order(4, epoch, 50).tolist()
    assert engine.epoch_order(3, 0, 50).tolist() != engine.epoch_order(3, 1, 50).tolist()


def values(stopper: Stopper, *seen: float) -> list[tuple[bool, bool]]:
    return [(stopper.update(value), stopper.stop(step)) for step, value in enumerate(seen, 1)]


def test_patience_counts_evaluations_without_improvement() -> None:
    stopper = Stopper(EarlyStopping(metric="loss", patience=2))
    improved = values(stopper, 1.0, 1.0, 0.9, 0.95, 0.9)
    assert improved == [(True, False), (False, False), (True, False), (False, False), (False, True)]
    assert stopper.best == 0.9


def test_with_a_threshold_counting_starts_past_it() -> None:
    stopper = Stopper(EarlyStopping(metric="accuracy", patience=0, threshold=0.3))
    assert values(stopper, 0.2, 0.1, 0.3, 0.31) == [(True, False), (False, False), (True, False), (True, True)]
    patient = Stopper(EarlyStopping(metric="accuracy", patience=1, threshold=0.3))
    assert values(patient, 0.2, 0.1, 0.4, 0.35) == [(True, False), (False, False), (True, False), (False, True)]


def test_without_patience_the_best_is_kept_and_nothing_stops(task: Task, tmp_path: Path) -> None:
    run = spec(early_stopping={"metric": "loss", "patience": None}, optimizer={"name": "sgd", "lr": 8.0}, epochs=4)
    found = fit(task, run, tmp_path)
    losses = [row["validation_loss"] for row in found.history]
    assert (found.step, found.last_step) == (12, 16)
    assert int(np.argmin(losses)) == 2
    model = seeds.build(run, task, "train.mine")
    model.load_state_dict(found.weights)
    data = of_draw(to_device(task, spec(), "train.mine", CPU), task, 0)
    assert evaluate(model, data, "validation", run).loss == pytest.approx(min(losses))


def test_no_stop_before_the_minimum(task: Task, tmp_path: Path) -> None:
    stopping = {"metric": "accuracy", "patience": 0, "threshold": 0.0}
    assert fit(task, spec(early_stopping=stopping), tmp_path / "a").last_step == 4
    late = fit(task, spec(early_stopping=stopping | {"minimum": 2}), tmp_path / "b")
    assert (late.last_step, late.stopped_early) == (8, True)


class Noisy(Spec):
    """A network with all that a continuation must restore: batch statistics, dropout, several layers."""

    name: str = "noisy"

    def build(self, shape: tuple[int, int, int], outputs: int) -> nn.Module:
        width = math.prod(shape)
        return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(width), nn.Dropout(0.5), nn.Linear(width, outputs))


def noisy(**changes: Any) -> Run:
    return spec(**changes).model_copy(update={"model": Noisy()})


@pytest.mark.parametrize("kill_after", [1, 4, 5, 13, 22, 30])
@pytest.mark.parametrize("optimizer", [{"name": "sgd", "lr": 0.5, "momentum": 0.9}, {"name": "adam", "lr": 0.3}])
def test_a_killed_training_goes_on_to_the_bit(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_after: int, optimizer: dict[str, Any]
) -> None:
    run = noisy(optimizer=optimizer, early_stopping={"metric": "loss", "patience": 3}, epochs=20)
    whole = fit(task, run, tmp_path / "whole")
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
    # The best is neither first nor last, and the patience ends the run: what a lost counter or best would change.
    assert 4 < whole.step < whole.last_step < 80
    assert kill_after < whole.last_step
    with pytest.raises(Killed):
        fit(task, run, tmp_path / "cut", kill_after=kill_after)
    assert (tmp_path / "cut/c.pt").exists() == (kill_after > 1)  # the kill comes before the save of its step
    again = fit(task, run, tmp_path / "cut")
    assert again.history == whole.history
    assert (again.step, again.last_step) == (whole.step, whole.last_step)
    for name, value in whole.weights.items():
        assert value.numpy().tobytes() == again.weights[name].numpy().tobytes()


def test_evaluation_neither_drops_nor_learns_and_training_does_both(task: Task, tmp_path: Path) -> None:
    run = noisy(epochs=2)
    data = of_draw(to_device(task, spec(), "train.mine", CPU), task, 0)
    torch.manual_seed(0)
    model = seeds.build(run, task, "train.mine")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    assert evaluate(model, data, "test", run).loss == evaluate(model, data, "test", run).loss
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name])
    found = fit(task, run, tmp_path)
    assert int(found.weights["1.num_batches_tracked"]) == 8  # every step of both epochs, before and after evaluating


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "sgd", "lr": 0.1, "weight_decay": 0.5},
        {"name": "sgd", "lr": 0.1, "momentum": 0.9},
        {"name": "adam", "lr": 0.01, "weight_decay": 0.1},
        {"name": "rmsprop", "lr": 0.01, "momentum": 0.5},
        {"name": "adagrad", "lr": 0.1, "weight_decay": 0.2},
    ],
)
def test_the_optimiser_is_pytorchs_with_the_options_of_the_run(
    task: Task, tmp_path: Path, optimizer: dict[str, Any]
) -> None:
    run = spec(optimizer=optimizer, batch_size=30, epochs=3)
    found = fit(task, run, tmp_path).weights
    torch.manual_seed(0)
    layer = nn.Linear(16, 3)
    options = {key: value for key, value in optimizer.items() if key != "name"}
    kinds = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "rmsprop": torch.optim.RMSprop,
        "adagrad": torch.optim.Adagrad,
    }
    theirs: torch.optim.Optimizer = kinds[optimizer["name"]](layer.parameters(), **options)
    images = torch.tensor(task.images[task.train[0]].reshape(-1, 16) / 255, dtype=torch.float32)
    for _ in range(3):
        theirs.zero_grad()
        loss = nn.functional.cross_entropy(layer(images), torch.tensor(task.labels[task.train[0]]))
        torch.autograd.backward(loss)
        theirs.step()
    torch.testing.assert_close(found["head.weight"], layer.weight.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["head.bias"], layer.bias.detach(), rtol=1e-4, atol=1e-5)


def test_a_damaged_checkpoint_is_no_checkpoint(task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = fit(task, spec(), tmp_path)
    path = tmp_path / "c.pt"
    good = path.read_bytes()
    middle = len(good) // 2
    garbled = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]  # torch.load itself would not notice
    for content in (b"", b"nonsense", good[:-100], garbled):
        path.write_bytes(content)
        assert fit(task, spec(), tmp_path).history == whole.history
        assert "damaged checkpoint" in capsys.readouterr().out


def test_a_finished_training_is_not_made_again(task: Task, tmp_path: Path) -> None:
    first = fit(task, spec(), tmp_path)
    again = fit(task, spec(), tmp_path, kill_after=1)
    assert again.history == first.history


def test_divergence_names_its_first_step(task: Task, tmp_path: Path) -> None:
    run = spec(optimizer={"name": "sgd", "lr": 1e30}, l2={"strength": 1.0, "form": "sum"}, may_diverge=True)
    found = fit(task, run, tmp_path)
    torch.manual_seed(0)
    model = seeds.build(run, task, "train.mine")
    data = of_draw(to_device(task, spec(), "train.mine", CPU), task, 0)
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
    run = spec(objective={"name": "hinge"}, optimizer={"name": "sgd", "lr": 1e30}, l2=SUM, early_stopping=stopping)
    assert fit(task, run, tmp_path).diverged_at in {2, 3}


def test_a_score_of_weights_that_are_not_numbers_is_not_one(task: Task) -> None:
    run = spec(objective={"name": "hinge"})
    data = of_draw(to_device(task, spec(), "train.mine", CPU), task, 0)
    model = seeds.build(run, task, "train.mine")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(math.nan)
    assert math.isnan(evaluate(model, data, "validation", run).loss)


def test_a_last_step_that_breaks_the_weights_is_seen_in_the_evaluation(task: Task, tmp_path: Path) -> None:
    run = spec(objective={"name": "hinge"}, optimizer={"name": "sgd", "lr": 1e38}, l2=SUM, epochs=None, steps=1)
    broken = run.model_copy(update={"l2": L2(strength=10.0, form="sum")})
    assert fit(task, broken, tmp_path).diverged_at == 1


def test_divergence_fails_where_it_may_not(task: Task, tmp_path: Path) -> None:
    run = spec(optimizer={"name": "sgd", "lr": 1e30}, l2={"strength": 1.0, "form": "sum"})
    with pytest.raises(UserError, match=r"train.mine: diverged: the loss of seed 0 is not finite at step \d"):
        train_all(task, run, tmp_path)


def test_a_run_over_seeds_has_mean_and_spread(task: Task, tmp_path: Path) -> None:
    run = spec(seeds=[0, 1, 2])
    trained = train_all(task, run, tmp_path)
    assert [result.draw for result in trained] == [0, 1, 0]
    found = summary.metrics(record.record(run, task, 51, trained, {}))
    accuracies = [seed["test_accuracy"] for seed in found["seeds"]]
    assert found["mean"]["test_accuracy"] == pytest.approx(np.mean(accuracies))
    assert found["std"]["test_accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert found["images"] == {"train": 30, "validation": 10, "test": 15}
    total: Any = np.sum([np.asarray(result.confusion) for result in trained], axis=0)
    of_class = np.bincount(task.labels[task.test], minlength=3)
    assert total.sum(axis=1).tolist() == (3 * of_class).tolist()
    for index, name in enumerate(task.classes):
        assert found["test_accuracy_by_class"][name] == pytest.approx(total[index, index] / total[index].sum())


def test_a_diverged_seed_leaves_no_mean(task: Task, tmp_path: Path) -> None:
    run = spec(optimizer={"name": "sgd", "lr": 1e30}, l2={"strength": 1.0, "form": "sum"}, may_diverge=True)
    trained = train_all(task, run, tmp_path)
    measured = json.loads(json.dumps(record.record(run, task, 51, trained, {})))
    found = summary.metrics(measured)
    assert found["diverged"] == 1
    assert found["mean"]["test_accuracy"] is None
    assert set(found["test_accuracy_by_class"].values()) == {None}
    files.write_csv(tmp_path / "curves.csv", summary.curves(measured))
    assert "nan" not in (tmp_path / "curves.csv").read_text().lower()
    assert "inf" not in (tmp_path / "curves.csv").read_text().lower()


def test_curves_are_the_mean_over_the_seeds_that_came_so_far(tmp_path: Path) -> None:
    def seed(number: int, *losses: float | None) -> dict[str, Any]:
        history = [
            {"step": 10 * (i + 1), "epoch": 1.0, "train_loss": loss, "train_accuracy": 0.5, "validation_loss": loss,
             "validation_accuracy": 0.5} for i, loss in enumerate(losses)
        ]  # fmt: skip
        return {"seed": number, "history": history}

    curves = summary.curves({"seeds": [seed(0, 1.0, 0.5, 0.25), seed(1, 2.0), seed(2, 3.0, 1.5, None)]})
    files.write_csv(tmp_path / "c.csv", curves)
    assert (tmp_path / "c.csv").read_text().splitlines() == [
        "step,train_loss,validation_loss,train_accuracy,validation_accuracy",
        "10,2,2,0.5,0.5",
        "20,1,1,0.5,0.5",
        "30,0.25,0.25,0.5,0.5",
    ]


def test_equal_weights_are_equal_bytes_under_any_name(task: Task, tmp_path: Path) -> None:
    trained = train_all(task, spec(), tmp_path)
    for name in ("a.pt", "another-name.pt"):
        record.save_weights(tmp_path / name, trained[0].fit.weights)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another-name.pt").read_bytes()


def test_the_fingerprint_follows_data_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "images.npy").write_bytes(b"1")
    one = fingerprint([tmp_path], {"lr": 0.1})
    assert one == fingerprint([tmp_path], {"lr": 0.1}) != fingerprint([tmp_path], {"lr": 0.2})
    (tmp_path / "images.npy").write_bytes(b"2")
    assert one != fingerprint([tmp_path], {"lr": 0.1})


def test_the_fingerprint_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "task").mkdir()
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    module = ModuleType("probeline.made_by_a_test")
    module.__file__ = str(code)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    one = fingerprint([tmp_path / "task"], {})
    code.write_text("a = 2")
    assert fingerprint([tmp_path / "task"], {}) != one


def test_checkpoints_stay_after_an_error_and_go_after_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBELINE_CHECKPOINTS", str(tmp_path))

    def killed() -> None:
        with store("mine", "0f") as folder:
            folder.mkdir()
            raise Killed

    with pytest.raises(Killed):
        killed()
    with store("mine", "0f") as again:
        assert again.exists()
    assert list(tmp_path.iterdir()) == []


AUGMENT = [{"name": "crop", "padding": 1}, {"name": "normalise"}, {"name": "sharpness", "factor": 2.0}]
VGG = {"name": "vgg", "layers": [1], "widths": [4], "pool": 3, "embedding": 2}
ADAM = {"name": "adam", "lr": 0.01}
KINDS: dict[str, dict[str, Any]] = {
    "a convnet with augmentation": {
        "model": {"name": "convnet", "channels": [4], "kernel": 3, "padding": 1, "batch_norm": True, "hidden": [5]},
        "augment": AUGMENT, "normalise": {"mean": [0.5], "std": [0.2]}, "optimizer": {"name": "sgd", "lr": 0.02},
    },
    "a triplet vgg": {"model": VGG, "objective": {"name": "triplet"}, "optimizer": ADAM},
    "in 16 bits": {"model": VGG, "precision": "bfloat16", "channels_last": True},
}  # fmt: skip


@pytest.mark.parametrize("kill_after", [1, 6, 17, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_killed_run_goes_on_to_the_bit(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, kill_after: int
) -> None:
    run = spec(epochs=6, **KINDS[kind])
    whole = fit(task, run, tmp_path / "whole")
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
    with pytest.raises(Killed):
        fit(task, run, tmp_path / "cut", kill_after=kill_after)
    again = fit(task, run, tmp_path / "cut")
    assert again.history == whole.history
    for name, value in whole.weights.items():
        assert value.numpy().tobytes() == again.weights[name].numpy().tobytes()
    assert fit(task, run, tmp_path / "other", seed=1).history != whole.history


def test_augmentation_changes_training_images_alone_and_normalises_where_it_is_told(task: Task) -> None:
    run = spec(**KINDS["a convnet with augmentation"])
    data = of_draw(to_device(task, run, "train.mine", CPU), task, 0)
    chosen = torch.arange(20)
    plain = data.batch(chosen)
    pixels = torch.tensor(task.images[:20, :, :, 0][:, None] / 255, dtype=torch.float32)
    torch.testing.assert_close(plain, (pixels - 0.5) / 0.2)

    crop, _, sharpness = run.augment
    found = data.training_batch(chosen, torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    expected = crop.apply(pixels, crop.draw(pixels, generator))
    expected = (expected - 0.5) / 0.2
    expected = sharpness.apply(expected, sharpness.draw(expected, generator))
    torch.testing.assert_close(found, expected)
    last = spec(**KINDS["a convnet with augmentation"] | {"augment": AUGMENT[:1]})
    data = to_device(task, last, "train.mine", CPU)
    found = data.training_batch(chosen, torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    torch.testing.assert_close(found, (crop.apply(pixels, crop.draw(pixels, generator)) - 0.5) / 0.2)


def test_examples_show_what_the_network_sees(task: Task) -> None:
    run = spec(augment=AUGMENT[:2], normalise={"mean": [0.5], "std": [0.2]})
    data = of_draw(to_device(task, run, "train.mine", CPU), task, 0)
    found = record.examples(data)
    assert found is not None
    before, after = found
    np.testing.assert_array_equal(before, task.images[task.train[0][:8]])
    crop = run.augment[0]
    images = torch.tensor(before).permute(0, 3, 1, 2) / 255
    expected = crop.apply(images, crop.draw(images, torch.Generator().manual_seed(0))) * 255
    np.testing.assert_array_equal(after, expected.round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
    assert record.examples(of_draw(to_device(task, spec(), "train.mine", CPU), task, 0)) is None


def test_a_triplet_run_has_a_loss_and_no_accuracy(task: Task, tmp_path: Path) -> None:
    run = spec(**KINDS["a triplet vgg"], seeds=[0, 1], batch_size=10)
    measured = json.loads(json.dumps(record.record(run, task, 51, train_all(task, run, tmp_path), {})))
    found = summary.metrics(measured)
    assert found["mean"]["test_loss"] > 0
    assert found["mean"]["test_accuracy"] is None
    assert found["test_accuracy_by_class"] is None
    assert summary.confusion(measured) is None
    assert summary.numbers({"a": measured}) == {"a.test_loss": found["mean"]["test_loss"]}
    assert summary.curves(measured)["validation_accuracy"].isna().all()


def test_images_alone_in_their_batch_are_counted(task: Task, tmp_path: Path) -> None:
    run = spec(**KINDS["a triplet vgg"], batch_size=4, epochs=5)
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
        fit(task, spec(**KINDS["a triplet vgg"], batch_size=1), tmp_path)


def test_the_score_of_a_triplet_run_is_the_same_each_time_whatever_the_order_of_classes(task: Task) -> None:
    run = spec(**KINDS["a triplet vgg"], batch_size=8)
    torch.manual_seed(0)
    model = seeds.build(run, task, "train.mine")
    by_class = replace(task, test=task.test[np.argsort(task.labels[task.test], kind="stable")])
    data = of_draw(to_device(by_class, run, "train.mine", CPU), by_class, 0)
    first, again = (evaluate(model, data, "test", run) for _ in range(2))
    assert first.loss == again.loss  # and not refused: sorted, batches of one class would have no negative
    assert (first.accuracy, first.predicted) == (None, None)


def test_16_bits_are_near_32_and_not_the_same(task: Task, tmp_path: Path) -> None:
    model = KINDS["a convnet with augmentation"]["model"]
    full = fit(task, spec(model=model), tmp_path / "a").history[-1]["train_loss"]
    half = fit(task, spec(model=model, precision="bfloat16"), tmp_path / "b").history[-1]["train_loss"]
    assert full == pytest.approx(half, rel=0.02)
    assert full != half


def test_channels_last_changes_the_layout_and_not_the_result(task: Task, tmp_path: Path) -> None:
    colour = replace(task, images=np.repeat(task.images, 3, axis=3))
    model = KINDS["a convnet with augmentation"]["model"]
    usual, other = spec(model=model), spec(model=model, channels_last=True)
    batch = to_device(colour, other, "train.mine", CPU).batch(torch.arange(5))
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert not batch.is_contiguous()
    one, two = (fit(colour, run, tmp_path / str(run.channels_last)) for run in (usual, other))
    for name, value in one.weights.items():
        torch.testing.assert_close(value, two.weights[name], rtol=1e-3, atol=1e-4)


def test_the_plateau_stops_after_its_time() -> None:
    rule = EarlyStopping(metric="loss", patience=None, plateau={"after": 2, "difference": 0.01})  # type: ignore[arg-type]
    assert [stop for _, stop in values(Stopper(rule), 1.0, 1.0, 0.5, 0.495)] == [False, False, False, True]
    epochs = Stopper(rule, unit=10)
    assert not any(stop for _, stop in values(epochs, *[1.0] * 20))
    assert epochs.update(1.0) is False
    assert epochs.stop(21)


def test_the_layer_table_names_every_layer(task: Task) -> None:
    with torch.device("meta"):
        model = seeds.build(spec(model=VGG), task, "train.mine")
    table = record.layer_table(model, (1, 4, 4))
    for text in ("conv1_1", "norm1_1", "embedding", "head", "Total params: 131", "Total mult-adds (M)"):
        assert text in table


def test_a_last_minibatch_of_one_image_is_refused_where_batch_norm_cannot_take_it(task: Task, tmp_path: Path) -> None:
    model = {"name": "resnet", "layers": [1, 1, 1], "widths": [2, 2, 2], "stem": "small"}
    with pytest.raises(UserError, match=r"train.mine.batch_size: the last minibatch of an epoch has one image"):
        train_all(task, spec(model=model, batch_size=29), tmp_path)
    assert train_all(task, spec(model=model, batch_size=28), tmp_path)[0].fit.last_step == 6


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_is_near_the_other_and_goes_on_after_a_kill(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = spec(compile=True, epochs=3)
    whole = fit(task, run, tmp_path / "whole")
    plain = fit(task, spec(epochs=3), tmp_path / "plain")
    for name, value in plain.weights.items():
        torch.testing.assert_close(whole.weights[name], value, rtol=1e-4, atol=1e-5)
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
    with pytest.raises(Killed):
        fit(task, run, tmp_path / "cut", kill_after=4)
    again = fit(task, run, tmp_path / "cut")
    assert again.history == whole.history
    for name, value in whole.weights.items():
        assert value.equal(again.weights[name])


def test_too_little_memory_is_one_line(task: Task, tmp_path: Path) -> None:
    run = spec(model={"name": "mlp", "hidden": [2**20, 2**20]})  # 4 TiB
    with pytest.raises(UserError, match=r"params.yaml: train.mine: this machine's memory is too small"):
        train_all(task, run, tmp_path)


def test_what_a_gpu_cannot_do_deterministically_is_one_line() -> None:
    message = "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you"
    line = str(seeds.explained(RuntimeError(message), "finetune.mine"))
    assert line.startswith(
        "params.yaml: finetune.mine: a GPU cannot train this network to the same bytes each time (adapt"
    )
    other = RuntimeError("something else")
    assert seeds.explained(other, "finetune.mine") is other


def test_the_threads_are_those_of_numpy_too() -> None:
    """The last digits of its products depend on them."""
    code = (
        "import numpy, scipy.linalg, threadpoolctl; from probeline.training import device\ndevice.choose()\n"
        "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info() if pool['user_api'] == 'blas'})"
    )
    for threads in ("1", "2"):
        found = {"PYTHONPATH": "src", "PROBELINE_THREADS": threads, "PROBELINE_DEVICE": "cpu"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=found, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == f"{{{threads}}}"


def test_without_a_compiler_the_line_says_so(tmp_path: Path) -> None:
    code = (
        "import torch; from probeline.training.seeds import explained\n"
        "try:\n  torch.compile(torch.nn.Linear(2, 2))(torch.ones(1, 2))\n"
        "except RuntimeError as error:\n  print(explained(error, 'train.mine'))"
    )
    surroundings = {
        "PATH": "",
        "CXX": str(tmp_path / "none"),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": "src",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("params.yaml: train.mine.compile: torch.compile cannot work here (")
    assert "No working C++ compiler found" in done.stdout


def test_supervised_contrastive_trains_an_embedding(task: Task, tmp_path: Path) -> None:
    run = spec(
        model=VGG, objective={"name": "supervised_contrastive"}, optimizer={"name": "adam", "lr": 0.01}, epochs=9
    )
    history = fit(task, run, tmp_path).history
    assert history[-1]["train_loss"] < 0.9 * history[0]["train_loss"]
    assert history[-1]["validation_loss"] < history[0]["validation_loss"]


def test_a_network_is_built_again_from_what_a_run_leaves(task: Task, tmp_path: Path) -> None:
    run = spec(model=VGG, epochs=2)
    (result,) = train_all(task, run, tmp_path)
    record.save_weights(tmp_path / "w.pt", result.fit.weights)
    about = json.loads(json.dumps(record.blueprint(run, task)))
    model = module("models", about["model"]["name"]).Spec.model_validate(about["model"])
    network = model.build(tuple(about["shape"]), about["outputs"])
    network.load_state_dict(torch.load(tmp_path / "w.pt", weights_only=True))
    data = of_draw(to_device(task, run, "train.mine", CPU), task, 0)
    assert evaluate(network, data, "test", run).loss == result.scores["test"].loss


def test_runs_of_one_experiment_on_one_task_stand_side_by_side() -> None:
    def run(experiment: str, task: str, confusion: list[list[int]] | None) -> dict[str, Any]:
        return {"experiment": experiment, "task": task, "classes": ["a", "b"], "seeds": [{"confusion": confusion}] * 2}

    runs = {
        "one": run("B2", "t", [[3, 1], [0, 4]]),
        "two": run("B2", "t", [[1, 3], [0, 0]]),
        "elsewhere": run("B2", "u", [[1, 0], [0, 1]]),
        "other": run("B3", "t", [[1, 0], [0, 1]]),
        "encoder": run("B2", "t", None),
    }
    expected = {"one": {"a": 0.75, "b": 1.0}, "two": {"a": 0.25, "b": None}}
    assert summary.side_by_side(runs) == {("B2", "t"): expected}
