"""What sweeps have measured, as tables."""

import math
from collections.abc import Mapping

import pandas as pd

from probeline.results.sweeps import Sweep

VALUES = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_accuracy")
ABOUT = ("report_id", "task", "model", "objective")


def rows(sweep: Sweep) -> pd.DataFrame:
    """One row per point, fraction of the training images and seed: its values (`setting`: in words), its scores.

    A test accuracy stands at the best point of each fraction alone.
    """
    frame = pd.DataFrame(
        [
            {
                **point.model_dump(include={"train_fraction", "train_images", "point", "setting"}),
                **point.values,  # noqa: PD011 (no data frame)
                **point.model_dump(exclude={"train_fraction", "train_images", "point", "setting", "values"}),
            }
            for point in sweep.rows
        ]
    )
    return frame.astype(dict.fromkeys(VALUES, float))


def points(sweep: Sweep) -> pd.DataFrame:
    """One row per point and fraction: means and (sample) standard deviations over seeds, how many seeds diverged."""
    parts = []
    for _, part in rows(sweep).groupby(["train_fraction", "point"], sort=False):
        first = part.iloc[0]
        parts.append(
            {
                **{key: first[key] for key in ("train_fraction", "train_images", "setting", *sweep.axes, "best")},
                "seeds": len(part),
                "diverged": int(part["diverged_at"].notna().sum()),
                "last_step": int(part["last_step"].max()),
                **{key: part[key].mean(skipna=False) for key in VALUES},
                **{f"{key}_std": part[key].std() for key in VALUES},
            }
        )
    return pd.DataFrame(parts)


def table(sweeps: Mapping[str, Sweep], measured: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row per sweep and fraction: its best point and what that gives on test images; no values if all diverged.

    Args:
        measured: The `points` of each.
    """
    values = ("train_accuracy", "validation_accuracy", "test_accuracy", "test_accuracy_std")
    found = []
    for name, sweep in sweeps.items():
        for _, part in measured[name].groupby("train_fraction", sort=False):
            best = part[part["best"]]
            row = (best if len(best) else part).iloc[0]
            found.append(
                {
                    "sweep": name,
                    **{key: getattr(sweep, key) for key in ABOUT},
                    "points": len(part),
                    "diverged": int((part["diverged"] > 0).sum()),
                    **{key: row[key] for key in ("train_fraction", "train_images", "seeds")},
                    "best": row["setting"] if len(best) else "none: every point diverged",
                    **{key: row[key] if len(best) else math.nan for key in values},
                }
            )
    return pd.DataFrame(found)


def numbers(measured: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """The test accuracy of every sweep's best point on its largest fraction of training images, `<sweep>.best`.

    Args:
        measured: The `points` of each.
    """
    found = {}
    for name, frame in measured.items():
        best = frame[frame["best"]]
        if len(best):
            found[f"{name}.best"] = float(best.iloc[best["train_fraction"].argmax()]["test_accuracy"])
    return found
