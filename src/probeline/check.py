"""The check of the whole of params.yaml: names, keys, types, ranges, and what refers to what."""

import re
from collections.abc import Mapping
from typing import Any

from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.params import FILE, validate, validate_part
from probeline.splitting import Split
from probeline.training.spec import Run, Transfer

GROUPS = {"datasets": None, "tasks": Split, "train": Run, "transfer": Transfer}
REFERENCES = (
    ("tasks", "dataset", ("datasets",)),
    ("train", "task", ("tasks",)),
    ("transfer", "task", ("tasks",)),
    ("transfer", "source", ("train", "transfer")),
)


def check(everything: Any) -> None:
    """Check all of params.yaml.

    Raises:
        UserError: One line for every mistake found.
    """
    if not isinstance(everything, Mapping):
        raise UserError(f"{FILE}: is not a mapping; it needs the sections {', '.join(GROUPS)}")
    lines = [f"{FILE}: {unknown('section', name, GROUPS)}" for name in everything if name not in GROUPS]
    groups: dict[str, dict[str, Any]] = {}
    for group in GROUPS:
        entries = everything.get(group)
        if not isinstance(entries, Mapping) or (not entries and group != "transfer"):
            need = "at least one, or {} for none" if group == "transfer" else "at least one"
            lines.append(f"{FILE}: {group}: has no entries; it needs {need}")
            continue
        groups[group] = {}
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
    lines += _references(groups, everything)
    if lines:
        raise UserError(*lines)


def _entry(where: str, group: str, entry: Any) -> Any:
    spec = GROUPS[group]
    return validate(where, entry, spec) if spec else validate_part(where, entry, "datasets", "kind")


def _references(groups: dict[str, dict[str, Any]], everything: Mapping[str, Any]) -> list[str]:
    lines = []
    tasks, transfers = groups.get("tasks", {}), groups.get("transfer", {})
    for group in ("train", "transfer"):
        for name, run in groups.get(group, {}).items():
            if task := tasks.get(run.task):
                lines += [f"{FILE}: {group}.{name}: {line}" for line in _misfits(run, task)]
    for group, key, targets in REFERENCES:
        known = [name for target in targets for name in _names(everything, target)]
        for name, entry in groups.get(group, {}).items():
            if (wanted := getattr(entry, key)) not in known:
                what = unknown(f"entry of {' or '.join(targets)}", wanted, known)
                lines.append(f"{FILE}: {group}.{name}.{key}: {what}")
    runs = {**groups.get("train", {}), **transfers}
    lines += [
        f"{FILE}: transfer.{name}.seeds: {seed} is no seed of {run.source}, whose weights it starts from; "
        f"{run.source} has {', '.join(map(str, source.seeds))}"
        for name, run in transfers.items()
        if (source := runs.get(run.source))
        for seed in run.seeds
        if seed not in source.seeds
    ]
    lines += [
        f"{FILE}: transfer.{name}: train has an entry of this name too; their weights lie side by side: rename one"
        for name in transfers
        if name in _names(everything, "train")
    ]
    lines += [
        f"{FILE}: transfer.{name}.source: {' <- '.join(circle)} is a circle; one of them must start from a run of train"
        for name in transfers
        if (circle := _circle(name, transfers))
    ]
    return lines


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


def _misfits(run: Run, task: Split) -> list[str]:
    """Where a run does not fit its task, as far as that shows without the data."""
    lines = []
    if task.classes != "all":
        try:
            run.objective.outputs(len(task.classes))
        except ValueError as error:
            lines.append(str(error))
    if task.draws > 1 and len({seed % task.draws for seed in run.seeds}) < len(run.seeds):
        lines.append(
            f"seeds: {len(run.seeds)} seeds share {task.draws} draws, so that the spread would be too small; "
            f"raise tasks.{run.task}.draws"
        )
    return lines
