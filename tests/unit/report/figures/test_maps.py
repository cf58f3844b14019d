from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from probeline.report.figures import maps
from probeline.results.embeddings import Embedded
from probeline.results.maps import Class, Facts, Map, Silhouettes
from tests.unit.report.figures import reading

Draw = Callable[..., Map]


@pytest.fixture
def make(embedded: Embedded) -> Draw:
    """A map of points; each class's silhouettes are its number / 100, and none for a class without points."""

    def of(xy: NDArray[np.float64], labels: NDArray[np.int64], names: list[str]) -> Map:
        count = np.bincount(labels, minlength=len(names))
        some = [Silhouettes(embedding=n / 100, map=-n / 100) if count[n] else None for n in range(len(names))]
        none = {"embedding": None, "map": None}
        facts = Facts(
            report_id="A5", split="test", perplexity=30.0, iterations=1000, seed=0, points=len(xy),
            implementation="scikit-learn", implementation_version="1", kl=0.5, trustworthiness=0.9, neighbors=12,
            silhouette=Silhouettes(embedding=0.125, map=-0.25), encoder=embedded,
            classes=[
                Class(name=name, points=int(count[n]), **(found.model_dump() if (found := some[n]) else none))
                for n, name in enumerate(names)
            ],
        )  # fmt: skip
        points = pd.DataFrame({"index": range(len(xy)), "x": xy[:, 0], "y": xy[:, 1], "label": labels})
        return Map(points.assign(**{"class": [names[label] for label in labels]}), facts)

    return of


def scattered(axes: Axes) -> NDArray[np.float64]:
    """All points of a map, in the order of their coordinates."""
    parts = [np.asarray(part.get_offsets()) for part in axes.collections if isinstance(part, PathCollection)]
    points = np.concatenate(parts)
    return points[np.lexsort(points.T)]


def assert_filled(axes: Axes) -> None:
    """The points fill most of the room that the layout has for the map."""
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    pixels = np.ptp(axes.transData.transform(scattered(axes)), axis=0)
    room = axes.get_position(original=True).transformed(axes.figure.transFigure)
    assert pixels[0] * pixels[1] > 0.7 * room.width * room.height


def flat(points: int, classes: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points of a map that is twice as wide as high, class beside class."""
    labels = np.arange(points) % classes
    rng = np.random.default_rng(0)
    x = 100 * (labels + rng.uniform(size=points)) / classes
    return np.stack([x, 50 * rng.uniform(size=points)], axis=1), labels


def test_a_map_shows_every_point_in_a_panel_no_larger_than_they_need(
    make: Draw, readable: Callable[[Figure], None]
) -> None:
    xy, labels = flat(200, 4)
    drawn = make(xy, labels, ["a", "b", "c", "d"])
    figure = maps.figure("z32", drawn)
    readable(figure)
    left, right = figure.axes
    assert scattered(left) == pytest.approx(xy[np.lexsort(xy.T)])
    assert_filled(left)
    assert left.get_aspect() == 1
    high = maps.figure("z32", make(xy[:, ::-1], labels, ["a", "b", "c", "d"])).axes[0]
    assert_filled(high)
    assert [label.get_text() for label in right.get_yticklabels()] == ["0 a", "1 b", "2 c", "3 d"]
    dots = np.array([points[0] for line in right.lines if len(points := reading.xy(line)) == 1])
    assert dots == pytest.approx(np.array([[sign * n / 100, n] for n in range(4) for sign in (1, -1)]))
    assert right.get_xlabel() == "silhouette by class; mean 0.125 (embedding), -0.250 (map)"
    assert figure.get_suptitle().strip() == "z32: t-SNE of made (dataset digits)"
    assert "KL divergence 0.500, trustworthiness 0.900" in reading.words(figure)


def test_names_stand_where_a_class_is_at_home_and_not_on_each_other(make: Draw) -> None:
    rng = np.random.default_rng(0)
    homes = np.array([[0, 0], [0, 1.0], [40, 20], [40, 20]])
    labels = np.concatenate([np.arange(300) % 3, np.full(20, 3)])  # a few guests among the third class
    xy = homes[labels] + rng.normal(size=(320, 2), scale=0.2)
    figure = maps.figure("z32", make(xy, labels, ["left", "above", "right", "guest"]))
    figure.draw_without_rendering()
    names = {text.get_text(): text.get_window_extent() for text in figure.axes[0].texts}
    assert set(names) == {"0 left", "1 above", "2 right"}
    assert not names["0 left"].overlaps(names["1 above"])
    panel = figure.axes[0].get_window_extent()
    assert all(box.x0 > panel.x0 - 2 and box.x1 < panel.x1 + 2 for box in names.values())


def test_of_many_classes_the_best_and_the_worst_separated_are_colored(
    make: Draw, readable: Callable[[Figure], None]
) -> None:
    labels = np.arange(90) % 30  # of 31 classes: the last has no points
    xy = np.random.default_rng(0).normal(size=(90, 2))
    drawn = make(xy, labels, [f"${number}" for number in range(31)])
    figure = maps.figure("m", drawn)
    readable(figure)
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == [f"{n} ${n}" for n in (29, 28, 27, 26, 25, 24, 5, 4, 3, 2, 1, 0)]
    assert "the best and the worst separated of 31 classes" in reading.words(figure)
    assert len(scattered(figure.axes[0])) == 90


def test_maps_side_by_side_fill_their_panels_and_share_their_silhouette_axis(
    make: Draw, readable: Callable[[Figure], None]
) -> None:
    xy, labels = flat(200, 2)
    names = ["0", "1", "2"]  # the last has no points
    drawn = {"z32": make(xy, labels, names), "z64": make(3 * xy, labels, names)}
    figure = maps.compare("A5", "made", drawn)
    readable(figure)
    first, second, embedding, in_map = figure.axes
    assert scattered(first) == pytest.approx(xy[np.lexsort(xy.T)])
    for axes in (first, second):
        assert_filled(axes)
    assert first.get_title().splitlines()[0] == "z32"
    assert embedding.get_xlim() == in_map.get_xlim()
    assert reading.x(embedding.lines[0])[:2] == [0.0, 0.01]
    assert reading.x(in_map.lines[0])[:2] == [0.0, -0.01]
    assert reading.legends(figure) == [
        ["0", "1", "2"],
        [f"{name}; mean 0.125 (embedding), -0.250 (map)" for name in drawn],
    ]
    assert figure.get_suptitle().strip() == "A5: t-SNE of made (dataset digits)"


def test_points_on_one_place_or_line_have_a_map(make: Draw) -> None:
    for xy in (np.zeros((4, 2)), np.array([[0.0, 1.0], [1, 1], [2, 1], [3, 1]])):
        figure = maps.figure("m", make(xy, np.arange(4) % 2, ["a", "b"]))
        figure.draw_without_rendering()
        assert len(scattered(figure.axes[0])) == 4
