"""Transfer: what is loaded, what is new, what trains, and every way in which it does not fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from probeline.compute.data import to_device
from probeline.pipeline import params
from probeline.pipeline.errors import ParamError, UserError, at
from probeline.results.runs import Begun
from probeline.tasks.task import Task
from probeline.training import seeds, weights
from probeline.training.job import Job
from probeline.training.spec import Run
from probeline.transfers.transfer import FromRun, Layers, Transfer

MODEL = {"name": "convnet", "channels": [4], "kernel_size": 3, "padding": 1, "batch_norm": True, "hidden": [5]}
RUN = {
    "report_id": "B6", "task": "made", "seeds": 2, "model": MODEL, "objective": {"name": "cross_entropy"},
    "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 8, "epochs": 1,
}  # fmt: skip
FROM = {"source": "first", "load": ["features"], "new": ["head"]}
CPU = torch.device("cpu")


@pytest.fixture
def first(task: Task, tmp_path: Path) -> Path:
    """The models of a trained run of two seeds."""
    folder = tmp_path / "first"
    for result in train(Job.of(Run.model_validate(RUN)), task, tmp_path / "c"):
        weights.save(folder / f"seed-{result.seed}.pt", result.fit.weights)
    return folder


def train(job: Job, task: Task, path: Path) -> list[seeds.SeedResult]:
    return seeds.train(job, task, to_device(task, job.view, CPU), path, seeds.Log("a run"))


def job(folder: Path, **changes: Any) -> Job:
    run = Transfer.model_validate(RUN | FROM | changes)
    return Job.of(run, FromRun(run, folder))


def begun(task: Task, folder: Path, init: int = 9, seed: int = 0, **changes: Any) -> tuple[nn.Module, Begun]:
    second = job(folder, **changes)
    torch.manual_seed(init)
    model = second.build(task)
    found = second.start.begin(model, seed)
    assert found is not None
    return model, found


def saved(folder: Path, seed: int = 0) -> dict[str, Tensor]:
    return weights.load(folder / f"seed-{seed}.pt", "")


def equal(model: nn.Module, state: dict[str, Tensor]) -> set[str]:
    return {name for name, value in model.state_dict().items() if state[name].equal(value)}


def test_what_load_names_is_loaded_and_what_new_names_is_new(task: Task, first: Path) -> None:
    model, start = begun(task, first)
    source = saved(first)
    assert equal(model, source) == {name for name in source if name.startswith("features.")}
    assert "features.norm1.running_mean" in source
    other, _ = begun(task, first, init=10)
    assert not model.state_dict()["head.weight"].equal(other.state_dict()["head.weight"])
    head = 5 * 3 + 3
    total = sum(parameter.numel() for parameter in model.parameters())
    assert start == Begun(
        source="first",
        load=["features"],
        new=["head"],
        trainable="all",
        loaded_parameters=total - head,
        new_parameters=head,
        trained_parameters=total,
    )
    assert (start.encoder, start.head) == (None, None)


def test_what_is_begun_is_returned_and_not_kept(task: Task, first: Path) -> None:
    second = job(first, trainable="head")
    before = vars(second.start).copy()
    (one, two) = (second.start.begin(second.build(task), seed) for seed in (0, 1))
    assert one == two
    assert one is not None
    assert one.trained_parameters == one.new_parameters == 5 * 3 + 3
    assert vars(second.start) == before


def test_the_longest_name_counts(task: Task, first: Path) -> None:
    model, start = begun(task, first, new=["head", "features.fc1"])
    assert equal(model, saved(first)) == {f"features.{name}" for name in (
        "conv1.weight", "conv1.bias", "norm1.weight", "norm1.bias", "norm1.running_mean", "norm1.running_var",
        "norm1.num_batches_tracked")}  # fmt: skip
    assert start.loaded_parameters == 4 * 9 + 4 + 2 * 4
    assert start.new_parameters == 64 * 5 + 5 + 5 * 3 + 3


@pytest.mark.parametrize("seed", [0, 1])
def test_each_seed_starts_from_the_same_seed_of_its_source(task: Task, first: Path, seed: int) -> None:
    model, _ = begun(task, first, seed=seed)
    assert model.state_dict()["features.conv1.weight"].equal(saved(first, seed)["features.conv1.weight"])
    assert not saved(first, 0)["features.conv1.weight"].equal(saved(first, 1)["features.conv1.weight"])


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
    second = job(first, trainable=trainable, epochs=2, seeds=[1])
    (result,) = train(second, task, tmp_path / "d")
    before, start = begun(task, first, init=1, seed=1, trainable=trainable)
    changed = {name for name, value in before.state_dict().items() if not value.equal(result.fit.weights[name])}
    assert {name.rpartition(".")[0] for name in changed} == free
    # Batch norm that does not train keeps its running statistics too.
    assert ("features.norm1.running_mean" in changed) == ("features.norm1" in free)
    trained = sum(p.numel() for name, p in before.named_parameters() if name.rpartition(".")[0] in free)
    assert start.trained_parameters == trained
    assert result.begun == start


def test_a_network_that_is_only_looked_at_shows_what_trains(task: Task, first: Path) -> None:
    second = job(first, trainable={"last": 2})
    with torch.device("meta"):
        model = second.build(task)
    second.start.freeze(model)
    free = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert free == {f"{layer}.{kind}" for layer in ("features.fc1", "head") for kind in ("weight", "bias")}


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
    with pytest.raises(ParamError) as error, at("transfer.second"):
        begun(task, first, **changes)
    assert line in str(error.value)


def test_another_size_of_image_fits_with_new_layers(task: Task, first: Path) -> None:
    large = replace(task, images=np.kron(task.images, np.ones((1, 2, 2, 1), dtype=np.uint8)))
    with pytest.raises(ParamError, match=r"the layer 'features.fc1' is 5x256 here and 5x64 in first"):
        begun(large, first)
    model, _ = begun(large, first, new=["features.fc1", "head"])
    assert model.state_dict()["features.conv1.weight"].equal(saved(first)["features.conv1.weight"])


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_weights_that_are_missing_or_damaged(task: Task, first: Path, content: bytes | None) -> None:
    if content is None:
        (first / "seed-0.pt").unlink()
    else:
        (first / "seed-0.pt").write_bytes(content)
    line = r"first/seed-0.pt: is missing or damaged; run: dvc repro --force train@first --single-item"
    with pytest.raises(UserError, match=line):
        begun(task, first)


def test_a_source_that_diverged_is_refused(task: Task, first: Path) -> None:
    broken = saved(first)
    broken["features.fc1.weight"][2, 3] = torch.nan
    weights.save(first / "seed-0.pt", broken)
    line = r"the layer .features.fc1. of first has values that are not finite: that run diverged; start from another"
    with pytest.raises(ParamError, match=line) as error:
        begun(task, first)
    assert error.value.key == "source"


def test_the_last_layers_of_a_resnet_are_those_next_to_its_head() -> None:
    spec = params.module("models", "resnet").Spec(name="resnet", layers=[1, 1], widths=[2, 3], stem="small")
    model: nn.Module = spec.build((1, 8, 8), 4)
    Layers("first", [], [], {"last": 3}).freeze(model)
    free = {name.rpartition(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert free == {"features.stage2.block1.conv2", "features.stage2.block1.norm2", "head"}
