"""Maps of equal vectors, of which the implementations alone gave numbers that cannot be."""

from typing import Any

import numpy as np
import pytest

from probeline.maps import tsne
from probeline.maps.quality import divergence
from probeline.pipeline.errors import ParamError
from tests.unit.maps import test_tsne as made


@pytest.mark.parametrize("iterations", [300, 600])
def test_equal_vectors_have_a_map_of_ordinary_width_and_the_divergence_of_the_paper(iterations: int) -> None:
    # As it was: a divergence of -3.7 and a map 811 wide.
    vectors = np.repeat(np.random.default_rng(0).normal(size=(20, 8)), 3, 0)
    spec = made.spec(perplexity=5.0, iterations=iterations)
    drawn = tsne.draw(spec, made.embedding(vectors, np.arange(60) % 3))
    xy = made.positions(drawn)
    # Rounding a vector to float32 moves it by 1e-7 of its length.
    assert drawn.facts.kl == pytest.approx(made.divergence(vectors, xy, 5.0), rel=1e-3)
    assert 0 < drawn.facts.kl < 1
    assert np.ptp(xy, axis=0).max() < 100


def test_the_divergence_of_points_with_more_equals_than_the_perplexity_is_finite() -> None:
    vectors = np.concatenate([np.zeros((20, 3)), np.random.default_rng(0).normal(size=(30, 3))])
    xy = np.random.default_rng(1).normal(size=(50, 2))
    assert divergence(vectors, xy, 5.0) == pytest.approx(made.divergence(vectors, xy, 5.0), rel=1e-3)


def test_a_few_equal_vectors_leave_a_map_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsne, "COUNTED", 50)
    vectors = np.random.default_rng(0).normal(size=(400, 8))
    vectors[0] = vectors[1] = vectors[2]
    drawn = tsne.draw(made.spec(implementation="opentsne", iterations=300), made.embedding(vectors, np.arange(400) % 3))
    xy = made.positions(drawn)
    assert tsne.on_each_other(xy, tsne.TOUCHING).sum() == 2
    assert np.ptp(xy, axis=0).max() < 100
    # The implementation's own divergence, which counts the nearest neighbors alone.
    assert drawn.facts.kl == pytest.approx(made.divergence(vectors, xy, 8.0), rel=0.05)


def test_too_many_points_with_equal_vectors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsne, "COUNTED", 50)
    vectors = np.repeat(np.random.default_rng(0).normal(size=(20, 8)), 3, 0)
    spec: Any = made.spec(implementation="sklearn", perplexity=5.0, iterations=300)
    with pytest.raises(ParamError, match=r"images: many of 60 vectors are equal or nearly so, .* lower images to 50"):
        tsne.draw(spec, made.embedding(vectors, np.arange(60) % 3))
