import math
from collections.abc import Callable

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from probeline.report.figures import probes
from tests.unit.report.figures import reading


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "encoder": ["pixels", "convnet", "untrained", "resnet"],
            "source": ["pixels", "b2", "b2", "resnet18"],
            "weights": ["trained", "trained", "initial", "trained"],
            "source_dataset": [None, "cifar10", "cifar10", "ImageNet-1k"],
            "source_accuracy": [math.nan, 0.6, math.nan, 0.7],
            "dimensions": [3072, 84, 84, 512],
            "train_images": 400, "validation_images": 100, "test_images": 100, "resamples": 2,
            "logistic_test_accuracy": [0.3, 0.5, 0.2, 0.8],
            "gradient_test_accuracy": [math.nan, 0.4, math.nan, math.nan],
            "knn_test_accuracy": math.nan,
            "logistic_test_accuracy_low": [0.22, 0.41, 0.13, 0.71],
            "logistic_test_accuracy_high": [0.4, 0.6, 0.29, 0.87],
            "gradient_test_accuracy_low": [math.nan, 0.31, math.nan, math.nan],
            "gradient_test_accuracy_high": [math.nan, 0.5, math.nan, math.nan],
            "knn_test_accuracy_low": math.nan, "knn_test_accuracy_high": math.nan,
        }
    )  # fmt: skip


def test_encoders_stand_in_the_order_of_their_probe_accuracy(readable: Callable[[Figure], None]) -> None:
    figure = probes.figure("made", table())
    readable(figure)
    (axes,) = figure.axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["resnet", "convnet", "pixels", "untrained, initial weights"]
    (logistic, ends), (gradient, _) = reading.bars(axes).values()  # nothing for a probe that no encoder has
    assert reading.x(logistic) == [0.8, 0.5, 0.3, 0.2]
    assert ends[1] == pytest.approx([0.41, 0.6])
    assert [round(place) for value, place in reading.xy(gradient) if value == 0.4] == [1]
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["0.8000", "0.5000", "0.3000", "0.2000", "logistic", "512", "84", "3,072", "84", "dimensions"]
    about = "mean of 2 resamples; encoders sorted by logistic regression; bars: 95 % interval over test images"
    assert about in reading.words(figure)


def test_an_encoder_without_logistic_regression_stands_last_with_a_dash() -> None:
    rows = table()
    rows.loc[3, [f"logistic_test_accuracy{end}" for end in ("", "_low", "_high")]] = math.nan
    (axes,) = probes.figure("made", rows).axes
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "resnet"
    assert [text.get_text() for text in axes.texts][:4] == ["0.5000", "0.3000", "0.2000", "-"]


def test_probe_accuracy_stands_above_the_accuracy_of_the_source_by_its_dataset(
    readable: Callable[[Figure], None],
) -> None:
    figure = probes.against_sources("made", table().assign(dataset="digits", resamples=1))
    readable(figure)
    assert figure.get_suptitle().strip().endswith("on made (dataset digits)")
    assert "bars: 95 % interval over test images" in reading.words(figure)
    points = {}
    for axes in figure.axes:
        ((line, _),) = reading.bars(axes).values()
        points[axes.get_xlabel()] = reading.xy(line)
        (name,) = (text for text in axes.texts if isinstance(text, Annotation))
        assert name.xy[1] > reading.y(line)[0] + 0.06  # at the end of the bar, not on it
        baselines = {reading.y(line)[0] for line in axes.lines if line.get_linestyle() == ":"}
        assert baselines == {0.3, 0.2}
    assert points == {
        "accuracy of the source on cifar10": [[0.6, 0.5]],
        "accuracy of the source on ImageNet-1k": [[0.7, 0.8]],
    }
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
