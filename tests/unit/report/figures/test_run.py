import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from probeline.report.figures import run
from tests.unit.report.figures import reading


def row(**changes: Any) -> "pd.Series[Any]":
    return pd.Series(
        {
            "run": "softmax", "report_id": "C3", "task": "mnist", "dataset": "digits", "model": "linear",
            "objective": "cross_entropy", "train_images": 1500, "last_step": 20, "seeds": 2, "diverged": 0,
            "test_accuracy": 0.75, "test_accuracy_std": 0.01, "test_loss": 0.5,
        }
        | changes
    )  # fmt: skip


def history(**values: list[float]) -> pd.DataFrame:
    size = len(values["train_loss"])
    columns = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")
    return pd.DataFrame({"seed": np.arange(size) % 2, "step": 10 + 10 * (np.arange(size) // 2)}).assign(
        **{column: values.get(column, [0.5] * size) for column in columns}
    )


CONFUSION = pd.DataFrame(
    [("a", "a", 3), ("a", "b", 1), ("b", "a", 0), ("b", "b", 4)], columns=["actual", "predicted", "images"]
)


def test_curves_are_means_over_seeds_with_bands_of_one_standard_deviation(readable: Callable[[Figure], None]) -> None:
    rows = history(train_loss=[1.0, 3.0, 0.5, math.nan], train_accuracy=[0.2, 0.4, 0.5, 0.7])
    figure = run.figure(row(), [10, 20], [], rows, CONFUSION)
    readable(figure)
    loss, accuracy, _ = figure.axes
    train, validation = loss.lines
    assert reading.xy(train) == [[10, 2.0], [20, 0.5]]  # nan is left out
    assert reading.xy(validation) == [[10, 0.5], [20, 0.5]]
    assert reading.y(accuracy.lines[0]) == pytest.approx([0.3, 0.6])
    (path,) = accuracy.collections[0].get_paths()
    std = 0.1 * 2**0.5
    edge = np.asarray(path.vertices)[:, 1]
    assert (edge.min(), edge.max()) == pytest.approx((0.3 - std, 0.6 + std))
    legend = loss.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["train (minibatches)", "validation"]


def test_the_confusion_matrix_is_in_percent_of_each_true_class() -> None:
    axes = run.figure(row(), [20, 20], [], history(train_loss=[1.0, 1.0]), CONFUSION).axes[-1]
    assert np.array(axes.images[0].get_array()).tolist() == [[0.75, 0.25], [0, 1]]
    found = {text.get_position(): text.get_text() for text in axes.texts}
    assert found == {(0, 0): "75", (1, 0): "25", (1, 1): "100"}
    assert axes.get_ylabel() == "true"


def test_weights_that_were_kept_before_the_end_are_marked_for_one_seed() -> None:
    def marks(kept: list[int]) -> list[float]:
        figure = run.figure(row(seeds=len(kept)), kept, [], history(train_loss=[1.0] * 4), None)
        return [reading.x(line)[0] for line in figure.axes[0].lines if line.get_label() == "kept weights"]

    assert marks([10]) == [10]
    assert marks([20]) == marks([10, 10]) == []


def test_a_run_without_predictions_has_its_loss_alone(readable: Callable[[Figure], None]) -> None:
    figure = run.figure(row(test_accuracy=math.nan), [20, 20], [], history(train_loss=[1.0, 2.0]), None)
    readable(figure)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss"]


def test_a_run_that_diverged_says_so(readable: Callable[[Figure], None]) -> None:
    figure = run.figure(
        row(diverged=1, test_accuracy=None, test_accuracy_std=None),
        [],
        [1500, 1200],
        history(train_loss=[math.nan, math.inf], validation_loss=[math.nan] * 2),
        CONFUSION.assign(images=0),
    )
    readable(figure)
    assert [text.get_text() for text in figure.axes[-1].texts] == ["diverged: no predictions"]
    loss, accuracy, _ = figure.axes
    assert reading.xy(loss.lines[0]) == []
    assert [text.get_text() for text in loss.texts] == ["loss not finite from step 1,200"]
    assert not accuracy.texts  # it has points
    assert accuracy.get_ylim() == (0, 1)
    assert all(tick == round(tick) for axes in (loss, accuracy) for tick in axes.get_xticks())


def test_the_caption_is_the_setting_the_scale_and_the_result() -> None:
    setting = "C3 | mnist (dataset digits) | linear, cross_entropy | 1,500 training images, 20 steps, "
    assert run.caption(row()) == (
        setting + "2 seeds | test accuracy 0.7500 ± 0.0100; ± and bands: one standard deviation over seeds"
    )
    without = run.caption(row(test_accuracy=None, test_accuracy_std=None))
    assert without.endswith("2 seeds | test loss 0.5000; bands: one standard deviation over seeds")
    one = {"seeds": 1, "test_accuracy_std": None}
    assert run.caption(row(**one)) == setting + "1 seed | test accuracy 0.7500"
    assert run.caption(row(**one, test_accuracy=None)).endswith("| test loss 0.5000")
    assert run.caption(row(**one, diverged=1)).endswith("| diverged")
