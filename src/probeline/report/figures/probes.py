"""What probes make of encoders: side by side for a task, and against the accuracy of their sources (E2)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from probeline.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

LABELS = {
    "logistic": "logistic regression, solved to the optimum",
    "gradient": "linear probe by gradient descent",
    "knn": "nearest neighbors",
}
MARKERS = "os^Dv*XP"


def figure(task: str, table: pd.DataFrame) -> "Figure":
    """The test accuracy of every probe of every encoder of a task, the best by logistic regression first.

    Args:
        table: The rows of report/probes.py's `with_intervals` of this task.
    """
    table = table.sort_values("logistic_test_accuracy", ascending=False, kind="stable")
    first = table.iloc[0]
    subtitle = (
        f"{first['train_images']:,} training, {first['validation_images']:,} validation and "
        f"{first['test_images']:,} test images{_resamples(first)}; encoders sorted by logistic regression; "
        "bars: 95 % interval over test images"
    )
    figure, (axes,) = style.new(1, 10, 1.8 + 0.36 * len(table), f"Probes on {_on(task, first)}", subtitle)
    rows = range(len(table))
    ending = "_test_accuracy"
    probes = [name.removesuffix(ending) for name in map(str, table) if name.endswith(ending)]
    for number, probe in enumerate(probes):
        accuracy = table[f"{probe}_test_accuracy"].astype(float)
        if accuracy.notna().any():
            axes.errorbar(
                accuracy,
                [row + 0.16 * (number - (len(probes) - 1) / 2) for row in rows],
                xerr=_error(table, probe),
                fmt=MARKERS[number % len(MARKERS)],
                markersize=5,
                elinewidth=1,
                color=style.SERIES[number % len(style.SERIES)],
                label=LABELS.get(probe, probe),
            )
    axes.set_yticks(rows, [_name(row) for _, row in table.iterrows()])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("test accuracy")
    logistic, sizes = table["logistic_test_accuracy"].astype(float), table["dimensions"]
    texts = ("-" if pd.isna(accuracy) else f"{accuracy:.4f}" for accuracy in logistic)
    style.column(axes, 0.65, "logistic", texts, style.GRAY)
    style.column(axes, 1.5, "dimensions", (f"{size:,}" for size in sizes), style.GRAY)
    style.legend(figure, [axes], columns=3)
    return figure


def against_sources(task: str, table: pd.DataFrame) -> "Figure":
    """Probe accuracy on a task against the accuracy of the source on its own (E2), one panel per source dataset.

    Args:
        table: The rows of report/probes.py's `with_intervals` of this task.
    """
    known = table[table["source_accuracy"].notna()]
    sources = list(dict.fromkeys(known["source_dataset"]))
    first = table.iloc[0]
    subtitle = (
        f"logistic regression on {first['train_images']:,} images, test accuracy on {first['test_images']:,}"
        f"{_resamples(first)}; bars: 95 % interval over test images; dotted: pixels and encoders with initial weights"
    )
    without = table[(table["weights"] == "initial") | table["source_dataset"].isna()]
    title = f"Source accuracy against probe accuracy on {_on(task, first)}"
    figure, panels = style.new(len(sources), 1.5 + 4.2 * len(sources), 4.4, title, subtitle)
    for axes, source in zip(panels, sources, strict=True):
        _panel(axes, str(source), known[known["source_dataset"] == source], without)
        axes.sharey(panels[0])
    panels[0].set_ylabel("probe accuracy on the target")
    return figure


def _panel(axes: "Axes", source: str, known: pd.DataFrame, baselines: pd.DataFrame) -> None:
    known = known.sort_values("source_accuracy", kind="stable")
    across, up = (known[column].astype(float) for column in ("source_accuracy", "logistic_test_accuracy"))
    down, over = error = _error(known, "logistic")
    axes.errorbar(across, up, yerr=error, fmt="o", color=style.SERIES[0], elinewidth=1)
    for place, (name, x, low, high) in enumerate(zip(known["source"], across, up - down, up + over, strict=True)):
        above = place % 2 == 0  # neighbors on the axis often lie side by side
        axes.annotate(
            str(name),
            (x, high if above else low),
            xytext=(0, 2 if above else -2),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8,
        )
    for _, row in baselines.iterrows():
        value = float(row["logistic_test_accuracy"])
        axes.axhline(value, color=style.GRAY, linewidth=0.8, linestyle=":")
        where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
        axes.text(1, value, _name(row), fontsize=7, color=style.GRAY, **where)
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel(f"accuracy of the source on {source}")


def _on(task: str, row: "pd.Series[Any]") -> str:
    return style.on(task, row.get("dataset", task))


def _resamples(row: "pd.Series[Any]") -> str:
    return f", mean of {row['resamples']} resamples" if row["resamples"] > 1 else ""


def _name(row: "pd.Series[Any]") -> str:
    return f"{row['encoder']}{', initial weights' * (row['weights'] == 'initial')}"


def _error(table: pd.DataFrame, probe: str) -> "NDArray[np.float64]":
    """How far the interval of a probe's test accuracy reaches down and up from it, (2, rows)."""
    ends = [f"{probe}_test_accuracy{end}" for end in ("_low", "", "_high")]
    low, accuracy, high = table[ends].to_numpy(dtype=float).T
    # The interval is of a whole number of images, so rounding can leave the accuracy just outside.
    return np.maximum([accuracy - low, high - accuracy], 0)
