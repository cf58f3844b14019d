"""A whole run: every seed in turn, each from its checkpoint, to its scores."""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from probeline.pipeline import parent
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say
from probeline.task import Task
from probeline.training import checkpoint, data, device
from probeline.training.data import Data, DeviceData, Resize, shape_of
from probeline.training.engine import Fit, fit
from probeline.training.evaluation import Score, evaluate
from probeline.training.frozen import Frozen
from probeline.training.record import SeedResult, confusion_matrix
from probeline.training.spec import Run

SPLITS = ("train", "validation", "test")


@dataclass
class Effort:
    """What a run cost here: for the log, never for a result."""

    images: int = 0
    seconds: float = 0.0

    def facts(self, where: torch.device) -> dict[str, Any]:
        """Device, training images a second (evaluations included in the time), peak memory in MiB."""
        speed = round(self.images / self.seconds) if self.images else None
        return {**device.describe(where), "images_per_second": speed, "peak_mib": round(device.peak_memory(where))}


def build(run: Run, task: Task, where: str, resize: Resize | None = None) -> nn.Module:
    """The network of a run for a task, with initial weights from PyTorch's global random state.

    Raises:
        UserError: The objective or the model does not fit the task.
    """
    try:
        model: nn.Module = run.model.build(shape_of(task, resize), run.objective.outputs(len(task.classes)))
    except ValueError as error:
        raise UserError(f"params.yaml: {where}: {error}") from None
    if not any(True for _ in model.parameters()):
        raise UserError(f"params.yaml: {where}.model: {run.model.name} has no layer to train; name another model")
    return model


def place(model: nn.Module, shared: DeviceData) -> None:
    """Move a network to where its data are, in their layout."""
    model.to(shared.images.device).to(memory_format=shared.layout)


def train(
    where: str,
    run: Run,
    task: Task,
    shared: DeviceData,
    checkpoints: Path,
    effort: Effort,
    start: Callable[[nn.Module, int], None] | None = None,
    splits: Sequence[str] = SPLITS,
    label: str = "",
) -> list[SeedResult]:
    """Train a run, one seed after the other.

    Args:
        where: Key in params.yaml: train.<name> or transfer.<name>.
        shared: The task, on the device that trains.
        checkpoints: Folder of this run's checkpoints.
        start: Changes the initial weights of the network of a seed, and what trains.
        splits: That are scored in the end.
        label: What to call it for the one who watches, in place of `where`.

    Raises:
        UserError: The run does not fit the task, or it diverged and may not.
    """
    results = []
    frozen = Frozen()
    for position, seed in enumerate(run.seeds):
        parent.insist()
        draw = seed % len(task.train)
        drawn = data.of_draw(shared, task, draw)
        torch.manual_seed(seed)
        try:
            model = build(run, task, where, shared.resize)
            if start is not None:
                start(model, seed)
            place(model, shared)
            turn = f" ({position + 1} of {len(run.seeds)})" if len(run.seeds) > 1 else ""
            told = f"{label or where.replace('.', '@')} seed {seed}{turn}"
            training, seen = frozen.shorten(model, drawn, run, told)
        except RuntimeError as error:
            raise explained(error, where) from error
        saved = checkpoint.Checkpoint(checkpoints / f"seed-{seed}.pt")
        done = _follow(where, told, training, seen, run, seed, saved, effort)
        if done.diverged_at is not None and not run.may_diverge:
            raise UserError(
                f"params.yaml: {where}: diverged: the loss of seed {seed} is not finite at step "
                f"{done.diverged_at}; lower optimizer.lr, set clip_norm, or set may_diverge: true if that is the result"
            )
        scores: dict[str, Score] = {}
        confusion = np.zeros((len(task.classes),) * 2, dtype=np.int64) if hasattr(run.objective, "predict") else None
        training.load_state_dict(done.weights)
        if done.diverged_at is None:
            scores = {split: evaluate(training, seen, split, run) for split in splits}
            if "test" in scores and (predicted := scores["test"].predicted) is not None:
                confusion = confusion_matrix(task.labels[task.test], predicted.numpy(), len(task.classes))
        say(f"{told}: {_outcome(done, scores)}")
        results.append(SeedResult(seed, draw, replace(done, weights=model.state_dict()), scores, confusion))
        del training, seen  # before the next seed's activations are computed
    return results


def explained(error: ValueError | RuntimeError, where: str) -> Exception:
    """What PyTorch says of a user's mistake, in one line that names the key; anything else as it is."""
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return UserError(
            f"params.yaml: {where}: this machine's memory is too small; lower batch_size or the model's widths"
        )
    if "more than 1 value per channel" in str(error):
        return UserError(
            f"params.yaml: {where}.batch_size: the last minibatch of an epoch has one image, and batch norm needs two; "
            "change the batch size"
        )
    if "does not have a deterministic implementation" in str(error):
        operation = str(error).partition(" ")[0]
        return UserError(
            f"params.yaml: {where}: a GPU cannot train this network to the same bytes each time ({operation}); "
            "set PROBELINE_DEVICE=cpu, or let trainable be only what comes after that layer"
        )
    if any(kind.__module__ == "torch._dynamo.exc" for kind in type(error).__mro__):
        reason = next((line for line in str(error).splitlines() if "ompiler" in line and "backend=" not in line), "")
        return UserError(
            f"params.yaml: {where}.compile: torch.compile cannot work here ({reason.strip()}); "
            "install a C++ compiler, or leave compile out"
        )
    return error


def _follow(
    where: str,
    label: str,
    model: nn.Module,
    drawn: Data,
    run: Run,
    seed: int,
    saved: checkpoint.Checkpoint,
    effort: Effort,
) -> Fit:
    """Fit with a progress bar."""
    started = time.perf_counter()
    first: int | None = None
    with tqdm(desc=label, unit="step", disable=None, dynamic_ncols=True, leave=False, file=sys.stderr) as bar:

        def report(step: int, steps: int, score: Score | None) -> None:
            nonlocal first
            if first is None:
                first = step - 1
                bar.reset(steps)
                bar.update(first)
                if first:
                    bar.write(f"{label}: goes on from step {first} of {steps}")
            bar.update()
            if score is not None:
                accuracy = "" if score.accuracy is None else f", accuracy {score.accuracy:.4f}"
                bar.set_postfix_str(f"validation loss {score.loss:.4f}{accuracy}", refresh=False)

        try:
            done = fit(model, drawn, run, seed, saved, report)
        except (ValueError, RuntimeError) as error:
            raise explained(error, where) from error
    if first is not None:
        images = len(drawn.splits["train"])
        effort.images += round((done.last_step - first) * images / math.ceil(images / run.batch_size))
        effort.seconds += time.perf_counter() - started
    return done


def _outcome(done: Fit, scores: dict[str, Score]) -> str:
    if done.diverged_at is not None:
        return f"diverged at step {done.diverged_at}"
    stopped = f"stopped early after {done.last_step}" if done.stopped_early else f"{done.last_step} steps"
    what = "loss" if scores["validation"].accuracy is None else "accuracy"
    values = ", ".join(f"{split} {getattr(score, what):.4f}" for split, score in scores.items())
    alone = ""
    if done.left_out:
        alone = f"; over all steps, {done.left_out:,} images were left out, the only ones of their class in a batch"
    return f"{stopped}, kept step {done.step}, {what} {values}{alone}"
