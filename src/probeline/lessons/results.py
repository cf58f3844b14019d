"""What the lessons have measured, as tables and numbers: from the folder that the stage `lessons` left."""

from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probeline.pipeline.errors import UserError
from probeline.summary import read

NAMES = ("d5", "d7", "mlp", "d12", "d13", "d14")
ARRAYS = ("original", "blurred")  # of D12


def load(folder: Path) -> dict[str, Any]:
    """The records of the lessons by name.

    Raises:
        UserError: One is missing or damaged.
    """
    return {name: read(folder / f"{name}.json", "lessons") for name in NAMES}


def pictures(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """D12's images: as they are, uint8 (N, H, W, C), and blurred, float64 (N, channels, H, W) from 0 to 255.

    Raises:
        UserError: They are missing or damaged.
    """
    try:
        original, blurred = (np.load(folder / f"{name}.npy") for name in ARRAYS)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{folder}: is missing or damaged; run: dvc repro --force lessons") from error
    return original, blurred


def tables(lessons: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """A table a lesson, by the name of its file.

    scalars: a row a point and quantity; text, because all digits count here. mlp: a row a run. mlp_by_class: its test
    accuracy by class. matching: a row a training of D13 and D14. matching_losses: a row an epoch of each, empty where
    the loss is not finite.
    """
    digits = ["measured", "exact", "reported"]
    scalars = pd.DataFrame(lessons["d7"])
    scalars[digits] = scalars[digits].map(lambda value: "" if pd.isna(value) else repr(float(value))).astype(object)
    return {
        "scalars": scalars,
        "mlp": pd.DataFrame([_mlp_row(run) for run in lessons["mlp"]]),
        "mlp_by_class": pd.DataFrame(
            [{"run": run["run"], **run["scores"]["test_accuracy_by_class"]} for run in lessons["mlp"]]
        ),
        "matching": pd.DataFrame([_matching_row(name, run) for name in ("d13", "d14") for run in lessons[name]]),
        "matching_losses": pd.DataFrame(
            [
                {"lesson": name, "batch_size": run["batch_size"], "seed": run["seed"], "epoch": epoch, "loss": loss}
                for name in ("d13", "d14")
                for run in lessons[name]
                for epoch, loss in enumerate(run["losses"])
            ]
        ).astype({"loss": float}),
    }


def _mlp_row(run: dict[str, Any]) -> dict[str, Any]:
    scores = {split: run["scores"][split] for split in ("train", "validation", "test")}
    return {
        **{key: run[key] for key in ("run", "hidden", "lr", "batch_size")},
        "l2": run["l2"]["strength"],
        "l2_form": run["l2"]["form"],
        "train_images": scores["train"]["images"],
        "last_epoch": run["last_epoch"],
        "kept_epoch": run["kept_epoch"],
        **{f"{split}_{value}": score[value] for split, score in scores.items() for value in ("loss", "accuracy")},
    }


def _matching_row(name: str, run: dict[str, Any]) -> dict[str, Any]:
    first = {f"first_{key}_not_finite": run["not_finite"][key] for key in ("step", "epoch")}
    return {
        "lesson": name,
        "batch_size": run["batch_size"],
        "seed": run["seed"],
        "epochs": len(run["losses"]),
        "norm": run["norm"],
        **first,
        "first_epoch_nan": run["not_finite"]["nan_epoch"],
    }


def norms(lesson: list[dict[str, Any]]) -> dict[int, list[float]]:
    """The final norms by batch size, a value a seed; of those sizes at which no seed diverged."""
    found: dict[int, list[float | None]] = {}
    for run in lesson:
        found.setdefault(run["batch_size"], []).append(run["norm"])
    finite = {size: [norm for norm in values if norm is not None] for size, values in found.items()}
    return {size: values for size, values in finite.items() if len(values) == len(found[size])}


def largest_error(rows: list[dict[str, Any]]) -> float:
    """The largest relative error in D7's table, over the values that are not exactly 0."""
    return max((abs(row["measured"] / row["exact"] - 1) for row in rows if row["exact"]), default=0.0)


def numbers(lessons: dict[str, Any]) -> dict[str, float]:
    """A number a result: test accuracy of each run, D14's norms (mean and spread over seeds), where D13 ended."""
    found = {f"d5.{split}_accuracy": accuracy for split, accuracy in lessons["d5"]["accuracy"].items()}
    found["d7.largest_relative_error"] = largest_error(lessons["d7"])
    found |= {f"mlp.{run['run']}.test_accuracy": run["scores"]["test"]["accuracy"] for run in lessons["mlp"]}
    for run in lessons["d13"]:
        if (epoch := run["not_finite"]["epoch"]) is not None:
            found[f"d13.batch-{run['batch_size']}.seed-{run['seed']}.first_epoch_not_finite"] = epoch
    for batch_size, values in norms(lessons["d14"]).items():
        found[f"d14.batch-{batch_size}.norm"] = fmean(values)
        if len(values) > 1:
            found[f"d14.batch-{batch_size}.norm_std"] = stdev(values)
    return found
