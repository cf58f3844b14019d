import math
from collections.abc import Callable

import pandas as pd
import pytest
from matplotlib.figure import Figure

from probeline.report.figures import overview
from tests.unit.report.figures import reading

NAN = math.nan


def table() -> pd.DataFrame:
    return pd.DataFrame(
        [
            ["one", 0.6, 0.55, 0.64, "images", 0.7, 0.5, 1],
            ["several", 0.5, 0.4, 0.6, "seeds", NAN, NAN, 3],
            ["embedding", NAN, NAN, NAN, None, NAN, 0.25, 1],
            ["diverged", NAN, NAN, NAN, None, 0.9, NAN, 1],
        ],
        columns=[
            "run", "test_accuracy", "test_accuracy_low", "test_accuracy_high", "interval", "reported", "test_loss",
            "seeds",
        ],
    ).assign(dataset="digits", train_images=1500, test_images=200, last_step=10, chance=0.25)  # fmt: skip


def test_every_run_has_its_accuracy_interval_and_reported_value_in_its_row(readable: Callable[[Figure], None]) -> None:
    figure = overview.figure("mnist", table())
    readable(figure)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "several", "embedding", "diverged"]
    drawn = reading.bars(axes)
    one, ends = drawn["one seed; bar: 95 % interval over its test images"]
    assert reading.xy(one) == [[0.6, 0]]
    assert ends == [pytest.approx([0.55, 0.64])]
    several, ends = drawn["mean over seeds; bar: 95 % interval over seeds"]
    assert reading.xy(several) == [[0.5, 1]]
    assert ends == [pytest.approx([0.4, 0.6])]
    assert [point for point in reading.xy(drawn["reported"][0]) if not math.isnan(point[0])] == [[0.7, 0], [0.9, 3]]
    assert reading.legends(figure) == [list(drawn)]


def test_the_chance_level_is_a_dotted_line_with_its_word() -> None:
    (axes,) = overview.figure("mnist", table()).axes
    (line,) = (line for line in axes.lines if line.get_linestyle() == ":")
    assert reading.x(line) == [0.25, 0.25]
    (word,) = (text for text in axes.texts if text.get_text() == "chance")
    assert word.get_position()[0] == 0.25


def test_the_title_names_a_stand_in_and_the_numbers_say_what_there_is() -> None:
    figure = overview.figure("mnist", table())
    assert figure.get_suptitle().strip() == "Test accuracy on mnist (dataset digits)"
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts[texts.index("chance") + 1 :][:5] == ["0.6000", "0.5000", "loss 0.2500", "diverged", "accuracy"]
    assert texts[-5:] == ["1", "3", "1", "1", "seeds"]


def test_a_task_without_any_accuracy_or_reported_value_has_its_rows(readable: Callable[[Figure], None]) -> None:
    rows = table().iloc[2:3].assign(reported=NAN)
    figure = overview.figure("mnist", rows)
    readable(figure)
    assert not figure.axes[0].containers
    assert not figure.legends
