"""What a sweep saw: a line for one axis, a heat map for several, a learning curve for shares of the images."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from probeline.figures import style
from probeline.sweep_summary import points

HEIGHT = 0.32  # inches a row of a heat map


def draw(path: Path, name: str, record: dict[str, Any]) -> None:
    """Draw a sweep.

    Args:
        record: As the stage `sweep` left it.
    """
    table = points(record)
    if len(set(table["share"])) > 1:
        _shares(path, name, record, table)
    elif record["grid"] and len(record["axes"]) > 1:
        _heat_map(path, name, record, table)
    else:
        _one_axis(path, name, record, table)


def _caption(record: dict[str, Any], table: pd.DataFrame) -> str:
    seeds, shares = int(table["seeds"].max()), len(set(table["share"]))
    points = len(table) // shares
    return (
        f"{record['experiment']} | {record['task']} | {record['model']}, {record['objective']} | "
        f"{'up to ' * (shares > 1)}{int(table['train_images'].max()):,} training images, {points} "
        f"point{'s'[: points > 1]}, {seeds} seed{'s'[: seeds > 1]}"
    )


def _best(table: pd.DataFrame) -> str:
    best = table[table["best"]]
    if best.empty:
        return "every point diverged"
    row = best.iloc[-1]
    values = f"validation {row['validation_accuracy']:.4f}, test {row['test_accuracy']:.4f}"
    return f"best: {row['setting']}, {values}"


def _one_axis(path: Path, name: str, record: dict[str, Any], table: pd.DataFrame) -> None:
    figure, (axes,) = style.new(1, 9, 2.0 + 0.35 * len(table), name, _caption(record, table))
    rows = range(len(table))
    for split, marker in (("train", "s"), ("validation", "o")):
        axes.errorbar(
            table[f"{split}_accuracy"],
            rows,
            xerr=table[f"{split}_accuracy_std"].fillna(0),
            fmt=marker,
            color=style.COLOURS[split],
            label=split,
        )
    best = table[table["best"]]
    axes.errorbar(
        best["test_accuracy"], list(best.index), xerr=best["test_accuracy_std"].fillna(0), fmt="D",
        color=style.COLOURS["test"], label="test, of the best point alone",
    )  # fmt: skip
    axes.set_yticks(rows, list(table["setting"]))
    for row, (_, entry) in zip(rows, table.iterrows(), strict=True):
        if entry["diverged"]:
            axes.text(0.5, row, "diverged", va="center", ha="center", color=style.GREY)
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.set_title(_best(table), fontsize=9)
    axes.set_xlabel("accuracy; bars: one standard deviation over seeds" if table["seeds"].max() > 1 else "accuracy")
    figure.legend(loc="outside lower center", ncols=3)
    style.save(figure, path)


def _heat_map(path: Path, name: str, record: dict[str, Any], table: pd.DataFrame) -> None:
    half = (len(record["axes"]) + 1) // 2
    axes_of = list(record["axes"])
    down, across = axes_of[:half], axes_of[half:]
    table[axes_of] = table[axes_of].map(_value)
    rows, columns = (list(product(*(table[axis].unique() for axis in part))) for part in (down, across))
    keyed = {tuple(row[axis] for axis in axes_of): row for _, row in table.iterrows()}
    values = [[keyed[*row, *column] for column in columns] for row in rows]
    accuracy = np.array([[float(cell["validation_accuracy"]) for cell in line] for line in values])
    width = max(9.0, 3.2 + 1.1 * len(columns))
    figure, (axes,) = style.new(1, width, 2.4 + HEIGHT * len(rows), name, _caption(record, table))
    axes.grid(visible=False)
    axes.imshow(accuracy, cmap="cividis", aspect="auto")
    middle = (np.nanmin(accuracy) + np.nanmax(accuracy)) / 2 if np.isfinite(accuracy).any() else 0.5
    for i, j in np.ndindex(accuracy.shape):
        _cell(axes, i, j, values[i][j], middle)
    axes.set_xticks(range(len(columns)), ["\n".join(column) for column in columns])
    axes.set_yticks(range(len(rows)), [", ".join(row) for row in rows])
    axes.set_xlabel(" / ".join(record["axes"][axis] for axis in across))
    axes.set_ylabel(", ".join(record["axes"][axis] for axis in down))
    axes.set_title(f"validation accuracy; framed is the {_best(table)}", fontsize=9)
    style.save(figure, path)


def _cell(axes: Axes, row: int, column: int, cell: "pd.Series[Any]", middle: float) -> None:
    value = float(cell["validation_accuracy"])
    text = "diverged" if np.isnan(value) else f"{value:.4f}"
    axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if value < middle else "black")
    if cell["best"]:
        axes.add_patch(style.frame(column, row))


def _shares(path: Path, name: str, record: dict[str, Any], table: pd.DataFrame) -> None:
    best = table[table["best"]].sort_values("share")
    figure, panels = style.new(
        2, 11, 4.2, name, f"{_caption(record, table)}{'; the best point of each share' * bool(record['axes'])}"
    )
    for axes, value in zip(panels, ("accuracy", "loss"), strict=True):
        for split in ("train", "validation", "test") if value == "accuracy" else ("train", "validation"):
            mean, spread = best[f"{split}_{value}"], best[f"{split}_{value}_std"].fillna(0)
            images = best["train_images"]
            axes.plot(images, mean, marker="o", color=style.COLOURS[split], label=split)
            axes.fill_between(images, mean - spread, mean + spread, color=style.COLOURS[split], alpha=0.2, linewidth=0)
        axes.set_xlabel(
            "training images" + "; bands: one standard deviation over seeds" * bool(best["seeds"].max() > 1)
        )
        axes.set_ylabel(value)
        axes.legend()
    style.save(figure, path)


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
