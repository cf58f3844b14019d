"""The 95 % interval of an accuracy, and what it is over."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from scipy.special import ndtri, stdtrit  # scipy.stats takes a second to import, and does the same with them

LEVEL = 0.95


class Interval(NamedTuple):
    """An interval, and what varies in it: the test images of one fit, or the seeds of a run."""

    low: float
    high: float
    over: Literal["images", "seeds"]


def of_share(right: int, images: int) -> tuple[float, float]:
    """Wilson's interval of a share of images; nan without images."""
    if not images:
        return math.nan, math.nan
    z, share = float(ndtri((1 + LEVEL) / 2)), right / images
    scale = 2 * (images + z**2)
    middle = (2 * images * share + z**2) / scale
    half = z / scale * math.sqrt(4 * images * share * (1 - share) + z**2)
    return middle - half if right else 0.0, middle + half if right < images else 1.0


def of_accuracy(accuracies: Sequence[float], images: int) -> Interval:
    """The interval of a mean accuracy.

    Args:
        accuracies: One per seed. With one, Wilson's interval over its test images; with several, Student's t interval
            of their mean, cut at 0 and 1.
        images: In the test split.
    """
    if len(accuracies) == 1:
        return Interval(*of_share(round(accuracies[0] * images), images), "images")
    count = len(accuracies)
    mean = sum(accuracies) / count
    error = math.sqrt(sum((value - mean) ** 2 for value in accuracies) / (count - 1) / count)
    half = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    return Interval(max(mean - half, 0.0), min(mean + half, 1.0), "seeds")
