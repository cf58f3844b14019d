"""What in params.yaml does not fit together, as far as that shows without data: one line for each mistake."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from probeline.models import _contract
from probeline.pipeline.errors import FILE, ParamError, at, listed
from probeline.pipeline.groups import MODELS, RUNS
from probeline.sweeps.spec import told

Groups = Mapping[str, Mapping[str, Any]]


def runs(groups: Groups) -> dict[str, Any]:
    """Every run by its key: the entries of train, transfer and finetune, and the base runs of sweeps."""
    found = {f"{section}.{name}": run for section in RUNS for name, run in groups[section].items()}
    return found | {f"sweeps.{name}.run": sweep.run for name, sweep in groups["sweeps"].items()}


def tasks(groups: Groups) -> Iterator[str]:
    """Where a run or a probe does not fit its task."""
    for where, run in runs(groups).items():
        if task := groups["tasks"].get(run.task):
            yield from (f"{where}: {line}" for line in _misfits(run.objective, run.seeds, run.task, task))
    for name, entry in groups["probes"].items():
        embedded = groups["encoders"].get(name)
        task = groups["tasks"].get(embedded.task) if embedded else None
        for probe, spec in entry.probes.items():
            if task is not None and embedded is not None and hasattr(spec, "objective"):
                yield from (
                    f"probes.{name}.{probe}: {line}" for line in _misfits(spec.objective, [], embedded.task, task)
                )


def _misfits(objective: Any, seeds: list[int], name: str, task: Any) -> Iterator[str]:
    if task.classes != "all":
        try:
            objective.outputs(len(task.classes))
        except ValueError as error:
            yield str(error)
    if task.resamples > 1 and len({seed % task.resamples for seed in seeds}) < len(seeds):
        yield (
            f"seeds: {len(seeds)} seeds share {task.resamples} resamples, so that the spread would be too small; "
            f"raise tasks.{name}.resamples"
        )


def seeds(groups: Groups) -> Iterator[str]:
    """Weights that the source does not have. A backbone has seed 0."""
    models = {name: entry for section in MODELS for name, entry in groups[section].items()}
    for name, run in groups["transfer"].items():
        for seed in run.seeds:
            if run.source in models and seed not in (has := getattr(models[run.source], "seeds", [0])):
                yield (
                    f"transfer.{name}.seeds: {seed} is no seed of {run.source}, whose weights it starts from; "
                    f"{run.source} has {listed(has)}"
                )
    for name, encoder in groups["encoders"].items():
        if encoder.weights == "initial" and (
            encoder.source in groups["transfer"] or encoder.source in groups["finetune"]
        ):
            yield (
                f"encoders.{name}.weights: {encoder.source} began with the weights of its own source; "
                "name that one, with weights: trained"
            )
        if encoder.source in models and encoder.seed not in (has := getattr(models[encoder.source], "seeds", [0])):
            yield (f"encoders.{name}.seed: {encoder.seed} is no seed of {encoder.source}; it has {listed(has)}")


def baselines(groups: Groups, named: Mapping[str, list[str]]) -> Iterator[str]:
    """What the probes of a task are judged against: raw pixels, and an encoder that was not trained."""
    encoders, backbones = groups["encoders"], groups["backbones"]
    if any(len(groups[section]) < len(named[section]) for section in ("encoders", "backbones", "probes")):
        return  # what is missing may be what is mistaken
    known, sources = named["tasks"], [name for section in MODELS for name in named[section]]
    probed = {name: encoders[name] for name in groups["probes"] if name in encoders}
    if any(entry.task not in known or entry.source not in sources for entry in probed.values()):
        return  # what is missing may be what is misspelt
    for task in dict.fromkeys(entry.task for entry in probed.values()):
        here = [entry for entry in probed.values() if entry.task == task]
        raw = [getattr(backbones.get(entry.source), "kind", None) == "pixels" for entry in here]
        untrained = [entry.weights == "initial" and not pixels for entry, pixels in zip(here, raw, strict=True)]
        for there, what in (
            (any(raw), "raw pixels (a source of kind pixels)"),
            (any(untrained), "an untrained encoder (weights: initial)"),
        ):
            if not there:
                yield (
                    f"probes: of the encoders of the task {task} none is {what}, against which the others are "
                    "judged; add it to encoders and to probes"
                )


def continued(groups: Groups) -> Iterator[str]:
    """Whether a fine-tuning goes on where its encoder is."""
    for name, run in groups["finetune"].items():
        start, probe = groups["encoders"].get(run.encoder), groups["probes"].get(run.encoder)
        if start is None or probe is None:
            continue
        for key in ("source", "task"):
            if getattr(run, key) != getattr(start, key):
                yield (
                    f"finetune.{name}.{key}: is {getattr(run, key)}, and that of encoders.{run.encoder} is "
                    f"{getattr(start, key)}; they must be the same"
                )
        if start.weights != "trained":
            yield f"finetune.{name}.encoder: {run.encoder} has initial weights; fine-tune one with weights: trained"
        if run.head not in probe.probes:
            yield f"finetune.{name}.head: probes.{run.encoder} has no {run.head}; add it, or name another probe"


def networks(groups: Groups) -> Iterator[str]:
    """Networks that cannot be built for their task, and transfers whose layers do not fit those of their source.

    Only where the size of the images and the number of classes show without the data, and where the source is a run.
    """
    built: dict[str, nn.Module] = {}
    for where, run in _networks(groups):
        try:
            network = _network(run, groups)
        except ValueError as error:
            yield f"{where}: {error}"
            continue
        if network is not None and not any(True for _ in network.parameters()):
            yield f"{where}.model: {run.model.name} has no layer to train; name another model"
        elif network is not None:
            built[where.partition(".")[2]] = network
    for name, run in groups["transfer"].items():
        if name in built and run.source in built:
            try:
                with at(f"transfer.{name}"):
                    run.layers().fit(built[name], built[run.source].state_dict())
            except ParamError as error:
                yield str(error).removeprefix(f"{FILE}: ")


def _networks(groups: Groups) -> Iterator[tuple[str, Any]]:
    """The runs of train and transfer and all points of sweeps, by key."""
    for section in ("train", "transfer"):
        yield from ((f"{section}.{name}", run) for name, run in groups[section].items())
    for name, sweep in groups["sweeps"].items():
        yield f"sweeps.{name}.run", sweep.run
        for point in sweep.all_points():
            if point.run.model != sweep.run.model:
                yield f"sweeps.{name}: the point {told(point.values)}", point.run


def _network(run: Any, groups: Groups) -> nn.Module | None:
    """A run's network on PyTorch's meta device; None where the data must be seen first."""
    task = groups["tasks"].get(run.task)
    data = groups["datasets"].get(task.dataset) if task else None
    if task is None or data is None:
        return None
    shape, classes = getattr(data, "SHAPE", None), getattr(data, "CLASSES", None)
    channels = shape[0] if shape else getattr(data, "CHANNELS", None)
    if task.pixels is not None and channels is not None:
        shape = (channels, task.pixels, task.pixels)
    if task.classes != "all":
        classes = len(task.classes)
    if shape is None or classes is None:
        return None
    with torch.device("meta"):
        return _contract.build(run.model, shape, run.objective.outputs(classes))
