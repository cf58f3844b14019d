"""t-SNE maps (A5, B7): one beside its silhouettes by class, and several of one report id side by side."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from probeline.report.figures import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from probeline.results.maps import Facts, Map

# As far apart as twelve can be for red-, green- and blue-blind eyes too; shapes and names say it again.
COLORS = (*style.SERIES, "#800000", "#332288", "#8fbc5a", "#882255", "#3f3fbf")
MARKERS = "osD^vPX*p<>h"
FAINT = "#c9c9c9"
AREA, SIDE, DOTS = 26.0, 3.0, 2.4  # inches: of one map, the height of several, the width of a panel of silhouettes
ASPECTS = (0.5, 2.2)  # width by height of a map's panel
MARGIN = 0.03  # around the points
LAYERS = 20  # in which the points are drawn
AROUND = 20  # points; a name stands where at least half of them are of its class
LETTER = (0.095, 0.18)  # inches: width and height of a letter of a name


def figure(encoder: str, drawn: "Map") -> "Figure":
    """One map, and the silhouette of each class in the embedding and in the map.

    Where there are many classes, those with the highest and the lowest silhouettes in the embedding are colored.
    """
    facts = drawn.facts
    shown = _shown([drawn])
    aspect = _aspect(drawn)
    width, height = math.sqrt(AREA * aspect), math.sqrt(AREA / aspect)
    title = f"{encoder}: t-SNE of {style.on(facts.encoder.task, facts.encoder.dataset)}"
    figure, (left, right) = style.new(2, width + 5.6, height + 1.3, title, _caption(facts, shown))
    _widths(left, [width, 3.2])
    _map(left, drawn, shown, width)
    values = _silhouettes(drawn, shown)
    right.hlines(range(len(shown)), values.min(axis=1), values.max(axis=1), color=FAINT, linewidth=1.5, zorder=1)
    for row, label in enumerate(shown):
        color, marker = _look(shown, label)
        right.plot(values[row, 0], row, "o", color="white", markeredgecolor=style.GRAY, markersize=6)
        right.plot(values[row, 1], row, linestyle="", marker=marker, color=color, markersize=8)
    for place, heading, numbers in zip((0.8, 1.35), ("embedding\n(open)", "map\n(filled)"), values.T, strict=True):
        texts = (f"{number:z.2f}" if np.isfinite(number) else "-" for number in numbers)
        style.column(right, place, heading, texts)
    _rows(right, [_label(facts, label) for label in shown])
    right.set_xlabel(f"silhouette by class{_means(facts)}")
    return figure


def compare(report_id: str, task: str, maps: "dict[str, Map]") -> "Figure":
    """Maps of one task side by side, and the silhouettes of each class in each embedding and each map.

    Args:
        maps: Of the same classes, two or more.
    """
    shown = _shown(list(maps.values()))
    facts = next(iter(maps.values())).facts
    widths = [SIDE * _aspect(drawn) for drawn in maps.values()]
    figure, panels = style.new(
        len(maps) + 2,
        sum(widths) + 2 * DOTS + 2.0,
        SIDE + 1.6 + 0.2 * max(2, len(maps)),
        f"{report_id}: t-SNE of {style.on(task, facts.encoder.dataset)}",
        "silhouette: 1 among its own class, 0 between two, negative among another; compare KL divergences only "
        f"where points and perplexity are the same{_some(facts, shown)}",
    )
    _widths(panels[0], [*widths, DOTS, DOTS])
    for axes, width, (name, drawn) in zip(panels, widths, maps.items(), strict=False):
        _map(axes, drawn, shown, width)
        axes.set_title(f"{name}\n{_quality(drawn.facts)}", fontsize=9)
    for column, (axes, space) in enumerate(zip(panels[-2:], ("embedding", "map"), strict=True)):
        for number, (name, drawn) in enumerate(maps.items()):
            axes.plot(
                _silhouettes(drawn, shown)[:, column],
                range(len(shown)),
                linestyle="",
                marker=MARKERS[number % len(MARKERS)],
                color=str(0.65 * number / (len(maps) - 1)),  # shades, since the classes have the colors
                label=f"{name}{_means(drawn.facts)}",
            )
        _rows(axes, [_label(facts, label) for label in shown] if column == 0 else [""] * len(shown))
        axes.set_xlabel(f"silhouette in the {space}")
    low, high = zip(*(axes.get_xlim() for axes in panels[-2:]), strict=True)
    for axes in panels[-2:]:
        axes.set_xlim(min(low), max(high))
    looks = {_label(facts, label): _look(shown, label) for label in shown}
    figure.legend(
        handles=[Line2D([], [], linestyle="", color=c, marker=m, label=name) for name, (c, m) in looks.items()],
        ncols=math.ceil(len(looks) / 2),
        loc="outside lower left",
    )
    figure.legend(*panels[-1].get_legend_handles_labels(), loc="outside lower right")
    return figure


def _shown(maps: "Sequence[Map]") -> list[int]:
    """The labels that are colored, best separated first where not all are."""
    count = len(maps[0].facts.classes)
    if count <= len(COLORS):
        return list(range(count))
    silhouettes = np.array([[part.embedding for part in drawn.facts.classes] for drawn in maps], dtype=float)
    mean = pd.Series(silhouettes.mean(axis=0)).dropna().sort_values(ascending=False, kind="stable")
    order = [int(label) for label in mean.index]
    half = len(COLORS) // 2
    return order if len(order) <= 2 * half else order[:half] + order[-half:]


def _some(facts: "Facts", shown: list[int]) -> str:
    count = len(facts.classes)
    return f" | colored: the best and the worst separated of {count} classes" if len(shown) < count else ""


def _aspect(drawn: "Map") -> float:
    """Width by height of the panel that the points fill."""
    width, height = np.ptp(drawn.points[["x", "y"]].to_numpy(), axis=0)
    return float(np.clip(width / height, *ASPECTS)) if height else 1.0


def _widths(axes: "Axes", ratios: list[float]) -> None:
    if grid := axes.get_gridspec():
        grid.set_width_ratios(ratios)


def _look(shown: list[int], label: int) -> tuple[str, str]:
    place = shown.index(label)
    return COLORS[place], MARKERS[place]


def _label(facts: "Facts", label: int) -> str:
    name = facts.classes[label].name
    return name if name == str(label) else f"{label} {name}"


def _silhouettes(drawn: "Map", shown: list[int]) -> "NDArray[np.float64]":
    """(classes, 2): in the embedding and in the map; nan where there is none."""
    parts = [drawn.facts.classes[label] for label in shown]
    return np.array([[part.embedding, part.map] for part in parts], dtype=float).reshape(-1, 2)


def _rows(axes: "Axes", names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=5)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.1), max(high, 0.1))  # that noise does not look like much
    axes.axvline(0, color=style.GRAY, linewidth=0.8)


def _map(axes: "Axes", drawn: "Map", shown: list[int], width: float) -> None:
    """The points, in a panel that is as wide (inches) and no larger than they need."""
    points = drawn.points
    colored = points["label"].isin(shown)
    size = float(np.clip(20_000 / len(points), 4, 22))
    rest = points[~colored]
    axes.scatter(rest["x"], rest["y"], s=size / 2, color=FAINT, linewidth=0)
    size *= 2 if len(rest) else 1
    # A few images of every class in turn: else the last class would hide the others.
    own = points[colored]
    for _, few in own.groupby(np.arange(len(own)) * LAYERS // max(len(own), 1)):
        for label, part in few.groupby("label"):
            color, marker = _look(shown, int(str(label)))
            axes.scatter(part["x"], part["y"], s=size, color=color, marker=marker, linewidth=0, alpha=0.8)
    low, high = points[["x", "y"]].min(), points[["x", "y"]].max()
    space = max(MARGIN * float((high - low).max()), 1e-6)
    axes.set(xlim=(low["x"] - space, high["x"] + space), ylim=(low["y"] - space, high["y"] + space))
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    left, right = axes.get_xlim()
    _names(axes, drawn, shown, (right - left) / width)


def _names(axes: "Axes", drawn: "Map", shown: list[int], inch: float) -> None:
    """Write each name at the median of its class, a little higher where it would lie on another.

    A class that is not at home there has its name beside its silhouettes alone.

    Args:
        inch: Its length in the map.
    """
    xy, labels = drawn.points[["x", "y"]].to_numpy(), drawn.points["label"].to_numpy()
    width, height = LETTER[0] * inch, LETTER[1] * inch
    above = height if len(shown) < len(drawn.facts.classes) else 0  # a name would hide a class of few points
    written: list[tuple[float, float, float]] = []
    medians = {label: np.median(xy[labels == label], axis=0) for label in shown if (labels == label).any()}
    for label, (x, y) in sorted(medians.items(), key=lambda item: (item[1][1], item[0])):
        around = min(AROUND, int((labels == label).sum()))
        near = np.argsort(np.square(xy - (x, y)).sum(axis=1), kind="stable")[:around]
        if (labels[near] == label).mean() < 0.5:
            continue
        name = _label(drawn.facts, label)
        half = width * len(name) / 2
        left, right = axes.get_xlim()
        center = min(max(float(x), left + half), max(right - half, left + half))  # inside the panel
        at = float(y) + above
        for other_x, other_y, other_half in written:
            if abs(center - other_x) < half + other_half and abs(at - other_y) < height:
                at = other_y + height
        written.append((center, at, half))
        halo = withStroke(linewidth=3, foreground="white")
        axes.text(center, at, name, ha="center", va="center", fontsize=9, fontweight="bold", path_effects=[halo])


def _means(facts: "Facts") -> str:
    """The mean silhouettes over all points, in words; nothing where there are none."""
    found = facts.silhouette
    if found.embedding is None or found.map is None:
        return ""
    return f"; mean {found.embedding:z.3f} (embedding), {found.map:z.3f} (map)"


def _quality(facts: "Facts") -> str:
    return (
        f"{facts.points:,} {facts.split} images, perplexity {facts.perplexity:g}\n"
        f"KL {facts.kl:.3f}, trustworthiness {facts.trustworthiness:.3f}"
    )


def _caption(facts: "Facts", shown: list[int]) -> str:
    return (
        f"{facts.report_id} | {facts.points:,} {facts.split} images | perplexity {facts.perplexity:g}, "
        f"{facts.iterations:,} iterations, {facts.implementation} | KL divergence {facts.kl:.3f}, "
        f"trustworthiness {facts.trustworthiness:.3f}{_some(facts, shown)}"
    )
