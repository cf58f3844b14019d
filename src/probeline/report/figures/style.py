"""How every figure looks: its title, its legend, and colors that colorblind people tell apart (Okabe and Ito)."""

import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

COLORS = {"train": "#0072B2", "validation": "#D55E00", "test": "#009E73"}
# The same colors, for any number of things side by side.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX*"
GRAY = "#6b6b6b"
SUBTITLE = 12.5  # characters per inch of a line
SETTINGS: dict[Any, Any] = {
    "font.size": 9,
    "text.parse_math": False,  # a class may be called $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def new(columns: int, width: float, height: float, title: str, subtitle: str) -> tuple[Figure, list[Axes]]:
    """A figure of some panels in a row, under a title (what it shows) and a subtitle (of which data, at which scale).

    It is made without pyplot, which would keep every figure until it is closed.

    Args:
        width, height: Inches, of one line of subtitle; a longer one is wrapped, and the figure is higher by its lines.
    """
    mpl.rcdefaults()  # whatever a user's matplotlibrc says
    mpl.rcParams.update(SETTINGS)
    lines = textwrap.wrap(subtitle, int(width * SUBTITLE)) or [""]
    height += 0.17 * (len(lines) - 1)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)
    # Empty lines of the title keep the room of the subtitle, which the layout does not see.
    above = title + "\n" * len(lines)
    figure.suptitle(above, x=0.1 / width, ha="left", fontsize=12, fontweight="bold", linespacing=1.45)
    figure.text(0.1 / width, 1 - 0.34 / height, "\n".join(lines), ha="left", va="top", color=GRAY)
    return figure, list(axes[0])


def on(task: str, dataset: str) -> str:
    """A task, and its dataset where that has another name: a stand-in is never taken for the data of a report."""
    return task if task == dataset else f"{task} (dataset {dataset})"


def count(number: int, what: str, plural: str = "") -> str:
    """A number of things in words: 1 seed, 1,500 steps."""
    return f"{number:,} {what if number == 1 else plural or f'{what}s'}"


def legend(figure: Figure, panels: Iterable[Axes], columns: int = 4) -> None:
    """One legend below all panels, where it lies on nothing that is drawn. What several panels show is in it once."""
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    if found:
        figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=columns)


def frame(column: float, row: float) -> Rectangle:
    """A frame around a cell of a heat map."""
    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#D55E00", linewidth=2.5)


def column(axes: Axes, inches: float, heading: str, texts: Iterable[str], color: str = "black") -> None:
    """Write a text beside each row, from row 0 on, that ends so far right of the panel; above the panel a heading."""
    ends: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "color": color}
    for row, text in enumerate(texts):
        beside: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "va": "center_baseline"}
        axes.annotate(text, (1, row), (72 * inches, 0), **beside, **ends)
    axes.annotate(heading, (1, 1), (72 * inches, 4), xycoords="axes fraction", va="bottom", **ends)
