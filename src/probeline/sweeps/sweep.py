"""A sweep: every point trained, the best chosen on validation images, and that one alone scored on test images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch

from probeline.compute import data, device
from probeline.pipeline import checkpoint, parent
from probeline.pipeline.errors import ParamError, at
from probeline.pipeline.folders import new_folder
from probeline.pipeline.progress import bar, say
from probeline.results import outputs
from probeline.results import sweeps as results
from probeline.results.outputs import Outputs
from probeline.sweeps import linear
from probeline.sweeps.spec import Point, Sweep, short, told
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from probeline.training.evaluation import Score, measure
from probeline.training.job import Job
from probeline.training.seeds import Log, SeedResult, place
from probeline.training.seeds import train as train_seeds

SPLITS = ("train", "validation")


@dataclass(frozen=True)
class Best:
    """The chosen point of a fraction.

    Attributes:
        test: Its test accuracy, per seed.
        outputs: Likewise.
    """

    test: list[float]
    outputs: list[Outputs]


def carry_out(name: str, spec: Sweep) -> dict[str, Any]:
    """Run a sweep and write data/results/sweep/<name>/.

    Returns:
        What the log should know.
    """
    folder = Path("data/tasks") / spec.run.task
    task, machine, points = tasks.load(folder), device.choose(), spec.all_points()
    mark = checkpoint.fingerprint([folder], {"sweep": spec.model_dump(), **device.describe(machine)})
    with at("run"):
        data.insist(spec.run.view(), spec.run.view().shape(task))
    for point in points:  # before any is trained
        _insist(point, task)
    rows: list[results.Point] = []
    chosen: dict[float, Best] = {}
    histories: list[results.Chosen] = []
    with checkpoint.store(f"sweep-{name}", mark) as checkpoints:
        for fraction in spec.train_fractions:
            parts = {seed: subset(task, fraction, seed) for seed in spec.run.seeds}
            images = parts[spec.run.seeds[0]].train.shape[1]
            by_seed = [
                train(name, points, seed, part, machine, checkpoints / str(fraction)) for seed, part in parts.items()
            ]
            found = list(zip(*by_seed, strict=True))
            best = choose(found)
            if best is not None:
                chosen[fraction] = score(points[best], found[best], parts, machine)
                about = {"train_fraction": fraction, "point": best}
                histories += [results.Chosen(**about, seed=one.seed, history=one.fit.history) for one in found[best]]
            for number in range(len(points)):
                about = {"train_fraction": fraction, "train_images": images, "point": number}
                rows += _rows(about, points[number], found[number], chosen[fraction] if number == best else None)
            what = "every point diverged"
            if best is not None:
                what = f"best {told(points[best].values)}, test {fmean(chosen[fraction].test):.4f}"
            say(f"{name}, {images:,} training images: {what}")
        with new_folder(Path("data/results/sweep") / name) as out:
            _record(spec, task, rows, histories).save(out / results.FILE)
            for fraction, of in chosen.items():
                for seed, one in zip(spec.run.seeds, of.outputs, strict=True):
                    outputs.save(one, results.outputs(out, fraction, seed))
    return {**device.describe(machine), "peak_mib": round(device.peak_memory(machine))}


def _insist(point: Point, task: Task) -> None:
    """Refuse a point whose network cannot be built, or whose images cannot be prepared."""
    job = Job.of(point.run)
    try:
        data.insist(job.view, job.view.shape(task))
        with torch.device("meta"):
            job.build(task)
    except ParamError as error:
        raise ParamError(error.key, f"the point {told(point.values)}: {error.what}", error.remedy) from error


def subset(task: Task, fraction: float, seed: int) -> Task:
    """A task with a fraction of each resample's training images.

    They are the beginning of one order per seed, so that fractions are nested. The order differs between seeds, so that
    their spread holds what the choice of images does.
    """
    images = task.train.shape[1]
    order = np.random.default_rng(seed).permutation(images)
    return replace(task, train=task.train[:, np.sort(order[: max(2, round(fraction * images))])])


def train(
    name: str, points: Sequence[Point], seed: int, task: Task, machine: torch.device, checkpoints: Path
) -> list[SeedResult]:
    """Train all points with one seed: linear models in one pass, others one after the other, each from its checkpoint.

    Returns:
        The result of each point, without that of test images.
    """
    runs = [point.run.model_copy(update={"seeds": [seed]}) for point in points]
    if linear.in_one_pass(runs):
        # A sweep keeps no curves: one evaluation, at the end.
        runs = [run.model_copy(update={"evaluate_every": run.epochs}) for run in runs]
        with at("run"):
            shared = data.to_device(task, runs[0].view(), machine)
        with bar(f"sweep@{name} seed {seed}", unit="step") as progress:

            def report(steps: int, of: int) -> None:
                parent.insist()
                progress.total = of
                progress.update(steps - progress.n)

            return [found for (found,) in linear.train(runs, task, shared, report=report)]
    found = []
    with bar(f"sweep@{name} seed {seed}", len(runs), unit="point") as progress:
        for number, run in enumerate(runs):
            which = f", point {number + 1} of {len(points)} ({told(points[number].values)})" if len(points) > 1 else ""
            with at("run"):
                own = data.to_device(task, run.view(), machine)
                (one,) = train_seeds(
                    Job.of(run), task, own, checkpoints / str(number), Log(f"sweep@{name}{which}"), splits=SPLITS
                )
            # One of all points is needed again: they wait where there is most room.
            kept = {key: value.cpu() for key, value in one.fit.weights.items()}
            found.append(replace(one, fit=replace(one.fit, weights=kept), outputs=None))
            progress.update()
    return found


def choose(found: Sequence[Sequence[SeedResult]]) -> int | None:
    """The point of the best mean validation accuracy, the first of equals; None where all have diverged seeds."""
    means = [
        fmean(_accuracy(seed.scores["validation"]) for seed in point)
        if all(seed.fit.diverged_at is None for seed in point)
        else -1.0
        for point in found
    ]
    best = max(range(len(means)), key=means.__getitem__)
    return best if means[best] >= 0 else None


def score(point: Point, found: Sequence[SeedResult], parts: dict[int, Task], machine: torch.device) -> Best:
    """Score the chosen point on test images, and keep the outputs of each seed.

    Args:
        parts: The task of each seed, with the training images that it had.
    """
    job = Job.of(point.run)
    test, kept = [], []
    for result in found:
        task = parts[result.seed]
        shared = data.to_device(task, job.view, machine)
        model = job.build(task)
        model.load_state_dict(result.fit.weights)
        place(model, shared)
        scores, measured = measure(model, data.of_resample(shared, task, result.resample), job.recipe)
        test.append(_accuracy(scores["test"]))
        kept.append(measured)
    return Best(test, kept)


def _accuracy(score: Score) -> float:
    assert score.accuracy is not None  # Sweep admits objectives that predict alone
    return score.accuracy


def _rows(about: dict[str, Any], point: Point, found: Sequence[SeedResult], best: Best | None) -> list[results.Point]:
    """One row per seed."""
    return [
        results.Point(
            **about,
            setting=told(point.values),
            values=point.values,
            seed=result.seed,
            kept_step=result.fit.step if result.scores else None,
            last_step=result.fit.last_step,
            diverged_at=result.fit.diverged_at,
            **{
                f"{split}_{value}": getattr(result.scores[split], value) if result.scores else None
                for split in SPLITS
                for value in ("loss", "accuracy")
            },
            best=best is not None,
            test_accuracy=best.test[number] if best else None,
        )
        for number, result in enumerate(found)
    ]


def _record(spec: Sweep, task: Task, rows: list[results.Point], chosen: list[results.Chosen]) -> results.Sweep:
    run = spec.run
    return results.Sweep(
        report_id=run.report_id,
        task=run.task,
        dataset=task.dataset,
        model=run.model.name,
        objective=run.objective.name,
        images=task.counts,
        grid=bool(spec.grid),
        axes={key: short(key) for values in spec.settings() for key in values},
        rows=rows,
        chosen=chosen,
    )
