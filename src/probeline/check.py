"""The check of the whole of params.yaml: names, keys, types, ranges, and what refers to what."""

import re
from collections.abc import Mapping
from typing import Any

from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.params import FILE, validate, validate_part
from probeline.splitting import Split
from probeline.training.spec import Run

GROUPS = ("datasets", "tasks", "train")


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
        if not isinstance(entries, Mapping) or not entries:
            lines.append(f"{FILE}: {group}: has no entries; it needs at least one")
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
    if group == "datasets":
        return validate_part(where, entry, "datasets", "kind")
    return validate(where, entry, Split if group == "tasks" else Run)


def _references(groups: dict[str, dict[str, Any]], everything: Mapping[str, Any]) -> list[str]:
    lines = []
    tasks = groups.get("tasks", {})
    for name, run in groups.get("train", {}).items():
        if task := tasks.get(run.task):
            lines += [f"{FILE}: train.{name}: {line}" for line in _misfits(run, task)]
    for group, key, target in (("tasks", "dataset", "datasets"), ("train", "task", "tasks")):
        for name, entry in groups.get(group, {}).items():
            known = everything.get(target)
            known = known if isinstance(known, Mapping) else {}
            if (wanted := getattr(entry, key)) not in known:
                what = unknown(f"entry of {target}", wanted, map(str, known))
                lines.append(f"{FILE}: {group}.{name}.{key}: {what}")
    return lines


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
