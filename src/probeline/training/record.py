"""What a run leaves: its weights, and one record of all that was measured, whole and unrounded."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchinfo
from numpy.typing import NDArray
from torch import Tensor, nn

from probeline.pipeline import files
from probeline.task import Task
from probeline.training.data import DeviceData, Resize, shape_of
from probeline.training.engine import Fit
from probeline.training.evaluation import Score
from probeline.training.spec import Run


@dataclass(frozen=True)
class SeedResult:
    """One training of a run.

    Attributes:
        scores: By split, with the kept weights; empty where the training diverged.
        confusion: Test images by true (row) and predicted class, int64 (K, K); None where the objective predicts none.
    """

    seed: int
    draw: int
    fit: Fit
    scores: dict[str, Score]
    confusion: NDArray[np.int64] | None


def confusion_matrix(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count images by true class (row) and predicted class (column), int64 (classes, classes)."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a state_dict, so that equal weights are equal bytes."""
    # torch.save puts a file's name into the archive; a buffer has none.
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in weights.items()}, buffer)
    files.write(path, buffer.getvalue())


def blueprint(run: Run, task: Task, resize: Resize | None = None) -> dict[str, Any]:
    """What is needed to build the network again and to feed it: beside its weights, the whole of a model."""
    return {
        "model": run.model.model_dump(),
        "shape": list(shape_of(task, resize)),
        "outputs": run.objective.outputs(len(task.classes)),
        "precision": run.precision,
        "normalise": run.normalise.model_dump() if run.normalise else None,
        "resize": resize.side if resize else None,
        "interpolation": resize.interpolation if resize else "bilinear",
        "task": run.task,
        "dataset": task.dataset,
        "classes": list(task.classes),
        "seeds": run.seeds,
        "top1": None,
    }


def layer_table(model: nn.Module, shape: tuple[int, int, int]) -> str:
    """Every layer of a network by name, its output's shape, parameters and multiply-adds for one image; then totals.

    Args:
        model: On PyTorch's meta device, so that nothing is computed.
    """
    table = torchinfo.summary(
        model,
        input_size=(1, *shape),
        device="meta",
        depth=6,
        verbose=0,
        col_names=("output_size", "num_params", "mult_adds"),
        row_settings=("var_names",),
    )
    return f"{table}\n".replace("Units.MEGABYTES", "M")  # torchinfo 1.8 prints the name of its own enum


def examples(data: DeviceData, images: int = 8) -> NDArray[np.uint8] | None:
    """Training images before and after augmentation, uint8 (2, images, H, W, C); None for a run that has none."""
    if not data.augment:
        return None
    generator = torch.Generator(data.images.device).manual_seed(0)
    chosen = data.splits["train"][:images]
    pairs = torch.stack([data.images[chosen], data.shown(data.augmented(chosen, generator))])
    return pairs.permute(0, 1, 3, 4, 2).cpu().numpy()


def record(
    run: Run, task: Task, parameters: int, results: list[SeedResult], source: Mapping[str, Any]
) -> dict[str, Any]:
    """All that was measured. Tables and figures are made of it by the summary, so that their code retrains nothing.

    Args:
        parameters: Numbers that the network holds.
        source: What a transfer started from; empty for other runs.
    """
    return {
        "experiment": run.experiment,
        "task": run.task,
        "dataset": task.dataset,
        "model": run.model.name,
        "objective": run.objective.name,
        "parameters": parameters,
        "transfer": dict(source) or None,
        "images": {"train": task.train.shape[1], "validation": task.validation.shape[1], "test": len(task.test)},
        "classes": list(task.classes),
        "seeds": [
            {
                "seed": result.seed,
                "draw": result.draw,
                "kept_step": result.fit.step,
                "last_step": result.fit.last_step,
                "stopped_early": result.fit.stopped_early,
                "left_out": result.fit.left_out,
                "diverged_at": result.fit.diverged_at,
                "scores": {
                    split: {"loss": score.loss, "accuracy": score.accuracy} for split, score in result.scores.items()
                },
                "confusion": result.confusion.tolist() if result.confusion is not None else None,
                "history": result.fit.history,
            }
            for result in results
        ],
    }
