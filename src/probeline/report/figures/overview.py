"""All runs on one task side by side."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from probeline.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What the 95 % interval of a run is over: marker, color, words.
OVER = {
    "images": ("o", style.COLORS["test"], "one seed; bar: 95 % interval over its test images"),
    "seeds": ("s", style.SERIES[0], "mean over seeds; bar: 95 % interval over seeds"),
}


def figure(task: str, table: pd.DataFrame) -> "Figure":
    """The test accuracy of every run on a task, with its 95 % interval, the chance level and the reported values.

    Args:
        table: The rows of the summary of this task: run, dataset, seeds, train_images, test_images, last_step,
            test_accuracy, test_loss, and further test_accuracy_low, test_accuracy_high (nan without an interval),
            interval (what it is over: "images" or "seeds"), chance (accuracy of guessing) and reported (a report's
            test accuracy, nan without one).
    """
    first = table.iloc[0]
    title = f"Test accuracy on {style.on(task, first['dataset'])}"
    subtitle = f"{style.count(len(table), 'run')}, {style.count(int(first['test_images']), 'test image')}"
    figure, (axes,) = style.new(1, 10.5, 1.9 + 0.3 * len(table), title, subtitle)
    rows = np.arange(len(table))
    accuracy, low, high, reported = (
        table[column].to_numpy(dtype=float)
        for column in ("test_accuracy", "test_accuracy_low", "test_accuracy_high", "reported")
    )
    for over, (marker, color, label) in OVER.items():
        here = (table["interval"] == over).to_numpy() & np.isfinite(accuracy)
        if here.any():
            error = np.maximum([accuracy - low, high - accuracy], 0)[:, here]
            axes.errorbar(
                accuracy[here], rows[here], xerr=error, fmt=marker, color=color, markersize=4.5, capsize=4, label=label
            )
    if np.isfinite(reported).any():
        axes.errorbar(reported, rows, fmt="x", color="black", markersize=7, markeredgewidth=1.5, label="reported")
    _chance(axes, table["chance"].astype(float))
    axes.set_yticks(rows, list(table["run"]))
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("test accuracy")
    _numbers(axes, table)
    style.legend(figure, [axes], columns=3)
    return figure


def _chance(axes: "Axes", chance: "pd.Series[float]") -> None:
    if chance.notna().any():
        level = float(chance.max())
        axes.axvline(level, color=style.GRAY, linewidth=1.2, linestyle=":")
        axes.text(
            level, 1.0, "chance", transform=axes.get_xaxis_transform(), ha="center", va="bottom", color=style.GRAY
        )


def _numbers(axes: "Axes", table: pd.DataFrame) -> None:
    values = [
        f"{accuracy:.4f}" if pd.notna(accuracy) else f"loss {loss:.4f}" if pd.notna(loss) else "diverged"
        for accuracy, loss in zip(table["test_accuracy"], table["test_loss"], strict=True)
    ]
    style.column(axes, 0.85, "accuracy", values)
    for place, heading, name in (
        (1.8, "train images", "train_images"),
        (2.4, "steps", "last_step"),
        (2.9, "seeds", "seeds"),
    ):
        style.column(axes, place, heading, (f"{number:,}" for number in table[name]), style.GRAY)
