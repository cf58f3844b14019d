"""Nearest neighbors against scikit-learn and by hand: the search, the vote, and what validation chooses."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.neighbors import KNeighborsClassifier

from probeline.pipeline.errors import ParamError
from probeline.probes import knn
from tests.unit.probes.made import clouds, points, probe_data


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("chunk", [2**24, 700])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_neighbors_are_those_of_scikit_learn(
    metric: Any, chunk: int, offset: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knn, "CHUNK", chunk)
    train, validation = clouds(300, 16, 7), clouds(90, 16, 7, seed=1)
    train, validation = ((part[0] + np.float32(offset), part[1]) for part in (train, validation))
    other = KNeighborsClassifier(20, metric=metric, algorithm="brute").fit(train[0].astype(float), train[1])
    expected = other.kneighbors(validation[0].astype(float), return_distance=False)
    if offset and metric == "cosine":  # there scikit-learn's 1 - cos has lost what tells them apart
        unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (train[0].astype(float), validation[0])]
        expected = np.linalg.norm(unit[0][None] - unit[1][:, None], axis=2).argsort(axis=1)[:, :20]
    np.testing.assert_array_equal(knn.nearest(train[0], validation[0], 20, metric), expected)

    found = knn.fit(knn.Spec(neighbors=[20, 1], metric=metric), probe_data(train, validation, validation, 7))
    rows = found.record.rows
    assert [row["neighbors"] for row in rows] == [1, 20]
    one = train[1][expected[:, 0]]
    assert rows[0]["validation_accuracy"] == np.mean(one == validation[1])
    assert found.record.chosen["validation_accuracy"] == max(row["validation_accuracy"] for row in rows)
    right = found.outputs.predicted["validation"] == validation[1]
    assert np.mean(right) == found.record.chosen["validation_accuracy"]


def test_a_tied_vote_goes_to_the_nearest() -> None:
    votes = knn.vote(np.array([[4, 1, 1, 4, 2], [2, 1, 1, 0, 0], [3, 3, 3, 0, 0], [5, 0, 0, 5, 0]]))
    assert votes.tolist() == [4, 1, 3, 0]


def test_votes_are_counted_by_class() -> None:
    assert knn.votes(np.array([[2, 0, 2], [1, 1, 1]]), 4).tolist() == [[1, 0, 2, 0], [0, 3, 0, 0]]


def test_the_scores_are_the_votes_and_a_tie_among_them_is_told_by_the_prediction() -> None:
    train = points([[0], [1], [3], [10]]), np.array([1, 0, 0, 2])
    query = points([[0.2]]), np.array([1])
    found = knn.fit(knn.Spec(neighbors=[2], metric="euclidean"), probe_data(train, query, query, 4)).outputs
    assert found.scores["test"].tolist() == [[1, 1, 0, 0]]
    assert found.predicted["test"].tolist() == [1]  # the nearest, though class 0 has as many


def test_equally_near_images_come_in_their_order() -> None:
    train = points([[2, 0], [0, 1], [1, 0], [0, -1], [1, 0], [-1, 0], [1, 0]])
    query = points([[0, 0], [2, 0]])
    assert knn.nearest(train, query, 4, "euclidean").tolist() == [[1, 2, 3, 4], [0, 2, 4, 6]]
    assert knn.nearest(train, query, 4, "cosine").tolist() == [[0, 1, 2, 3], [0, 2, 4, 6]]


def test_a_collapsed_encoder_has_neighbors() -> None:
    vectors = np.full((50, 8), 0.3, np.float32)
    assert knn.nearest(vectors, vectors[:2], 5, "cosine").tolist() == [[0, 1, 2, 3, 4]] * 2


def test_validation_chooses_k_and_the_smaller_of_equals() -> None:
    train = points([[0], [1], [2], [10], [11], [12]]), np.array([0, 1, 0, 1, 1, 1])
    validation = points([[0.9], [10.9]]), np.array([0, 1])  # the nearest is wrong, the majority of 3 is right
    test = points([[1.1], [11.4]]), np.array([1, 1])
    data = probe_data(train, validation, test, 2)
    found = knn.fit(knn.Spec(neighbors=[3, 1, 2], metric="euclidean"), data)
    assert [row["validation_accuracy"] for row in found.record.rows] == [0.5, 0.5, 1.0]
    assert found.record.chosen["neighbors"] == 3
    assert found.outputs.predicted["test"].tolist() == [0, 1]
    assert found.outputs.scores["test"].tolist() == [[2, 1], [0, 3]]
    found = knn.fit(knn.Spec(neighbors=[2, 1], metric="euclidean"), data)
    assert found.record.chosen["neighbors"] == 1
    assert found.outputs.scores["test"].sum(axis=1).tolist() == [1, 1]


def test_a_k_beyond_the_training_images_is_left_out() -> None:
    data = clouds(20, 4, 2)
    found = knn.fit(knn.Spec(neighbors=[50, 20, 1]), probe_data(data, data, data, 2))
    assert [row["neighbors"] for row in found.record.rows] == [1, 20]


def test_what_cannot_be_probed_is_refused_in_one_line() -> None:
    good = clouds(20, 4, 2)
    with pytest.raises(ParamError, match=r"^params.yaml: neighbors: 50 is more than the 20 training images; give few"):
        knn.fit(knn.Spec(neighbors=[50, 70]), probe_data(good, good, good, 2))


@pytest.mark.parametrize("spec", [{"neighbors": []}, {"neighbors": [0]}, {"neighbors": [1, 1]}, {"metric": "l1"}])
def test_neighbors_that_cannot_be_are_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        knn.Spec.model_validate(spec)
