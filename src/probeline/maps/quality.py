"""How far to trust a map: whether neighbors stay neighbors, and how well classes lie apart."""

import numpy as np
from numpy.typing import NDArray

from probeline.maps.spec import NEIGHBORS

BLOCK = 1024  # rows of distances at a time
Points = NDArray[np.float64]
Labels = NDArray[np.int64]


def trustworthiness(embedded: Points, xy: Points, neighbors: int = NEIGHBORS) -> float:
    """How far neighbors in the map are neighbors in the embedding: 1 if all are, about 0.5 by chance.

    Venna and Kaski 2001 (doi 10.1007/3-540-44668-0_68), as scikit-learn defines it, which would need memory for all
    distances at once.

    Args:
        embedded: (n, d).
        xy: (n, 2).
        neighbors: Of each point in the map; fewer than n / 2.
    """
    from sklearn.metrics import euclidean_distances
    from sklearn.neighbors import NearestNeighbors

    found = len(xy)
    near = NearestNeighbors(n_neighbors=neighbors).fit(xy).kneighbors(return_distance=False)
    too_far = 0
    for first in range(0, found, BLOCK):
        rows = np.arange(first, min(first + BLOCK, found))
        distances = euclidean_distances(embedded[rows], embedded, squared=True)
        own = rows - first
        distances[own, rows] = -1  # a point is its own neighbor number 0
        for neighbor in near[rows].T:
            rank = (distances < distances[own, neighbor][:, None]).sum(axis=1)
            too_far += int(np.maximum(rank - neighbors, 0).sum())
    return 1 - 2 * too_far / (found * neighbors * (2 * found - 3 * neighbors - 1))


def divergence(embedded: Points, xy: Points, perplexity: float) -> float:
    """KL(P || Q) over all pairs of points, as van der Maaten and Hinton 2008 define it. Time and memory O(n^2).

    Args:
        embedded: (n, d).
        xy: (n, 2).
        perplexity: Of the neighbors of each point, less than n.
    """
    from sklearn.metrics import euclidean_distances

    found = len(xy)
    joint = np.empty((found, found))
    for first in range(0, found, BLOCK):
        rows = np.arange(first, min(first + BLOCK, found))
        squares = euclidean_distances(embedded[rows], embedded, squared=True)
        squares[rows - first, rows] = np.inf  # a point is no neighbor of its own
        joint[rows] = _neighbors(squares, perplexity)
    joint += joint.T
    joint /= joint.sum()
    squares = euclidean_distances(xy, squared=True)
    near = 1 / (1 + squares)
    np.fill_diagonal(near, 0)
    some = joint > 0
    p = joint[some]
    return float((p * (np.log(p) + np.log1p(squares[some]))).sum() + np.log(near.sum()))


def _neighbors(squares: Points, perplexity: float) -> Points:
    """How likely each point takes each other for a neighbor: rows that sum to 1 and have this perplexity.

    The widths of the Gaussians are found by bisection. A point with more equals than the perplexity has none that is
    narrow enough: its equals share the row.
    """
    squares = squares - squares.min(axis=1, keepdims=True)
    low, high = np.full(len(squares), -50.0), np.full(len(squares), 50.0)  # logarithms of 1 / (2 sigma^2)
    for _ in range(60):
        middle = (low + high) / 2
        chances = np.exp(-np.exp(middle)[:, None] * squares)
        total = chances.sum(axis=1)
        entropy = np.log(total) + np.exp(middle) * (chances * np.where(chances > 0, squares, 0)).sum(axis=1) / total
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    return np.asarray(chances / total[:, None])


def silhouettes(positions: Points, labels: Labels) -> Points:
    """The silhouette of each point: 1 among its own class, 0 between two, negative among another. Euclidean distances.

    Rousseeuw 1987 (doi 10.1016/0377-0427(87)90125-7).

    Args:
        positions: (n, d).
        labels: (n,).

    Returns:
        (n,); nan for a point alone in its class, and for all where there is one class.
    """
    from sklearn.metrics import silhouette_samples

    _, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if not 1 < len(sizes) < len(labels):
        return np.full(len(labels), np.nan)
    return np.where(sizes[place] > 1, silhouette_samples(positions, labels), np.nan)
