"""Intervals against values from the literature and by hand."""

import numpy as np
import pytest
from scipy import stats

from probeline.report.intervals import Interval, of_accuracy, of_share


def test_a_share_has_wilsons_interval() -> None:
    # By the formula of Wilson (1927), with z = 1.959964.
    z, right, images = 1.959964, 81, 263
    share = right / images
    centre = (share + z**2 / 2 / images) / (1 + z**2 / images)
    half = z / (1 + z**2 / images) * np.sqrt(share * (1 - share) / images + z**2 / 4 / images**2)
    assert of_share(right, images) == pytest.approx((centre - half, centre + half), abs=1e-7)
    assert of_share(right, images) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe (1998), table I, method 3


@pytest.mark.parametrize(("right", "images"), [(0, 1), (1, 1), (0, 150), (149, 150), (150, 150), (7919, 10_000)])
def test_a_share_has_the_interval_that_scipy_gives(right: int, images: int) -> None:
    theirs = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert of_share(right, images) == pytest.approx((theirs.low, theirs.high), rel=1e-14)


def test_one_seed_varies_with_its_images() -> None:
    assert of_accuracy([81 / 263], 263) == Interval(*of_share(81, 263), "images")
    assert of_accuracy([1.0], 10) == pytest.approx((1 / (1 + 1.959964**2 / 10), 1.0, "images"))


def test_several_seeds_have_students_interval_of_their_mean() -> None:
    accuracies = [0.5, 0.6, 0.7]
    expected = stats.t.interval(0.95, 2, loc=np.mean(accuracies), scale=stats.sem(accuracies))
    low, high, over = of_accuracy(accuracies, 100)
    assert (low, high) == pytest.approx(expected)
    assert over == "seeds"


def test_no_accuracy_is_below_0_or_above_1() -> None:
    assert of_accuracy([0.9, 1.0], 100)[1] == 1.0
    assert of_accuracy([0.0, 0.1], 100)[0] == 0.0
    assert of_accuracy([0.7, 0.7], 100)[:2] == pytest.approx((0.7, 0.7))


def test_a_class_without_images_has_no_interval() -> None:
    assert np.isnan(of_share(0, 0)).all()
