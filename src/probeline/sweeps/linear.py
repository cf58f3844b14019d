"""A sweep over linear models in one pass: what `engine.fit` would give for each point, at the same data order.

All points of a batch size and a seed see the same minibatches and start from the same weights, so they are one tensor
program (stack.py) instead of a loop of runs. The learning rate is constant, so points that differ in their epochs
alone are one trajectory, seen at several moments.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from probeline.compute.data import Data, DeviceData, of_resample
from probeline.results.record import Evaluation
from probeline.sweeps.stack import Descent, Sgd, Stack, gradient, one_hot, score
from probeline.tasks.task import Task
from probeline.training.engine import Fit, Weights, epoch_order
from probeline.training.evaluation import Score
from probeline.training.job import Job
from probeline.training.seeds import SeedResult, place
from probeline.training.spec import Run

VARIED = {"optimizer", "l2", "epochs", "batch_size", "seeds"}  # what points of a sweep may differ in
UNUSED = {"report_id", "evaluate_every", "may_diverge"}  # what changes no weight


def fits(run: Run) -> bool:
    """Whether a run can be a point: one linear layer and SGD for some epochs, with nothing that needs the engine."""
    return (
        run.model.name == "linear"
        and run.model.embedding is None
        and run.objective.name in {"cross_entropy", "hinge"}
        and run.optimizer.name == "sgd"
        and run.epochs is not None
        and run.precision == "float32"
        and not (
            run.augment or run.clip_norm or run.early_stopping or run.evaluate_start or run.compile or run.channels_last
        )
    )


def in_one_pass(runs: Sequence[Run]) -> bool:
    """Whether runs can be the points of one tensor program: each fits, and they differ in `VARIED` at most."""
    alike = [run.model_dump(exclude=VARIED | UNUSED) for run in runs]
    return all(map(fits, runs)) and all(other == alike[0] for other in alike)


@dataclass
class _Trajectory:
    """One model of a stack, and the points (index of the run) that are moments of it."""

    points: list[int] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    seen: dict[int, tuple[Weights, dict[str, Score]]] = field(default_factory=dict)  # by epoch
    diverged_at: int | None = None


def train(
    runs: Sequence[Run],
    task: Task,
    shared: DeviceData,
    report: Callable[[int, int], None] = lambda *_: None,
) -> list[list[SeedResult]]:
    """Train all points of a sweep, each with all its seeds.

    Args:
        runs: The points, each of which `fits`; they differ in lr, momentum, weight_decay, l2, epochs, batch_size and
            seeds at most.
        shared: The task on the device that trains, as `to_device` makes it for any of the runs.
        report: Called after every epoch with (steps made, steps in all).

    Returns:
        The results of each point by seed, as `seeds.train` gives them, but: `scores` has train and validation alone
        (a sweep chooses on validation), `history` the validation values alone, and there are no outputs. A point whose
        loss or outputs are not finite has `diverged_at` and no scores; the others do not notice.
    """
    if not in_one_pass(runs):
        raise ValueError("not points of one linear sweep")
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, run in enumerate(runs):
        for seed in run.seeds:
            groups[run.batch_size, seed].append(index)
    images = len(task.train[0])
    lengths = {
        (size, seed): max(runs[index].epochs or 0 for index in members) * math.ceil(images / size)
        for (size, seed), members in groups.items()
    }
    results: dict[tuple[int, int], SeedResult] = {}
    done, total = 0, sum(lengths.values())
    for (size, seed), members in groups.items():
        resample = seed % len(task.train)
        data = of_resample(shared, task, resample)
        torch.manual_seed(seed)
        model = Job.of(runs[members[0]]).build(task)
        place(model, data)
        first = done

        def advance(steps: int, first: int = first) -> None:
            report(first + steps, total)

        fitted = _fit(model.state_dict(), data, {index: runs[index] for index in members}, size, seed, advance)
        for index, (fit, scores) in fitted.items():
            results[index, seed] = SeedResult(seed, resample, fit, scores)
        done += lengths[size, seed]
    return [[results[index, seed] for seed in run.seeds] for index, run in enumerate(runs)]


def _fit(
    start: Weights,
    data: Data,
    runs: dict[int, Run],
    batch_size: int,
    seed: int,
    advance: Callable[[int], None],
) -> dict[int, tuple[Fit, dict[str, Score]]]:
    """Train all points of one batch size and one seed. Results by the key of the run."""
    train = data.splits["train"]
    trajectories: dict[Sgd, _Trajectory] = defaultdict(_Trajectory)
    for index, run in runs.items():
        trajectories[_sgd(run, len(train))].points.append(index)
    stack = Stack.of([start] * len(trajectories))
    descent = Descent(stack, list(trajectories))
    ends = {run.epochs or 0 for run in runs.values()}
    objective = next(iter(runs.values())).objective
    steps = math.ceil(len(train) / batch_size)

    for epoch in range(max(ends)):
        order = train[epoch_order(seed, epoch, len(train)).to(train.device)]
        finite = train_epoch(stack, descent, data, objective, order, batch_size)
        step = (epoch + 1) * steps
        for trajectory, fine in zip(trajectories.values(), finite.cpu().T, strict=True):
            if trajectory.diverged_at is None and not fine.all():
                trajectory.diverged_at = epoch * steps + int(fine.logical_not().nonzero()[0]) + 1
        if any(_looks(run, epoch + 1) for run in runs.values()):
            _look(stack, data, objective, list(trajectories.values()), _Moment(step, epoch + 1, epoch + 1 in ends))
        advance(step)
    return {
        index: _result(trajectory, runs[index], steps)
        for trajectory in trajectories.values()
        for index in trajectory.points
    }


def _sgd(run: Run, images: int) -> Sgd:
    optimizer, l2 = run.optimizer, run.l2
    penalty = 0.0 if l2 is None else l2.factor(images)
    return Sgd(optimizer.lr, optimizer.momentum, optimizer.weight_decay, penalty)


def train_epoch(stack: Stack, descent: Descent, data: Data, objective: Any, order: Tensor, batch_size: int) -> Tensor:
    """One pass of a stack over the images of an order, int64 (n,).

    Returns:
        Whether the outputs of each step were finite, bool (steps, P).
    """
    hot = one_hot(data.labels[order], len(stack.bias) // stack.models)
    sums = []
    for chosen, labels in zip(torch.split(order, batch_size), torch.split(hot, batch_size, 2), strict=True):
        features = data.batch(chosen).flatten(1)
        outputs = stack.outputs(features)
        sums.append(outputs.sum(2))
        descent.step(gradient(objective, outputs, labels), features)
    return torch.stack(sums).sum(1).isfinite()


def _looks(run: Run, epoch: int) -> bool:
    """Whether a run is evaluated after this many epochs."""
    return epoch == run.epochs or (epoch < (run.epochs or 0) and epoch % run.evaluate_every == 0)


class _Moment(NamedTuple):
    """When a stack is scored, and whether a run ends there."""

    step: int
    epoch: int
    end: bool


def _look(stack: Stack, data: Data, objective: Any, trajectories: list[_Trajectory], now: _Moment) -> None:
    """Score all models on the validation images; where a run ends, on its training images too, and keep the weights."""
    validation = score(objective, stack, data, "validation")
    train = score(objective, stack, data, "train") if now.end else []
    for model, (trajectory, seen) in enumerate(zip(trajectories, validation, strict=True)):
        trajectory.history.append(
            {
                "step": now.step,
                "epoch": float(now.epoch),
                "validation_loss": seen.loss,
                "validation_accuracy": seen.accuracy,
            }
        )
        if trajectory.diverged_at is None and not math.isfinite(seen.loss):
            trajectory.diverged_at = now.step
        if now.end:
            trajectory.seen[now.epoch] = stack.model(model), {"train": train[model], "validation": seen}


def _result(trajectory: _Trajectory, run: Run, steps: int) -> tuple[Fit, dict[str, Score]]:
    """What one point is: its trajectory up to its own end, or up to the evaluation that found it diverged."""
    epochs = run.epochs or 0
    weights, scores = trajectory.seen[epochs]
    history = [row for row in trajectory.history if _looks(run, round(row["epoch"]))]
    diverged = trajectory.diverged_at if (trajectory.diverged_at or math.inf) <= epochs * steps else None
    if diverged is not None:
        end = next(row["step"] for row in history if row["step"] >= diverged)
        history, scores = [row for row in history if row["step"] <= end], {}
    last = history[-1]["step"]
    told = [Evaluation(**row) for row in history]
    return Fit(weights, told, last, last, stopped_early=False, left_out=0, diverged_at=diverged), scores
