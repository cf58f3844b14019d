"""How every figure looks: colours that colour-blind people tell apart (Okabe and Ito), and bytes that do not vary."""

import io
from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from probeline.pipeline import files

COLOURS = {"train": "#0072B2", "validation": "#D55E00", "test": "#009E73"}
# In the same colours, for any number of things side by side.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#6b6b6b"


def new(columns: int, width: float, height: float, title: str, subtitle: str) -> tuple[Figure, list[Axes]]:
    """A figure of some panels in a row, under a title (what) and a subtitle (of which scale)."""
    plt.rcdefaults()  # whatever a user's matplotlibrc says
    plt.rcParams.update(
        {
            "font.size": 9,
            "text.parse_math": False,  # a class may be called $
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#e6e6e6",
            "axes.axisbelow": True,
            "legend.frameon": False,
        }
    )
    figure, axes = plt.subplots(1, columns, figsize=(width, height), squeeze=False, layout="constrained")
    figure.suptitle(f"{title}\n", x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.text(0.01, 1 - 0.42 / height, subtitle, ha="left", va="center", color=GREY)
    return figure, list(axes[0])


def frame(column: float, row: float) -> Rectangle:
    """A frame round a cell of a heat map."""
    return Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#D55E00", linewidth=2.5)


def column(axes: Axes, place: float, heading: str, texts: Iterable[str], colour: str = "black") -> None:
    """Write a text right of each row, from row 0 on, ending at `place` (1 is the right edge), under a heading.

    The layout of such a figure needs a round more before the last: `figure.draw_without_rendering()`.
    """
    for row, text in enumerate([heading, *texts], start=-1):
        axes.text(place, row, text, ha="right", va="center", transform=axes.get_yaxis_transform(), color=colour)


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without date or version, so that an equal figure is equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, format="png", metadata={"Software": None})
    plt.close(figure)
    files.write(path, buffer.getvalue())
