"""What a sweep measured: rows for one axis, a heat map for several, a learning curve for fractions of the images."""

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from probeline.report.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probeline.results.sweeps import Sweep

HEIGHT = 0.32  # inches per row of a heat map


def figure(name: str, sweep: "Sweep", table: pd.DataFrame) -> "Figure":
    """The accuracies of all points, or those of the best point by fraction of the training images.

    Args:
        table: One row per point and fraction: report/sweeps.py's `points`.
    """
    if len(set(table["train_fraction"])) > 1:
        return _fractions(name, sweep, table)
    if sweep.grid and len(sweep.axes) > 1:
        return _heat_map(name, sweep, table)
    return _one_axis(name, sweep, table)


def _caption(sweep: "Sweep", table: pd.DataFrame) -> str:
    fractions = table["train_fraction"].nunique()
    return (
        f"{sweep.report_id} | {style.on(sweep.task, sweep.dataset)} | {sweep.model}, {sweep.objective} | "
        f"{'up to ' * (fractions > 1)}{int(table['train_images'].max()):,} training images, "
        f"{style.count(len(table) // fractions, 'point')}, {style.count(int(table['seeds'].max()), 'seed')}"
    )


def _best(table: pd.DataFrame) -> str:
    best = table[table["best"]]
    if best.empty:
        return "every point diverged"
    row = best.iloc[-1]
    values = f"validation {row['validation_accuracy']:.4f}, test {row['test_accuracy']:.4f}"
    return f"best: {row['setting']}, {values}"


def _one_axis(name: str, sweep: "Sweep", table: pd.DataFrame) -> "Figure":
    figure, (axes,) = style.new(1, 9, 2.0 + 0.35 * len(table), name, _caption(sweep, table))
    rows = np.arange(len(table))
    best = table["best"].to_numpy(dtype=bool)
    for split, marker, shown, label in (
        ("train", "s", np.ones_like(best), "train"),
        ("validation", "o", np.ones_like(best), "validation"),
        ("test", "D", best, "test, of the best point alone"),
    ):
        axes.errorbar(
            table.loc[shown, f"{split}_accuracy"],
            rows[shown],
            xerr=table.loc[shown, f"{split}_accuracy_std"].fillna(0),
            fmt=marker,
            color=style.COLORS[split],
            label=label,
        )
    axes.set_yticks(rows, list(table["setting"]))
    for row, diverged in enumerate(table["diverged"]):
        if diverged:
            axes.text(0.5, row, "diverged", va="center", ha="center", color=style.GRAY)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.set_title(_best(table), fontsize=9)
    axes.set_xlabel(f"accuracy{_spread(table, 'bars')}")
    style.legend(figure, [axes])
    return figure


def _heat_map(name: str, sweep: "Sweep", table: pd.DataFrame) -> "Figure":
    axes_of = list(sweep.axes)
    half = (len(axes_of) + 1) // 2
    down, across = axes_of[:half], axes_of[half:]
    values = table[axes_of].map(_value)
    rows, columns = (list(product(*(values[axis].unique() for axis in part))) for part in (down, across))
    by_value = {tuple(value): row for value, (_, row) in zip(values.to_numpy(), table.iterrows(), strict=True)}
    cells = [[by_value[*row, *column] for column in columns] for row in rows]
    accuracy = np.array([[float(cell["validation_accuracy"]) for cell in line] for line in cells])
    width = max(9.0, 3.2 + 1.1 * len(columns))
    figure, (axes,) = style.new(1, width, 2.4 + HEIGHT * len(rows), name, _caption(sweep, table))
    axes.grid(visible=False)
    axes.imshow(accuracy, cmap="cividis", aspect="auto")
    middle = (np.nanmin(accuracy) + np.nanmax(accuracy)) / 2 if np.isfinite(accuracy).any() else 0.5
    for row, column in np.ndindex(accuracy.shape):
        _cell(axes, row, column, cells[row][column], middle)
    axes.set_xticks(range(len(columns)), ["\n".join(column) for column in columns])
    axes.set_yticks(range(len(rows)), [", ".join(row) for row in rows])
    axes.set_xlabel(" / ".join(sweep.axes[axis] for axis in across))
    axes.set_ylabel(", ".join(sweep.axes[axis] for axis in down))
    framed = "; framed is the " if table["best"].any() else "; "
    axes.set_title(f"validation accuracy{framed}{_best(table)}", fontsize=9)
    return figure


def _cell(axes: "Axes", row: int, column: int, cell: "pd.Series[Any]", middle: float) -> None:
    value = float(cell["validation_accuracy"])
    text = "diverged" if np.isnan(value) else f"{value:.4f}"
    axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if value < middle else "black")
    if cell["best"]:
        axes.add_patch(style.frame(column, row))


def _fractions(name: str, sweep: "Sweep", table: pd.DataFrame) -> "Figure":
    best = table[table["best"]].sort_values("train_fraction")
    subtitle = f"{_caption(sweep, table)}{'; the best point of each fraction' * bool(sweep.axes)}"
    figure, panels = style.new(2, 11, 4.4, name, subtitle)
    for axes, value in zip(panels, ("accuracy", "loss"), strict=True):
        for split in ("train", "validation", "test") if value == "accuracy" else ("train", "validation"):
            mean, spread = best[f"{split}_{value}"], best[f"{split}_{value}_std"].fillna(0)
            images = best["train_images"]
            axes.plot(images, mean, marker="o", color=style.COLORS[split], label=split)
            axes.fill_between(images, mean - spread, mean + spread, color=style.COLORS[split], alpha=0.2, linewidth=0)
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel(f"training images{_spread(best, 'bands')}")
        axes.set_ylabel(value)
    style.legend(figure, panels)
    return figure


def _spread(table: pd.DataFrame, what: str) -> str:
    """What bars or bands are, in words; nothing with one seed."""
    return f"; {what}: one standard deviation over seeds" if len(table) and table["seeds"].max() > 1 else ""


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
