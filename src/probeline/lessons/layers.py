"""Layers by hand, in NumPy: each with its forward formula, and its gradient by the chain rule.

A layer is a class with three methods. `forward` takes the input x, returns the output y, and keeps what the gradients
need. The other two take dy, the gradient dL/dy of the loss L (an array of y's shape): `gradients` returns
dL/d(parameter) for each of the `parameters`, and `backward` returns dL/dx. A loss is a function that returns L and its
gradient.
"""

from typing import Any, Literal, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


class Layer(Protocol):
    """What every layer has. Training changes the parameters in place."""

    parameters: list[Array]

    def forward(self, x: Array) -> Array: ...
    def gradients(self, dy: Array) -> list[Array]: ...
    def backward(self, dy: Array) -> Array: ...


class Linear:
    """y = x W^T + b, with x (B, inputs), W (outputs, inputs), b (outputs,)."""

    def __init__(self, weight: Array, bias: Array) -> None:
        self.parameters = [weight, bias]

    def forward(self, x: Array) -> Array:
        weight, bias = self.parameters
        self.x = x
        return x @ weight.T + bias

    def gradients(self, dy: Array) -> list[Array]:
        """dL/dW[o, i] = sum_b dy[b, o] x[b, i], and dL/db[o] = sum_b dy[b, o]."""
        return [dy.T @ self.x, dy.sum(axis=0)]

    def backward(self, dy: Array) -> Array:
        """dL/dx[b, i] = sum_o dy[b, o] W[o, i]."""
        return dy @ self.parameters[0]


class ReLU:
    """y = max(x, 0)."""

    def __init__(self) -> None:
        self.parameters: list[Array] = []

    def forward(self, x: Array) -> Array:
        self.positive = x > 0
        return x * self.positive

    def gradients(self, dy: Array) -> list[Array]:  # noqa: ARG002 (there is nothing to train)
        return []

    def backward(self, dy: Array) -> Array:
        """dL/dx = dy where x > 0, else 0."""
        return dy * self.positive


class Convolution:
    """y[b, o, i, j] = bias[o] + sum_cuv W[o, c, u, v] x[b, c, i + u, j + v], with x padded by zeros on all sides.

    x (B, C, H, W), weight (O, C, K, K), bias (O,); y (B, O, H + 2 padding - K + 1, W + 2 padding - K + 1).
    """

    def __init__(self, weight: Array, bias: Array, padding: int = 0) -> None:
        self.parameters = [weight, bias]
        self.padding = padding

    def forward(self, x: Array) -> Array:
        weight, bias = self.parameters
        self.windows = _windows(x, weight.shape[2], self.padding)
        return _sum("ocuv,bcijuv->boij", weight, self.windows) + bias[:, None, None]

    def gradients(self, dy: Array) -> list[Array]:
        """dL/dW[o, c, u, v] = sum_bij dy[b, o, i, j] x[b, c, i + u, j + v], dL/dbias[o] = sum_bij dy[b, o, i, j]."""
        return [_sum("boij,bcijuv->ocuv", dy, self.windows), dy.sum(axis=(0, 2, 3))]

    def backward(self, dy: Array) -> Array:
        """dL/dx[b, c, p, q] = sum_ouv W[o, c, u, v] dy[b, o, p - u, q - v]: windows of dy times W turned around."""
        weight = self.parameters[0]
        size = weight.shape[2]
        windows = _windows(dy, size, size - 1)
        dx = _sum("ocuv,boijuv->bcij", weight[:, :, ::-1, ::-1], windows)
        rows, columns = (slice(self.padding, length - self.padding) for length in dx.shape[2:])
        return dx[:, :, rows, columns]  # what lies outside was padding


def _windows(x: Array, size: int, padding: int) -> Array:
    """All windows of padded images: a view (B, C, rows, columns, size, size)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    return sliding_window_view(x, (size, size), axis=(2, 3))


def _sum(formula: str, a: Array, b: Array) -> Array:
    """An einsum of two arrays, computed as one matrix product."""
    total: Array = np.einsum(formula, a, b, optimize=True)
    return total


def log_softmax(logits: Array) -> Array:
    """Log p, with p = exp(logits) / sum exp(logits), both (B, K)."""
    shifted = logits - logits.max(axis=1, keepdims=True)  # changes no p, and no exponential overflows
    log_p: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_p


def cross_entropies(logits: Array, labels: NDArray[np.int64]) -> Array:
    """The cross-entropy of every image, -log p[b, label_b]: (B,) from logits (B, K)."""
    losses: Array = -log_softmax(logits)[np.arange(len(labels)), labels]
    return losses


def softmax_cross_entropy(logits: Array, labels: NDArray[np.int64]) -> tuple[float, Array]:
    """L = mean_b of -log p[b, label_b], with p = softmax(logits); dL/dlogits = (p - one_hot) / B."""
    log_p = log_softmax(logits)
    rows = np.arange(len(labels))
    gradient = np.exp(log_p)
    gradient[rows, labels] -= 1
    return float(-log_p[rows, labels].mean()), gradient / len(labels)


def squared_error(y: Array, target: Array, outputs: Literal["sum", "mean"]) -> tuple[float, Array]:
    """L = s sum (y - target)^2, dL/dy = 2 s (y - target); s is 1, or 1 / n for the mean over an image's n outputs.

    Over the images of a minibatch it is always a sum.
    """
    difference, s = y - target, {"sum": 1.0, "mean": 1 / y[0].size}[outputs]
    return float(s * (difference**2).sum()), 2 * s * difference


def l2(
    weight: Array, lambda_: float, form: Literal["sum", "half", "per_image"] = "sum", images: int = 1
) -> tuple[float, Array]:
    """L = s sum(w^2), dL/dw = 2 s w; s is lambda, lambda / 2, or lambda / the number of images."""
    s = lambda_ * {"sum": 1.0, "half": 0.5, "per_image": 1 / images}[form]
    return float(s * (weight**2).sum()), 2 * s * weight
