"""The convex linear probe: multinomial logistic regression, solved to the optimum for a path of L2 penalties.

The loss is report E's: (1/N) sum_i -log softmax(z_i)[y_i] + (lambda / N) * (sum of the squared weights, without the
bias), for N training images. In scikit-learn's LogisticRegression that is C = 1 / (2 lambda); with two classes, where
it keeps one vector of weights in place of two, C = 1 / lambda.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AfterValidator, Field
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from probeline.pipeline import params
from probeline.pipeline.progress import bar
from probeline.probes import _softmax as softmax
from probeline.probes._coordinates import Array, Coordinates, blocks, principal, sum_over
from probeline.probes._data import SPLITS, Fitted, Labels, ProbeData, Vectors
from probeline.results.outputs import Outputs
from probeline.results.probes import Probe

Lambda = Annotated[float, Field(ge=1e-8, le=1e12)]  # at 0, separable classes have no optimum

GAP = 1e-6  # relative to the objective: what the solver stops at
MEMORY = 20  # steps that L-BFGS remembers
SMALL = 2**26  # multiplications of a product that one thread does alone


class Spec(params.Spec):
    """`logistic: {l2: [100.0, 10.0, 1.0]}`: the lambdas of which validation chooses one.

    The best accuracy wins, then the least cross-entropy, then the greatest lambda.

    Attributes:
        l2: null tries ten times the mean squared distance of the training vectors from their mean, and tenths of it,
            nine in all: a lambda says little by itself, for vectors twice as long need four times as much.
    """

    name: Literal["logistic"] = "logistic"
    l2: Annotated[list[Lambda], Field(min_length=1), AfterValidator(params.each_once)] | None = None


@dataclass(frozen=True)
class Fit:
    """The optimum at one lambda.

    Attributes:
        weights: float64 (K, D), of sum 0 over the classes.
        bias: float64 (K,), of sum 0 likewise; -inf for a class without training images.
        objective: Cross-entropy and penalty.
        loss: Cross-entropy of the training images.
        accuracy: Of the training images.
        gradient_norm: 2-norm of the objective's gradient with respect to the weights.
        gap: The objective is at most this much above the least one. Computed from the vectors as they came, whatever
            the solver did: see `_certified`.
        iterations: Of L-BFGS.
    """

    l2: float
    weights: Array
    bias: Array
    objective: float
    loss: float
    accuracy: float
    gradient_norm: float
    gap: float
    iterations: int

    def logits(self, vectors: Vectors) -> Array:
        """float64 (K, n)."""
        return np.concatenate([self.weights @ block.T for _, block in blocks(vectors)], axis=1) + self.bias[:, None]


@dataclass(frozen=True)
class Result:
    """The lambda that validation chose.

    Attributes:
        chosen: Its row.
        rows: A dict per lambda, from the greatest on: l2, objective, gap, gradient_norm, iterations, and loss and
            accuracy of train and validation. A loss is inf where a class has validation but no training images.
        fit: The chosen one.
    """

    chosen: dict[str, Any]
    rows: list[dict[str, Any]]
    fit: Fit


def fit(spec: Spec, data: ProbeData) -> Fitted:
    """Fit a path on train, choose a lambda on validation, and say what that one gives; see probes/__init__."""
    result = choose(spec, data.of("train"), data.of("validation"), data.classes)
    losses: dict[str, float | None] = {}
    predicted: dict[str, Labels] = {}
    scores: dict[str, Vectors] = {}
    of_train = np.empty(0, np.float32)
    for split in SPLITS:
        vectors, labels = data.of(split)
        logits = result.fit.logits(vectors)
        losses[split] = _loss(logits, labels)
        predicted[split] = np.asarray(logits.argmax(axis=0), np.int64)
        if split == "train":
            of_train = _losses(logits, labels).astype(np.float32)
        else:
            scores[split] = np.ascontiguousarray(logits.T, np.float32)
    return Fitted(
        Probe(chosen=result.chosen, rows=result.rows, losses=losses),
        Outputs("logits", predicted, scores, {"train": of_train}),
        {"weight": result.fit.weights, "bias": result.fit.bias},
    )


def choose(spec: Spec, train: tuple[Vectors, Labels], validation: tuple[Vectors, Labels], classes: int) -> Result:
    """Fit a path on train and choose a lambda on validation.

    Args:
        train: float32 (n, D) and int64 (n,) in [0, classes).
        validation: Likewise.
    """
    rows: list[dict[str, Any]] = []
    best: tuple[tuple[float, float], dict[str, Any], Fit] | None = None
    lambdas = spec.l2 or default_path(train[0])
    with bar("logistic probe", len(lambdas), unit="lambda") as progress:
        for found in fit_path(*train, classes, lambdas):
            logits = found.logits(validation[0])
            loss, accuracy = _loss(logits, validation[1]), float(np.mean(logits.argmax(axis=0) == validation[1]))
            row = {
                "l2": found.l2,
                "objective": found.objective,
                "gap": found.gap,
                "gradient_norm": found.gradient_norm,
                "iterations": found.iterations,
                "train_loss": found.loss,
                "train_accuracy": found.accuracy,
                "validation_loss": loss,
                "validation_accuracy": accuracy,
            }
            rows.append(row)
            if best is None or (-accuracy, loss) < best[0]:
                best = (-accuracy, loss), row, found
            progress.update()
    assert best is not None
    return Result(best[1], rows, best[2])


def default_path(vectors: Vectors) -> list[float]:
    """The lambdas that are tried where an entry names none, for vectors (n, D); vectors that are all equal have 1."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    spread = sum(float(np.square(block).sum()) for _, block in blocks(vectors, mean)) / len(vectors)
    return [spread * 10.0**power for power in range(1, -8, -1)] if spread > 0 else [1.0]


def fit_path(vectors: Vectors, labels: Labels, classes: int, lambdas: Sequence[float]) -> Iterator[Fit]:
    """The optimum at every lambda, from the greatest on; each starts from the one before.

    L-BFGS in float64, on the principal axes of the vectors, each scaled by its curvature at the start, so that the
    Hessian begins near the identity. Time: once O(n D min(n, D)), then O(n min(n, D) K) an iteration.

    Args:
        vectors: float32 (n, D), finite.
        labels: int64 (n,) in [0, classes), of two classes or more. A class without images gets weights 0 and is never
            predicted.
    """
    present, fitted = np.unique(labels, return_inverse=True)
    found = principal(vectors)
    weights = np.zeros((len(present), found.rotated.shape[1]))
    bias = np.log(np.bincount(fitted))  # the optimum while the weights are 0
    bias -= bias.mean()
    for l2 in sorted(set(lambdas), reverse=True):
        # Threads cost more than they save on small products, very much more where others use the cores too.
        with threadpool_limits(1 if found.rotated.size * len(present) < SMALL else None, "blas"):
            weights, bias, iterations = _minimize(found.rotated, fitted, l2, weights, bias)
            certified = _certified(found, fitted, l2, (weights, bias), (present, classes), iterations)
        yield certified


def _minimize(x: Array, labels: Labels, l2: float, weights: Array, bias: Array) -> tuple[Array, Array, int]:
    """L-BFGS from (weights, bias) until the relative gap is GAP, or until rounding stops it."""
    count, values = x.shape
    pull = 2 * l2 / count
    _, wrong, miss = softmax.cross_entropy(weights @ x.T + bias[:, None], labels)
    curved = softmax.curvature(wrong, miss, labels)
    scale = np.column_stack([np.sqrt(curved[:, None] * (np.square(x).sum(axis=0) / count) + pull), np.sqrt(curved)])
    last: tuple[Array, Array, float, Array]
    optimum: tuple[Array, Array] | None = None

    def objective(scaled: Array) -> tuple[float, Array]:
        nonlocal last
        both = scaled.reshape(scale.shape) / scale
        w, b = both[:, :values], both[:, values]
        value, gradient, of_bias = at(w, b)
        last = w, b, value, gradient
        return value, (np.column_stack([gradient, of_bias]) / scale).ravel()

    def at(w: Array, b: Array) -> tuple[float, Array, Array]:
        loss, wrong, miss = softmax.cross_entropy(w @ x.T + b[:, None], labels)
        residuals = softmax.residuals(wrong, miss, labels)
        value = loss + pull / 2 * float(np.square(w).sum())
        return value, residuals @ x / count + pull * w, residuals.mean(axis=1)

    def stop(_: Array) -> None:
        nonlocal optimum
        w, b, value, gradient = last
        if _gap(gradient, pull) > GAP * value:
            return
        # The bound holds at the best bias, which the last steps do not quite have.
        b = b + softmax.center_bias(w @ x.T + b[:, None], labels)
        value, gradient, _of_bias = at(w, b)
        if _gap(gradient, pull) <= GAP * value:
            optimum = w, b
            raise StopIteration

    start = (np.column_stack([weights, bias]) * scale).ravel()
    options = {"maxcor": MEMORY, "maxiter": 10**5, "maxfun": 10**6, "ftol": 0, "gtol": 0}
    done = minimize(objective, start, jac=True, method="L-BFGS-B", callback=stop, options=options)
    if optimum is None:
        both = done.x.reshape(scale.shape) / scale
        optimum = both[:, :values], both[:, values]
    return *optimum, int(done.nit)


def _gap(gradient: Array, pull: float) -> float:
    """A bound on how far an objective of strong convexity `pull` is above its least value."""
    return float(np.square(gradient).sum()) / (2 * pull)


def _certified(
    found: Coordinates,
    labels: Labels,
    l2: float,
    solution: tuple[Array, Array],
    classes: tuple[Labels, int],
    iterations: int,
) -> Fit:
    """A solution in terms of the vectors, with the best bias, and the proof of how good it is.

    With the best bias for every weights, the objective is a function of the weights alone, strongly convex with modulus
    m = 2 lambda / N. So it lies at most |gradient|^2 / (2 m) above its minimum.
    """
    weights, bias = found.back(solution[0]), solution[1]
    weights -= weights.mean(axis=0)  # what all classes share changes no probability, and costs penalty
    count = len(labels)
    logits = np.concatenate([weights @ block.T for _, block in blocks(found.vectors, found.mean)], axis=1)
    logits += bias[:, None]
    shift = softmax.center_bias(logits, labels)
    logits += shift[:, None]
    loss, wrong, miss = softmax.cross_entropy(logits, labels)
    pull = 2 * l2 / count
    gradient = sum_over(found.vectors, softmax.residuals(wrong, miss, labels), found.mean) / count + pull * weights
    bias = bias + shift - weights @ found.mean
    present, number = classes
    all_weights, all_bias = np.zeros((number, weights.shape[1])), np.full(number, -np.inf)
    all_weights[present], all_bias[present] = weights, bias - bias.mean()
    return Fit(
        l2=float(l2),
        weights=all_weights,
        bias=all_bias,
        objective=loss + pull / 2 * float(np.square(weights).sum()),
        loss=loss,
        accuracy=float(np.mean(logits.argmax(axis=0) == labels)),
        gradient_norm=float(np.linalg.norm(gradient)),
        gap=_gap(gradient, pull),
        iterations=iterations,
    )


def _loss(logits: Array, labels: Labels) -> float:
    """Mean cross-entropy of logits (K, n), of which some may be -inf."""
    return float(np.mean(_losses(logits, labels)))


def _losses(logits: Array, labels: Labels) -> Array:
    """The cross-entropy of each image, (n,)."""
    top = logits.max(axis=0)
    losses: Array = top + np.log(np.exp(logits - top).sum(axis=0)) - logits[labels, np.arange(len(labels))]
    return losses
