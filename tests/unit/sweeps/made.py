"""Runs that are points of sweeps, and what the engine makes of each."""

from pathlib import Path
from typing import Any

import torch

from probeline.compute.data import to_device
from probeline.sweeps import linear
from probeline.tasks.task import Task
from probeline.training import seeds
from probeline.training.job import Job
from probeline.training.seeds import Log, SeedResult
from probeline.training.spec import Run

CPU = torch.device("cpu")
SOFTMAX, HINGE = {"name": "cross_entropy"}, {"name": "hinge", "margin": 0.7}


def run(lr: float = 0.1, momentum: float = 0.0, weight_decay: float = 0.0, **changes: Any) -> Run:
    """Softmax regression for five epochs."""
    defaults = {
        "report_id": "D3", "task": "made", "seeds": [0], "model": {"name": "linear"}, "objective": SOFTMAX,
        "optimizer": {"name": "sgd", "lr": lr, "momentum": momentum, "weight_decay": weight_decay}, "batch_size": 8,
        "epochs": 5, "evaluate_every": 1, "may_diverge": True,
    }  # fmt: skip
    return Run.model_validate(defaults | changes)


def l2(lambda_: float, form: str) -> dict[str, object]:
    return {"lambda": lambda_, "form": form}


def in_one_pass(task: Task, runs: list[Run], **options: Any) -> list[list[SeedResult]]:
    return linear.train(runs, task, to_device(task, runs[0].view(), CPU), **options)


def one_by_one(task: Task, runs: list[Run], folder: Path) -> list[list[SeedResult]]:
    """As train@run has each."""
    shared = to_device(task, runs[0].view(), CPU)
    return [
        seeds.train(Job.of(run), task, shared, folder / str(number), Log("train@mine"))
        for number, run in enumerate(runs)
    ]
