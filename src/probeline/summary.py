"""One table of the runs that params.yaml names, from the metrics that they left."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from probeline.pipeline.errors import UserError


def table(names: Iterable[str], folder: Path) -> pd.DataFrame:
    """A row a run, in the order of params.yaml.

    Args:
        folder: Of the runs' results, a folder each.

    Raises:
        UserError: The metrics of a run are missing.
    """
    return pd.DataFrame([_row(name, folder / name / "metrics.json") for name in names])


def _row(name: str, path: Path) -> dict[str, Any]:
    if not path.exists():
        raise UserError(f"{path}: is missing; run: dvc repro train@{name}")
    run = json.loads(path.read_text())
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


def caption(row: "pd.Series[Any]") -> str:
    """What stands under the title of a run's figure: experiment, setting, scale and result."""
    seeds = f"{row['seeds']} seed{'s' if row['seeds'] > 1 else ''}"
    scale = f"{row['train_images']:,} training images, {row['last_step']:,} steps, {seeds}"
    result = "diverged" if pd.isna(row["test_accuracy"]) else f"test accuracy {row['test_accuracy']:.4f}"
    spread = f" ± {row['test_accuracy_std']:.4f}" if pd.notna(row["test_accuracy_std"]) else ""
    return f"{row['experiment']} | {row['task']} | {row['model']}, {row['objective']} | {scale} | {result}{spread}"
