"""Principal axes: a rotation, so that logits and penalties stay what they are."""

import numpy as np
import pytest

from probeline.probes import _coordinates as coordinates


@pytest.mark.parametrize("shape", [(30, 7), (9, 40)])
def test_logits_and_squared_weights_are_the_same_in_rotated_coordinates(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinates, "BLOCK", 64)  # several blocks, of which the last is not full
    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=shape) + 3).astype(np.float32)
    found = coordinates.principal(vectors)
    centerd = vectors.astype(float) - vectors.mean(axis=0, dtype=float)
    weights = rng.normal(size=(4, found.rotated.shape[1]))
    back = found.back(weights)
    assert back.shape == (4, shape[1])
    np.testing.assert_allclose(centerd @ back.T, found.rotated @ weights.T, atol=1e-10)
    np.testing.assert_allclose(back @ back.T, weights @ weights.T, rtol=1e-10)
    products = found.rotated.T @ found.rotated
    assert np.abs(products - np.diag(np.diag(products))).max() < 1e-10 * np.abs(products).max()


def test_sums_over_blocks_are_the_plain_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinates, "BLOCK", 64)
    rng = np.random.default_rng(0)
    vectors, factors = rng.normal(size=(30, 7)).astype(np.float32), rng.normal(size=(2, 30))
    assert len(list(coordinates.blocks(vectors))) == 4
    mean = np.arange(7.0)
    np.testing.assert_allclose(coordinates.sum_over(vectors, factors, mean), factors @ (vectors - mean), rtol=1e-12)
