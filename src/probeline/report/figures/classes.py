"""Accuracy by class of several runs side by side (B2's comparison)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from probeline.report.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMED = 30  # of more classes the names would overlap
SPREAD = 0.5  # of a row, over which the runs are spread


def figure(report_id: str, task: str, runs: dict[str, pd.DataFrame], scale: pd.DataFrame) -> "Figure":
    """One row of points per class, one color per run; the classes in the order of the first run's accuracy.

    Args:
        runs: By run a frame with the classes as its index, the same for all runs, and the columns accuracy, low and
            high: the share of the test images of the class that are predicted right, over all seeds, and its 95 %
            interval (Wilson's) over the test images of one seed. nan for a class without test images.
        scale: The rows of the summary of these runs, with the run as index.
    """
    first, *rest = runs
    order = runs[first]["accuracy"].astype(float).sort_values(ascending=False, kind="stable").index
    frames = {run: frame.loc[order].astype(float) for run, frame in runs.items()}
    base = frames[first]["accuracy"]
    better = {run: style.count(int((frames[run]["accuracy"] > base).sum()), "class", "classes") for run in rest}
    words = "; ".join(f"{run} is better than {first} on {classes}" for run, classes in better.items())
    named = len(order) <= NAMED
    row = 0.16 + 0.08 * len(runs)
    data = f"{len(order)} classes, {scale['train_images'].iloc[0]:,} training images"
    interval = "bars: 95 % interval over the test images of one seed"
    figure, (axes,) = style.new(
        1,
        9,
        1.6 + 0.2 * len(runs) + (row * len(order) if named else 3.4),
        f"{report_id}: test accuracy by class",
        f"{style.on(task, scale['dataset'].iloc[0])}: {data}; {interval}. {words}",
    )
    places = np.arange(len(order))
    for number, (run, frame) in enumerate(frames.items()):
        accuracy = frame["accuracy"].to_numpy()
        error = np.maximum([accuracy - frame["low"], frame["high"] - accuracy], 0)
        place = places + SPREAD * ((number + 0.5) / len(runs) - 0.5)
        where: dict[str, Any] = (
            {"x": accuracy, "y": place, "xerr": error} if named else {"x": place, "y": accuracy, "yerr": error}
        )
        axes.errorbar(
            **where,
            fmt=style.MARKERS[number % len(style.MARKERS)],
            color=style.SERIES[number % len(style.SERIES)],
            markersize=5 if named else 3,
            elinewidth=1,
            label=_label(run, accuracy, scale.loc[run]),
        )
    if named:
        axes.set_yticks(places, list(order))
        axes.set_ylim(len(order) - 0.5, -0.5)
        axes.set_xlabel("test accuracy")
        axes.set_xlim(-0.02, 1.02)
    else:
        axes.set_xlabel(f"classes, in the order of {first}")
        axes.set_ylabel("test accuracy")
        axes.set_ylim(-0.02, 1.02)
    style.legend(figure, [axes], columns=1)
    return figure


def _label(run: str, accuracy: "np.ndarray[tuple[int], np.dtype[np.float64]]", scale: Any) -> str:
    effort = f"{style.count(int(scale['last_step']), 'step')}, {style.count(int(scale['seeds']), 'seed')}"
    return f"{run}: mean over classes {np.nanmean(accuracy):.3f}; {effort}"
