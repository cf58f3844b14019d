"""The numbers beside a map, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn import manifold

from probeline.maps import quality


def test_trustworthiness_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    embedded, xy = rng.normal(size=(150, 10)), rng.normal(size=(150, 2))
    xy[:, 0] += 2 * embedded[:, 0]
    monkeypatch.setattr(quality, "BLOCK", 64)  # blocks of which the last is not full
    for neighbors in (5, 12):
        expected = manifold.trustworthiness(embedded, xy, n_neighbors=neighbors)
        assert quality.trustworthiness(embedded, xy, neighbors) == pytest.approx(expected, abs=1e-12)
    assert quality.trustworthiness(embedded, embedded) == 1


def test_silhouettes_by_hand() -> None:
    # On a line: class 0 at 0 and 1, class 1 at 4 and 6, class 2 alone at 20.
    line = np.array([[0.0], [1.0], [4.0], [6.0], [20.0]])
    found = quality.silhouettes(line, np.array([0, 0, 1, 1, 2]))
    assert found[:4] == pytest.approx([(5 - 1) / 5, (4 - 1) / 4, (3.5 - 2) / 3.5, (5.5 - 2) / 5.5])
    assert np.isnan(found[4])
    assert np.isnan(quality.silhouettes(line, np.zeros(5, dtype=np.int64))).all()
    assert np.isnan(quality.silhouettes(line, np.arange(5))).all()  # each alone in its class
