"""Data read back from what was drawn."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


def xy(line: Line2D) -> list[list[float]]:
    """The points of a line."""
    found: list[list[float]] = np.asarray(line.get_xydata(), dtype=float).tolist()
    return found


def x(line: Line2D) -> list[float]:
    return [point[0] for point in xy(line)]


def y(line: Line2D) -> list[float]:
    return [point[1] for point in xy(line)]


def lines(axes: Axes) -> dict[str, Line2D]:
    """The lines by their labels; of equal labels the last."""
    return {str(line.get_label()): line for line in axes.lines}


def bars(axes: Axes) -> dict[str, tuple[Line2D, list[list[float]]]]:
    """By label the points of a series, and where the horizontal bar of each begins and ends (nothing for nan)."""
    found = {}
    for container in axes.containers:
        assert isinstance(container, ErrorbarContainer)
        line, _, drawn = container.lines
        ends: list[Any] = [np.asarray(part).reshape(-1, 2)[:, 0] for bar in drawn for part in bar.get_segments()]
        assert line is not None
        found[str(container.get_label())] = line, [part.tolist() for part in ends if len(part)]
    return found


def words(figure: Figure) -> str:
    """The title, and what stands under it."""
    return " ".join(" ".join(text.get_text() for text in figure.texts).split())


def legends(figure: Figure) -> list[list[str]]:
    """The legends of the figure as a whole."""
    return [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]
