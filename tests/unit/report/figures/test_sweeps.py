import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from probeline.report.figures import sweeps
from probeline.results.sweeps import Sweep
from tests.unit.report.figures import reading
from tests.unit.report.made import point

LR = {"optimizer.lr": "lr"}


def sweep(axes: dict[str, str], **changes: Any) -> Sweep:
    about: dict[str, Any] = {
        "report_id": "D3", "task": "mnist", "dataset": "digits", "model": "linear", "objective": "hinge",
        "images": {"train": 100, "validation": 10, "test": 10}, "grid": True, "axes": axes,
        "rows": [point(1.0, 0, 0, None)],
    }  # fmt: skip
    return Sweep(**about | changes)


def points(rows: list[dict[str, Any]], *, seeds: int = 2) -> pd.DataFrame:
    values = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_accuracy")
    usual = {"train_fraction": 1.0, "train_images": 100, "best": False, "seeds": seeds, "diverged": 0, "last_step": 9}
    usual |= dict.fromkeys(values, 0.5) | {f"{value}_std": 0.1 if seeds > 1 else math.nan for value in values}
    return pd.DataFrame([usual | row for row in rows])


def test_one_axis_has_a_row_for_every_point_and_the_test_accuracy_of_the_best(
    readable: Callable[[Figure], None],
) -> None:
    table = points(
        [
            {"setting": "lr 0.1", "optimizer.lr": 0.1, "validation_accuracy": 0.6, "test_accuracy": math.nan},
            {"setting": "lr 0.2", "optimizer.lr": 0.2, "validation_accuracy": 0.7, "test_accuracy": 0.65, "best": True},
            {"setting": "lr 9", "optimizer.lr": 9.0, "diverged": 1, "validation_accuracy": math.nan},
        ]
    )
    figure = sweeps.figure("rates", sweep(LR), table)
    readable(figure)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lr 0.1", "lr 0.2", "lr 9"]
    drawn = reading.bars(axes)
    line, ends = drawn["validation"]
    assert reading.xy(line)[:2] == [[0.6, 0], [0.7, 1]]
    assert ends[0] == pytest.approx([0.5, 0.7])
    assert reading.xy(drawn["test, of the best point alone"][0]) == [[0.65, 1]]
    assert [(text.get_text(), text.get_position()[1]) for text in axes.texts] == [("diverged", 2)]
    assert axes.get_title() == "best: lr 0.2, validation 0.7000, test 0.6500"
    assert axes.get_xlabel() == "accuracy; bars: one standard deviation over seeds"
    title = "rates D3 | mnist (dataset digits) | linear, hinge | 100 training images, 3 points, 2 seeds"
    assert reading.words(figure) == title


def test_a_grid_of_several_axes_is_a_heat_map_with_a_frame_around_the_best(readable: Callable[[Figure], None]) -> None:
    axes_of = {**LR, "model.hidden": "hidden", "epochs": "epochs"}
    values = [
        (lr, hidden, epochs, 0.1 * place)
        for place, (lr, hidden, epochs) in enumerate(
            (lr, h, e) for lr in (0.1, 0.01) for h in ([4], [8]) for e in (1, 2)
        )
    ]
    table = points(
        [
            {"optimizer.lr": lr, "model.hidden": hidden, "epochs": epochs, "validation_accuracy": accuracy,
             "setting": "words", "best": accuracy > 0.65}
            for lr, hidden, epochs, accuracy in values
        ],
        seeds=1,
    )  # fmt: skip
    before = table.copy()
    figure = sweeps.figure("grid", sweep(axes_of), table)
    readable(figure)
    pd.testing.assert_frame_equal(table, before)
    (axes,) = figure.axes
    assert np.array(axes.images[0].get_array()) == pytest.approx(np.arange(8).reshape(4, 2) / 10)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.1, [4]", "0.1, [8]", "0.01, [4]", "0.01, [8]"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("lr, hidden", "epochs")
    (frame,) = (patch for patch in axes.patches if isinstance(patch, Rectangle))
    assert frame.get_xy() == (0.5, 2.5)
    assert [text.get_text() for text in axes.texts][-1] == "0.7000"


def test_fractions_are_a_learning_curve_of_the_best_points(readable: Callable[[Figure], None]) -> None:
    table = points(
        [
            {"train_fraction": 1.0, "train_images": 100, "optimizer.lr": 0.1, "best": True, "test_accuracy": 0.9},
            {"train_fraction": 0.1, "train_images": 10, "optimizer.lr": 0.1, "best": True, "test_accuracy": 0.4},
            {"train_fraction": 0.1, "train_images": 10, "optimizer.lr": 0.2, "test_accuracy": math.nan},
            {"train_fraction": 1.0, "train_images": 100, "optimizer.lr": 0.2, "test_accuracy": math.nan},
        ]
    ).assign(setting="words")
    figure = sweeps.figure("fractions", sweep(LR), table)
    readable(figure)
    accuracy, loss = figure.axes
    assert reading.xy(reading.lines(accuracy)["test"]) == [[10, 0.4], [100, 0.9]]
    assert set(reading.lines(loss)) == {"train", "validation"}
    assert "one standard deviation over seeds" in accuracy.get_xlabel()
    about = "up to 100 training images, 2 points, 2 seeds; the best point of each fraction"
    assert about in reading.words(figure)


@pytest.mark.parametrize("axes", [LR, {**LR, "epochs": "epochs"}])
@pytest.mark.parametrize("fractions", [[1.0], [0.5, 1.0]])
def test_a_sweep_whose_points_all_diverge_has_a_figure_that_says_so(
    axes: dict[str, str], fractions: list[float], readable: Callable[[Figure], None]
) -> None:
    gone = {str(name): math.nan for name in points([{}]) if str(name).endswith(("_loss", "_accuracy", "_std"))}
    rows: list[dict[str, Any]] = [
        {"train_fraction": fraction, "setting": "words", "optimizer.lr": lr, "epochs": 1, "diverged": 2, **gone}
        for fraction in fractions
        for lr in (1e30, 1e31)
    ]
    figure = sweeps.figure("gone", sweep(axes), points(rows))
    readable(figure)
    if len(fractions) == 1:
        assert "every point diverged" in figure.axes[0].get_title()
        assert [text.get_text() for text in figure.axes[0].texts] == ["diverged", "diverged"]
