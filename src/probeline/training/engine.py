"""The engine: `fit` trains everything that has a gradient.

The images lie on the device as uint8; a batch is an index into them. Every random choice is a function of the seed and
the position (data order of an epoch), or of a generator whose state is in the checkpoint (augmentation, sampling,
dropout), so a run that was killed goes on to the same bits.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from probeline.compute.data import Data
from probeline.compute.forward import forward, operations
from probeline.pipeline.checkpoint import Checkpoint
from probeline.pipeline.errors import UserError
from probeline.results.record import Evaluation
from probeline.training.evaluation import Score, evaluate
from probeline.training.mode import train_mode
from probeline.training.penalty import L2
from probeline.training.spec import Recipe
from probeline.training.stopping import Stopper

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """Where a training stands, beside model, optimizer and random state.

    Attributes:
        step: Minibatches done.
        history: One row per evaluation: step, epoch, train_loss, train_accuracy (means over the minibatches since the
            last one, each before its update; nan and None at step 0), validation_loss, validation_accuracy.
            Accuracies are None where the objective predicts no classes.
        losses: Of the minibatches since the last evaluation, float32 (interval,).
        used, correct: Their images that the loss is the mean of, and that were classified rightly, int64 (interval,).
        outputs: Their sums of the network's outputs, float32 (interval,): some losses are finite where these are not.
        left_out: Images so far that a loss could not use: the only one of their class in their minibatch.
        best, best_step: The weights that the run keeps so far.
        diverged_at: First step whose loss was not finite.
    """

    losses: Tensor
    outputs: Tensor
    used: Tensor
    correct: Tensor
    step: int = 0
    left_out: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    best: Weights | None = None
    best_step: int | None = None
    diverged_at: int | None = None
    done: bool = False


@dataclass(frozen=True)
class Fit:
    """A finished training.

    Attributes:
        weights: The kept state_dict: the best by early stopping, else the last.
        step: Of the kept weights.
        last_step: The last step made.
        stopped_early: Before the length of the run.
        left_out: Images that a loss could not use, over all steps.
        diverged_at: First step whose loss was not finite, if any.
    """

    weights: Weights
    history: list[Evaluation]
    step: int
    last_step: int
    stopped_early: bool
    left_out: int
    diverged_at: int | None


def fit(
    model: nn.Module,
    data: Data,
    recipe: Recipe,
    seed: int,
    checkpoint: Checkpoint,
    report: Callable[[int, int, Score | None], None] = lambda *_: None,
) -> Fit:
    """Train a model, from its checkpoint where there is one.

    Args:
        model: On the device of the data, with its initial weights. Parameters that need no gradient stay as they are.
        report: Called after every step with (step, steps in all, the validation score if it was just measured).

    Raises:
        UserError: The `dvc` that started this stage is gone; the checkpoint is saved.
    """
    train = data.splits["train"]
    clock = _Clock(recipe, len(train))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = recipe.optimizer.of(parameters)
    stopper = Stopper(recipe.early_stopping, clock.unit) if recipe.early_stopping else None
    now = Progress(
        losses=torch.zeros(clock.interval, device=train.device),
        outputs=torch.zeros(clock.interval, device=train.device),
        used=torch.zeros(clock.interval, dtype=torch.int64, device=train.device),
        correct=torch.zeros(clock.interval, dtype=torch.int64, device=train.device),
    )
    # Apart from PyTorch's own random state, which initial weights and dropout draw from.
    generator = torch.Generator(train.device).manual_seed(_state([seed, 0, 1]))
    parts = _Parts(model, optimizer, stopper, now, generator)
    if saved := checkpoint.load():
        parts.restore(saved)
    predict = getattr(recipe.objective, "predict", None)
    # Each size of a minibatch compiled for itself, so that what is computed does not depend on which came first.
    network = torch.compile(model, dynamic=False) if recipe.compile else model
    epoch, order = -1, train
    train_mode(model, freeze_batch_norm=recipe.freeze_batch_norm)
    if recipe.evaluate_start and not now.history:
        _evaluate(parts, data, recipe, clock)

    while not now.done:
        if epoch != now.step // clock.steps_per_epoch:
            epoch = now.step // clock.steps_per_epoch
            order = train[epoch_order(seed, epoch, len(train)).to(train.device)]
        position = now.step % clock.steps_per_epoch * recipe.batch_size
        chosen = order[position : position + recipe.batch_size]
        labels = data.labels[chosen]
        outputs = forward(network, data.training_batch(chosen, generator), recipe.precision)
        loss, used = recipe.objective.loss(outputs, labels, generator)
        _descend(loss, parameters, optimizer, recipe, len(train))

        slot = now.step % clock.interval
        now.losses[slot] = loss.detach()
        now.outputs[slot] = outputs.detach().sum()
        now.used[slot] = used
        if predict is not None:
            now.correct[slot] = (predict(outputs.detach()) == labels).sum()
        now.step += 1
        score = None
        if now.step % clock.interval == 0 or now.step == clock.steps:
            score = _evaluate(parts, data, recipe, clock)
        report(now.step, clock.steps, score)
        if checkpoint.orphaned:
            checkpoint.save(parts.state())
            raise UserError(
                f"the dvc that started this run is gone; stopped after step {now.step} of {clock.steps}; "
                "the same command goes on from there"
            )
        if now.done or checkpoint.due:
            checkpoint.save(parts.state())

    kept = now.best if now.best is not None else _copy(model)
    return Fit(
        weights=kept,
        history=[Evaluation(**row) for row in now.history],
        step=now.best_step if now.best_step is not None else now.step,
        last_step=now.step,
        stopped_early=now.step < clock.steps and now.diverged_at is None,
        left_out=now.left_out,
        diverged_at=now.diverged_at,
    )


def _descend(
    loss: Tensor, parameters: list[nn.Parameter], optimizer: torch.optim.Optimizer, recipe: Recipe, images: int
) -> None:
    """Make one step against the gradient of a loss and of the run's penalty."""
    for parameter in parameters:
        parameter.grad = None
    with operations(recipe.precision, loss.device):
        torch.autograd.backward(loss)
    if recipe.l2 is not None:
        add_penalty_gradient(recipe.l2, parameters, images)
    if recipe.clip_norm is not None:
        nn.utils.clip_grad_norm_(parameters, recipe.clip_norm)
    optimizer.step()


class _Clock:
    """The length of a run and its evaluations, in steps."""

    def __init__(self, recipe: Recipe, images: int) -> None:
        self.batch_size, self.images = recipe.batch_size, images
        self.steps_per_epoch = math.ceil(images / recipe.batch_size)
        self.unit = self.steps_per_epoch if recipe.epochs else 1
        self.steps = (recipe.epochs or recipe.steps or 0) * self.unit
        self.interval = min(recipe.evaluate_every * self.unit, self.steps)

    def batch_sizes(self, steps: range) -> list[int]:
        """Images in each minibatch; the last of an epoch may be smaller."""
        last = self.images - (self.steps_per_epoch - 1) * self.batch_size
        return [last if step % self.steps_per_epoch == self.steps_per_epoch - 1 else self.batch_size for step in steps]


@dataclass
class _Parts:
    """All that a checkpoint holds."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    stopper: Stopper | None
    now: Progress
    generator: torch.Generator

    def state(self) -> dict[str, Any]:
        device = self.now.losses.device
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "stopper": self.stopper.state() if self.stopper else {},
            "progress": vars(self.now),
            "generator": self.generator.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, value in state["stopper"].items():
            setattr(self.stopper, name, value)
        device = self.now.losses.device
        for name, value in state["progress"].items():
            setattr(self.now, name, value.to(device) if isinstance(value, Tensor) else value)
        if self.now.best is not None:
            self.now.best = {name: value.to(device) for name, value in self.now.best.items()}
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None:
            torch.cuda.set_rng_state(state["random_cuda"], device)


def _evaluate(parts: _Parts, data: Data, recipe: Recipe, clock: _Clock) -> Score:
    """Close an interval: score the validation images, keep the best weights, decide whether to stop."""
    now, stopper = parts.now, parts.stopper
    first = max(now.step - 1, 0) // clock.interval * clock.interval
    sizes = clock.batch_sizes(range(first, now.step))
    losses = now.losses[: len(sizes)].cpu().double()
    finite = torch.isfinite(losses) & torch.isfinite(now.outputs[: len(sizes)].cpu())
    used = now.used[: len(sizes)].cpu().double()
    now.left_out += sum(sizes) - int(used.sum())
    score = evaluate(parts.model, data, "validation", recipe)
    train_mode(parts.model, freeze_batch_norm=recipe.freeze_batch_norm)
    now.history.append(
        {
            "step": now.step,
            "epoch": now.step / clock.steps_per_epoch,
            "train_loss": float((losses * used).sum() / used.sum()) if used.any() else math.nan,
            "train_accuracy": None
            if score.accuracy is None or not sizes
            else int(now.correct[: len(sizes)].sum()) / sum(sizes),
            "validation_loss": score.loss,
            "validation_accuracy": score.accuracy,
        }
    )
    if not finite.all() or not math.isfinite(score.loss):
        now.diverged_at = now.step if finite.all() else first + int(finite.logical_not().nonzero()[0]) + 1
        now.done = True
    elif stopper is not None:
        if stopper.update(getattr(score, stopper.spec.metric)):
            now.best, now.best_step = _copy(parts.model), now.step
        now.done = stopper.stop(now.step)
    now.done = now.done or now.step == clock.steps
    return score


def _copy(model: nn.Module) -> Weights:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def epoch_order(seed: int, epoch: int, images: int) -> Tensor:
    """The order of the training images in an epoch, int64 (images,): the same on every device."""
    return torch.randperm(images, generator=torch.Generator().manual_seed(_state([seed, epoch])))


def _state(entropy: list[int]) -> int:
    """A seed for a generator, from several numbers."""
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0]) & (2**63 - 1)


@torch.no_grad()
def add_penalty_gradient(l2: L2, parameters: Iterable[nn.Parameter], images: int) -> None:
    """Add the gradient of the L2 penalty to that of every weight; biases and other vectors have no penalty."""
    weights = [weight for weight in parameters if weight.ndim > 1 and weight.grad is not None]
    for weight in weights[-1:] if l2.layers == "last" else weights:
        assert weight.grad is not None
        weight.grad.add_(weight, alpha=l2.factor(images))
