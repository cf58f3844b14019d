"""D8 to D10: a network of one hidden layer, trained by minibatch SGD, forward and backward by hand."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probeline.lessons.layers import Array, Layer, Linear, ReLU, l2, softmax_cross_entropy
from probeline.lessons.spec import Mlp, MlpRun
from probeline.pipeline.errors import UserError
from probeline.task import Task
from probeline.training.stopping import Stopper

Indices = NDArray[np.int64]


def build(inputs: int, hidden: int, outputs: int, rng: np.random.Generator) -> list[Layer]:
    """Linear, ReLU, Linear in float32; weights and biases from U[-1, 1] / sqrt(inputs of the layer), as in PyTorch."""

    def linear(n: int, m: int) -> Linear:
        bound = 1 / math.sqrt(n)
        return Linear(*(rng.uniform(-bound, bound, shape).astype(np.float32) for shape in ((m, n), (m,))))

    return [linear(inputs, hidden), ReLU(), linear(hidden, outputs)]


def forward(layers: Iterable[Layer], x: Array) -> Array:
    """The output of layers in a row."""
    for layer in layers:
        x = layer.forward(x)
    return x


def gradients(layers: list[Layer], dy: Array) -> list[Array]:
    """dL/d(parameter) of layers in a row, in the order of their parameters, from the gradient dy of their output."""
    found: list[Array] = []
    for layer in reversed(layers):
        found = [*layer.gradients(dy), *found]
        if layer is not layers[0]:  # nobody asks for the gradient of the images
            dy = layer.backward(dy)
    return found


def pixels(task: Task, chosen: Indices) -> Array:
    """Images as rows of float32 from 0 to 1."""
    return task.images[chosen].reshape(len(chosen), -1) * np.float32(1 / 255)


def score(layers: list[Layer], task: Task, chosen: Indices) -> tuple[float, NDArray[np.int64]]:
    """Mean cross-entropy over some images, and their predicted classes."""
    total, predicted = 0.0, []
    for part in np.array_split(chosen, math.ceil(len(chosen) / 1024)):
        logits = forward(layers, pixels(task, part))
        total += softmax_cross_entropy(logits, task.labels[part])[0] * len(part)
        predicted.append(logits.argmax(axis=1))
    return total / len(chosen), np.concatenate(predicted)


def step(layers: list[Layer], x: Array, labels: Indices, run: MlpRun, images: int) -> float:
    """One step of gradient descent on a minibatch: w becomes w - lr dL/dw. Returns L, without the penalty."""
    loss, d_logits = softmax_cross_entropy(forward(layers, x), labels)
    parameters = [parameter for layer in layers for parameter in layer.parameters]
    for parameter, gradient in zip(parameters, gradients(layers, d_logits), strict=True):
        if parameter.ndim > 1:  # biases have no penalty
            gradient += l2(parameter, run.l2.strength, run.l2.form, images)[1]  # noqa: PLW2901 (in place)
        parameter -= run.lr * gradient  # noqa: PLW2901
    return loss


def fit(
    layers: list[Layer],
    task: Task,
    run: MlpRun,
    order: Callable[[int], Indices],
    where: str,
    report: Callable[[], object] = lambda: None,
) -> tuple[list[dict[str, float]], int]:
    """Train in place; the layers end with the weights of the best validation loss.

    Args:
        order: Of the training images in an epoch, counted from 1: a permutation of their positions.
        where: Key of the run, for messages.
        report: Called after every epoch.

    Returns:
        A row an epoch: epoch, train_loss (mean over its minibatches, each before its step), validation_loss,
        validation_accuracy; and the epoch of the weights that were kept.

    Raises:
        UserError: A loss is not finite.
    """
    train, validation = task.train[0], task.validation[0]
    stopper = Stopper(run.early_stopping)
    parameters = [parameter for layer in layers for parameter in layer.parameters]
    history: list[dict[str, float]] = []
    best, best_epoch = parameters, 0
    for epoch in range(1, run.epochs + 1):
        total = 0.0
        shuffled = train[order(epoch)]
        for start in range(0, len(train), run.batch_size):
            chosen = shuffled[start : start + run.batch_size]
            total += step(layers, pixels(task, chosen), task.labels[chosen], run, len(train)) * len(chosen)
        loss, predicted = score(layers, task, validation)
        if not math.isfinite(total + loss):
            raise UserError(f"params.yaml: {where}: diverged: a loss of epoch {epoch} is not finite; lower lr")
        accuracy = float((predicted == task.labels[validation]).mean())
        history.append(
            {"epoch": epoch, "train_loss": total / len(train), "validation_loss": loss, "validation_accuracy": accuracy}
        )
        if stopper.update(loss):
            best, best_epoch = [parameter.copy() for parameter in parameters], epoch
        report()
        if stopper.stop(epoch):
            break
    for parameter, kept in zip(parameters, best, strict=True):
        parameter[...] = kept
    return history, best_epoch


def scores(layers: list[Layer], task: Task) -> dict[str, Any]:
    """Loss and accuracy of all splits, and the test accuracy of every class (None for one without test images)."""
    found: dict[str, Any] = {}
    right = {}
    for split, chosen in (("train", task.train[0]), ("validation", task.validation[0]), ("test", task.test)):
        loss, predicted = score(layers, task, chosen)
        right[split] = predicted == task.labels[chosen]
        found[split] = {"images": len(chosen), "loss": loss, "accuracy": float(right[split].mean())}
    of_class = [right["test"][task.labels[task.test] == label] for label in range(len(task.classes))]
    by_class = [float(those.mean()) if len(those) else None for those in of_class]
    return found | {"test_accuracy_by_class": dict(zip(task.classes, by_class, strict=True))}


def train(task: Task, lesson: Mlp, name: str, report: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """One run of D8 to D10, and all that is kept of it: its settings, curve and scores."""
    run = lesson.runs[name]
    inputs, images = math.prod(task.images.shape[1:]), task.train.shape[1]
    layers = build(inputs, lesson.hidden, len(task.classes), np.random.default_rng([lesson.seed, 0]))

    def order(epoch: int) -> Indices:
        return np.random.default_rng([lesson.seed, epoch]).permutation(images)

    with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is told once, by its loss
        history, kept = fit(layers, task, run, order, f"lessons.mlp.runs.{name}", report)
    about = {"run": name, "hidden": lesson.hidden, "seed": lesson.seed, **run.model_dump(exclude={"early_stopping"})}
    return {**about, "last_epoch": len(history), "kept_epoch": kept, "scores": scores(layers, task), "history": history}
