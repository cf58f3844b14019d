"""How far a number may be off by chance: of its images, or of its seeds.

Images: a share of n images has Wilson's interval. A loss or another metric of n images has the standard error that the
outputs of this machine's run give, relative to its size. Seeds: a mean has Student's t interval.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from probeline.metrics import hinge
from probeline.metrics._scored import Scored, log_probabilities
from probeline.pipeline.params import module
from probeline.results.outputs import Outputs

LEVEL = 0.95  # of an interval, as in report/intervals.py, whose imports take a second
ROUNDING = "rounding"  # what varies where nothing but digits does
GROUPS = 20  # of images that the jackknife leaves out in turn: its standard error is good to a sixth


class Noise(NamedTuple):
    """The noise of a number.

    Attributes:
        error: One standard error.
        low, high: The ends of its interval.
        over: What varies, in words.
    """

    error: float
    low: float
    high: float
    over: str


def level(numbers: int) -> float:
    """The level of each of so many intervals, which together hold with `LEVEL`: Bonferroni's."""
    return 1 - (1 - LEVEL) / numbers


def of_share(share: float, images: float, numbers: int = 1) -> Noise:
    """A share of images: Wilson's interval; its standard error is half of it, in normal quantiles.

    Args:
        numbers: How many such numbers are judged together.
    """
    z = _normal(numbers)
    middle = (share + z * z / (2 * images)) / (1 + z * z / images)
    half = z / (1 + z * z / images) * math.sqrt(share * (1 - share) / images + z * z / (4 * images * images))
    return Noise(half / z, middle - half, middle + half, f"{images:,.0f} images")


def of_error(value: float, error: float, images: float, numbers: int = 1) -> Noise:
    """A number with a known standard error over images."""
    half = _normal(numbers) * error
    return Noise(error, value - half, value + half, f"{images:,.0f} images")


def of_mean(values: Sequence[float], numbers: int = 1) -> Noise | None:
    """A mean over seeds; None where all are equal, or where there is one."""
    if len(values) < 2 or not (spread := stdev(values)):
        return None
    error = spread / math.sqrt(len(values))
    half = _student(numbers, len(values) - 1) * error
    return Noise(error, fmean(values) - half, fmean(values) + half, f"{len(values)} seeds")


def of_one(value: float, values: Sequence[float], numbers: int = 1) -> Noise | None:
    """The value of one seed, which may be off by as much as seeds differ."""
    if len(values) < 2 or not (spread := stdev(values)):
        return None
    half = _student(numbers, len(values) - 1) * spread
    return Noise(spread, value - half, value + half, f"{len(values)} seeds")


def of_spread(spread: float, seeds: int) -> Noise | None:
    """A standard deviation over seeds: the interval of chi-square, as for normal values."""
    if seeds < 2:
        return None
    ends = [spread * math.sqrt((seeds - 1) / special.chdtri(seeds - 1, (1 - side * LEVEL) / 2)) for side in (1, -1)]
    return Noise(spread / math.sqrt(2 * (seeds - 1)), ends[0], ends[1], f"{seeds} seeds")


def relative_error(outputs: Outputs, labels: NDArray[np.int64], split: str, metric: str) -> float | None:
    """The standard error over images of a metric or loss of a fit, divided by its value; None where it has none.

    Args:
        labels: Of the split's images, int64 (n,).
        metric: `loss`, or a file of metrics.
    """
    scored = Scored.of(outputs, split)
    if metric == "loss" and (losses := _losses(outputs, scored, split, labels)) is not None:
        finite = losses[np.isfinite(losses)]
        return _ratio(finite.std(ddof=1) / math.sqrt(len(finite)), finite.mean()) if len(finite) > 1 else None
    if metric == "loss":
        return _jackknife(hinge.measure, scored, labels)
    measure = getattr(module("metrics", metric), "measure", None)
    return None if measure is None else _jackknife(measure, scored, labels)


def _losses(outputs: Outputs, scored: Scored, split: str, labels: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """The loss of each image, float64 (n,): as the fit recorded it, or the cross-entropy of logits; None for others."""
    if split in outputs.losses:
        return outputs.losses[split].astype(np.float64)
    logs = log_probabilities(scored)
    return None if logs is None else -logs[np.arange(len(labels)), labels]


def _jackknife(measure: Callable[..., float | None], scored: Scored, labels: NDArray[np.int64]) -> float | None:
    """The delete-a-group jackknife: for any function of images, without random draws of them."""
    count = min(GROUPS, len(labels))
    group = np.random.default_rng(0).permutation(len(labels)) % count  # images may stand in order of their classes
    whole, found = measure(scored, labels), []
    for one in range(count):
        kept = group != one
        parts = (None if part is None else part[kept] for part in (scored.predicted, scored.scores))
        found.append(measure(Scored(scored.kind, *parts), labels[kept]))
    values = [value for value in found if value is not None]
    if whole is None or len(values) < max(count, 2):
        return None
    return _ratio(math.sqrt((count - 1) / count * _squares(values)), whole)


def _squares(values: Iterable[float]) -> float:
    array = np.array(list(values))
    return float(np.square(array - array.mean()).sum())


def _ratio(error: float, value: float) -> float | None:
    found = abs(error / value) if value else math.nan
    return float(found) if math.isfinite(found) else None


@cache
def _normal(numbers: int) -> float:
    return float(special.ndtri((1 + level(numbers)) / 2))


@cache
def _student(numbers: int, freedom: int) -> float:
    return float(special.stdtrit(freedom, (1 + level(numbers)) / 2))
