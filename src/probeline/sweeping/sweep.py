"""A sweep: every point trained, the best chosen on validation images, and that one alone scored on test images."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from probeline import task as tasks
from probeline.pipeline import files, parent
from probeline.pipeline.progress import bar, say
from probeline.sweeping import linear
from probeline.sweeping.spec import Point, Spec, short, told
from probeline.task import Task
from probeline.training import checkpoint, data, device, seeds
from probeline.training.evaluation import Score, evaluate
from probeline.training.record import SeedResult

SPLITS = ("train", "validation")


def carry_out(name: str, spec: Spec) -> dict[str, Any]:
    """Run a sweep and write data/results/sweep/<name>/.

    Returns:
        What the log should know.
    """
    folder = Path("data/tasks") / spec.run.task
    task, machine, points = tasks.load(folder), device.choose(), spec.all_points()
    mark = checkpoint.fingerprint([folder], {"sweep": spec.model_dump(), **device.describe(machine)})
    for point in points:  # before any is trained
        with torch.device("meta"):
            seeds.build(point.run, task, f"sweeps.{name}, the point {told(point.values)}")
    rows: list[dict[str, Any]] = []
    with checkpoint.store(f"sweep-{name}", mark) as checkpoints:
        for share in spec.shares:
            parts = {seed: subset(task, share, seed) for seed in spec.run.seeds}
            images = parts[spec.run.seeds[0]].train.shape[1]
            by_seed = [
                train(name, points, seed, part, machine, checkpoints / str(share)) for seed, part in parts.items()
            ]
            results = list(zip(*by_seed, strict=True))
            best = choose(results)
            test = None if best is None else score(name, points[best], results[best], task, machine)
            for number, (point, found) in enumerate(zip(points, results, strict=True)):
                about = {"share": share, "train_images": images, "point": number}
                rows += _rows(about, point, found, test if number == best else None)
            what = "every point diverged"
            if best is not None and test is not None:
                what = f"best {told(points[best].values)}, test {fmean(test):.4f}"
            say(f"{name}, {images:,} training images: {what}")
        with files.new_folder(Path("data/results/sweep") / name) as out:
            files.write_json(out / "sweep.json", {**_facts(spec, task), "rows": rows})
    return {**device.describe(machine), "peak_mib": round(device.peak_memory(machine))}


def subset(task: Task, share: float, seed: int) -> Task:
    """A task with a share of each draw's training images: the beginning of one order a seed, so that shares are nested.

    The order differs between seeds, so that their spread holds what the choice of images does.
    """
    images = task.train.shape[1]
    order = np.random.default_rng(seed).permutation(images)
    return replace(task, train=task.train[:, np.sort(order[: max(2, round(share * images))])])


def train(
    name: str, points: Sequence[Point], seed: int, task: Task, machine: torch.device, checkpoints: Path
) -> list[SeedResult]:
    """Train all points with one seed: linear models in one pass, others one after the other, each from its checkpoint.

    Returns:
        The result of each point, without that of test images.
    """
    where = f"sweeps.{name}.run"
    runs = [point.run.model_copy(update={"seeds": [seed]}) for point in points]
    if linear.in_one_pass(runs):
        # A sweep keeps no curves: one evaluation, at the end.
        runs = [run.model_copy(update={"evaluate_every": run.epochs}) for run in runs]
        shared = data.to_device(task, runs[0], where, machine)
        with bar(f"sweep@{name} seed {seed}", unit="step") as progress:

            def report(steps: int, of: int) -> None:
                parent.insist()
                progress.total = of
                progress.update(steps - progress.n)

            return [found for (found,) in linear.train(where, runs, task, shared, report=report)]
    results = []
    with bar(f"sweep@{name} seed {seed}", len(runs), unit="point") as progress:
        for number, run in enumerate(runs):
            own, saved = data.to_device(task, run, where, machine), checkpoints / str(number)
            which = f", point {number + 1} of {len(points)} ({told(points[number].values)})" if len(points) > 1 else ""
            label = f"sweep@{name}{which}"
            (found,) = seeds.train(where, run, task, own, saved, seeds.Effort(), splits=SPLITS, label=label)
            # One of all points is needed again: they wait where there is most room.
            kept = {key: value.cpu() for key, value in found.fit.weights.items()}
            results.append(replace(found, fit=replace(found.fit, weights=kept)))
            progress.update()
    return results


def choose(results: Sequence[Sequence[SeedResult]]) -> int | None:
    """The point of the best mean validation accuracy, the first of equals; None where all have diverged seeds."""
    means = [
        fmean(_accuracy(seed.scores["validation"]) for seed in found)
        if all(seed.fit.diverged_at is None for seed in found)
        else -1.0
        for found in results
    ]
    best = max(range(len(means)), key=means.__getitem__)
    return best if means[best] >= 0 else None


def score(name: str, point: Point, results: Sequence[SeedResult], task: Task, machine: torch.device) -> list[float]:
    """The test accuracy of each seed of a point."""
    where = f"sweeps.{name}.run"
    shared = data.to_device(task, point.run, where, machine)
    found = []
    for result in results:
        model = seeds.build(point.run, task, where)
        model.load_state_dict(result.fit.weights)
        seeds.place(model, shared)
        found.append(_accuracy(evaluate(model, data.of_draw(shared, task, result.draw), "test", point.run)))
    return found


def _accuracy(score: Score) -> float:
    assert score.accuracy is not None  # Spec admits objectives that predict alone
    return score.accuracy


def _rows(
    about: dict[str, Any], point: Point, results: Sequence[SeedResult], test: list[float] | None
) -> list[dict[str, Any]]:
    """A row a seed."""
    return [
        {
            **about,
            "setting": told(point.values),
            **point.values,
            "seed": result.seed,
            "kept_step": result.fit.step if result.scores else None,
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
        "axes": {key: short(key) for values in spec.settings() for key in values},
    }
