import math
from collections.abc import Callable

import pandas as pd
import pytest
from matplotlib.figure import Figure

from probeline.report.figures import classes
from tests.unit.report.figures import reading

SCALE = pd.DataFrame(
    {"dataset": "digits", "train_images": 1500, "last_step": 100, "seeds": [1, 2]}, index=["first", "second"]
)


def frame(values: dict[str, tuple[float, float, float]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(values, orient="index", columns=["accuracy", "low", "high"])


def test_classes_stand_in_the_order_of_the_first_run_with_their_intervals(readable: Callable[[Figure], None]) -> None:
    first = frame({"a": (0.2, 0.1, 0.4), "b": (0.8, 0.7, 0.85), "c": (math.nan,) * 3})
    second = frame({"a": (0.6, 0.5, 0.7), "b": (0.5, 0.4, 0.6), "c": (math.nan,) * 3})
    figure = classes.figure("B2", "mnist", {"first": first, "second": second}, SCALE)
    readable(figure)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a", "c"]
    assert axes.get_ylim() == (2.5, -0.5)  # the best on top
    drawn = reading.bars(axes)
    assert list(drawn) == [
        "first: mean over classes 0.500; 100 steps, 1 seed",
        "second: mean over classes 0.550; 100 steps, 2 seeds",
    ]
    (one, one_ends), (two, two_ends) = drawn.values()
    assert reading.x(one)[:2] == [0.8, 0.2]
    assert one_ends == [pytest.approx([0.7, 0.85]), pytest.approx([0.1, 0.4])]
    assert reading.x(two)[:2] == [0.5, 0.6]
    assert two_ends == [pytest.approx([0.4, 0.6]), pytest.approx([0.5, 0.7])]
    assert [round(place) for line in (one, two) for place in reading.y(line)] == [0, 1, 2] * 2  # rows of the classes
    assert reading.legends(figure) == [list(drawn)]
    interval = "bars: 95 % interval over the test images of one seed"
    about = f"mnist (dataset digits): 3 classes, 1,500 training images; {interval}."
    assert f"{about} second is better than first on 1 class" in reading.words(figure)


def test_many_classes_stand_side_by_side_without_names(readable: Callable[[Figure], None]) -> None:
    values = {f"class {number}": (number / 40, number / 40, min(1, number / 30)) for number in range(40)}
    figure = classes.figure("B2", "mnist", {"first": frame(values), "second": frame(values)}, SCALE)
    readable(figure)
    (axes,) = figure.axes
    line, _ = next(iter(reading.bars(axes).values()))
    assert reading.y(line) == [number / 40 for number in reversed(range(40))]
    assert axes.get_xlabel() == "classes, in the order of first"
