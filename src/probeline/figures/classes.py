"""Accuracy by class of several runs side by side (B2's comparison)."""

from pathlib import Path

import numpy as np
import pandas as pd

from probeline.figures import style

# More classes than this, and their names would overlap.
NAMED = 30
MARKERS = "osD^vPX*"


def draw(path: Path, experiment: str, task: str, runs: dict[str, dict[str, float | None]], scale: pd.DataFrame) -> None:
    """Draw a row of points a class, a colour a run; the classes in the order of the first run's accuracy.

    Args:
        runs: {run: {class: test accuracy}}, of the same classes; None for a class without test images.
        scale: The rows of the summary of these runs.
    """
    table = pd.DataFrame(runs, dtype=float)
    table = table.sort_values(table.columns[0], ascending=False, kind="stable")
    first, rest = table.columns[0], table.columns[1:]
    better = "; ".join(f"{run} better than {first} on {int((table[run] > table[first]).sum())}" for run in rest)
    named = len(table) <= NAMED
    height = 1.4 + (0.3 * len(table) if named else 3.4)
    figure, (axes,) = style.new(
        1,
        9,
        height,
        f"{experiment}: test accuracy by class",
        f"{task}: {len(table)} classes, {scale['train_images'].iloc[0]:,} training images. {better}",
    )
    place = np.arange(len(table))
    for number, run in enumerate(table.columns):
        colour, marker = style.SERIES[number % len(style.SERIES)], MARKERS[number % len(MARKERS)]
        steps, seeds = (int(scale[column].to_dict()[run]) for column in ("last_step", "seeds"))
        effort = f"{steps:,} steps, {seeds} seed{'s' if seeds > 1 else ''}"
        label = f"{run}\nmean over classes {table[run].mean():.3f}; {effort}"
        points = (table[run], place) if named else (place, table[run])
        axes.plot(*points, linestyle="", markersize=6 if named else 4, label=label, color=colour, marker=marker)
    if named:
        axes.set_yticks(place, list(table.index))
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_xlabel("test accuracy")
        axes.set_xlim(-0.02, 1.02)
    else:
        axes.set_xlabel(f"classes, in the order of {first}")
        axes.set_ylabel("test accuracy")
        axes.set_ylim(-0.02, 1.02)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    style.save(figure, path)
