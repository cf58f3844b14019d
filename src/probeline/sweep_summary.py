"""What the sweeps have measured, as tables: from the records that they left."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from probeline.summary import read

Record = dict[str, Any]
VALUES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_accuracy")


def load(names: Iterable[str], folder: Path) -> dict[str, Record]:
    """Read the records of sweeps, in the order of their names.

    Args:
        folder: Of the sweeps' results, a folder a sweep.

    Raises:
        UserError: One is missing.
    """
    return {name: read(folder / name / "sweep.json", f"sweep@{name}") for name in names}


def rows(record: Record) -> pd.DataFrame:
    """A row a point and seed: the share of training images, the point's values (in `setting` as words), its scores.

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
                **{key: first[key] for key in ("share", "train_images", "setting", *axes, "best")},
                "seeds": len(part),
                "diverged": int(part["diverged_at"].notna().sum()),
                "last_step": int(part["last_step"].max()),
                **{key: part[key].mean(skipna=False) for key in VALUES},
                **{f"{key}_std": part[key].std() for key in VALUES},
            }
        )
    return pd.DataFrame(parts)


def table(records: Mapping[str, Record]) -> pd.DataFrame:
    """A row a sweep and share: its best point, and what that gives on test images; no values where all diverged."""
    values = ("train_accuracy", "validation_accuracy", "test_accuracy", "test_accuracy_std")
    found = []
    for name, record in records.items():
        for _, part in points(record).groupby("share", sort=False):
            best = part[part["best"]]
            row = (best if len(best) else part).iloc[0]
            found.append(
                {
                    "sweep": name,
                    **{key: record[key] for key in ("experiment", "task", "model", "objective")},
                    "points": len(part),
                    "diverged": int((part["diverged"] > 0).sum()),
                    **{key: row[key] for key in ("share", "train_images", "seeds")},
                    "best": row["setting"] if len(best) else "none: every point diverged",
                    **{key: row[key] if len(best) else math.nan for key in values},
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
