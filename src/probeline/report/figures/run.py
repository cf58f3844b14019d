"""The figure of a run: its curves by split, and its confusion matrix."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from probeline.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ANNOTATED = 12  # of more classes the numbers would be too small to read


def figure(
    row: "pd.Series[Any]", kept: list[int], diverged: list[int], history: pd.DataFrame, confusion: pd.DataFrame | None
) -> "Figure":
    """Loss and accuracy against steps (mean and one standard deviation over seeds), and the confusion matrix.

    A run that predicts no classes has its loss alone.

    Args:
        row: Of the summary: the run's name, scale and test accuracy.
        kept: The step whose weights each seed kept; marked where there is one seed.
        diverged: The first step of each seed that diverged whose loss was not finite.
        history: One row per seed and evaluation: seed, step, train_loss, validation_loss, train_accuracy, ...
        confusion: One row per pair of classes: actual, predicted, images.
    """
    values = ["loss"] if confusion is None else ["loss", "accuracy"]
    columns, width = (1, 9) if confusion is None else (3, 12.5)
    figure, panels = style.new(columns, width, 4.4, row["run"], caption(row))
    for axes, value in zip(panels, values, strict=False):
        for split in ("train", "validation"):
            _curve(axes, history, split, value)
        if len(kept) == 1 and kept[0] < row["last_step"]:
            axes.axvline(kept[0], color=style.GRAY, linewidth=1, linestyle=":", label="kept weights")
        if diverged:
            _diverged(axes, min(diverged), history, value)
        axes.set_xlabel("step (minibatches)")
        axes.set_ylabel(value)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)  # above the panel, where it lies on no curve
    if confusion is not None:
        _confusion(panels[-1], confusion)
    return figure


def _curve(axes: "Axes", history: pd.DataFrame, split: str, value: str) -> None:
    column = f"{split}_{value}"
    finite = history[np.isfinite(history[column])]
    by_step = finite.groupby("step")[column]
    mean, spread = by_step.mean(), by_step.std()
    axes.plot(
        mean.index,
        mean,
        color=style.COLORS[split],
        label="train (minibatches)" if split == "train" else split,
        marker="." if len(mean) < 2 else None,
    )
    if spread.notna().any():
        axes.fill_between(mean.index, mean - spread, mean + spread, color=style.COLORS[split], alpha=0.2, linewidth=0)


def _diverged(axes: "Axes", step: int, history: pd.DataFrame, value: str) -> None:
    """Axes that make sense with few points or none; a panel without any says why."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if value == "accuracy":
        axes.set_ylim(0, 1)
    if not np.isfinite(history[[f"train_{value}", f"validation_{value}"]]).any(axis=None):
        text = f"loss not finite from step {step:,}"
        axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes, color=style.GRAY)


def _confusion(axes: "Axes", confusion: pd.DataFrame) -> None:
    axes.grid(visible=False)
    names = list(dict.fromkeys(confusion["actual"]))
    counts = confusion["images"].to_numpy().reshape(len(names), len(names))
    axes.set_title("confusion, test images", fontsize=9)
    if not counts.any():
        axes.set_axis_off()
        axes.text(0.5, 0.5, "diverged: no predictions", ha="center", transform=axes.transAxes, color=style.GRAY)
        return
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if len(names) > ANNOTATED:
        return
    axes.set_title("confusion, test images (% of each true class)", fontsize=9)
    axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(range(len(names)), names)
    for (row, column), value in np.ndenumerate(share):
        if value >= 0.005:
            color = "white" if value > 0.5 else "black"
            axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=7, color=color)


def caption(row: "pd.Series[Any]") -> str:
    """What stands under the title: report id, setting, scale and result."""
    scale = ", ".join(
        style.count(int(row[column]), what)
        for column, what in (("train_images", "training image"), ("last_step", "step"), ("seeds", "seed"))
    )
    if row["diverged"]:
        result = "diverged"
    elif pd.isna(row["test_accuracy"]):
        result = f"test loss {row['test_loss']:.4f}"
    else:
        result = f"test accuracy {row['test_accuracy']:.4f}"
    shown = "bands"
    if pd.notna(row["test_accuracy_std"]):
        result, shown = f"{result} ± {row['test_accuracy_std']:.4f}", "± and bands"
    spread = f"; {shown}: one standard deviation over seeds" if row["seeds"] > 1 else ""
    where = style.on(row["task"], row["dataset"])
    return f"{row['report_id']} | {where} | {row['model']}, {row['objective']} | {scale} | {result}{spread}"
