"""A run, from its entry in params.yaml to its files: what the stages train and transfer do."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from probeline import seen
from probeline import task as tasks
from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.seen import Seen
from probeline.task import Task
from probeline.training import checkpoint, data, device
from probeline.training.record import blueprint, examples, layer_table, record, save_weights
from probeline.training.seeds import Effort, build, train
from probeline.training.spec import Run

LIBRARY = "pytorch-metric-learning"  # some objectives are its


class Start(Protocol):
    """How the network of each seed begins, where that is not with fresh weights.

    Attributes:
        folders: Of the weights that it reads.
        resize: What its network does to images first, if anything.
        facts: What was done, for the metrics.
        entry: What its entry in params.yaml says beside the run.
    """

    folders: tuple[Path, ...]
    resize: data.Resize | None
    facts: Mapping[str, Any]
    entry: Mapping[str, Any]

    def __call__(self, model: nn.Module, seed: int) -> None:
        """Change a new network."""

    def seen(self, seed: int) -> Seen:
        """The images that the weights of a seed were trained on."""

    def freeze(self, model: nn.Module) -> None:
        """Mark what does not train, in a network that is only looked at."""


def carry_out(group: str, name: str, run: Run, start: Start | None = None) -> dict[str, Any]:
    """Train a run and write its models and results.

    Args:
        group: Section of params.yaml: train or transfer.
        start: How its networks begin.

    Returns:
        What the log should know.

    Raises:
        UserError: The run does not fit its task or its source, or it diverged and may not.
    """
    where = f"{group}.{name}"
    folder = Path("data/tasks") / run.task
    task, machine, effort = tasks.load(folder), device.choose(), Effort()
    on_device = data.to_device(task, run, where, machine, start.resize if start else None)
    with torch.device("meta"):
        model = build(run, task, where, on_device.resize)
    if start is not None:
        start.freeze(model)
    pictures = _pictures(data.of_draw(on_device, task, 0), where)
    layers = layer_table(model, data.shape_of(task, on_device.resize))
    if start is not None:
        _insist_on_unseen(task, run, start, where)
    # A checkpoint is of one seed, whatever the others are.
    facts = {
        "start": start.entry if start else None,
        "run": run.model_dump(exclude={"seeds"}),
        **device.describe(machine),
        "metric_learning": version(LIBRARY),
    }
    mark = checkpoint.fingerprint([folder, *(start.folders if start else ())], facts)
    with checkpoint.store(name, mark) as checkpoints:
        results = train(where, run, task, on_device, checkpoints, effort, start)
        with files.new_folder(Path("data/models") / name) as kept:
            for result in results:
                save_weights(kept / f"seed-{result.seed}.pt", result.fit.weights)
                before = start.seen(result.seed) if start else {}
                seen.save(seen.in_training(task, result.draw, before), kept, result.seed)
            files.write_json(kept / "model.json", blueprint(run, task, on_device.resize))
        with files.new_folder(Path("data/results") / group / name) as measured:
            parameters = sum(parameter.numel() for parameter in model.parameters())
            files.write_json(
                measured / "run.json", record(run, task, parameters, results, start.facts if start else {})
            )
            files.write(measured / "layers.txt", layers)
            if pictures is not None:
                files.write_array(measured / "augmented.npy", pictures)
    return effort.facts(machine)


def _insist_on_unseen(task: Task, run: Run, start: Start, where: str) -> None:
    for seed in run.seeds:
        if known := seen.overlap(task, start.seen(seed))["test"]:
            raise UserError(
                f"params.yaml: {where}: the weights that it starts from were trained on {known} of the test images of "
                f"{run.task}, which would score it too well; give it another task"
            )


def _pictures(drawn: data.DeviceData, where: str) -> NDArray[np.uint8] | None:
    """Images before and after augmentation: made first, so that one that cannot work says so before anything runs."""
    try:
        return examples(drawn)
    except ValueError as error:
        raise UserError(f"params.yaml: {where}.augment: {error}") from None
