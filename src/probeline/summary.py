"""What the runs that params.yaml names have measured, as tables: from the records that they left."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say

SPLITS = ("train", "validation", "test")
VALUES = tuple(f"{split}_{value}" for split in SPLITS for value in ("loss", "accuracy"))
CURVES = ["train_loss", "validation_loss", "train_accuracy", "validation_accuracy"]
Record = dict[str, Any]


def load(names: Iterable[str], folder: Path) -> dict[str, Record]:
    """Read the records of runs, in the order of their names.

    Args:
        folder: Of the runs' results, a folder each.

    Raises:
        UserError: The record of a run is missing.
    """
    records = {}
    for name in names:
        path = folder / name / "run.json"
        try:
            records[name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: is missing or damaged; run: dvc repro --force train@{name}") from error
    return records


def drop_strays(names: Iterable[str], folder: Path) -> None:
    """Remove the results of runs that params.yaml no longer names, which would else be part of what DVC hashes.

    DVC's cache still has them: naming the run again brings them back.
    """
    for stray in sorted({path.name for path in folder.iterdir()} - set(names)):
        shutil.rmtree(folder / stray, ignore_errors=True)
        say(f"{folder / stray}: removed, since params.yaml names no such run (DVC's cache keeps a copy)")


def metrics(run: Record) -> Record:
    """The metrics of a run: its scale, mean and standard deviation over seeds, accuracy by class, each seed.

    A mean is null where a seed diverged. A standard deviation (of the sample) is null with fewer than two seeds, an
    accuracy of a class without test images too.
    """
    seeds = [_seed(seed) for seed in run["seeds"]]
    diverged = sum(seed["diverged_at"] is not None for seed in seeds)
    values = {name: [seed[name] for seed in seeds] for name in VALUES}
    of_class = _confusion(run).sum(axis=1)
    correct = np.diag(_confusion(run))
    return {
        **{key: run[key] for key in ("experiment", "task", "dataset", "model", "objective", "parameters", "images")},
        "diverged": diverged,
        "mean": {name: None if diverged else fmean(v) for name, v in values.items()},
        "std": {name: None if diverged or len(v) < 2 else stdev(v) for name, v in values.items()},
        "test_accuracy_by_class": {
            name: float(right / images) if images else None
            for name, right, images in zip(run["classes"], correct, of_class, strict=True)
        },
        "seeds": seeds,
    }


def _seed(seed: Record) -> Record:
    facts = {key: seed[key] for key in ("seed", "draw", "kept_step", "last_step", "stopped_early", "diverged_at")}
    scores = seed["scores"]
    return facts | {
        f"{split}_{value}": scores[split][value] if scores else None
        for split in SPLITS
        for value in ("loss", "accuracy")
    }


def history(run: Record) -> pd.DataFrame:
    """Every evaluation of every seed: seed, step, epoch, and the values of `CURVES`."""
    rows = [{"seed": seed["seed"], **row} for seed in run["seeds"] for row in seed["history"]]
    return pd.DataFrame(rows)[["seed", "step", "epoch", *CURVES]].astype(dict.fromkeys(CURVES, float))


def curves(run: Record) -> pd.DataFrame:
    """The curves for `dvc plots`: a row a step, mean over the seeds that came so far and were finite there."""
    return history(run).groupby("step", as_index=False)[CURVES].mean()


def confusion(run: Record) -> pd.DataFrame:
    """Test images, summed over seeds: a row a pair of classes: actual, predicted, images."""
    total = _confusion(run)
    names = run["classes"]
    return pd.DataFrame(
        [(names[i], names[j], int(images)) for (i, j), images in np.ndenumerate(total)],
        columns=["actual", "predicted", "images"],
    )


def _confusion(run: Record) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = np.sum([seed["confusion"] for seed in run["seeds"]], axis=0)
    return counts


def table(runs: dict[str, Record]) -> pd.DataFrame:
    """A row a run: its scale, the means over seeds, the spread of its accuracies."""
    return pd.DataFrame([_row(name, metrics(run)) for name, run in runs.items()])


def _row(name: str, run: Record) -> Record:
    seeds = run["seeds"]
    return {
        "run": name,
        **{key: run[key] for key in ("experiment", "task", "dataset", "model", "objective", "parameters")},
        **{f"{split}_images": images for split, images in run["images"].items()},
        "seeds": len(seeds),
        "last_step": max(seed["last_step"] for seed in seeds),
        "stopped_early": sum(seed["stopped_early"] for seed in seeds),
        "diverged": run["diverged"],
        **run["mean"],
        "validation_accuracy_std": run["std"]["validation_accuracy"],
        "test_accuracy_std": run["std"]["test_accuracy"],
    }
