"""What runs have measured, as tables."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probeline.metrics.confusion import by_class
from probeline.report import intervals
from probeline.report.fits import VALUES, mean, spread
from probeline.report.load import Run

CURVES = ["train_loss", "validation_loss", "train_accuracy", "validation_accuracy"]
ABOUT = ("report_id", "task", "dataset", "model", "objective", "parameters")


def table(runs: Mapping[str, Run], metrics: Iterable[str]) -> pd.DataFrame:
    """One row per run: its scale, the means over seeds, the spread of its accuracies, and its 95 % interval.

    Args:
        metrics: Names of further ones, each a column `test_<metric>`.
    """
    return pd.DataFrame([_row(name, run, metrics) for name, run in runs.items()])


def _row(name: str, run: Run, metrics: Iterable[str]) -> dict[str, Any]:
    record, seeds = run.record, run.record.seeds
    accuracies = [value for fit in run.fits if (value := fit.measured["test_accuracy"]) is not None]
    complete = len(accuracies) == len(seeds)
    interval = intervals.of_accuracy(accuracies, record.images["test"]) if complete else (None, None, None)
    return {
        "run": name,
        **{key: getattr(record, key) for key in ABOUT},
        **{f"{split}_images": images for split, images in record.images.items()},
        "seeds": len(seeds),
        "last_step": max(seed.last_step for seed in seeds),
        "stopped_early": sum(seed.stopped_early for seed in seeds),
        "diverged": sum(seed.diverged_at is not None for seed in seeds),
        "left_out": sum(seed.left_out for seed in seeds),
        "source": record.start.source if record.start else None,
        **{value: mean(run.fits, value) for value in VALUES},
        **{f"{value}_std": spread(run.fits, value) for value in ("validation_accuracy", "test_accuracy")},
        **dict(zip(("test_accuracy_low", "test_accuracy_high", "interval"), interval, strict=True)),
        **{f"test_{metric}": mean(run.fits, f"test_{metric}") for metric in metrics},
    }


def metrics_of(run: Run) -> dict[str, Any]:
    """The metrics of a run, for a file: its scale, mean and spread over seeds, accuracy by class, and each seed.

    A mean is null where a seed diverged, and an accuracy where the objective predicts no classes. A standard deviation
    (of the sample) is null with fewer than two seeds, an accuracy of a class without test images too.
    """
    record, counts = run.record, confusion(run)
    values = list(run.fits[0].measured)
    return {
        **{key: getattr(record, key) for key in (*ABOUT, "images")},
        "start": record.start.model_dump(exclude_none=True) if record.start else None,
        "diverged": sum(seed.diverged_at is not None for seed in record.seeds),
        "mean": {value: mean(run.fits, value) for value in values},
        "std": {value: spread(run.fits, value) for value in values},
        "test_accuracy_by_class": None if counts is None else dict(zip(record.classes, by_class(counts), strict=True)),
        "seeds": [
            {**seed.model_dump(exclude={"losses", "history"}), **fit.measured}
            for seed, fit in zip(record.seeds, run.fits, strict=True)
        ],
    }


def numbers(runs: Mapping[str, Run]) -> dict[str, float]:
    """One number per run: its test accuracy, or `<run>.test_loss` where it predicts no classes; none if it diverged."""
    found = {}
    for name, run in runs.items():
        if (accuracy := mean(run.fits, "test_accuracy")) is not None:
            found[name] = accuracy
        elif (loss := mean(run.fits, "test_loss")) is not None:
            found[f"{name}.test_loss"] = loss
    return found


def history(run: Run) -> pd.DataFrame:
    """Every evaluation of every seed: seed, step, epoch, and the values of `CURVES`."""
    rows = [{"seed": seed.seed, **point.model_dump()} for seed in run.record.seeds for point in seed.history]
    return pd.DataFrame(rows)[["seed", "step", "epoch", *CURVES]].astype(dict.fromkeys(CURVES, float))


def curves(history: pd.DataFrame) -> pd.DataFrame:
    """The curves for `dvc plots`: one row per step, the mean over the seeds that came so far and were finite there."""
    return history.groupby("step", as_index=False)[CURVES].mean()


def confusion(run: Run) -> NDArray[np.int64] | None:
    """The confusion matrix of the test images, summed over the seeds that did not diverge; None without predictions."""
    if not run.predicts:
        return None
    total = np.zeros((len(run.record.classes),) * 2, dtype=np.int64)
    for fit in run.fits:
        if fit.confusion is not None:
            total += fit.confusion
    return total


def confusion_table(run: Run) -> pd.DataFrame | None:
    """The same with one row per pair of classes: actual, predicted, images."""
    total = confusion(run)
    if total is None:
        return None
    names = run.record.classes
    return pd.DataFrame(
        [(names[i], names[j], int(images)) for (i, j), images in np.ndenumerate(total)],
        columns=["actual", "predicted", "images"],
    )


def side_by_side(runs: Mapping[str, Run]) -> dict[tuple[str, str], dict[str, pd.DataFrame]]:
    """{(report_id, task): {run: its accuracy by class}}, where several runs on one task have the same report_id."""
    groups: dict[tuple[str, str], dict[str, pd.DataFrame]] = {}
    for name, run in runs.items():
        counts = confusion(run)
        if counts is not None and counts.any():
            key = (run.record.report_id, run.record.task)
            seeds = sum(fit.confusion is not None for fit in run.fits)
            groups.setdefault(key, {})[name] = _accuracy_by_class(counts, seeds, run.record.classes)
    return {key: group for key, group in groups.items() if len(group) > 1}


def _accuracy_by_class(counts: NDArray[np.int64], seeds: int, classes: list[str]) -> pd.DataFrame:
    """One row per class, its name as index: the mean accuracy over seeds, and its 95 % interval: low, high.

    The interval is over the test images of one seed: all seeds score the same images, and more seeds are not more.

    Args:
        counts: The confusion matrix, summed over so many seeds.
    """
    shares = [
        intervals.of_share(round(int(row[label]) / seeds), int(row.sum()) // seeds) for label, row in enumerate(counts)
    ]
    low, high = zip(*shares, strict=True)
    frame = pd.DataFrame({"accuracy": by_class(counts), "low": low, "high": high}, index=pd.Index(classes))
    return frame.astype(float)
