"""The k-nearest-neighbors probe: an exact search, and a majority vote for every k."""

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from probeline.pipeline import params
from probeline.pipeline.errors import ParamError
from probeline.probes._coordinates import blocks
from probeline.probes._data import Fitted, Labels, ProbeData, Vectors
from probeline.results.outputs import Outputs
from probeline.results.probes import Probe

Metric = Literal["cosine", "euclidean"]

CHUNK = 2**24  # distances at a time
ROUNDING = np.finfo(np.float32)
Vectors64 = NDArray[np.float64]
Measured = Callable[[Vectors64], Vectors64]


class Spec(params.Spec):
    """`knn: {neighbors: [1, 3, 5, 10, 20, 50], metric: cosine}`: the k of which validation chooses one.

    A k beyond the number of training images is left out. The best accuracy wins, then the smallest k.

    Attributes:
        metric: cosine compares directions (a vector of zeros is equally far from all); euclidean distances.
    """

    name: Literal["knn"] = "knn"
    neighbors: Annotated[
        list[Annotated[int, Field(ge=1, le=10**6)]], Field(min_length=1), AfterValidator(params.each_once)
    ] = [1, 3, 5, 10, 20, 50]
    metric: Metric = "cosine"


def fit(spec: Spec, data: ProbeData) -> Fitted:
    """Choose k on validation, all of them from one search, and say what that one gives; see probes/__init__.

    The scores of a class are how many of the k neighbors are of it.

    Raises:
        ParamError: Every k exceeds the number of training images.
    """
    (train, labels), (validation, truth) = data.of("train"), data.of("validation")
    ks = [k for k in sorted(spec.neighbors) if k <= len(labels)]
    if not ks:
        least = min(spec.neighbors)
        raise ParamError("neighbors", f"{least} is more than the {len(labels)} training images", "give fewer")
    near = {"validation": labels[nearest(train, validation, ks[-1], spec.metric)]}
    rows = [
        {"neighbors": k, "validation_accuracy": float(np.mean(vote(near["validation"][:, :k]) == truth))} for k in ks
    ]
    chosen = max(rows, key=lambda row: row["validation_accuracy"])
    k = int(chosen["neighbors"])
    near["test"] = labels[nearest(train, data.of("test")[0], k, spec.metric)]
    voters = {split: found[:, :k] for split, found in near.items()}
    return Fitted(
        Probe(chosen=chosen, rows=rows),
        Outputs(
            "votes",
            {split: vote(found) for split, found in voters.items()},
            {split: votes(found, data.classes).astype(np.float32) for split, found in voters.items()},
        ),
    )


def votes(labels: Labels, classes: int) -> Labels:
    """How many neighbors of each row, int64 (n, k), are of each class; int64 (n, classes)."""
    counts = np.zeros((len(labels), classes), np.int64)
    np.add.at(counts, (np.arange(len(labels))[:, None], labels), 1)
    return counts


def vote(labels: Labels) -> Labels:
    """The most frequent label of each row, int64 (n, k) from the nearest on; a tie goes to the nearest image's."""
    rows = np.arange(len(labels))[:, None]
    counts = votes(labels, labels.max(initial=0) + 1)
    first = np.take_along_axis(counts, labels, axis=1).argmax(axis=1)  # the first of the greatest
    chosen: Labels = labels[rows[:, 0], first]
    return chosen


def nearest(train: Vectors, queries: Vectors, k: int, metric: Metric) -> Labels:
    """The k nearest training vectors of each query, the nearest first; of equally near ones the first in the data.

    A product in float32 leaves out what is farther than its rounding can explain; the rest is measured in float64, so
    that the result is exact. Memory: a float32 copy of both, and CHUNK distances.

    Args:
        train: float32 (n, D), n at least k.
        queries: float32 (m, D).

    Returns:
        int64 (m, k), indices into train.
    """
    # Equal vectors count once, or a collapsed encoder would have every image measured against every other.
    rows = np.ascontiguousarray(train).view(f"V{train.shape[1] * train.itemsize}").ravel()
    _, firsts, group = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(group, kind="stable")
    members = [same[:k] for same in np.split(order, np.searchsorted(group[order], np.arange(1, len(firsts))))]

    distinct = train[firsts]
    measured = _measure(metric, train, queries)
    mean = sum(measured(block).sum(axis=0) for _, block in blocks(distinct)) / len(distinct)
    x, q = _rounded(distinct, measured, mean), _rounded(queries, measured, mean)
    squares = np.einsum("nd,nd->n", x, x, dtype=np.float64)
    longest = float(np.sqrt(squares.max()))
    found = np.empty((len(queries), k), np.int64)
    kept = min(k, len(distinct))
    step = max(1, CHUNK // len(distinct))
    for start in range(0, len(queries), step):
        some = q[start : start + step]
        distances = (some @ x.T) * np.float32(-2) + squares.astype(np.float32)  # less the query's own square
        lengths = np.sqrt(np.einsum("nd,nd->n", some, some, dtype=np.float64))
        # Rounding of a product of D terms, of its factors, and of what is added to it; and numbers too small to round.
        error = ROUNDING.eps * ((x.shape[1] + 8) * lengths * longest + 2 * longest**2) + x.shape[1] * ROUNDING.tiny
        limit = np.partition(distances, kept - 1, axis=1)[:, kept - 1] + 2 * error
        for i, row in enumerate(distances):
            close = np.flatnonzero(row <= limit[i])
            apart = measured(distinct[close].astype(np.float64)) - measured(queries[start + i][None].astype(np.float64))
            exact = np.square(apart).sum(axis=1)
            images = np.concatenate([members[j] for j in close])
            by = np.lexsort((images, np.repeat(exact, [len(members[j]) for j in close])))
            found[start + i] = images[by[:k]]
    return found


def _measure(metric: Metric, *sets: Vectors) -> Measured:
    """What makes vectors, float64 (n, D), into those whose Euclidean distances have the metric's order.

    Their numbers are of magnitude 1, so that their squares are numbers in float32. Of cosine, a vector of zeros stays
    as it is; of euclidean, all are scaled by one power of two, which rounds nothing.
    """
    if metric == "euclidean":
        _, exponent = np.frexp(max(float(np.abs(vectors).max()) for vectors in sets))
        return lambda vectors: np.ldexp(vectors, -exponent)

    def directions(vectors: Vectors64) -> Vectors64:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1)

    return directions


def _rounded(vectors: Vectors, measured: Measured, mean: Vectors64) -> Vectors:
    result = np.empty(vectors.shape, np.float32)
    for some, block in blocks(vectors):
        result[some] = measured(block) - mean
    return result
