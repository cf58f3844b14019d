"""Small runs on the task of tests/conftest.py."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from probeline.compute.data import DeviceData, of_resample, to_device
from probeline.pipeline.checkpoint import Checkpoint
from probeline.tasks.task import Task
from probeline.training import engine, seeds
from probeline.training.job import Job
from probeline.training.spec import Run

CPU = torch.device("cpu")
SUM = {"lambda": 1.0, "form": "sum"}
EXPLODES: dict[str, Any] = {"optimizer": {"name": "sgd", "lr": 1e30}, "l2": SUM}
CROP, SHARPNESS = {"name": "crop", "padding": 1}, {"name": "sharpness", "sharpness_factor": 2.0}
AUGMENT = [CROP, {"name": "normalize"}, SHARPNESS]
HALF = {"mean": [0.5], "std": [0.2]}
CONVNET = {"name": "convnet", "channels": [4], "kernel_size": 3, "padding": 1, "batch_norm": True, "hidden": [5]}
VGG = {"name": "vgg", "layers": [1], "widths": [4], "pool": 3, "embedding": 2}
TRIPLET: dict[str, Any] = {
    "model": VGG, "objective": {"name": "triplet"}, "optimizer": {"name": "adam", "lr": 0.01},
}  # fmt: skip


class Killed(Exception):  # noqa: N818
    pass


def spec(**changes: Any) -> Run:
    defaults = {
        "report_id": "D1", "task": "made", "model": {"name": "linear"}, "objective": {"name": "cross_entropy"},
        "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 8, "epochs": 3,
    }  # fmt: skip
    return Run.model_validate(defaults | changes)


def on_device(task: Task, run: Run, resample: int = 0) -> DeviceData:
    return of_resample(to_device(task, run.view(), CPU), task, resample)


def network(task: Task, run: Run, seed: int = 0) -> nn.Module:
    """With the fresh weights of a seed."""
    torch.manual_seed(seed)
    return Job.of(run).build(task)


def fit(task: Task, run: Run, path: Path, seed: int = 0, kill_after: int | None = None) -> engine.Fit:
    data, model = on_device(task, run), network(task, run, seed)
    seeds.place(model, data)

    def report(step: int, *_: object) -> None:
        if step == kill_after:
            raise Killed

    return engine.fit(model, data, run, seed, Checkpoint(path / "c.pt"), report)


def train_all(task: Task, run: Run, path: Path) -> list[seeds.SeedResult]:
    return seeds.train(Job.of(run), task, to_device(task, run.view(), CPU), path, seeds.Log("train@mine"))
