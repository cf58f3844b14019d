"""A training that is killed at any moment goes on to the same bits."""

import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from probeline.pipeline import parent
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import Spec
from probeline.tasks.task import Task
from probeline.training import engine
from probeline.training.spec import Run
from tests.unit.training.made import AUGMENT, CONVNET, HALF, TRIPLET, VGG, Killed, fit, spec

KINDS: dict[str, dict[str, Any]] = {
    "a convnet with augmentation": {
        "model": CONVNET, "augment": AUGMENT, "normalize": HALF, "optimizer": {"name": "sgd", "lr": 0.02},
    },
    "a triplet vgg": TRIPLET,
    "in 16 bits": {"model": VGG, "precision": "bfloat16", "channels_last": True},
}  # fmt: skip


class Noisy(Spec):
    """A network with all that a continuation must restore: batch statistics, dropout, several layers."""

    name: str = "noisy"

    def build(self, shape: tuple[int, int, int], outputs: int) -> nn.Module:
        width = math.prod(shape)
        network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(width), nn.Dropout(0.5))
        network.add_module("head", nn.Linear(width, outputs))
        return network


def noisy(**changes: Any) -> Run:
    return spec(**changes).model_copy(update={"model": Noisy()})


def same(one: engine.Fit, other: engine.Fit) -> bool:
    assert one.history == other.history
    assert (one.step, one.last_step, one.left_out) == (other.step, other.last_step, other.left_out)
    return all(value.numpy().tobytes() == other.weights[name].numpy().tobytes() for name, value in one.weights.items())


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
    assert same(whole, fit(task, run, tmp_path / "cut"))


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
    assert same(whole, fit(task, run, tmp_path / "cut"))
    assert fit(task, run, tmp_path / "other", seed=1).history != whole.history


def test_a_finished_training_is_not_made_again(task: Task, tmp_path: Path) -> None:
    first = fit(task, spec(), tmp_path)
    assert same(first, fit(task, spec(), tmp_path, kill_after=1))


def test_a_damaged_checkpoint_is_a_new_beginning(
    task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fit(task, spec(), tmp_path)
    (tmp_path / "c.pt").write_bytes((tmp_path / "c.pt").read_bytes()[:-100])
    assert same(whole, fit(task, spec(), tmp_path))
    assert "damaged checkpoint" in capsys.readouterr().out


def test_a_training_whose_dvc_is_gone_stops_with_a_checkpoint(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit(task, spec(), tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(parent, "_STARTED_BY", -1)
        with pytest.raises(UserError, match=r"the dvc that started this run is gone; stopped after step 1 of 12; the"):
            fit(task, spec(), tmp_path / "cut")
    assert (tmp_path / "cut/c.pt").exists()
    assert same(whole, fit(task, spec(), tmp_path / "cut"))


def test_evaluating_learns_nothing_and_training_does(task: Task, tmp_path: Path) -> None:
    found = fit(task, noisy(epochs=2), tmp_path)
    assert int(found.weights["1.num_batches_tracked"]) == 8  # every step of both epochs, before and after evaluating


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_run_is_near_the_other_and_goes_on_to_the_bit(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = spec(compile=True)
    whole = fit(task, run, tmp_path / "whole")
    plain = fit(task, spec(), tmp_path / "plain")
    for name, value in plain.weights.items():
        torch.testing.assert_close(whole.weights[name], value, rtol=1e-4, atol=1e-5)
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
    with pytest.raises(Killed):
        fit(task, run, tmp_path / "cut", kill_after=4)
    assert same(whole, fit(task, run, tmp_path / "cut"))
