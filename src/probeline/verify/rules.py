"""The rules: how far a number of each kind may be off. tables.py says which number has which."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from probeline.verify import noise
from probeline.verify.case import Case, Rule, State
from probeline.verify.evidence import Fit
from probeline.verify.noise import Noise
from probeline.verify.numbers import number

LAST_DIGITS = 1e-12  # of numbers that are exact but for the last digits of float64
SAME_CHOICE = 0.01  # relative: lambdas that are scaled by the vectors differ in their last digits


def _exact(_: Case) -> State:
    return State.OUTSIDE


def _choice(case: Case) -> Noise | State:
    if same_choice(case.before, case.now):
        value = case.value
        return Noise(math.inf, min(value, float(case.now)), max(value, float(case.now)), noise.ROUNDING)
    return State.CHOICE


def _way(_: Case) -> State:
    return State.WAY


def _rounding(case: Case) -> Noise:
    off = LAST_DIGITS * max(1.0, abs(case.value))
    return Noise(off, case.value - off, case.value + off, noise.ROUNDING)


def _mean(case: Case) -> Noise | State | None:
    fits = case.evidence.fits(case.at)
    if _follows(case, fits, case.evidence.fits(case.at, here=True)):
        return State.CHOICE
    return _of_mean(case, fits)


def _of_mean(case: Case, fits: list[Fit]) -> Noise | None:
    values = [fit.values.get("_".join(case.of)) for fit in fits]
    finite = [value for value in values if value is not None]
    return noise.of_mean(finite, case.numbers) or (_over_images(case, fits[0]) if fits else None)


def _end(case: Case) -> Noise | State | None:
    found = _mean(case)
    if not isinstance(found, Noise):
        return found
    half = (found.high - found.low) / 2
    return Noise(found.error, case.value - half, case.value + half, found.over)


def _one(case: Case) -> Noise | State | None:
    """The number of one fit: a seed of a run, a resample of a probe."""
    fits, here = case.evidence.fits(case.at), case.evidence.fits(case.at, here=True)
    place = int(case.at["fit"])
    if place >= len(fits):
        return None
    if _follows(case, fits[place : place + 1], here[place : place + 1]):
        return State.CHOICE
    return _over_images(case, fits[place])


def _tried(case: Case) -> Noise | None:
    """The number of one of the settings that a fit tried."""
    fits = case.evidence.fits(case.at)
    place = int(case.at.get("fit", 0))
    return _over_images(case, fits[place]) if place < len(fits) else None


def _over_images(case: Case, fit: Fit, seen: float | None = None) -> Noise | None:
    """The noise over the images of a fit's split.

    Args:
        seen: How many images the number is a mean over, where it is not all of the split.
    """
    split, metric = case.of
    images = fit.images[split]
    count = seen or images
    if metric == "accuracy":
        return noise.of_share(case.value, count, case.numbers)
    error = case.evidence.error(fit, split, metric)
    if error is None and metric == "loss" and split == "train":  # a hinge loss of 0 in the end
        error = case.evidence.error(fit, "validation", metric)
    if error is None:
        return None
    return noise.of_error(case.value, error * abs(case.value) * math.sqrt(images / count), count, case.numbers)


def _point(case: Case) -> Noise | None:
    """A point of a curve: of one seed, or the mean of those that came so far."""
    column, points = "_".join(case.of), case.evidence.points(case.at["run"], case.at["step"])
    if "seed" not in case.at:
        values = [float(row[column]) for row, _ in points.values() if row[column]]
        if found := noise.of_mean(values, case.numbers):
            return found
    seed = case.at.get("seed") or next(iter(points), "")
    fit = next((fit for fit in case.evidence.fits(case.at) if str(fit.values["seed"]) == seed), None)
    if fit is None or seed not in points:
        return None
    _, passes = points[seed]  # the minibatches since the last point: of few images, or of all
    seen = max(min(passes, 1.0) * fit.images["train"], 1.0) if case.of[0] == "train" else None
    return _over_images(case, fit, seen)


def _best(case: Case) -> Noise | State | None:
    best, here = case.beside("best")
    if best != here:
        return State.CHOICE
    return _tried(case) if case.before and case.now else State.OUTSIDE


def _spread(case: Case) -> Noise | State | None:
    fits = case.evidence.fits(case.at)
    if _follows(case, fits, case.evidence.fits(case.at, here=True)):
        return State.CHOICE
    return noise.of_spread(case.value, len(fits))


def _of_class(case: Case) -> Noise | None:
    """The accuracy of one class: a share of its test images of one seed, for all seeds have the same."""
    fits = case.evidence.fits(case.at)
    images = _images_of(case, fits, case.at["class"])
    return noise.of_share(case.value, images, case.numbers) if images else None


def _confused(case: Case) -> Noise | None:
    """A cell of a confusion matrix: a share of the test images of its class, times all seeds."""
    fits = case.evidence.fits(case.at)
    if not fits:
        return None
    seeds = sum(fit.values.get("test_accuracy") is not None for fit in fits) if "actual" in case.at else 1
    name = case.at.get("actual") or int(case.address.place[-2])
    images = _images_of(case, fits, name)
    if not images or not seeds:
        return None
    found, scale = noise.of_share(min(case.value / (images * seeds), 1.0), images, case.numbers), images * seeds
    return Noise(found.error * scale, found.low * scale, found.high * scale, found.over)


def _images_of(case: Case, fits: list[Fit], name: str | int) -> int:
    """How many test images a class has, by its name or its number."""
    if not fits:
        return 0
    labels = case.evidence.labels(fits[0].task)
    label = name if isinstance(name, int) else labels.classes.index(name) if name in labels.classes else -1
    return int((labels.of("test", 0) == label).sum())


def _source(case: Case) -> Noise | State:
    """The test accuracy of a run; that of a backbone is published, and has no noise."""
    fits = case.evidence.fits({"run": case.beside("source")[0]})
    return noise.of_share(case.value, fits[0].images["test"]) if fits else State.OUTSIDE


def _terms(case: Case) -> Noise | None:
    """KL, and what trustworthiness lacks to 1: sums over images whose terms vary about as much as their mean.

    On three maps of the default params.yaml they vary 0.5 to 0.9 times (KL) and 1.3 to 2.0 times as much.
    """
    images = len(case.evidence.table(f"plots/maps/{case.at['encoder']}.csv"))
    size = case.value if case.address.column == "kl" else 1 - case.value
    return noise.of_error(case.value, size / math.sqrt(images), images) if images else None


def _silhouette(case: Case) -> Noise | None:
    """A mean of silhouettes, which are computed again of the points in Git or of the vectors here."""
    where = case.at["where"]
    each, names = case.evidence.silhouettes(case.at["encoder"], where)
    chosen = each[(names == case.at["class"]) | (case.at["class"] == "all")]
    chosen = chosen[np.isfinite(chosen)]
    if len(chosen) < 2:
        return None
    return noise.of_error(case.value, float(chosen.std(ddof=1)) / math.sqrt(len(chosen)), len(chosen))


def _norm(case: Case) -> Noise | None:
    """A norm of D13 or D14, or its mean or spread over seeds."""
    rows = case.evidence.table(f"metrics/lessons/{case.at['entry']}/matching.csv")
    lesson, batch = case.at.get("lesson", "d14"), case.at["batch"]
    chosen = [row for row in rows if (row["lesson"], row["batch_size"]) == (lesson, batch)]
    norms = [float(row["norm"]) for row in chosen if row["norm"]]
    if case.at.get("what") == "norm_std":
        return noise.of_spread(case.value, len(norms))
    return noise.of_one(case.value, norms) if "seed" in case.at else noise.of_mean(norms)


def _seeds_loss(case: Case) -> Noise | None:
    keys = {"lesson": "lesson", "batch_size": "batch", "epoch": "epoch"}
    rows = case.evidence.table(case.file)
    values = [row["loss"] for row in rows if all(row[column] == case.at[key] for column, key in keys.items())]
    return noise.of_one(case.value, [float(value) for value in values if value], case.numbers)


def _follows(case: Case, fits: list[Fit], here: list[Fit]) -> bool:
    """Whether a number is but a consequence of another choice: all but accuracies of validation and test images."""
    split, metric = case.of
    if split != "train" and metric == "accuracy":
        return False
    return len(fits) != len(here) or any(
        not _alike(one.chosen, other.chosen) for one, other in zip(fits, here, strict=True)
    )


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(same_choice(str(one[key]), str(other[key])) for key in one)


def same_choice(one: str, other: str) -> bool:
    """Whether two choices are one: equal, or numbers that are no counts and differ by less than a hundredth."""
    a, b = number(one), number(other)
    if a is None or b is None or (a.is_integer() and b.is_integer()):
        return one == other
    return math.isclose(a, b, rel_tol=SAME_CHOICE)


EXACT = Rule("Names, counts, settings: equal.", _exact)
CHOICE = Rule("What was chosen, such as steps or a lambda: another is told, and judged by its accuracy.", _choice, True)
WAY = Rule("Places on a map, a solver's steps: not judged by themselves, but by what they lead to.", _way, True)
ROUNDED = Rule("Exact but for the last digits of float64: equal to 1e-12.", _rounding)
MEAN = Rule("A mean over seeds: Student's t interval; with one seed, that over its images.", _mean)
END = Rule("An end of an interval: as far off as the accuracy between the ends.", _end)
SPREAD = Rule("A standard deviation over seeds: the interval of chi-square.", _spread)
ONE = Rule("A number of one fit: over the images of its split.", _one)
TRIED = Rule("A number of one of many settings: over its images, all settings together.", _tried)
BEST = Rule("The test accuracy of a sweep's best point: that of another point is another choice.", _best, True)
POINT = Rule("A point of a curve: over seeds or images, all points together.", _point)
CLASS = Rule("The accuracy of a class: over its test images, all classes together.", _of_class)
CONFUSED = Rule("A cell of a confusion matrix: over the test images of its class, all cells together.", _confused)
SOURCE = Rule("The accuracy of a source: over the test images of its own task; a published one is equal.", _source)
TERMS = Rule("The KL divergence and trustworthiness of a map: over its images.", _terms)
SILHOUETTE = Rule("A mean silhouette: over the images of its class.", _silhouette)
NORM = Rule("A norm of D13 or D14: over seeds.", _norm)
LOSS_OF_SEEDS = Rule("A loss of D13 or D14: as far off as seeds differ, all epochs together.", _seeds_loss)
TOGETHER = (CLASS, TRIED, BEST, POINT, CONFUSED, LOSS_OF_SEEDS)
