"""The expected calibration error by hand, and against a loop over the bins of the paper."""

import numpy as np
import pytest
from scipy.special import softmax

from probeline.metrics import calibration_error
from probeline.metrics._scored import Scored


def scored(probabilities: list[list[float]]) -> Scored:
    logits = np.log(np.array(probabilities)).astype(np.float32)
    return Scored("logits", logits.argmax(axis=1), logits)


def test_it_is_the_gap_between_confidence_and_accuracy_in_each_bin() -> None:
    # Two images in the bin of 0.9 (one right), one in that of 0.62 (wrong).
    found = calibration_error.measure(scored([[0.9, 0.1], [0.1, 0.9], [0.62, 0.38]]), np.array([0, 0, 1]))
    assert found == pytest.approx((2 * abs(0.5 - 0.9) + 0.62) / 3)


def test_it_is_the_papers() -> None:
    rng = np.random.default_rng(0)
    logits, labels = (3 * rng.normal(size=(500, 7))).astype(np.float32), rng.integers(0, 7, 500)
    confidence = softmax(logits.astype(np.float64), axis=1).max(axis=1)
    right = logits.argmax(axis=1) == labels
    expected = 0.0
    for number in range(15):
        here = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if here.any():
            expected += here.mean() * abs(right[here].mean() - confidence[here].mean())
    found = calibration_error.measure(Scored("logits", logits.argmax(axis=1), logits), labels)
    assert found == pytest.approx(expected, rel=1e-9)


def test_a_certain_and_right_fit_has_no_error() -> None:
    logits = np.array([[200.0, 0.0], [0.0, 200.0]], dtype=np.float32)
    assert calibration_error.measure(Scored("logits", np.array([0, 1]), logits), np.array([0, 1])) == 0


def test_one_logit_is_confident_in_either_class() -> None:
    logits = np.log(np.array([[9.0], [1 / 9]])).astype(np.float32)  # 0.9 for class 1, 0.9 for class 0
    found = calibration_error.measure(Scored("logits", np.array([1, 0]), logits), np.array([1, 0]))
    assert found == pytest.approx(0.1)


def test_margins_have_none() -> None:
    assert (
        calibration_error.measure(Scored("margins", np.array([0]), np.ones((1, 2), np.float32)), np.array([0])) is None
    )
