"""Every seed of a run in turn, each from its checkpoint, to its scores and outputs."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from probeline.compute import data, device
from probeline.compute.data import Data, DeviceData
from probeline.compute.explained import explained
from probeline.pipeline import checkpoint, parent
from probeline.pipeline.errors import ParamError
from probeline.pipeline.progress import bar, say
from probeline.results.outputs import Outputs
from probeline.results.record import SPLITS
from probeline.results.runs import Begun
from probeline.tasks.task import Task
from probeline.training.engine import Fit, fit
from probeline.training.evaluation import Score, measure
from probeline.training.frozen import Frozen
from probeline.training.job import Job
from probeline.training.spec import Recipe


@dataclass
class Log:
    """What is told of a run, and what it cost here: for the terminal and the log, never for a result.

    Attributes:
        label: What to call it.
        images: Trained on, in all steps.
        seconds: Of training, evaluations included.
    """

    label: str
    images: int = 0
    seconds: float = 0.0

    def facts(self, where: torch.device) -> dict[str, Any]:
        """Device, training images per second, peak memory in MiB."""
        speed = round(self.images / self.seconds) if self.images else None
        return {**device.describe(where), "images_per_second": speed, "peak_mib": round(device.peak_memory(where))}


@dataclass(frozen=True)
class SeedResult:
    """One training of a run.

    Attributes:
        scores: By split, with the kept weights; empty where the training diverged.
        outputs: Of the same splits; None where it diverged.
        begun: What the network began with; None for fresh weights.
    """

    seed: int
    resample: int
    fit: Fit
    scores: dict[str, Score] = field(default_factory=dict)
    outputs: Outputs | None = None
    begun: Begun | None = None


def place(model: nn.Module, shared: DeviceData) -> None:
    """Move a network to where its data are, in their layout."""
    model.to(shared.images.device).to(memory_format=shared.layout)


def train(
    job: Job, task: Task, shared: DeviceData, checkpoints: Path, log: Log, splits: Sequence[str] = SPLITS
) -> list[SeedResult]:
    """Train a run, one seed after the other.

    Args:
        shared: The task, on the device that trains.
        checkpoints: Folder of this run's checkpoints.
        splits: That are scored in the end.

    Raises:
        ParamError: The run does not fit the task, or it diverged and may not.
    """
    results: list[SeedResult] = []
    frozen = Frozen()
    for position, seed in enumerate(job.seeds):
        parent.insist()
        which = f" ({position + 1} of {len(job.seeds)})" if len(job.seeds) > 1 else ""
        label = f"{log.label} seed {seed}{which}"
        resample = seed % len(task.train)
        torch.manual_seed(seed)
        try:
            model = job.build(task)
            begun = job.start.begin(model, seed)
            place(model, shared)
            drawn = data.of_resample(shared, task, resample)
            training, read = frozen.shorten(model, drawn, job.recipe.precision, label)
        except RuntimeError as error:
            raise explained(error) from error
        if begun is not None and not results:
            say(sentence(begun))
        saved = checkpoint.Checkpoint(checkpoints / f"seed-{seed}.pt")
        done = _follow(training, read, job.recipe, _Turn(seed, label, saved), log)
        training.load_state_dict(done.weights)
        scores: dict[str, Score] = {}
        outputs = None
        if done.diverged_at is None:
            scores, outputs = measure(training, read, job.recipe, splits)
        elif not job.recipe.may_diverge:
            raise ParamError(
                "",
                f"diverged: the loss of seed {seed} is not finite at step {done.diverged_at}",
                "lower optimizer.lr, set clip_norm, or set may_diverge: true if that is the result",
            )
        say(f"{label}: {_outcome(done, scores)}")
        kept = replace(done, weights=model.state_dict())
        results.append(SeedResult(seed, resample, kept, scores, outputs, begun))
        del training, read  # before the next seed's activations are computed
    return results


def sentence(begun: Begun) -> str:
    """What a network began with, in words."""
    new = f", {', '.join(begun.new)} new ({begun.new_parameters:,})" if begun.new else ""
    return (
        f"from {begun.source}: {', '.join(begun.load)} loaded ({begun.loaded_parameters:,} parameters){new}; "
        f"{begun.trained_parameters:,} parameters train"
    )


@dataclass(frozen=True)
class _Turn:
    """One seed of a run: its number, what to call it, and its checkpoint."""

    seed: int
    label: str
    saved: checkpoint.Checkpoint


def _follow(model: nn.Module, read: Data, recipe: Recipe, turn: _Turn, log: Log) -> Fit:
    """Fit with a progress bar."""
    started = time.perf_counter()
    first: int | None = None
    with bar(turn.label, unit="step", dynamic_ncols=True) as progress:

        def report(step: int, steps: int, score: Score | None) -> None:
            nonlocal first
            if first is None:
                first = step - 1
                progress.reset(steps)
                progress.update(first)
                if first:
                    progress.write(f"{turn.label}: goes on from step {first} of {steps}")
            progress.update()
            if score is not None:
                accuracy = "" if score.accuracy is None else f", accuracy {score.accuracy:.4f}"
                progress.set_postfix_str(f"validation loss {score.loss:.4f}{accuracy}", refresh=False)

        try:
            done = fit(model, read, recipe, turn.seed, turn.saved, report)
        except (ValueError, RuntimeError) as error:
            raise explained(error) from error
    if first is not None:
        images = len(read.splits["train"])
        log.images += round((done.last_step - first) * images / math.ceil(images / recipe.batch_size))
        log.seconds += time.perf_counter() - started
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
