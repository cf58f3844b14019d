"""D8 to D10: a network with one hidden layer, trained by minibatch SGD, forward and backward by hand."""

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from probeline.lessons.layers import Array, Layer, Linear, ReLU, cross_entropies, l2, softmax_cross_entropy
from probeline.lessons.spec import Mlp, MlpRun
from probeline.pipeline.errors import ParamError, at
from probeline.results.lessons import Run
from probeline.results.outputs import Outputs
from probeline.results.record import Evaluation
from probeline.tasks.task import Task
from probeline.training.stopping import Stopper

Indices = NDArray[np.int64]


def build(inputs: int, hidden: int, outputs: int, rng: np.random.Generator) -> list[Layer]:
    """Linear, ReLU, Linear in float32; weights and biases from U[-1, 1] / sqrt(inputs of the layer), as PyTorch."""

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
        if layer is not layers[0]:  # the gradient of the images is not needed
            dy = layer.backward(dy)
    return found


def pixels(task: Task, chosen: Indices) -> Array:
    """Images as rows of float32 from 0 to 1."""
    return task.images[chosen].reshape(len(chosen), -1) * np.float32(1 / 255)


def score(layers: list[Layer], task: Task, chosen: Indices) -> tuple[float, Array]:
    """Mean cross-entropy over some images, and their logits, float32 (n, classes)."""
    total, found = 0.0, []
    for part in np.array_split(chosen, math.ceil(len(chosen) / 1024)):
        logits = forward(layers, pixels(task, part))
        total += softmax_cross_entropy(logits, task.labels[part])[0] * len(part)
        found.append(logits)
    return total / len(chosen), np.concatenate(found)


def step(layers: list[Layer], x: Array, labels: Indices, run: MlpRun, images: int) -> float:
    """One step of gradient descent on a minibatch: w becomes w - lr dL/dw. Returns L, without the penalty."""
    loss, d_logits = softmax_cross_entropy(forward(layers, x), labels)
    parameters = [parameter for layer in layers for parameter in layer.parameters]
    for parameter, gradient in zip(parameters, gradients(layers, d_logits), strict=True):
        if parameter.ndim > 1:  # biases have no penalty
            gradient += l2(parameter, run.l2.lambda_, run.l2.form, images)[1]  # noqa: PLW2901 (in place)
        parameter -= run.lr * gradient  # noqa: PLW2901
    return loss


def fit(
    layers: list[Layer],
    task: Task,
    run: MlpRun,
    order: Callable[[int], Indices],
    report: Callable[[], object] = lambda: None,
) -> tuple[list[Evaluation], int]:
    """Train in place; the layers end with the weights of the lowest validation loss.

    Args:
        order: Of the training images in an epoch, counted from 1: a permutation of their positions.
        report: Called after every epoch.

    Returns:
        One row per epoch, whose train_loss is the mean over its minibatches, each before its step; and the epoch of the
        weights that were kept.

    Raises:
        ParamError: A loss is not finite.
    """
    train, validation = task.train[0], task.validation[0]
    stopper = Stopper(run.early_stopping)
    parameters = [parameter for layer in layers for parameter in layer.parameters]
    steps = math.ceil(len(train) / run.batch_size)
    history: list[Evaluation] = []
    best, best_epoch = parameters, 0
    for epoch in range(1, run.epochs + 1):
        total = 0.0
        shuffled = train[order(epoch)]
        for start in range(0, len(train), run.batch_size):
            chosen = shuffled[start : start + run.batch_size]
            total += step(layers, pixels(task, chosen), task.labels[chosen], run, len(train)) * len(chosen)
        loss, logits = score(layers, task, validation)
        if not math.isfinite(total + loss):
            raise ParamError("", f"diverged: a loss of epoch {epoch} is not finite", "lower lr")
        history.append(
            Evaluation(
                step=epoch * steps,
                epoch=epoch,
                train_loss=total / len(train),
                validation_loss=loss,
                validation_accuracy=float((logits.argmax(axis=1) == task.labels[validation]).mean()),
            )
        )
        if stopper.update(loss):
            best, best_epoch = [parameter.copy() for parameter in parameters], epoch
        report()
        if stopper.stop(epoch):
            break
    for parameter, kept in zip(parameters, best, strict=True):
        parameter[...] = kept
    return history, best_epoch


def train(task: Task, lesson: Mlp, name: str, report: Callable[[], object] = lambda: None) -> tuple[Run, Outputs]:
    """One run of D8 to D10: its settings, history and losses, and its outputs.

    Raises:
        ParamError: It diverged.
    """
    run = lesson.runs[name]
    inputs, images = math.prod(task.images.shape[1:]), task.train.shape[1]
    layers = build(inputs, lesson.hidden, len(task.classes), np.random.default_rng([lesson.seed, 0]))

    def order(epoch: int) -> Indices:
        return np.random.default_rng([lesson.seed, epoch]).permutation(images)

    # A run that diverges is reported once, by its loss.
    with np.errstate(over="ignore", invalid="ignore"), at(f"mlp.runs.{name}"):
        history, kept = fit(layers, task, run, order, report)
    splits = {"train": task.train[0], "validation": task.validation[0], "test": task.test}
    scored = {split: score(layers, task, chosen) for split, chosen in splits.items()}
    logits = {split: found for split, (_, found) in scored.items()}
    record = Run(
        run=name,
        hidden=lesson.hidden,
        seed=lesson.seed,
        lr=run.lr,
        batch_size=run.batch_size,
        l2=run.l2.lambda_,
        l2_form=run.l2.form,
        last_epoch=len(history),
        kept_epoch=kept,
        images={split: len(chosen) for split, chosen in splits.items()},
        losses={split: loss for split, (loss, _) in scored.items()},
        history=history,
    )
    return record, Outputs(
        "logits",
        predicted={split: found.argmax(axis=1) for split, found in logits.items()},
        scores={split: logits[split].astype(np.float32) for split in ("validation", "test")},
        losses={"train": cross_entropies(logits["train"], task.labels[splits["train"]]).astype(np.float32)},
    )
