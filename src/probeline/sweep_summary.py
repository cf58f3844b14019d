"""What the sweeps have measured, as tables: from the records that they left."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from probeline.pipeline.errors import UserError

Record = dict[str, Any]
VALUES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_accuracy")


def load(names: Iterable[str], folder: Path) -> dict[str, Record]:
    """Read the records of sweeps, in the order of their names.

    Args:
        folder: Of the sweeps' results, a folder a sweep.

    Raises:
        UserError: One is missing.
    """
    records = {}
    for name in names:
        path = folder / name / "sweep.json"
        try:
            records[name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: is missing or damaged; run: dvc repro --force sweep@{name}") from error
    return records


def rows(record: Record) -> pd.DataFrame:
    """A row a point and seed: the share of training images, the point's values, losses and accuracies.

    A test accuracy stands at the best point of each share alone.
    """
    frame = pd.DataFrame(record["rows"])
    return frame.astype(dict.fromkeys(VALUES, float))


def points(record: Record) -> pd.DataFrame:
    """A row a point and share: means over seeds, their standard deviations (of the sample), how many seeds diverged."""
    frame = rows(record)
    axes = record["axes"]
    parts = []
    for _, part in frame.groupby(["share", "point"], sort=False):
        first = part.iloc[0]
        parts.append(
            {
                **{key: first[key] for key in ("share", "train_images", *axes, "best")},
                "seeds": len(part),
                "diverged": int(part["diverged_at"].notna().sum()),
                "last_step": int(part["last_step"].max()),
                **{key: part[key].mean(skipna=False) for key in VALUES},
                **{f"{key}_std": part[key].std() for key in VALUES},
            }
        )
    return pd.DataFrame(parts)


def table(records: Mapping[str, Record]) -> pd.DataFrame:
    """A row a sweep and share: its best point, and what that gives on test images."""
    found = []
    for name, record in records.items():
        frame = points(record)
        for _, row in frame[frame["best"]].iterrows():
            found.append(
                {
                    "sweep": name,
                    **{key: record[key] for key in ("experiment", "task", "model", "objective")},
                    "points": int((frame["share"] == row["share"]).sum()),
                    **{key: row[key] for key in ("share", "train_images", "seeds")},
                    "best": named(row, record["axes"]),
                    **{key: row[key] for key in ("train_accuracy", "validation_accuracy", "test_accuracy")},
                    "test_accuracy_std": row["test_accuracy_std"],
                }
            )
    return pd.DataFrame(found)


def numbers(records: Mapping[str, Record]) -> dict[str, float]:
    """The test accuracy of every sweep's best point on its largest share of training images, `<sweep>.best`."""
    found = {}
    for name, record in records.items():
        frame = points(record)
        best = frame[frame["best"]]
        if len(best):
            found[f"{name}.best"] = float(best.iloc[best["share"].argmax()]["test_accuracy"])
    return found


def tell(table: pd.DataFrame) -> None:
    """The table, for the one who watches."""
    if len(table):
        columns = ["sweep", "points", "train_images", "best", "validation_accuracy", "test_accuracy"]
        print(table[columns].to_string(index=False, float_format="%.4f", na_rep="-"))


def short(key: str) -> str:
    """The last part of a dotted key; that of `optimizer.name` is the optimizer."""
    parent, _, last = key.rpartition(".")
    return parent if last in {"name", "strength"} else last


def named(row: "pd.Series[Any]", axes: Iterable[str]) -> str:
    """The values of a point in words; what it does not set is left out."""
    values = [(key, row[key]) for key in axes]
    return (
        ", ".join(
            f"{short(key)} {value:g}" if isinstance(value, float) else f"{short(key)} {value}"
            for key, value in values
            if not (value is None or (isinstance(value, float) and pd.isna(value)))
        )
        or "the run itself"
    )
