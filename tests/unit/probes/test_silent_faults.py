"""Neighbors at magnitudes whose squares float32 does not hold."""

import numpy as np
import pytest

from probeline.probes import knn


@pytest.mark.parametrize("factor", [1e-30, 1e19, 1e30])
@pytest.mark.parametrize("far", [1.0, 1e8])
def test_euclidean_neighbors_are_those_of_brute_force_at_every_magnitude(factor: float, far: float) -> None:
    # As it was: at 1e19 none was right, at 1e30 there was a traceback.
    rng = np.random.default_rng(0)
    train, queries = (
        (part * factor).astype(np.float32) for part in (rng.normal(size=(200, 8)), rng.normal(size=(40, 8)))
    )
    queries[0] *= np.float32(far)  # one far from all others, so that these are small beside it
    apart = train[None].astype(np.float64) - queries[:, None].astype(np.float64)
    expected = np.square(apart / factor).sum(axis=2).argsort(axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(knn.nearest(train, queries, 5, "euclidean"), expected)
