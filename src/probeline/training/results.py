"""What a run leaves: its weights, its metrics, its curves and its confusion matrix."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.task import Task
from probeline.training.engine import Fit
from probeline.training.evaluation import Score
from probeline.training.spec import Run

SPLITS = ("train", "validation", "test")
VALUES = tuple(f"{split}_{value}" for split in SPLITS for value in ("loss", "accuracy"))
CURVES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")


@dataclass(frozen=True)
class SeedResult:
    """One training of a run.

    Attributes:
        scores: By split, with the kept weights; empty where the training diverged.
        confusion: Test images by true and predicted class, int64 (K, K).
    """

    seed: int
    draw: int
    fit: Fit
    scores: dict[str, Score]
    confusion: NDArray[np.int64]


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count images by true class (row) and predicted class (column), int64 (classes, classes)."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def save_weights(path: Path, result: SeedResult) -> None:
    """Write a state_dict, so that equal weights are equal bytes."""
    # torch.save puts a file's name into the archive; a buffer has none.
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in result.fit.weights.items()}, buffer)
    files.write(path, buffer.getvalue())


def blueprint(run: Run, task: Task) -> dict[str, Any]:
    """What is needed to build the network again and to feed it: beside its weights, the whole of a model."""
    height, width, channels = task.images.shape[1:]
    return {
        "model": run.model.model_dump(),
        "shape": [channels, height, width],
        "outputs": run.objective.outputs(len(task.classes)),
        "normalise": run.normalise.model_dump() if run.normalise else None,
        "task": run.task,
        "dataset": task.dataset,
        "classes": list(task.classes),
        "seeds": run.seeds,
    }


def metrics(run: Run, task: Task, parameters: int, results: list[SeedResult]) -> dict[str, Any]:
    """The metrics of a run: its scale, mean and standard deviation over seeds, accuracy by class, each seed.

    A mean is null where a seed diverged. A standard deviation (of the sample) is null with fewer than two seeds.
    """
    seeds = [_seed(result) for result in results]
    whole = not any(result.fit.diverged_at for result in results)
    values = {name: [seed[name] for seed in seeds] for name in VALUES}
    total = np.sum([result.confusion for result in results], axis=0)
    by_class = np.diag(total) / np.maximum(total.sum(axis=1), 1)
    return {
        "experiment": run.experiment,
        "task": run.task,
        "dataset": task.dataset,
        "model": run.model.name,
        "objective": run.objective.name,
        "parameters": parameters,
        "classes": len(task.classes),
        "images": {"train": task.train.shape[1], "validation": task.validation.shape[1], "test": len(task.test)},
        "diverged": sum(result.fit.diverged_at is not None for result in results),
        "mean": {name: fmean(v) if whole else None for name, v in values.items()},
        "std": {name: stdev(v) if whole and len(v) > 1 else None for name, v in values.items()},
        "test_accuracy_by_class": dict(zip(task.classes, by_class.tolist(), strict=True)) if whole else None,
        "seeds": seeds,
    }


def _seed(result: SeedResult) -> dict[str, Any]:
    fit, scores = result.fit, result.scores
    return {
        "seed": result.seed,
        "draw": result.draw,
        "kept_step": fit.step,
        "last_step": fit.last_step,
        "stopped_early": fit.stopped_early,
        "diverged_at": fit.diverged_at,
        **{
            f"{split}_{value}": getattr(scores[split], value) if split in scores else None
            for split in SPLITS
            for value in ("loss", "accuracy")
        },
    }


def write_curves(path: Path, results: list[SeedResult]) -> None:
    """Write the curves for `dvc plots`: a row a step, mean over the seeds that reached it and were finite there."""
    by_step: dict[int, list[dict[str, float]]] = {}
    for result in results:
        for row in result.fit.history:
            by_step.setdefault(int(row["step"]), []).append(row)

    def mean(rows: list[dict[str, float]], name: str) -> float | None:
        finite = [row[name] for row in rows if math.isfinite(row[name])]
        return fmean(finite) if finite else None

    rows = [[step, *(mean(rows, name) for name in CURVES)] for step, rows in sorted(by_step.items())]
    files.write_csv(path, ("step", *CURVES), rows)


def write_history(path: Path, results: list[SeedResult]) -> None:
    """Write every evaluation of every seed: a row a seed and step."""
    rows = [
        [result.seed, row["step"], row["epoch"], *(row[name] for name in CURVES)]
        for result in results
        for row in result.fit.history
    ]
    files.write_csv(path, ("seed", "step", "epoch", *CURVES), rows)


def write_confusion(path: Path, classes: tuple[str, ...], results: list[SeedResult]) -> None:
    """Write the confusion matrix of the test images, summed over seeds: a row a pair of classes."""
    total = np.sum([result.confusion for result in results], axis=0)
    rows = [
        [actual, predicted, int(total[i, j])] for i, actual in enumerate(classes) for j, predicted in enumerate(classes)
    ]
    files.write_csv(path, ("actual", "predicted", "images"), rows)
