"""D12 to D14: a convolution that blurs, and one that is trained to give the output of another."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from probeline.lessons.layers import Array, Convolution, l2, squared_error
from probeline.lessons.spec import Blur, Matching
from probeline.pipeline.errors import ParamError
from probeline.results.lessons import Matched, NotFinite
from probeline.tasks.task import Task


def first_images(task: Task, images: int) -> NDArray[np.uint8]:
    """The first training images of a task, uint8 (images, H, W, C).

    Raises:
        ParamError: It has fewer.
    """
    train = task.train[0]
    if images > len(train):
        raise ParamError("images", f"{images} are asked for, and the task has {len(train)}", "ask for fewer")
    return np.asarray(task.images[train[:images]])


def gaussian(size: int, sigma: float) -> Array:
    """A kernel (size, size) that sums to 1, proportional to exp(-(u^2 + v^2) / (2 sigma^2)) around its center."""
    line = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    line /= line.sum()
    return np.outer(line, line)


def blur(images: NDArray[np.uint8], spec: Blur) -> NDArray[np.float64]:
    """D12: uint8 images (N, H, W, C) to float64 (N, channels, H, W); every channel is the blurred mean of the C."""
    channels = images.shape[3]
    kernel = gaussian(spec.kernel_size, spec.sigma)
    weight = np.tile(kernel / channels, (spec.channels, channels, 1, 1))
    layer = Convolution(weight, np.zeros(spec.channels), padding=spec.kernel_size // 2)
    return np.asarray(layer.forward(images.transpose(0, 3, 1, 2).astype(np.float64)), dtype=np.float64)


def match(
    images: NDArray[np.uint8], spec: Matching, batch_size: int, seed: int, report: Callable[[], object] = lambda: None
) -> Matched:
    """D13 and D14: train a layer to give the output of a fixed one.

    In float64, because D13's values exceed the 3e38 of float32.

    Args:
        images: uint8 (N, H, W, C).
        report: Called after every epoch.

    Returns:
        The losses and the final norm; both may hold inf and nan. The first nan ends the training, because everything
        after it is nan too.
    """
    x = images.transpose(0, 3, 1, 2) * (spec.largest_pixel / 255)
    rng = np.random.default_rng(seed)
    fixed, trained = (_layer(x.shape[1], spec, rng) for _ in range(2))
    target = fixed.forward(x)
    losses: list[float] = []
    every: list[float] = []
    with np.errstate(over="ignore", invalid="ignore"):  # the explosion is the result
        for _ in range(spec.epochs):
            order = rng.permutation(len(x))
            norms = []
            for start in range(0, len(x), batch_size):
                chosen = order[start : start + batch_size]
                norms.append(_step(trained, x[chosen], target[chosen], spec))
            every += norms
            loss = float(np.mean(norms))
            losses.append(loss)
            report()
            if np.isnan(loss):
                break
        norm = float(np.linalg.norm(trained.forward(x) - target))
    not_finite = NotFinite(
        step=_first(~np.isfinite(every)), epoch=_first(~np.isfinite(losses)), nan_epoch=_first(np.isnan(losses))
    )
    return Matched(batch_size=batch_size, seed=seed, norm=norm, not_finite=not_finite, losses=[*losses])


def _layer(channels: int, spec: Matching, rng: np.random.Generator) -> Convolution:
    weight = rng.uniform(-1, 1, (spec.channels, channels, spec.kernel_size, spec.kernel_size))
    return Convolution(weight, rng.uniform(-1, 1, spec.channels), padding=spec.kernel_size // 2)


def _step(layer: Convolution, x: Array, target: Array, spec: Matching) -> float:
    """One step of gradient descent. Returns the L2 norm of the difference before it."""
    y = layer.forward(x)
    d_weight, d_bias = layer.gradients(squared_error(y, target, spec.outputs)[1])
    d_weight += l2(layer.parameters[0], spec.l2)[1]
    for parameter, gradient in zip(layer.parameters, (d_weight, d_bias), strict=True):
        if spec.clip is not None:
            np.clip(gradient, -spec.clip, spec.clip, out=gradient)
        parameter -= spec.lr * gradient  # noqa: PLW2901 (in place)
    return float(np.linalg.norm(y - target))


def _first(found: NDArray[np.bool_]) -> int | None:
    return int(found.argmax()) if found.any() else None
