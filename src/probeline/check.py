"""The check of the whole of params.yaml: names, keys, types, ranges, and what refers to what."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from probeline import encoder, finetune, probing, tsne
from probeline.lessons.spec import Lessons, Tasks
from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.params import FILE, validate, validate_part
from probeline.splitting import Split
from probeline.sweeping import spec as sweeping
from probeline.training.spec import Run, Transfer

# A group's specification: a class, or the package whose file an entry names as its kind.
GROUPS: dict[str, Any] = {
    "datasets": "datasets",
    "tasks": Split,
    "train": Run,
    "transfer": Transfer,
    "backbones": "backbones",
    "encoders": encoder.Spec,
    "probes": probing.Spec,
    "maps": tsne.Spec,
    "finetune": finetune.Spec,
    "sweeps": sweeping.Spec,
}
SECTIONS = (*GROUPS, "lessons")
NEEDED = ("datasets", "tasks", "train")  # at least one entry
MODELS = ("train", "transfer", "finetune", "backbones")  # their weights lie side by side in data/models
REFERENCES = (
    ("tasks", "dataset", ("datasets",)),
    ("train", "task", ("tasks",)),
    ("transfer", "task", ("tasks",)),
    ("transfer", "source", MODELS),
    ("encoders", "source", MODELS),
    ("encoders", "task", ("tasks",)),
    ("finetune", "encoder", ("probes",)),
)
Groups = dict[str, dict[str, Any]]


def check(everything: Any) -> None:
    """Check all of params.yaml.

    Raises:
        UserError: One line for every mistake found.
    """
    if not isinstance(everything, Mapping):
        raise UserError(f"{FILE}: is not a mapping; it needs the sections {', '.join(SECTIONS)}")
    lines = [f"{FILE}: {unknown('section', name, SECTIONS)}" for name in everything if name not in SECTIONS]
    groups: Groups = {group: {} for group in GROUPS}
    for group in GROUPS:
        entries = everything.get(group)
        if not isinstance(entries, Mapping) or (not entries and group in NEEDED):
            what = "has no entries" if not entries else "is not a mapping of names to entries"
            need = "at least one" if group in NEEDED else "at least one, or {} for none"
            lines.append(f"{FILE}: {group}: {what}; it needs {need}")
            continue
        for name, entry in entries.items():
            if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", str(name)):
                lines.append(
                    f"{FILE}: {group}: the name '{name}' goes into a command line; "
                    "use small letters, digits and single hyphens, a letter first"
                )
                continue
            try:
                groups[group][str(name)] = _entry(f"{group}.{name}", group, entry)
            except UserError as error:
                lines += error.lines
    try:
        lines += _lessons(validate("lessons", everything.get("lessons"), Lessons), _names(everything, "tasks"))
    except UserError as error:
        lines += error.lines
    lines += _references(groups, everything)
    for found in (
        _fits(groups),
        _seeds(groups),
        _sources(groups, everything),
        _embedded(groups, everything),
        _continued(groups),
    ):
        lines += [f"{FILE}: {line}" for line in found]
    if lines:
        raise UserError(*lines)


def _entry(where: str, group: str, entry: Any) -> Any:
    spec = GROUPS[group]
    return validate_part(where, entry, spec, "kind") if isinstance(spec, str) else validate(where, entry, spec)


def _lessons(spec: Lessons, tasks: list[str]) -> Iterator[str]:
    for key in Tasks.model_fields:
        if (wanted := getattr(spec.tasks, key)) not in tasks:
            yield f"{FILE}: lessons.tasks.{key}: {unknown('entry of tasks', wanted, tasks)}"


def _references(groups: Groups, everything: Mapping[str, Any]) -> Iterator[str]:
    """Names of entries that are not there."""
    for group, key, targets in REFERENCES:
        known = [name for target in targets for name in _names(everything, target)]
        for name, entry in groups[group].items():
            if (wanted := getattr(entry, key)) not in known:
                what = unknown(
                    f"entry of {', '.join(targets[:-1])}{' or ' * (len(targets) > 1)}{targets[-1]}", wanted, known
                )
                yield f"{FILE}: {group}.{name}.{key}: {what}"
    tasks = _names(everything, "tasks")
    for name, sweep in groups["sweeps"].items():
        if sweep.run.task not in tasks:
            yield f"{FILE}: sweeps.{name}.run.task: {unknown('entry of tasks', sweep.run.task, tasks)}"
    for group in ("probes", "maps"):
        known = _names(everything, "encoders")
        for name in groups[group]:
            if name not in known:
                yield f"{FILE}: {group}: its names are those of encoders: {unknown('encoder', name, known)}"


def _fits(groups: Groups) -> Iterator[str]:
    """Where a run does not fit its task, as far as that shows without the data."""
    runs = {
        f"{group}.{name}": run for group in ("train", "transfer", "finetune") for name, run in groups[group].items()
    }
    runs |= {f"sweeps.{name}.run": sweep.run for name, sweep in groups["sweeps"].items()}
    for where, run in runs.items():
        if task := groups["tasks"].get(run.task):
            yield from (f"{where}: {line}" for line in _misfits(run.objective, run.seeds, run.task, task))
    for name, probe in groups["probes"].items():
        embedded = groups["encoders"].get(name)
        if probe.gradient and embedded and (task := groups["tasks"].get(embedded.task)):
            yield from (
                f"probes.{name}.gradient: {line}"
                for line in _misfits(probe.gradient.objective, [], embedded.task, task)
            )


def _misfits(objective: Any, seeds: list[int], name: str, task: Split) -> Iterator[str]:
    if task.classes != "all":
        try:
            objective.outputs(len(task.classes))
        except ValueError as error:
            yield str(error)
    if task.draws > 1 and len({seed % task.draws for seed in seeds}) < len(seeds):
        yield (
            f"seeds: {len(seeds)} seeds share {task.draws} draws, so that the spread would be too small; "
            f"raise tasks.{name}.draws"
        )


def _seeds(groups: Groups) -> Iterator[str]:
    """Weights that the source does not have. A backbone has seed 0."""
    runs = {name: run for group in MODELS for name, run in groups[group].items()}
    for name, run in groups["transfer"].items():
        for seed in run.seeds:
            if run.source in runs and seed not in (has := getattr(runs[run.source], "seeds", [0])):
                yield (
                    f"transfer.{name}.seeds: {seed} is no seed of {run.source}, whose weights it starts from; "
                    f"{run.source} has {', '.join(map(str, has))}"
                )
    for name, embedded in groups["encoders"].items():
        if embedded.weights == "initial" and (
            embedded.source in groups["transfer"] or embedded.source in groups["finetune"]
        ):
            yield (
                f"encoders.{name}.weights: {embedded.source} began with the weights of its own source; "
                "name that one, with weights: trained"
            )
        if embedded.source in runs and embedded.seed not in (has := getattr(runs[embedded.source], "seeds", [0])):
            yield (
                f"encoders.{name}.seed: {embedded.seed} is no seed of {embedded.source}; "
                f"it has {', '.join(map(str, has))}"
            )


def _sources(groups: Groups, everything: Mapping[str, Any]) -> Iterator[str]:
    """Two models of one name, and transfers that start from each other."""
    for later, group in enumerate(MODELS):
        for name in _names(everything, group):
            for other in MODELS[:later]:
                if name in _names(everything, other):
                    yield (
                        f"{group}.{name}: {other} has an entry of this name too; their weights lie side by side: "
                        "rename one"
                    )
    transfers = groups["transfer"]
    for name in transfers:
        if circle := _circle(name, transfers):
            yield (
                f"transfer.{name}.source: {' <- '.join(circle)} is a circle; one of them must start from a run of train"
            )


def _embedded(groups: Groups, everything: Mapping[str, Any]) -> Iterator[str]:
    """What the probes of a task are judged against."""
    encoders, backbones = groups["encoders"], groups["backbones"]
    if all(len(groups[group]) == len(_names(everything, group)) for group in ("encoders", "backbones")):
        tasks, sources = _names(everything, "tasks"), [name for group in MODELS for name in _names(everything, group)]
        probed = {name: encoders[name] for name in groups["probes"] if name in encoders}
        if any(entry.task not in tasks or entry.source not in sources for entry in probed.values()):
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


def _continued(groups: Groups) -> Iterator[str]:
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
        if run.head == "gradient" and probe.gradient is None:
            yield f"finetune.{name}.head: probes.{run.encoder} has no gradient; add it, or let head be logistic"


def _names(everything: Mapping[str, Any], group: str) -> list[str]:
    entries = everything.get(group)
    return [str(name) for name in entries] if isinstance(entries, Mapping) else []


def _circle(name: str, transfers: Mapping[str, Transfer]) -> list[str]:
    """The sources of a transfer, from itself back to itself; empty where they end in a run."""
    path = [name]
    while (following := transfers.get(path[-1])) is not None:
        path.append(following.source)
        if path[-1] == name:
            return path
        if path[-1] in path[:-1]:
            break  # a circle further on, which its own members report
    return []
