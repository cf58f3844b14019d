"""One fit, measured: a seed of a run, or a probe on one resample of its task."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from probeline.metrics import accuracy, confusion
from probeline.metrics._scored import Scored
from probeline.pipeline.errors import ParamError
from probeline.pipeline.params import module
from probeline.results.outputs import Outputs
from probeline.results.record import SPLITS
from probeline.results.tasks import Labels

VALUES = tuple(f"{split}_{value}" for split in SPLITS for value in ("loss", "accuracy"))
Measure = Callable[[Scored, NDArray[np.int64]], float | None]


@dataclass(frozen=True)
class Fit:
    """What one fit measured.

    Attributes:
        measured: The columns of `VALUES`, and `test_<metric>` for each further metric. None where there is none.
        confusion: Of the test images, int64 (K, K): true class by row, predicted by column. None without predictions.
    """

    measured: dict[str, float | None]
    confusion: NDArray[np.int64] | None = None


def further(names: Iterable[str]) -> dict[str, Measure]:
    """The metrics that `metrics` of params.yaml names, apart from accuracy, which is always there.

    Raises:
        ParamError: There is no such metric.
    """
    found: dict[str, Measure] = {}
    for name in names:
        try:
            measure = getattr(module("metrics", name), "measure", None)
        except ValueError as error:
            raise ParamError("metrics", str(error), "name files of src/probeline/metrics/") from error
        if measure is None:
            raise ParamError("metrics", f"{name} is no number, and each run needs one", "take it out of the list")
        if name != "accuracy":
            found[name] = measure
    return found


def measure(
    outputs: Outputs | None,
    losses: Mapping[str, float | None],
    labels: Labels,
    resample: int,
    metrics: Mapping[str, Measure],
) -> Fit:
    """Measure a fit.

    Args:
        outputs: None for a fit that diverged.
        losses: By split, as the fit recorded them: the objective as its training computes it.
        labels: Of its task.
        resample: Which one it was fitted on.
        metrics: Further ones, by name.
    """
    columns = [f"test_{name}" for name in metrics]
    if outputs is None:
        return Fit(dict.fromkeys((*VALUES, *columns)))
    values: dict[str, float | None] = {}
    for split in SPLITS:
        values[f"{split}_loss"] = losses.get(split)
        values[f"{split}_accuracy"] = accuracy.measure(Scored.of(outputs, split), labels.of(split, resample))
    test, right = Scored.of(outputs, "test"), labels.of("test", resample)
    values |= {name: of(test, right) for name, of in zip(columns, metrics.values(), strict=True)}
    return Fit(values, confusion.matrix(test, right, len(labels.classes)))


def mean(fits: Iterable[Fit], value: str) -> float | None:
    """The mean of a value over fits; None where one of them has none."""
    values = [fit.measured[value] for fit in fits]
    finite = [number for number in values if number is not None]
    return fmean(finite) if finite and len(finite) == len(values) else None


def spread(fits: Iterable[Fit], value: str) -> float | None:
    """The standard deviation (of the sample) of a value over fits; None for one fit, or where one has no value."""
    values = [fit.measured[value] for fit in fits]
    finite = [number for number in values if number is not None]
    return stdev(finite) if len(finite) > 1 and len(finite) == len(values) else None
