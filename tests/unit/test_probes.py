"""Probes: the convex one against scikit-learn, torch and a scalar equation; neighbours likewise, and by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch.nn import functional

from probeline.pipeline.errors import UserError
from probeline.probes import knn, logistic

Split = tuple[Any, Any]


def clouds(n: int, values: int, classes: int, seed: int = 0, apart: float = 1.0) -> Split:
    """Classes that overlap, on axes of very different length, far from the origin."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = np.random.default_rng(99).normal(size=(classes, values)) * apart
    lengths = np.geomspace(1, 0.01, values)
    vectors = (centres[labels] + rng.normal(size=(n, values))) * lengths + 3
    return vectors.astype(np.float32), labels


def points(rows: list[list[float]]) -> Any:
    return np.array(rows, np.float32)


def scaled(data: Split, factors: Any) -> Split:
    return (data[0] * factors).astype(np.float32), data[1]


def loss_of(weights: Any, bias: Any, data: Split, strength: float) -> torch.Tensor:
    """Report E's loss, in torch's words."""
    logits = torch.from_numpy(data[0]).double() @ weights.T + bias
    loss: torch.Tensor = functional.cross_entropy(logits, torch.from_numpy(data[1]))
    penalty: torch.Tensor = (weights**2).sum()
    total: torch.Tensor = loss + penalty * (strength / len(data[1]))
    return total


def scikit(data: Split, strength: float) -> Any:
    # Two classes are one vector of weights there, of twice the length: half the penalty in all.
    c = 1 / strength if data[1].max() == 1 else 1 / (2 * strength)
    return LogisticRegression(C=c, tol=1e-10, max_iter=20000, solver="newton-cg").fit(data[0].astype(float), data[1])


CASES = {
    "more images": clouds(300, 12, 10),
    "more values": clouds(40, 90, 10),
    "two classes": clouds(120, 7, 2),
    "two classes, more values": clouds(30, 60, 2),
    "separable": clouds(60, 20, 3, apart=9.0),
    "scales": scaled(clouds(200, 13, 4), np.geomspace(1e-3, 1e3, 13)),
    "scales, more values": scaled(clouds(30, 50, 4), np.geomspace(1e-2, 1e3, 50)),
    "constant": scaled(clouds(100, 5, 3), np.array([1, 0, 1, 1, 0])),
    "repeated": tuple(np.concatenate([part, part]) for part in clouds(25, 30, 5)),
}


@pytest.mark.filterwarnings("ignore:The line search")  # of scikit-learn, where the scales are wild
@pytest.mark.parametrize("data", CASES.values(), ids=CASES)
def test_the_optimum_is_that_of_scikit_learn_and_its_gradient_is_zero(data: Split) -> None:
    fits = list(logistic.fit_path(*data, int(data[1].max()) + 1, [0.01, 100.0, 1.0]))
    assert [fit.strength for fit in fits] == [100.0, 1.0, 0.01]
    for fit in fits:
        weights = torch.tensor(fit.weights, requires_grad=True)
        bias = torch.tensor(fit.bias, requires_grad=True)
        objective = loss_of(weights, bias, data, fit.strength)
        objective.backward()  # type: ignore[no-untyped-call]
        assert weights.grad is not None
        assert bias.grad is not None
        assert fit.objective == pytest.approx(objective.item(), rel=1e-10)
        assert 0 <= fit.gap <= 2e-6 * fit.objective

        other = scikit(data, fit.strength)
        w, b = torch.from_numpy(other.coef_), torch.from_numpy(other.intercept_)
        if len(w) == 1:
            w, b = torch.cat([-w, w]) / 2, torch.cat([-b, b]) / 2
        theirs = loss_of(w, b, data, fit.strength).item()
        assert fit.objective <= theirs * (1 + 1e-5)
        assert fit.objective - fit.gap <= theirs * (1 + 1e-12)  # the least value is not below the bound
        if other.n_iter_.max() < 20000:
            assert fit.objective >= theirs * (1 - 1e-4)

        # The gradient as autograd has it, the vectors' mean out of the weights' part: the bias takes that up.
        np.testing.assert_allclose(bias.grad, 0, atol=1e-12)
        assert fit.gradient_norm == pytest.approx(float(weights.grad.norm()), rel=1e-3, abs=1e-11)
        assert fit.gap == pytest.approx(fit.gradient_norm**2 * len(data[1]) / (4 * fit.strength))


def test_two_images_by_a_scalar_equation() -> None:
    # By symmetry W = (-w, w) / 2, and the logits are 0 in the middle, at 4: log(1 + exp(-w)) + strength w^2 / 4.
    data = points([[3], [5]]), np.array([0, 1])
    for fit in logistic.fit_path(*data, 2, [2.0, 0.1, 1e-6]):
        w = brentq(lambda w, s=fit.strength: -1 / (1 + math.exp(w)) + s * w / 2, 0, 100, xtol=1e-14)
        np.testing.assert_allclose(fit.weights, [[-w / 2], [w / 2]], rtol=2e-3)
        np.testing.assert_allclose(fit.bias, [2 * w, -2 * w], rtol=2e-3)
        assert fit.objective == pytest.approx(math.log1p(math.exp(-w)) + fit.strength * w**2 / 4, rel=1e-5)
        assert fit.accuracy == 1


def test_without_information_the_classes_keep_their_shares() -> None:
    data = np.full((8, 3), 2, np.float32), np.array([0, 2, 2, 2, 1, 2, 1, 2])
    (fit,) = logistic.fit_path(*data, 3, [1.0])
    np.testing.assert_allclose(np.exp(fit.bias - fit.bias[0]), [1, 2, 5])
    assert not fit.weights.any()


def test_a_class_without_training_images_is_never_predicted() -> None:
    vectors, labels = clouds(60, 4, 3)
    found = logistic.probe(logistic.Spec(strengths=[1.0]), (vectors, labels * 2), (vectors, labels * 2), 6)
    same = logistic.probe(logistic.Spec(strengths=[1.0]), (vectors, labels), (vectors, labels), 3)
    np.testing.assert_array_equal(found.predict(vectors), same.predict(vectors) * 2)
    assert found.bias[[1, 3, 5]].tolist() == [-math.inf] * 3
    assert found.loss(vectors, labels * 2) == pytest.approx(same.loss(vectors, labels))
    assert found.loss(vectors[:1], np.array([3])) == math.inf


def test_validation_chooses_the_strength() -> None:
    train, validation = clouds(60, 40, 3, apart=0.5), clouds(600, 40, 3, seed=1, apart=0.5)
    found = logistic.probe(logistic.Spec(), train, validation, 3)
    best = max(row["validation_accuracy"] for row in found.rows)
    assert found.chosen["validation_accuracy"] == best
    assert found.chosen["train_accuracy"] < max(
        row["train_accuracy"] for row in found.rows
    )  # train would choose another
    assert float(np.mean(found.predict(validation[0]) == validation[1])) == best
    logits = torch.from_numpy(validation[0]).double() @ torch.from_numpy(found.weights).T + torch.from_numpy(found.bias)
    expected = functional.cross_entropy(logits, torch.from_numpy(validation[1])).item()
    assert found.chosen["validation_loss"] == pytest.approx(expected)
    assert found.loss(*validation) == pytest.approx(expected)


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**10])
def test_the_default_strengths_follow_the_scale_of_the_vectors(scale: float) -> None:
    """An untrained encoder may map all images to nearly one point; its probe is no less a probe."""
    train, validation = clouds(60, 40, 3, apart=0.5), clouds(60, 40, 3, seed=1, apart=0.5)
    scaled = [(vectors * np.float32(scale), labels) for vectors, labels in (train, validation)]
    plain = logistic.probe(logistic.Spec(), train, validation, 3)
    other = logistic.probe(logistic.Spec(), scaled[0], scaled[1], 3)
    assert len(plain.rows) == 9
    for one, two in zip(plain.rows, other.rows, strict=True):
        assert two["strength"] == pytest.approx(one["strength"] * scale**2)
        assert two["objective"] == pytest.approx(one["objective"], rel=1e-5)
        assert two["validation_accuracy"] == one["validation_accuracy"]
    same = np.ones_like(train[0]), train[1]
    assert [row["strength"] for row in logistic.probe(logistic.Spec(), same, same, 3).rows] == [1]


def test_equal_accuracies_go_by_cross_entropy() -> None:
    train = clouds(60, 4, 2, apart=40.0)
    found = logistic.probe(logistic.Spec(), train, clouds(60, 4, 2, seed=1, apart=40.0), 2)
    assert {row["validation_accuracy"] for row in found.rows[3:]} == {1.0}
    assert found.chosen["validation_loss"] == min(row["validation_loss"] for row in found.rows)


def test_the_same_bytes_again() -> None:
    data = clouds(200, 30, 5)
    first, second = (list(logistic.fit_path(*data, 5, [10.0, 0.1])) for _ in range(2))
    assert [fit.weights.tobytes() for fit in first] == [fit.weights.tobytes() for fit in second]


def test_what_cannot_be_probed_is_refused_in_one_line() -> None:
    vectors, labels = clouds(20, 4, 2)
    spec = logistic.Spec()
    with pytest.raises(UserError, match="all 20 training images are of class 1; it needs two") as error:
        logistic.probe(spec, (vectors, np.ones(20, int)), (vectors, labels), 2)
    assert len(error.value.lines) == 1
    broken = vectors.copy()
    broken[3, 1] = np.nan
    with pytest.raises(UserError, match="inf or nan"):
        logistic.probe(spec, (broken, labels), (vectors, labels), 2)
    with pytest.raises(UserError, match=r"^params.yaml: probes.a: the training vectors hold inf or nan"):
        knn.probe(knn.Spec(neighbours=[1]), (broken, labels), (vectors, labels), "probes.a")
    with pytest.raises(UserError, match="50 is more than the 20 training images; give fewer"):
        knn.probe(knn.Spec(neighbours=[50]), (vectors, labels), (vectors, labels), "probes.a")


@pytest.mark.parametrize("spec", [{"strengths": []}, {"strengths": [0.0]}, {"strengths": [-1.0]}, {"strength": 1.0}])
def test_strengths_that_have_no_optimum(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        logistic.Spec.model_validate(spec)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("chunk", [2**24, 700])
@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_neighbours_are_those_of_scikit_learn(
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

    found = knn.probe(knn.Spec(neighbours=[20, 1], metric=metric), train, validation, "probes.a")
    assert [row["neighbours"] for row in found.rows] == [1, 20]
    one = train[1][expected[:, 0]]
    assert found.rows[0]["validation_accuracy"] == np.mean(one == validation[1])
    assert found.chosen["validation_accuracy"] == max(row["validation_accuracy"] for row in found.rows)
    assert np.mean(found.predict(validation[0]) == validation[1]) == found.chosen["validation_accuracy"]


def test_a_tied_vote_goes_to_the_nearest() -> None:
    votes = knn.vote(np.array([[4, 1, 1, 4, 2], [2, 1, 1, 0, 0], [3, 3, 3, 0, 0], [5, 0, 0, 5, 0]]))
    assert votes.tolist() == [4, 1, 3, 0]


def test_equally_near_images_come_in_their_order() -> None:
    train = points([[2, 0], [0, 1], [1, 0], [0, -1], [1, 0], [-1, 0], [1, 0]])
    query = points([[0, 0], [2, 0]])
    assert knn.nearest(train, query, 4, "euclidean").tolist() == [[1, 2, 3, 4], [0, 2, 4, 6]]
    assert knn.nearest(train, query, 4, "cosine").tolist() == [[0, 1, 2, 3], [0, 2, 4, 6]]


def test_a_collapsed_encoder_has_neighbours() -> None:
    vectors = np.full((50, 8), 0.3, np.float32)
    assert knn.nearest(vectors, vectors[:2], 5, "cosine").tolist() == [[0, 1, 2, 3, 4]] * 2


def test_validation_chooses_k_and_the_smaller_of_equals() -> None:
    train = points([[0], [1], [2], [10], [11], [12]]), np.array([0, 1, 0, 1, 1, 1])
    validation = points([[0.9], [10.9]]), np.array([0, 1])  # the nearest is wrong, the majority of 3 is right
    found = knn.probe(knn.Spec(neighbours=[3, 1, 2], metric="euclidean"), train, validation, "probes.a")
    assert [row["validation_accuracy"] for row in found.rows] == [0.5, 0.5, 1.0]
    assert found.chosen["neighbours"] == 3
    assert found.predict(points([[1.1], [11.4]])).tolist() == [0, 1]
    found = knn.probe(knn.Spec(neighbours=[2, 1], metric="euclidean"), train, validation, "probes.a")
    assert found.chosen["neighbours"] == 1
