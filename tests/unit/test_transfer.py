"""Transfer: what is loaded, what is new, what trains, and every way in which it does not fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from probeline import transfer
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.task import Task
from probeline.training import seeds
from probeline.training.data import to_device
from probeline.training.record import save_weights
from probeline.training.spec import Run, Transfer

MODEL = {"name": "convnet", "channels": [4], "kernel": 3, "padding": 1, "batch_norm": True, "hidden": [5]}
RUN = {
    "experiment": "B6", "task": "made", "seeds": [0, 1], "model": MODEL, "objective": {"name": "cross_entropy"},
    "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 8, "epochs": 1, "evaluate_every": 1,
}  # fmt: skip
FROM = {"source": "first", "load": ["features"], "new": ["head"], "trainable": "all"}
CPU = torch.device("cpu")


@pytest.fixture
def task(task: Task) -> Task:
    return replace(task, images=np.kron(task.images, np.ones((1, 2, 2, 1), dtype=np.uint8)))  # 8x8


@pytest.fixture
def first(task: Task, tmp_path: Path) -> Path:
    """The models of a trained run of two seeds."""
    folder = tmp_path / "first"
    run = Run.model_validate(RUN)
    for result in seeds.train(
        "train.first", run, task, to_device(task, run, "train.first", CPU), tmp_path / "c", seeds.Effort()
    ):
        save_weights(folder / f"seed-{result.seed}.pt", result.fit.weights)
    return folder


def begun(task: Task, folder: Path, init: int = 9, seed: int = 0, **changes: Any) -> tuple[nn.Module, transfer.Start]:
    run = Transfer.model_validate(RUN | FROM | changes)
    torch.manual_seed(init)
    model = seeds.build(run, task, "transfer.second")
    start = transfer.Start(run, folder, "transfer.second")
    start(model, seed)
    return model, start


def weights(folder: Path, seed: int = 0) -> dict[str, Tensor]:
    loaded: dict[str, Tensor] = torch.load(folder / f"seed-{seed}.pt", weights_only=True)
    return loaded


def equal(model: nn.Module, saved: dict[str, Tensor]) -> set[str]:
    return {name for name, value in model.state_dict().items() if saved[name].equal(value)}


def test_what_load_names_is_loaded_and_what_new_names_is_new(task: Task, first: Path) -> None:
    model, start = begun(task, first)
    saved = weights(first)
    assert equal(model, saved) == {name for name in saved if name.startswith("features.")}
    assert "features.norm1.running_mean" in saved
    other, _ = begun(task, first, init=10)
    assert not model.state_dict()["head.weight"].equal(other.state_dict()["head.weight"])
    head = 5 * 3 + 3
    total = sum(parameter.numel() for parameter in model.parameters())
    assert start.facts == {
        "source": "first", "load": ["features"], "new": ["head"], "trainable": "all",
        "loaded_parameters": total - head, "new_parameters": head, "trained_parameters": total,
    }  # fmt: skip


def test_the_longest_name_counts(task: Task, first: Path) -> None:
    model, _ = begun(task, first, new=["head", "features.fc1"])
    assert equal(model, weights(first)) == {f"features.{name}" for name in (
        "conv1.weight", "conv1.bias", "norm1.weight", "norm1.bias", "norm1.running_mean", "norm1.running_var",
        "norm1.num_batches_tracked")}  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1])
def test_each_seed_starts_from_the_same_seed_of_its_source(task: Task, first: Path, seed: int) -> None:
    model, _ = begun(task, first, seed=seed)
    assert model.state_dict()["features.conv1.weight"].equal(weights(first, seed)["features.conv1.weight"])
    assert not weights(first, 0)["features.conv1.weight"].equal(weights(first, 1)["features.conv1.weight"])


@pytest.mark.parametrize(
    ("trainable", "free"),
    [
        ("all", {"features.conv1", "features.norm1", "features.fc1", "head"}),
        ("head", {"head"}),
        ({"last": 1}, {"head"}),
        ({"last": 3}, {"features.norm1", "features.fc1", "head"}),
    ],
)
def test_what_does_not_train_stays_to_the_bit(
    task: Task, first: Path, tmp_path: Path, trainable: Any, free: set[str]
) -> None:
    run = Transfer.model_validate(RUN | FROM | {"trainable": trainable, "epochs": 2, "seeds": [1]})
    start = transfer.Start(run, first, "transfer.second")
    data = to_device(task, run, "transfer.second", CPU)
    (result,) = seeds.train("transfer.second", run, task, data, tmp_path / "d", seeds.Effort(), start)
    torch.manual_seed(1)
    before = seeds.build(run, task, "transfer.second")
    transfer.prepare(before, run, weights(first, 1), "transfer.second")
    changed = {name for name, value in before.state_dict().items() if not value.equal(result.fit.weights[name])}
    assert {name.rpartition(".")[0] for name in changed} == free
    # Batch norm that does not train keeps its running statistics too.
    assert ("features.norm1.running_mean" in changed) == ("features.norm1" in free)
    trained = sum(p.numel() for name, p in before.named_parameters() if name.rpartition(".")[0] in free)
    assert start.facts["trained_parameters"] == trained


BIGGER = MODEL | {"hidden": [6]}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"model": BIGGER}, "transfer.second: the layer 'features.fc1' is 6x64 here and 5x64 in first; name it in new"),
        ({"model": MODEL | {"hidden": [5, 4]}}, "the layer 'features.fc2' is not in first; name it in new, or change"),
        ({"new": []}, "params.yaml: transfer.second: the layer 'head' is neither in load nor in new; name it in one"),
        ({"new": ["head", "features.fc3"]}, "transfer.second.new: unknown layer 'features.fc3'; did you mean"),
        (
            {"load": ["features.conv1.weight"]},
            "second.load: unknown layer 'features.conv1.weight'; did you mean",
        ),
        (
            {"load": ["features"], "new": ["features.conv1", "features.norm1", "features.fc1", "head"]},
            "transfer.second.load: nothing of 'features' is loaded, since new names all its layers",
        ),
        ({"load": ["feature"]}, "params.yaml: transfer.second.load: unknown layer 'feature'; did you mean 'features'?"),
        (
            {"new": ["features.fc1", "head"], "trainable": "head"},
            "transfer.second: the layer 'features.fc1' is new and does not train, so it would stay random",
        ),
        ({"trainable": {"last": 5}}, "params.yaml: transfer.second.trainable.last: 5 of 4 layers; ask for fewer"),
        (
            {
                "objective": {"name": "triplet"},
                "new": ["embedding"],
                "model": MODEL | {"embedding": 2},
                "trainable": "head",
            },
            "transfer.second.trainable: this objective's network has no head; use all, or {last: 1}",
        ),
    ],
)
def test_what_does_not_fit_names_the_layer(task: Task, first: Path, changes: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as error:
        begun(task, first, **changes)
    assert line in str(error.value)


def test_another_size_of_image_fits_with_new_layers(task: Task, first: Path) -> None:
    large = replace(task, images=np.kron(task.images, np.ones((1, 2, 2, 1), dtype=np.uint8)))
    with pytest.raises(UserError, match=r"the layer 'features.fc1' is 5x256 here and 5x64 in first"):
        begun(large, first)
    model, _ = begun(large, first, new=["features.fc1", "head"])
    assert model.state_dict()["features.conv1.weight"].equal(weights(first)["features.conv1.weight"])


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_weights_that_are_missing_or_damaged(task: Task, first: Path, content: bytes | None) -> None:
    if content is None:
        (first / "seed-0.pt").unlink()
    else:
        (first / "seed-0.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"first/seed-0.pt: missing or damaged; make it again"):
        begun(task, first)


def test_a_source_that_diverged_is_refused(task: Task, first: Path) -> None:
    broken = weights(first)
    broken["features.fc1.weight"][2, 3] = torch.nan
    torch.save(broken, first / "seed-0.pt")
    with pytest.raises(UserError, match=r"the layer .features.fc1. of first has values that are not finite"):
        begun(task, first)


def test_the_last_layers_of_a_resnet_are_those_next_to_its_head() -> None:
    model = (
        params.module("models", "resnet")
        .Spec(name="resnet", layers=[1, 1], widths=[2, 3], stem="small")
        .build((1, 8, 8), 4)
    )
    transfer.freeze(model, {"last": 3}, "transfer.second")
    free = {name.rpartition(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert free == {"features.stage2.block1.conv2", "features.stage2.block1.norm2", "head"}
