"""A sweep: every point trained, the best chosen on validation images, and that one alone scored on test images."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from probeline import task as tasks
from probeline.pipeline import files, parent
from probeline.pipeline.progress import say
from probeline.sweeping import linear
from probeline.sweeping.spec import Point, Spec, told
from probeline.task import Task
from probeline.training import checkpoint, data, device, seeds
from probeline.training.evaluation import evaluate
from probeline.training.record import SeedResult

SPLITS = ("train", "validation")


def carry_out(name: str, spec: Spec) -> dict[str, Any]:
    """Run a sweep and write data/results/sweep/<name>/.

    Returns:
        What the log should know.
    """
    where = f"sweeps.{name}"
    folder = Path("data/tasks") / spec.run.task
    task, machine, points = tasks.load(folder), device.choose(), spec.all_points()
    mark = checkpoint.fingerprint([folder], {"sweep": spec.model_dump(), **device.describe(machine)})
    rows: list[dict[str, Any]] = []
    with checkpoint.store(f"sweep-{name}", mark) as checkpoints:
        for share in spec.shares:
            part = replace(task, train=subset(task, share))
            results = train(where, points, part, machine, checkpoints / str(share))
            best = choose(results)
            test = None if best is None else score(where, points[best], results[best], part, machine)
            for number, (point, found) in enumerate(zip(points, results, strict=True)):
                chosen = number == best
                about = {"share": share, "train_images": part.train.shape[1], "point": number}
                rows += _rows(about, point, found, test if chosen else None)
            if best is not None and test is not None:
                what = f"best {told(points[best].values)}, test {fmean(test):.4f}"
                say(f"{name}, {share:.0%} of the training images: {what}")
        with files.new_folder(Path("data/results/sweep") / name) as out:
            files.write_json(out / "sweep.json", {**_facts(spec, task), "rows": rows})
    return {**device.describe(machine), "peak_mib": round(device.peak_memory(machine))}


def subset(task: Task, share: float) -> Any:
    """A share of each draw's training images, int64 (draws, n): the beginning of one order, so that they are nested."""
    images = task.train.shape[1]
    order = np.random.default_rng(0).permutation(images)
    return task.train[:, np.sort(order[: max(2, round(share * images))])]


def train(
    where: str, points: Sequence[Point], task: Task, machine: torch.device, checkpoints: Path
) -> list[list[SeedResult]]:
    """Train all points: linear models in one pass, others one after the other, each from its checkpoint.

    Returns:
        The results of each point by seed, without those of test images.
    """
    runs = [point.run for point in points]
    shared = data.to_device(task, runs[0], where, machine)
    if linear.in_one_pass(runs):
        with tqdm(desc=where, unit="step", disable=None, leave=False, file=sys.stderr) as bar:

            def report(steps: int, of: int) -> None:
                parent.insist()
                bar.total = of
                bar.update(steps - bar.n)

            return linear.train(where, runs, task, shared, report=report)
    found = []
    for number, point in enumerate(tqdm(points, desc=where, unit="point", disable=None, leave=False, file=sys.stderr)):
        own = data.to_device(task, point.run, where, machine)
        say(f"{where}: point {number + 1} of {len(points)}: {told(point.values)}")
        found.append(seeds.train(where, point.run, task, own, checkpoints / str(number), seeds.Effort(), splits=SPLITS))
    return found


def choose(results: Sequence[Sequence[SeedResult]]) -> int | None:
    """The point of the best mean validation accuracy, the first of equals; None where all have diverged seeds."""
    means = [
        fmean(seed.scores["validation"].accuracy or 0.0 for seed in found)
        if all(seed.fit.diverged_at is None for seed in found)
        else -1.0
        for found in results
    ]
    best = max(range(len(means)), key=means.__getitem__)
    return best if means[best] >= 0 else None


def score(where: str, point: Point, results: Sequence[SeedResult], task: Task, machine: torch.device) -> list[float]:
    """The test accuracy of each seed of a point."""
    shared = data.to_device(task, point.run, where, machine)
    found = []
    for result in results:
        model = seeds.build(point.run, task, where)
        model.load_state_dict(result.fit.weights)
        seeds.place(model, shared)
        accuracy = evaluate(model, data.of_draw(shared, task, result.draw), "test", point.run).accuracy
        assert accuracy is not None
        found.append(accuracy)
    return found


def _rows(
    about: dict[str, Any], point: Point, results: Sequence[SeedResult], test: list[float] | None
) -> list[dict[str, Any]]:
    """A row a seed."""
    return [
        {
            **about,
            **point.values,
            "seed": result.seed,
            "kept_step": result.fit.step,
            "last_step": result.fit.last_step,
            "diverged_at": result.fit.diverged_at,
            **{
                f"{split}_{value}": getattr(result.scores[split], value) if result.scores else None
                for split in SPLITS
                for value in ("loss", "accuracy")
            },
            "best": test is not None,
            "test_accuracy": test[number] if test else None,
        }
        for number, result in enumerate(results)
    ]


def _facts(spec: Spec, task: Task) -> dict[str, Any]:
    run = spec.run
    return {
        "experiment": run.experiment,
        "task": run.task,
        "dataset": task.dataset,
        "model": run.model.name,
        "objective": run.objective.name,
        "images": {"train": task.train.shape[1], "validation": task.validation.shape[1], "test": len(task.test)},
        "grid": bool(spec.grid),
        "axes": list(dict.fromkeys(key for values in spec.settings() for key in values)),
        "in_one_pass": linear.in_one_pass([point.run for point in spec.all_points()]),
    }
