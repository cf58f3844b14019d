"""Vectors in coordinates in which a linear probe is small and well scaled: their own principal axes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BLOCK = 2**23  # values in float64 at a time: 64 MiB


@dataclass(frozen=True)
class Coordinates:
    """Centred vectors, rotated onto their principal axes: neither logits nor sums of squared weights change.

    With fewer vectors than values the optimal weights lie in the span of the vectors, so that n axes say all.

    Attributes:
        rotated: float64 (n, r), r = D, or at most n where n < D. Its columns are orthogonal.
        mean: float64 (D,), of the vectors.
        vectors: float32 (n, D), as they came.
        axes: float64 (D, r), orthonormal; or, where n < D, (n, r): the axes are `vectors - mean`, transposed, times it.
    """

    rotated: Array
    mean: Array
    vectors: NDArray[np.float32]
    axes: Array

    def back(self, weights: Array) -> Array:
        """Weights (K, r) of the coordinates as weights (K, D) of the vectors."""
        weights = weights @ self.axes.T
        if len(self.vectors) >= len(self.mean):
            return weights
        return sum_over(self.vectors, weights, self.mean)


def principal(vectors: NDArray[np.float32]) -> Coordinates:
    """Rotate vectors, float32 (n, D). Time O(n D min(n, D)), memory that of the result and of min(n, D)^2 values.

    Where n < D, axes of less than 1e-7 of the largest are lost to rounding.
    """
    count, values = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64)
    if count < values:
        gram = np.zeros((count, count))
        for some in _slices(values, count):
            block = vectors[:, some] - mean[some]
            gram += block @ block.T
        squares, axes = np.linalg.eigh(gram)
        kept = squares > squares[-1] * count * np.finfo(float).eps
        lengths = np.sqrt(squares[kept])
        return Coordinates(axes[:, kept] * lengths, mean, vectors, axes[:, kept] / lengths)
    covariance = np.zeros((values, values))
    for _, block in blocks(vectors, mean):
        covariance += block.T @ block
    axes = np.linalg.eigh(covariance)[1]
    rotated = np.empty((count, values))
    for some, block in blocks(vectors, mean):
        rotated[some] = block @ axes
    return Coordinates(rotated, mean, vectors, axes)


def blocks(vectors: NDArray[np.float32], mean: Array | float = 0.0) -> Iterator[tuple[slice, Array]]:
    """Vectors less their mean in float64, some at a time."""
    for some in _slices(*vectors.shape):
        yield some, vectors[some].astype(np.float64) - mean


def sum_over(vectors: NDArray[np.float32], factors: Array, mean: Array | float = 0.0) -> Array:
    """`factors @ (vectors - mean)`, (K, n) times (n, D), in float64 without a float64 copy of the vectors."""
    result = np.zeros((len(factors), vectors.shape[1]))
    for some, block in blocks(vectors, mean):
        result += factors[:, some] @ block
    return result


def _slices(count: int, width: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, width))
    return (slice(start, start + step) for start in range(0, count, step))
