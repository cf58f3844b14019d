"""What is measured of one fit."""

import math

import pytest

from probeline.pipeline.errors import ParamError
from probeline.report.fits import VALUES, Fit, further, mean, measure, spread
from tests.unit.report import made


def test_losses_are_the_recorded_ones_and_accuracies_those_of_the_outputs() -> None:
    labels = made.labels()
    losses = {"train": 1.0, "validation": None, "test": 3.0}
    fit = measure(made.outputs(labels, 1, 3), losses, labels, 1, {})
    assert list(fit.measured) == list(VALUES)
    assert fit.measured == {
        "train_loss": 1.0, "train_accuracy": 9 / 12, "validation_loss": None, "validation_accuracy": 0.5,
        "test_loss": 3.0, "test_accuracy": 0.7,
    }  # fmt: skip
    assert fit.confusion is not None
    assert fit.confusion.tolist() == [[1, 2, 0], [0, 2, 1], [0, 0, 4]]


def test_a_further_metric_is_of_the_test_images() -> None:
    labels = made.labels()
    fit = measure(made.outputs(labels, 0, 1), {}, labels, 0, further(["accuracy", "cross_entropy"]))
    assert [name for name in fit.measured if name not in VALUES] == ["test_cross_entropy"]
    right = -math.log(math.exp(2) / (math.exp(2) + 2))
    assert fit.measured["test_cross_entropy"] == pytest.approx((9 * right + right + 2) / 10)


def test_a_fit_that_diverged_measured_nothing() -> None:
    fit = measure(None, {}, made.labels(), 0, further(["cross_entropy"]))
    assert list(fit.measured) == [*VALUES, "test_cross_entropy"]
    assert set(fit.measured.values()) == {None}
    assert fit.confusion is None


def test_a_metric_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ParamError, match=r"^params.yaml: metrics: unknown metric 'acuracy'; did you mean 'accuracy'\?"):
        further(["acuracy"])
    with pytest.raises(ParamError, match=r"^params.yaml: metrics: confusion is no number"):
        further(["confusion"])


def test_a_mean_needs_all_its_values_and_a_spread_two() -> None:
    fits = [Fit({"a": 1.0}), Fit({"a": 2.0}), Fit({"a": 6.0})]
    assert mean(fits, "a") == 3.0
    assert spread(fits, "a") == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert spread(fits[:1], "a") is None
    with_none = [*fits, Fit({"a": None})]
    assert mean(with_none, "a") is spread(with_none, "a") is mean([], "a") is None
