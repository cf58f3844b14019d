"""What a run leaves: its weights, and one record of all that was measured, whole and unrounded."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.task import Task
from probeline.training.engine import Fit
from probeline.training.evaluation import Score
from probeline.training.spec import Run


@dataclass(frozen=True)
class SeedResult:
    """One training of a run.

    Attributes:
        scores: By split, with the kept weights; empty where the training diverged.
        confusion: Test images by true (row) and predicted class, int64 (K, K).
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


def record(run: Run, task: Task, parameters: int, results: list[SeedResult]) -> dict[str, Any]:
    """All that was measured. Tables and figures are made of it by the summary, so that their code retrains nothing."""
    return {
        "experiment": run.experiment,
        "task": run.task,
        "dataset": task.dataset,
        "model": run.model.name,
        "objective": run.objective.name,
        "parameters": parameters,
        "images": {"train": task.train.shape[1], "validation": task.validation.shape[1], "test": len(task.test)},
        "classes": list(task.classes),
        "seeds": [
            {
                "seed": result.seed,
                "draw": result.draw,
                "kept_step": result.fit.step,
                "last_step": result.fit.last_step,
                "stopped_early": result.fit.stopped_early,
                "diverged_at": result.fit.diverged_at,
                "scores": {
                    split: {"loss": score.loss, "accuracy": score.accuracy} for split, score in result.scores.items()
                },
                "confusion": result.confusion.tolist(),
                "history": result.fit.history,
            }
            for result in results
        ],
    }
