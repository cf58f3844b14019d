"""The convex probe: its optimum against scikit-learn, torch and a scalar equation; what validation chooses."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy.optimize import brentq
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from probeline.probes import logistic
from tests.unit.probes.made import Split, clouds, points, probe_data


def scaled(data: Split, factors: Any) -> Split:
    return (data[0] * factors).astype(np.float32), data[1]


def loss_of(weights: Any, bias: Any, data: Split, l2: float) -> torch.Tensor:
    """Report E's loss, in torch's words."""
    logits = torch.from_numpy(data[0]).double() @ weights.T + bias
    loss: torch.Tensor = functional.cross_entropy(logits, torch.from_numpy(data[1]))
    penalty: torch.Tensor = (weights**2).sum()
    total: torch.Tensor = loss + penalty * (l2 / len(data[1]))
    return total


def scikit(data: Split, l2: float) -> Any:
    # Two classes are one vector of weights there, of twice the length: half the penalty in all.
    c = 1 / l2 if data[1].max() == 1 else 1 / (2 * l2)
    return LogisticRegression(C=c, tol=1e-10, max_iter=20000, solver="newton-cg").fit(data[0].astype(float), data[1])


def predicted(found: logistic.Result, vectors: Any) -> Any:
    return found.fit.logits(vectors).argmax(axis=0)


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
    assert [fit.l2 for fit in fits] == [100.0, 1.0, 0.01]
    for fit in fits:
        weights = torch.tensor(fit.weights, requires_grad=True)
        bias = torch.tensor(fit.bias, requires_grad=True)
        objective = loss_of(weights, bias, data, fit.l2)
        objective.backward()  # type: ignore[no-untyped-call]
        assert weights.grad is not None
        assert bias.grad is not None
        assert fit.objective == pytest.approx(objective.item(), rel=1e-10)
        assert 0 <= fit.gap <= 2e-6 * fit.objective

        other = scikit(data, fit.l2)
        w, b = torch.from_numpy(other.coef_), torch.from_numpy(other.intercept_)
        if len(w) == 1:
            w, b = torch.cat([-w, w]) / 2, torch.cat([-b, b]) / 2
        theirs = loss_of(w, b, data, fit.l2).item()
        assert fit.objective <= theirs * (1 + 1e-5)
        assert fit.objective - fit.gap <= theirs * (1 + 1e-12)  # the least value is not below the bound
        if other.n_iter_.max() < 20000:
            assert fit.objective >= theirs * (1 - 1e-4)

        # The gradient as autograd has it, the vectors' mean out of the weights' part: the bias takes that up.
        np.testing.assert_allclose(bias.grad, 0, atol=1e-12)
        assert fit.gradient_norm == pytest.approx(float(weights.grad.norm()), rel=1e-3, abs=1e-11)
        assert fit.gap == pytest.approx(fit.gradient_norm**2 * len(data[1]) / (4 * fit.l2))


def test_two_images_by_a_scalar_equation() -> None:
    # By symmetry W = (-w, w) / 2, and the logits are 0 in the middle, at 4: log(1 + exp(-w)) + lambda w^2 / 4.
    data = points([[3], [5]]), np.array([0, 1])
    for fit in logistic.fit_path(*data, 2, [2.0, 0.1, 1e-6]):
        w = brentq(lambda w, l2=fit.l2: -1 / (1 + math.exp(w)) + l2 * w / 2, 0, 100, xtol=1e-14)
        np.testing.assert_allclose(fit.weights, [[-w / 2], [w / 2]], rtol=2e-3)
        np.testing.assert_allclose(fit.bias, [2 * w, -2 * w], rtol=2e-3)
        assert fit.objective == pytest.approx(math.log1p(math.exp(-w)) + fit.l2 * w**2 / 4, rel=1e-5)
        assert fit.accuracy == 1


def test_without_information_the_classes_keep_their_shares() -> None:
    data = np.full((8, 3), 2, np.float32), np.array([0, 2, 2, 2, 1, 2, 1, 2])
    (fit,) = logistic.fit_path(*data, 3, [1.0])
    np.testing.assert_allclose(np.exp(fit.bias - fit.bias[0]), [1, 2, 5])
    assert not fit.weights.any()


def test_a_class_without_training_images_is_never_predicted() -> None:
    vectors, labels = clouds(60, 4, 3)
    spec = logistic.Spec(l2=[1.0])
    found = logistic.choose(spec, (vectors, labels * 2), (vectors, labels * 2), 6)
    same = logistic.choose(spec, (vectors, labels), (vectors, labels), 3)
    np.testing.assert_array_equal(predicted(found, vectors), predicted(same, vectors) * 2)
    assert found.fit.bias[[1, 3, 5]].tolist() == [-math.inf] * 3
    assert found.chosen["validation_loss"] == pytest.approx(same.chosen["validation_loss"])


def test_a_class_that_only_validation_has_costs_everything_and_its_outputs_say_so() -> None:
    vectors, labels = clouds(60, 4, 2)
    strange = vectors[:3], np.array([0, 2, 1])
    found = logistic.fit(logistic.Spec(l2=[1.0]), probe_data((vectors, labels), strange, strange, 3))
    assert found.record.chosen["validation_loss"] == math.inf
    assert found.record.losses["test"] == math.inf
    assert math.isfinite(found.record.losses["train"] or math.nan)
    assert found.outputs.scores["test"][:, 2].tolist() == [-math.inf] * 3
    assert np.isfinite(found.outputs.scores["test"][:, :2]).all()


def test_validation_chooses_the_lambda() -> None:
    train, validation = clouds(60, 40, 3, apart=0.5), clouds(600, 40, 3, seed=1, apart=0.5)
    found = logistic.choose(logistic.Spec(), train, validation, 3)
    best = max(row["validation_accuracy"] for row in found.rows)
    assert found.chosen["validation_accuracy"] == best
    assert found.chosen["train_accuracy"] < max(
        row["train_accuracy"] for row in found.rows
    )  # train would choose another
    assert float(np.mean(predicted(found, validation[0]) == validation[1])) == best
    weight, bias = torch.from_numpy(found.fit.weights), torch.from_numpy(found.fit.bias)
    logits = torch.from_numpy(validation[0]).double() @ weight.T + bias
    expected = functional.cross_entropy(logits, torch.from_numpy(validation[1])).item()
    assert found.chosen["validation_loss"] == pytest.approx(expected)


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**10])
def test_the_default_lambdas_follow_the_scale_of_the_vectors(scale: float) -> None:
    """An untrained encoder may map all images to nearly one point; its probe is no less a probe."""
    train, validation = clouds(60, 40, 3, apart=0.5), clouds(60, 40, 3, seed=1, apart=0.5)
    small, large = [(vectors * np.float32(scale), labels) for vectors, labels in (train, validation)]
    plain = logistic.choose(logistic.Spec(), train, validation, 3)
    other = logistic.choose(logistic.Spec(), small, large, 3)
    assert len(plain.rows) == 9
    for one, two in zip(plain.rows, other.rows, strict=True):
        assert two["l2"] == pytest.approx(one["l2"] * scale**2)
        assert two["objective"] == pytest.approx(one["objective"], rel=1e-5)
        assert two["validation_accuracy"] == one["validation_accuracy"]
    same = np.ones_like(train[0]), train[1]
    assert [row["l2"] for row in logistic.choose(logistic.Spec(), same, same, 3).rows] == [1]


def test_equal_accuracies_go_by_cross_entropy() -> None:
    train = clouds(60, 4, 2, apart=40.0)
    found = logistic.choose(logistic.Spec(), train, clouds(60, 4, 2, seed=1, apart=40.0), 2)
    assert {row["validation_accuracy"] for row in found.rows[3:]} == {1.0}
    assert found.chosen["validation_loss"] == min(row["validation_loss"] for row in found.rows)


def test_the_same_bytes_again() -> None:
    data = clouds(200, 30, 5)
    first, second = (list(logistic.fit_path(*data, 5, [10.0, 0.1])) for _ in range(2))
    assert [fit.weights.tobytes() for fit in first] == [fit.weights.tobytes() for fit in second]


@pytest.mark.parametrize("spec", [{"l2": []}, {"l2": [0.0]}, {"l2": [-1.0]}, {"l2": [1.0, 1.0]}, {"strengths": [1.0]}])
def test_lambdas_that_have_no_optimum_or_stand_there_twice_are_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        logistic.Spec.model_validate(spec)
