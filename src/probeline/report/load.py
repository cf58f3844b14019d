"""All that the entries of params.yaml have left below data/results, read and measured; what others left, removed."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from probeline.pipeline.errors import UserError, short
from probeline.pipeline.groups import GROUPS, RUNS, again
from probeline.pipeline.progress import say
from probeline.report.fits import Fit, Measure, further, measure
from probeline.results import lessons, maps, outputs, probes, runs, sweeps, tasks
from probeline.results.record import read_json

_OnTask = runs.Run | probes.Probes
PUBLISHED = tuple(group.section for group in GROUPS.values() if group.result)  # their stages leave results


@dataclass(frozen=True)
class Run:
    """A run, measured.

    Attributes:
        section: Of params.yaml: train, transfer or finetune.
        folder: What its stage left.
        fits: One per seed of the record.
    """

    section: str
    folder: Path
    record: runs.Run
    fits: list[Fit]

    @property
    def predicts(self) -> bool:
        """Whether it predicts classes, also where all seeds diverged."""
        return any(fit.confusion is not None for fit in self.fits) or any(
            point.train_accuracy is not None for seed in self.record.seeds for point in seed.history
        )


@dataclass(frozen=True)
class Encoder:
    """The probes of an encoder, measured.

    Attributes:
        fits: By name of the probe, for each resample of its task.
    """

    record: probes.Probes
    fits: list[dict[str, Fit]]

    def of(self, probe: str) -> list[Fit]:
        """The fits of one probe, one per resample; empty where the encoder has no such probe."""
        return [here[probe] for here in self.fits if probe in here]


@dataclass(frozen=True)
class Results:
    """Everything that params.yaml names, each by name in its order.

    Attributes:
        metrics: Names of the metrics that are measured beside accuracy.
    """

    metrics: list[str]
    tasks: dict[str, tasks.Labels]
    runs: dict[str, Run]
    probes: dict[str, Encoder]
    maps: dict[str, maps.Map]
    sweeps: dict[str, sweeps.Sweep]
    lessons: dict[str, lessons.Lesson]


def load(entries: Path, folder: Path) -> Results:
    """Read and measure all results.

    Args:
        entries: What check left: the names of the entries by section of params.yaml, and those of `metrics`.
        folder: data/results.

    Raises:
        UserError: Something is missing or damaged; the line says which stage to run.
    """
    names = _names(entries)
    metrics = further(names["metrics"])
    at = {section: folder / GROUPS[section].stage for section in PUBLISHED}
    labels = {name: tasks.load(at["tasks"] / name) for name in names["tasks"]}
    return Results(
        list(metrics),
        labels,
        {name: _run(section, at[section] / name, labels, metrics) for section in RUNS for name in names[section]},
        {name: _encoder(at["probes"] / name, labels, metrics) for name in names["probes"]},
        {name: maps.load(at["maps"] / name) for name in names["maps"]},
        {name: _sweep(at["sweeps"] / name, labels) for name in names["sweeps"]},
        {name: _lesson(at["lessons"] / name, labels) for name in names["lessons"]},
    )


def _names(entries: Path) -> dict[str, list[str]]:
    remedy = "run: dvc repro --force check"
    names = read_json(entries, remedy)
    whole = isinstance(names, dict) and {"metrics", *PUBLISHED} <= names.keys()
    if not whole or not all(isinstance(found, list) and all(map(_is_name, found)) for found in names.values()):
        raise UserError(f"{entries}: is missing or damaged; {remedy}")
    return dict(names)


def _is_name(name: object) -> bool:
    return isinstance(name, str)


def _task(name: str, labels: Mapping[str, tasks.Labels], path: Path, record: _OnTask | None = None) -> tasks.Labels:
    """The task of a result.

    Args:
        path: Of the result.
        record: The result, where it says which images and classes it is of.

    Raises:
        UserError: params.yaml no longer names it, or it is another one by now.
    """
    if name not in labels:
        raise UserError(f"{path}: is of the task {short(name)}, which params.yaml does not name; {again(path)}")
    found = labels[name]
    if record is not None and (tuple(record.classes), record.images) != (found.classes, found.counts):
        raise UserError(f"{path}: is of other images or classes than the task {name} has by now; {again(path)}")
    return found


def _run(section: str, folder: Path, labels: Mapping[str, tasks.Labels], metrics: Mapping[str, Measure]) -> Run:
    record = runs.Run.load(folder / runs.FILE)
    task = _task(record.task, labels, folder / runs.FILE, record)
    fits = [
        measure(
            _outputs(runs.outputs(folder, seed.seed), task, seed.resample) if seed.diverged_at is None else None,
            seed.losses,
            task,
            seed.resample,
            metrics,
        )
        for seed in record.seeds
    ]
    return Run(section, folder, record, fits)


def _outputs(path: Path, task: tasks.Labels, resample: int) -> outputs.Outputs:
    found = outputs.load(path)
    outputs.insist(found, task, resample, path)
    return found


def _encoder(folder: Path, labels: Mapping[str, tasks.Labels], metrics: Mapping[str, Measure]) -> Encoder:
    record = probes.Probes.load(folder / probes.FILE)
    task = _task(record.encoder.task, labels, folder / probes.FILE, record)
    fits = [
        {
            name: measure(
                _outputs(probes.outputs(folder, resample, name), task, resample), probe.losses, task, resample, metrics
            )
            for name, probe in found.items()
        }
        for resample, found in enumerate(record.resamples)
    ]
    return Encoder(record, fits)


def _sweep(folder: Path, labels: Mapping[str, tasks.Labels]) -> sweeps.Sweep:
    record = sweeps.Sweep.load(folder / sweeps.FILE)
    _task(record.task, labels, folder / sweeps.FILE)
    return record


def _lesson(folder: Path, labels: Mapping[str, tasks.Labels]) -> lessons.Lesson:
    found = lessons.load(folder)
    task = _task(found.facts.mlp_task, labels, folder / lessons.FILE)
    for name, one in found.outputs.items():
        outputs.insist(one, task, 0, lessons.outputs_of(folder, name))
    return found


def drop_strays(entries: Path, folder: Path) -> None:
    """Remove the results of entries that params.yaml no longer names: they would else be part of what DVC hashes.

    DVC's cache still has them: naming the entry again brings them back. What no stage has left is not touched.

    Raises:
        UserError: What check left is missing or damaged.
    """
    names = _names(entries)
    for section in PUBLISHED:
        group = GROUPS[section]
        for record in sorted((folder / group.stage).glob(f"*/{group.result}")):
            if record.parent.name not in names[section]:
                shutil.rmtree(record.parent, ignore_errors=True)
                what = f"since params.yaml names no such entry of {section} (DVC's cache still has it)"
                say(f"{record.parent}: removed, {what}")
