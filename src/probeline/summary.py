"""What the runs that params.yaml names have measured, as tables: from the records that they left."""

import json
import shutil
from collections.abc import Iterable, Mapping
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


def load(groups: Mapping[str, Iterable[str]], folder: Path) -> dict[str, Record]:
    """Read the records of runs, in the order of their names.

    Args:
        groups: Names of the entries of train, transfer and finetune.
        folder: Of all results: a folder a group, in it a folder a run.

    Raises:
        UserError: The record of a run is missing.
    """
    return {
        name: {"group": group, **read(folder / group / name / "run.json", f"{group}@{name}")}
        for group, names in groups.items()
        for name in names
    }


def read(path: Path, stage: str) -> Record:
    """The record that a stage left.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        found: Record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: is missing or damaged; run: dvc repro --force {stage}") from error
    return found


def drop_strays(names: Iterable[str], folder: Path, what: str) -> None:
    """Remove what entries have left that params.yaml no longer names, and that would else be part of what DVC hashes.

    DVC's cache still has it: naming the entry again brings it back.
    """
    found = {path.name for path in folder.iterdir()} if folder.exists() else set()
    for stray in sorted(found - set(names)):
        if (folder / stray).is_dir():
            shutil.rmtree(folder / stray, ignore_errors=True)
        else:
            (folder / stray).unlink(missing_ok=True)
        say(f"{folder / stray}: removed, since params.yaml names no such {what} (DVC's cache still has it)")


def metrics(run: Record) -> Record:
    """The metrics of a run: its scale, mean and standard deviation over seeds, accuracy by class, each seed.

    A mean is null where a seed diverged, and an accuracy where the objective predicts no classes. A standard deviation
    (of the sample) is null with fewer than two seeds, an accuracy of a class without test images too.
    """
    seeds = [_seed(seed) for seed in run["seeds"]]
    values = {name: [seed[name] for seed in seeds] for name in VALUES}
    counts = _confusion(run)
    return {
        **{key: run[key] for key in ("experiment", "task", "dataset", "model", "objective", "parameters", "images")},
        "transfer": run["transfer"],
        "diverged": sum(seed["diverged_at"] is not None for seed in seeds),
        "mean": {name: None if None in v else fmean(v) for name, v in values.items()},
        "std": {name: None if None in v or len(v) < 2 else stdev(v) for name, v in values.items()},
        "test_accuracy_by_class": None if counts is None else dict(zip(run["classes"], by_class(counts), strict=True)),
        "seeds": seeds,
    }


def by_class(counts: NDArray[np.int64]) -> list[float | None]:
    """The share of each class's images (rows) that were predicted as that class; None for a class without images."""
    images, correct = counts.sum(axis=1), np.diag(counts)
    return [float(right / of) if of else None for right, of in zip(correct, images, strict=True)]


def _seed(seed: Record) -> Record:
    keys = ("seed", "draw", "kept_step", "last_step", "stopped_early", "left_out", "diverged_at")
    facts = {key: seed[key] for key in keys}
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


def confusion(run: Record) -> pd.DataFrame | None:
    """Test images, summed over seeds: a row a pair of classes: actual, predicted, images. None without predictions."""
    total = _confusion(run)
    if total is None:
        return None
    names = run["classes"]
    return pd.DataFrame(
        [(names[i], names[j], int(images)) for (i, j), images in np.ndenumerate(total)],
        columns=["actual", "predicted", "images"],
    )


def _confusion(run: Record) -> NDArray[np.int64] | None:
    matrices = [seed["confusion"] for seed in run["seeds"]]
    return None if None in matrices else np.sum(matrices, axis=0, dtype=np.int64)


def side_by_side(runs: dict[str, Record]) -> dict[tuple[str, str], dict[str, dict[str, float | None]]]:
    """{(experiment, task): {run: {class: accuracy}}}, for experiments that have several runs on one task."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for name, run in runs.items():
        counts = _confusion(run)
        if counts is not None and counts.any():
            accuracies = dict(zip(run["classes"], by_class(counts), strict=True))
            groups.setdefault((run["experiment"], run["task"]), {})[name] = accuracies
    return {key: group for key, group in groups.items() if len(group) > 1}


def numbers(runs: dict[str, Record]) -> dict[str, float]:
    """One number a run: its test accuracy, or `<run>.test_loss` where it predicts no classes; none if it diverged."""
    found = {}
    for name, run in runs.items():
        mean = metrics(run)["mean"]
        if mean["test_accuracy"] is not None:
            found[name] = mean["test_accuracy"]
        elif mean["test_loss"] is not None:
            found[f"{name}.test_loss"] = mean["test_loss"]
    return found


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
        "left_out": sum(seed["left_out"] for seed in seeds),
        "source": run["transfer"]["source"] if run["transfer"] else None,
        **run["mean"],
        "validation_accuracy_std": run["std"]["validation_accuracy"],
        "test_accuracy_std": run["std"]["test_accuracy"],
    }


def tell(table: pd.DataFrame) -> None:
    """The table, for the one who watches."""
    shown = table[["run", "train_images", "seeds", "test_loss", "validation_accuracy", "test_accuracy"]]
    shown = shown.assign(diverged=table["diverged"].map(lambda seeds: "diverged" if seeds else ""))
    print(shown.rename(columns={"diverged": ""}).to_string(index=False, float_format="%.4f", na_rep="-"))
