"""What probes make of encoders: side by side for a task, and against the accuracy of their sources (E2)."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from probeline.figures import style

LABELS = {
    "logistic": "logistic regression, solved to the optimum",
    "gradient": "linear probe by gradient descent",
    "knn": "nearest neighbours",
}
MARKERS = {"logistic": "o", "gradient": "s", "knn": "^"}


def draw(path: Path, task: str, table: pd.DataFrame) -> None:
    """Draw the test accuracy of every probe of every encoder of a task, best encoder first.

    Args:
        table: The rows of `probe_summary.table` of this task.
    """
    table = table.sort_values("logistic_test_accuracy", ascending=False, kind="stable")
    first = table.iloc[0]
    subtitle = (
        f"{first['train_images']:,} training, {first['validation_images']:,} validation and "
        f"{first['test_images']:,} test images{draws(first)}; bars: one standard error"
    )
    figure, (axes,) = style.new(1, 10, 1.6 + 0.36 * len(table), f"Probes on {task}", subtitle)
    rows = range(len(table))
    for number, (probe, label) in enumerate(LABELS.items()):
        accuracy = table[f"{probe}_test_accuracy"].astype(float)
        if accuracy.notna().any():
            axes.errorbar(
                accuracy,
                [row + 0.16 * (number - 1) for row in rows],
                xerr=_error(accuracy, table["test_images"]),
                fmt=MARKERS[probe],
                markersize=5,
                elinewidth=1,
                color=style.SERIES[number],
                label=label,
            )
    axes.set_yticks(rows, [_name(row) for _, row in table.iterrows()])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("test accuracy")
    optima, sizes = table["logistic_test_accuracy"], table["dimensions"]
    style.column(axes, 1.11, "optimum", (f"{accuracy:.4f}" for accuracy in optima), style.GREY)
    style.column(axes, 1.25, "dimensions", (f"{size:,}" for size in sizes), style.GREY)
    figure.draw_without_rendering()
    figure.legend(loc="outside lower center", ncols=3)
    style.save(figure, path)


def against_sources(path: Path, task: str, table: pd.DataFrame) -> None:
    """Draw probe accuracy on a task against the accuracy of the source on its own (E2), a panel a source data set.

    Args:
        table: The rows of `probe_summary.table` of this task.
    """
    known = table[table["source_accuracy"].notna()]
    sources = list(dict.fromkeys(known["source_dataset"]))
    title = f"Source accuracy against probe accuracy on {task}"
    first = table.iloc[0]
    subtitle = (
        f"logistic regression on {first['train_images']:,} images, test accuracy on {first['test_images']:,}; "
        "bars: one standard error; lines: pixels and an untrained encoder"
    )
    without = table[(table["weights"] == "initial") | table["source_dataset"].isna()]
    figure, panels = style.new(len(sources), 1.5 + 4.2 * len(sources), 4.4, title, subtitle)
    for axes, source in zip(panels, sources, strict=True):
        _panel(axes, str(source), known[known["source_dataset"] == source], without)
        axes.sharey(panels[0])
    panels[0].set_ylabel("probe accuracy on the target")
    style.save(figure, path)


def _panel(axes: Axes, source: str, known: pd.DataFrame, baselines: pd.DataFrame) -> None:
    accuracy = known["logistic_test_accuracy"].astype(float)
    axes.errorbar(
        known["source_accuracy"].astype(float),
        accuracy,
        yerr=_error(accuracy, known["test_images"]),
        fmt="o",
        color=style.SERIES[0],
        elinewidth=1,
    )
    for place, (_, row) in enumerate(known.sort_values("source_accuracy").iterrows()):
        above = place % 2 == 0  # neighbours on the axis often lie side by side
        axes.annotate(
            str(row["source"]),
            (float(row["source_accuracy"]), float(row["logistic_test_accuracy"])),
            xytext=(0, 9 if above else -9),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
        )
    for _, row in baselines.iterrows():
        value = float(row["logistic_test_accuracy"])
        axes.axhline(value, color=style.GREY, linewidth=0.8, linestyle=":")
        axes.annotate(
            _name(row), (1, value), xycoords=axes.get_yaxis_transform(), ha="right", va="bottom",
            fontsize=7, color=style.GREY,
        )  # fmt: skip
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel(f"accuracy of the source on {source}")


def draws(row: "pd.Series[Any]") -> str:
    """How many draws the numbers are the mean of, in words; nothing for one."""
    return f", mean of {row['draws']} draws" if row["draws"] > 1 else ""


def _name(row: "pd.Series[Any]") -> str:
    return f"{row['encoder']}{', initial weights' * (row['weights'] == 'initial')}"


def _error(accuracy: "pd.Series[float]", images: "pd.Series[int]") -> "pd.Series[float]":
    """The standard error of a share of so many images."""
    return (accuracy * (1 - accuracy) / images) ** 0.5
