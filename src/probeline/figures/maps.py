"""t-SNE maps (A5, B7): one beside its silhouettes by class, and several of one experiment side by side."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from probeline.figures import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probeline.tsne_map import Map

# As far apart as twelve can be for red-, green- and blue-blind eyes too; shapes and names say it again.
COLOURS = (*style.SERIES, "#800000", "#332288", "#8fbc5a", "#882255", "#3f3fbf")
MARKERS = "osD^vPX*p<>h"
FAINT = "#c9c9c9"
SIDE, DOTS = 4.4, 2.6  # inches: a map, the width of a panel of silhouettes
LAYERS = 20  # in which the points are drawn
AROUND = 20  # points; a name stands where at least half of them are of its class


def draw(path: Path, encoder: str, drawn: "Map") -> None:
    """Draw one map, and the silhouette of each class in the embedding and in the map.

    Where there are many classes, those with the highest and the lowest silhouettes in the embedding are coloured.
    """
    facts = drawn.facts
    shown = _shown([drawn])
    figure, (left, right) = style.new(
        2, 11.5, 6.4, f"{encoder}: t-SNE of {facts['encoder']['task']}", _caption(facts, shown)
    )
    _widths(left, [6.2, 3.6])
    _map(left, drawn, shown)
    values = _values(drawn, shown)
    right.hlines(range(len(shown)), values.min(axis=1), values.max(axis=1), color=FAINT, linewidth=1.5, zorder=1)
    for row, label in enumerate(shown):
        colour, marker = _look(shown, label)
        right.plot(values[row, 0], row, "o", color="white", markeredgecolor=style.GREY, markersize=6)
        right.plot(values[row, 1], row, linestyle="", marker=marker, color=colour, markersize=8)
    for place, heading, numbers in zip((1.16, 1.3), ("embedding\nopen", "map\nfilled"), values.T, strict=True):
        texts = (f"{number:z.2f}" if np.isfinite(number) else "-" for number in numbers)
        style.column(right, place, heading, texts)
    right.set_title("silhouette by class\n", fontsize=9)
    means = ", ".join(f"{space} {value:z.3f}" for space, value in facts["silhouette"].items() if value is not None)
    _rows(right, [_label(facts, label) for label in shown])
    right.set_xlabel(f"silhouette; mean over all points: {means}")
    figure.draw_without_rendering()
    style.save(figure, path)


def compare(path: Path, experiment: str, task: str, maps: dict[str, "Map"]) -> None:
    """Draw maps of one task side by side, and the silhouettes of each class in each embedding and each map.

    Args:
        maps: Of the same classes, two or more.
    """
    shown = _shown(list(maps.values()))
    first = next(iter(maps.values()))
    figure, panels = style.new(
        len(maps) + 2,
        SIDE * len(maps) + 2 * DOTS + 1.2,
        SIDE + 1.3 + 0.2 * len(maps),
        f"{experiment}: t-SNE of {task}",
        "silhouette: 1 amid the own class, 0 between two, negative amid another; "
        f"KL divergences compare where points and perplexity are the same{_some(first.facts, shown)}",
    )
    _widths(panels[0], [SIDE] * len(maps) + [DOTS, DOTS])
    for axes, (name, drawn) in zip(panels, maps.items(), strict=False):
        _map(axes, drawn, shown)
        axes.set_title(f"\n{name}\n{_quality(drawn.facts)}", fontsize=9)
    for column, (axes, space) in enumerate(zip(panels[-2:], ("embedding", "map"), strict=True)):
        for number, (name, drawn) in enumerate(maps.items()):
            mean = drawn.facts["silhouette"][space]
            # Shades, since colours are the classes'.
            axes.plot(
                _values(drawn, shown)[:, column],
                range(len(shown)),
                linestyle="",
                marker=MARKERS[number % len(MARKERS)],
                color=str(0.65 * number / (len(maps) - 1)),
                label=name if mean is None else f"{name}: mean {mean:z.3f}",
            )
        _rows(axes, [_label(first.facts, label) for label in shown] if column == 0 else [""] * len(shown))
        axes.set_xlabel(f"silhouette in the {space}")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12))
    low, high = zip(*(axes.get_xlim() for axes in panels[-2:]), strict=True)
    for axes in panels[-2:]:
        axes.set_xlim(min(low), max(high))
    classes = [
        Line2D([], [], linestyle="", marker=marker, color=colour, label=_label(first.facts, label))
        for label in shown
        for colour, marker in [_look(shown, label)]
    ]
    figure.legend(handles=classes, ncols=math.ceil(len(classes) / 2), loc="outside lower left")
    style.save(figure, path)


def _shown(maps: "Sequence[Map]") -> list[int]:
    """The labels that are coloured, best separated first where not all are."""
    count = len(maps[0].facts["classes"])
    if count <= len(COLOURS):
        return list(range(count))
    silhouettes = np.array([[part["embedding"] for part in drawn.facts["classes"]] for drawn in maps], dtype=float)
    mean = pd.Series(silhouettes.mean(axis=0)).dropna().sort_values(ascending=False, kind="stable")
    order = [int(label) for label in mean.index]
    half = len(COLOURS) // 2
    return order if len(order) <= 2 * half else order[:half] + order[-half:]


def _some(facts: dict[str, Any], shown: list[int]) -> str:
    count = len(facts["classes"])
    return f" | coloured: the best and the worst separated of {count} classes" if len(shown) < count else ""


def _widths(axes: Axes, ratios: list[float]) -> None:
    if grid := axes.get_gridspec():
        grid.set_width_ratios(ratios)


def _look(shown: list[int], label: int) -> tuple[str, str]:
    place = shown.index(label)
    return COLOURS[place], MARKERS[place]


def _label(facts: dict[str, Any], label: int) -> str:
    name: str = facts["classes"][label]["name"]
    return name if name == str(label) else f"{label} {name}"


def _values(drawn: "Map", shown: list[int]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """(classes, 2): silhouettes in the embedding and in the map; nan where there is none."""
    parts = [drawn.facts["classes"][label] for label in shown]
    return np.array([[part["embedding"], part["map"]] for part in parts], dtype=float).reshape(-1, 2)


def _rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=5)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.1), max(high, 0.1))  # that noise does not look like much
    axes.axvline(0, color=style.GREY, linewidth=0.8)


def _map(axes: Axes, drawn: "Map", shown: list[int]) -> None:
    points = drawn.points
    coloured = points["label"].isin(shown)
    size = float(np.clip(20_000 / len(points), 4, 22))
    rest = points[~coloured]
    axes.scatter(rest["x"], rest["y"], s=size / 2, color=FAINT, linewidth=0)
    size *= 2 if len(rest) else 1
    # A few images of every class in turn: else the last class would hide the others.
    own = points[coloured]
    for _, few in own.groupby(np.arange(len(own)) * LAYERS // max(len(own), 1)):
        for label, part in few.groupby("label"):
            colour, marker = _look(shown, int(str(label)))
            axes.scatter(part["x"], part["y"], s=size, color=colour, marker=marker, linewidth=0, alpha=0.8)
    low, high = points[["x", "y"]].min(), points[["x", "y"]].max()
    centre, half = (low + high) / 2, 0.53 * float((high - low).max())
    axes.set(xlim=(centre["x"] - half, centre["x"] + half), ylim=(centre["y"] - half, centre["y"] + half))
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    _names(axes, drawn, shown, 2 * half)


def _names(axes: Axes, drawn: "Map", shown: list[int], side: float) -> None:
    """Write each name at the median of its class, a little higher where it would lie on another.

    A class that is not at home there has its name beside its silhouettes alone.
    """
    xy, labels = drawn.points[["x", "y"]].to_numpy(), drawn.points["label"].to_numpy()
    height, width = 0.045 * side, 0.02 * side
    above = height if len(shown) < len(drawn.facts["classes"]) else 0  # a name would hide a class of few points
    written: list[tuple[float, float, float]] = []
    medians = {label: np.median(xy[labels == label], axis=0) for label in shown if (labels == label).any()}
    for label, (x, y) in sorted(medians.items(), key=lambda item: (item[1][1], item[0])):
        around = min(AROUND, int((labels == label).sum()))
        near = np.argsort(np.square(xy - (x, y)).sum(axis=1), kind="stable")[:around]
        if (labels[near] == label).mean() < 0.5:
            continue
        name = _label(drawn.facts, label)
        at, half = float(y) + above, width * len(name) / 2
        for other_x, other_y, other_half in written:
            if abs(x - other_x) < half + other_half and abs(at - other_y) < height:
                at = other_y + height
        written.append((float(x), at, half))
        halo = withStroke(linewidth=3, foreground="white")
        axes.text(x, at, name, ha="center", va="center", fontsize=9, fontweight="bold", path_effects=[halo])


def _quality(facts: dict[str, Any]) -> str:
    return (
        f"{facts['points']:,} {facts['split']} images, perplexity {facts['perplexity']:g}\n"
        f"KL {facts['kl']:.3f}, trustworthiness {facts['trustworthiness']:.3f}"
    )


def _caption(facts: dict[str, Any], shown: list[int]) -> str:
    return (
        f"{facts['experiment']} | {facts['points']:,} {facts['split']} images | perplexity {facts['perplexity']:g}, "
        f"{facts['iterations']:,} iterations, {facts['implementation']} | KL divergence {facts['kl']:.3f}, "
        f"trustworthiness {facts['trustworthiness']:.3f}{_some(facts, shown)}"
    )
