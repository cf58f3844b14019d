"""What in params.yaml does not fit together, as far as that shows without data: one line for each mistake."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from probeline.encoders.spec import fitting
from probeline.entries.images import Groups, Images, of_task
from probeline.pipeline.errors import ParamError, listed
from probeline.pipeline.groups import MODELS, RUNS


def runs(groups: Groups) -> dict[str, Any]:
    """Every run by its key: the entries of train, transfer and finetune, and the base runs of sweeps."""
    found = {f"{section}.{name}": run for section in RUNS for name, run in groups[section].items()}
    return found | {f"sweeps.{name}.run": sweep.run for name, sweep in groups["sweeps"].items()}


def sizes(groups: Groups) -> Iterator[str]:
    """Tasks that leave images as they are, of a dataset whose images have sizes of their own."""
    for name, task in groups["tasks"].items():
        dataset = groups["datasets"].get(task.dataset)
        if task.pixels is None and not getattr(dataset, "ONE_SIZE", True):
            yield f"tasks.{name}.pixels: {task.dataset} has images of many sizes; give the side of a square, say 224"


def tasks(groups: Groups) -> Iterator[str]:
    """Where a run or a probe does not fit its task."""
    for where, run in runs(groups).items():
        task, images = groups["tasks"].get(run.task), of_task(run.task, groups)
        if images is not None:
            yield from (f"{where}: {line}" for line in _misfits(run.objective, images))
        resamples = task.resamples if task is not None else 1
        if resamples > 1 and len({seed % resamples for seed in run.seeds}) < len(run.seeds):
            yield (
                f"{where}: seeds: {len(run.seeds)} seeds share {resamples} resamples, so that the spread would be "
                f"too small; raise tasks.{run.task}.resamples"
            )
        if run.freeze_batch_norm and not where.startswith(("transfer.", "finetune.")):
            yield f"{where}.freeze_batch_norm: fresh weights have no statistics that were trained; leave it out"
    for name, entry in groups["probes"].items():
        embedded = groups["encoders"].get(name)
        images = of_task(embedded.task, groups) if embedded else None
        if images is None:
            continue
        train = images.counts["train"]
        for probe, spec in entry.probes.items():
            if hasattr(spec, "objective"):
                yield from (f"probes.{name}.{probe}: {line}" for line in _misfits(spec.objective, images))
            if hasattr(spec, "neighbors") and train is not None and (least := min(spec.neighbors)) > train:
                yield f"probes.{name}.{probe}.neighbors: {least} is more than the {train} training images; give fewer"


def _misfits(objective: Any, images: Images) -> Iterator[str]:
    if images.classes is not None:
        try:
            objective.outputs(images.classes)
        except ValueError as error:
            yield str(error)


@dataclass(frozen=True)
class _Reads:
    """What the network of a source reads, as its record will say."""

    shape: tuple[int, int, int] | None
    resize: int | None = None
    interpolation: str = "bilinear"


# Published weights are for color images and say themselves of which size; any stands for it here.
PUBLISHED = _Reads((3, 224, 224), 256)


def encoders(groups: Groups) -> Iterator[str]:
    """Encoders whose source does not read the images of their task, and maps of too few images."""
    runs = {**groups["train"], **groups["transfer"]}
    for name, spec in groups["encoders"].items():
        images, backbone = of_task(spec.task, groups), groups["backbones"].get(spec.source)
        pixels = getattr(backbone, "kind", None) == "pixels"
        if pixels and spec.weights == "initial":
            yield f"encoders.{name}.weights: {spec.source} has no weights, trained or not; leave weights out"
        trained = of_task(runs[spec.source].task, groups) if spec.source in runs else None
        reads = PUBLISHED if backbone is not None and not pixels else _Reads(trained.shape if trained else None)
        if images is not None and images.shape is not None:
            try:
                fitting(reads, spec, images.shape)
            except ParamError as error:
                yield f"encoders.{name}: {error.said}"
    for name, spec in groups["maps"].items():
        images = of_task(groups["encoders"][name].task, groups) if name in groups["encoders"] else None
        found = min(spec.images, (images.counts[spec.split] if images else None) or spec.images)
        if found < (needed := math.ceil(3 * spec.perplexity)):
            yield (
                f"maps.{name}.perplexity: {spec.perplexity:g} needs {needed} points, three times as many, and there "
                f"are {found} {spec.split} images; lower perplexity, or take more images or another split"
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
    if any(name not in encoders for name in groups["probes"]):
        return  # likewise: a name that is misspelt
    probed = {name: encoders[name] for name in groups["probes"]}
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


def continued(groups: Groups, named: Mapping[str, list[str]]) -> Iterator[str]:
    """Whether a fine-tuning goes on where its encoder is."""
    known = {"task": named["tasks"], "source": [name for section in MODELS for name in named[section]]}
    for name, run in groups["finetune"].items():
        start, probe = groups["encoders"].get(run.encoder), groups["probes"].get(run.encoder)
        if start is None or probe is None:
            continue
        for key in ("source", "task"):
            if not {getattr(run, key), getattr(start, key)} <= set(known[key]):
                continue  # a name that is misspelt is told where it stands
            if getattr(run, key) != getattr(start, key):
                yield (
                    f"finetune.{name}.{key}: is {getattr(run, key)}, and that of encoders.{run.encoder} is "
                    f"{getattr(start, key)}; they must be the same"
                )
        if start.weights != "trained":
            yield f"finetune.{name}.encoder: {run.encoder} has initial weights; fine-tune one with weights: trained"
        if run.head not in probe.probes:
            yield f"finetune.{name}.head: probes.{run.encoder} has no {run.head}; add it, or name another probe"
