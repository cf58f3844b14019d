"""A whole run: every seed in turn, each from its checkpoint, to its scores."""

import sys
import time
from dataclasses import dataclass
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
from probeline.training.data import DeviceData
from probeline.training.engine import Fit, fit
from probeline.training.evaluation import Score, evaluate
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


def build(run: Run, task: Task, name: str) -> nn.Module:
    """The network of a run for a task, with initial weights from PyTorch's global random state.

    Raises:
        UserError: The objective or the model does not fit the task.
    """
    _, height, width, channels = task.images.shape
    try:
        model: nn.Module = run.model.build((channels, height, width), run.objective.outputs(len(task.classes)))
    except ValueError as error:
        raise UserError(f"params.yaml: train.{name}: {error}") from None
    return model


def parameters(run: Run, task: Task, name: str) -> int:
    """How many numbers the network of a run learns."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(run, task, name).parameters())


def train(name: str, run: Run, task: Task, checkpoints: Path, effort: Effort, where: torch.device) -> list[SeedResult]:
    """Train a run, one seed after the other.

    Args:
        name: Key in params.yaml.
        checkpoints: Folder of this run's checkpoints.

    Raises:
        UserError: The run does not fit the task, or it diverged and may not.
    """
    shared = data.to_device(task, run.normalise, f"train.{name}", where)
    results = []
    for position, seed in enumerate(run.seeds):
        parent.insist()
        draw = seed % len(task.train)
        drawn = data.of_draw(shared, task, draw)
        torch.manual_seed(seed)
        model = build(run, task, name).to(where)
        saved = checkpoint.Checkpoint(checkpoints / f"seed-{seed}.pt")
        label = f"train@{name} seed {seed} ({position + 1} of {len(run.seeds)})"
        done = _follow(label, model, drawn, run, seed, saved, effort)
        if done.diverged_at is not None and not run.may_diverge:
            raise UserError(
                f"params.yaml: train.{name}: diverged: the loss of seed {seed} is not finite at step "
                f"{done.diverged_at}; lower optimizer.lr, set clip_norm, or set may_diverge: true if that is the result"
            )
        scores: dict[str, Score] = {}
        confusion = np.zeros((len(task.classes),) * 2, dtype=np.int64)
        if done.diverged_at is None:
            model.load_state_dict(done.weights)
            scores = {split: evaluate(model, drawn, split, run) for split in SPLITS}
            confusion = confusion_matrix(task.labels[task.test], scores["test"].predicted.numpy(), len(task.classes))
        say(f"{label}: {_outcome(done, scores)}")
        results.append(SeedResult(seed, draw, done, scores, confusion))
    return results


def _follow(
    label: str, model: nn.Module, drawn: DeviceData, run: Run, seed: int, saved: checkpoint.Checkpoint, effort: Effort
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
                bar.set_postfix_str(f"validation loss {score.loss:.4f}, accuracy {score.accuracy:.4f}", refresh=False)

        done = fit(model, drawn, run, seed, saved, report)
    if first is not None:
        effort.images += (done.last_step - first) * min(run.batch_size, len(drawn.splits["train"]))
        effort.seconds += time.perf_counter() - started
    return done


def _outcome(done: Fit, scores: dict[str, Score]) -> str:
    if done.diverged_at is not None:
        return f"diverged at step {done.diverged_at}"
    stopped = f"stopped early after {done.last_step}" if done.stopped_early else f"{done.last_step} steps"
    accuracies = ", ".join(f"{split} {scores[split].accuracy:.4f}" for split in SPLITS)
    return f"{stopped}, kept step {done.step}, accuracy {accuracies}"
