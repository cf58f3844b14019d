"""Cross-entropy in float64, exact also where the classes are far apart. All arrays are (K, n): a column an image."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def cross_entropy(logits: Array, labels: Labels) -> tuple[float, Array, Array]:
    """The mean cross-entropy, and what its derivatives are made of.

    Probabilities of the right classes come as 1 - p: with a weak penalty on separable data p is 1 in float64, while its
    gradient is not yet 0.

    Args:
        logits: (K, n), finite.
        labels: int64 (n,) in [0, K).

    Returns:
        The mean; the probabilities (K, n), with 0 at the right classes; 1 - p of the right classes (n,).
    """
    images = np.arange(len(labels))
    wrong = logits - logits[labels, images]
    wrong[labels, images] = -np.inf
    top = np.maximum(wrong.max(axis=0), 0)
    wrong -= top
    np.exp(wrong, out=wrong)
    total = wrong.sum(axis=0)
    mean = float(np.mean(top + np.log1p(total + np.expm1(-top))))
    wrong /= total + np.exp(-top)
    return mean, wrong, wrong.sum(axis=0)


def residuals(wrong: Array, miss: Array, labels: Labels) -> Array:
    """The gradient of the summed cross-entropy with respect to the logits: p - onehot, (K, n)."""
    result = wrong.copy()
    result[labels, np.arange(len(labels))] = -miss
    return result


def curvature(wrong: Array, miss: Array, labels: Labels) -> Array:
    """The mean of p (1 - p) of every class, (K,)."""
    classes, images = wrong.shape
    right = np.bincount(labels, weights=miss * (1 - miss), minlength=classes)
    result: Array = (np.sum(wrong * (1 - wrong), axis=1) + right) / images
    return np.maximum(result, np.finfo(float).tiny)


def center_bias(logits: Array, labels: Labels) -> Array:
    """The shift of the bias, (K,) of sum 0, that makes the mean cross-entropy least: Newton's method to rounding."""
    classes, images = logits.shape
    shift = np.zeros(classes)
    loss, wrong, miss = cross_entropy(logits, labels)
    while True:
        gradient = residuals(wrong, miss, labels).mean(axis=1)
        p = wrong.copy()
        p[labels, np.arange(images)] = 1 - miss
        hessian = -(p @ p.T) / images
        np.fill_diagonal(hessian, 0)
        np.fill_diagonal(hessian, -hessian.sum(axis=1))  # not mean(p) - mean(p^2), which cancels
        scale = max(float(np.trace(hessian)), np.finfo(float).tiny) / classes
        step = -np.linalg.solve(hessian + scale / classes, gradient)  # the constant lifts the direction (1, ..., 1)
        step -= step.mean()
        size = 1.0
        new_loss, new_wrong, new_miss = cross_entropy(logits + (shift + step)[:, None], labels)
        while new_loss > loss * (1 + 1e-14) and size > 1e-3:  # far from the optimum Newton's step can be too long
            size /= 2
            new_loss, new_wrong, new_miss = cross_entropy(logits + (shift + size * step)[:, None], labels)
        new_gradient = residuals(new_wrong, new_miss, labels).mean(axis=1)
        if size == 1.0 and np.abs(new_gradient).max() >= np.abs(gradient).max() / 2:  # no longer quadratic: rounding
            return shift
        if size <= 1e-3:
            return shift
        shift = shift + size * step
        loss, wrong, miss = new_loss, new_wrong, new_miss
