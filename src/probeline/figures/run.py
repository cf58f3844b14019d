"""The figure of a run: its curves by split, and its confusion matrix."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probeline.figures import style

# More classes than this would be numbers too small to read.
ANNOTATED = 12


def draw(
    path: Path, row: "pd.Series[Any]", kept: list[int], history: pd.DataFrame, confusion: pd.DataFrame | None
) -> None:
    """Draw loss and accuracy against steps (mean and one standard deviation over seeds), and the confusion matrix.

    A run that predicts no classes has its loss alone.

    Args:
        row: Of the summary: the run's name, scale and test accuracy.
        kept: The step whose weights each seed kept; marked where there is one seed.
        history: A row a seed and evaluation: seed, step, train_loss, validation_loss, train_accuracy, ...
        confusion: A row a pair of classes: actual, predicted, images.
    """
    values = ["loss"] if confusion is None else ["loss", "accuracy"]
    columns, width = (1, 9) if confusion is None else (3, 12.5)
    figure, panels = style.new(columns, width, 4.2, row["run"], caption(row))
    for axes, value in zip(panels, values, strict=False):
        for split in ("train", "validation"):
            _curve(axes, history, split, value)
        if len(kept) == 1 and kept[0] < row["last_step"]:
            axes.axvline(kept[0], color=style.GREY, linewidth=1, linestyle=":", label="kept weights")
        axes.set_xlabel("step (minibatches)")
        axes.set_ylabel(value)
        axes.legend()
    if confusion is not None:
        _confusion(panels[-1], confusion)
    style.save(figure, path)


def _curve(axes: Axes, history: pd.DataFrame, split: str, value: str) -> None:
    column = f"{split}_{value}"
    finite = history[np.isfinite(history[column])]
    by_step = finite.groupby("step")[column]
    mean, spread = by_step.mean(), by_step.std()
    label = "train (minibatches)" if split == "train" else split
    axes.plot(
        mean.index,
        mean,
        color=style.COLOURS[split],
        label=label,
        marker="." if len(mean) < 2 else None,
    )
    if spread.notna().any():
        axes.fill_between(mean.index, mean - spread, mean + spread, color=style.COLOURS[split], alpha=0.2, linewidth=0)


def _confusion(axes: Axes, confusion: pd.DataFrame) -> None:
    axes.grid(visible=False)
    names = list(dict.fromkeys(confusion["actual"]))
    counts = confusion["images"].to_numpy().reshape(len(names), len(names))
    rows = counts.sum(axis=1, keepdims=True)
    axes.set_title("confusion, test images", fontsize=9)
    if not counts.any():
        axes.set_axis_off()
        axes.text(0.5, 0.5, "diverged: no predictions", ha="center", transform=axes.transAxes, color=style.GREY)
        return
    share = counts / np.maximum(rows, 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if len(names) <= ANNOTATED:
        axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(len(names)), names)
        for (row, column), value in np.ndenumerate(share):
            if value >= 0.005:
                axes.text(
                    column,
                    row,
                    f"{100 * value:.0f}",
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if value > 0.5 else "black",
                )
        axes.set_title("confusion, test images (% of each true class)", fontsize=9)


def caption(row: "pd.Series[Any]") -> str:
    """What stands under the title: experiment, setting, scale and result."""
    seeds = f"{row['seeds']} seed{'s' if row['seeds'] > 1 else ''}"
    scale = f"{row['train_images']:,} training images, {row['last_step']:,} steps, {seeds}"
    if row["diverged"]:
        result = "diverged"
    elif pd.isna(row["test_accuracy"]):
        result = f"test loss {row['test_loss']:.4f}"
    else:
        result = f"test accuracy {row['test_accuracy']:.4f}"
    spread = f" ± {row['test_accuracy_std']:.4f}" if pd.notna(row["test_accuracy_std"]) else ""
    spread += "; bands: one standard deviation" if row["seeds"] > 1 else ""
    return f"{row['experiment']} | {row['task']} | {row['model']}, {row['objective']} | {scale} | {result}{spread}"
