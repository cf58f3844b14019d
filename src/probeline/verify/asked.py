"""Which entries were asked something else than at the revision: numbers of theirs say nothing about reproduction.

dvc.lock says of every stage with which parameters and code it ran. Whatever reads an output of a stage that was asked
something else was asked something else too.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from probeline.pipeline.errors import UserError, listed
from probeline.pipeline.groups import STAGES

CODE = ("src/", "stages/")
CHECKED = "data/checked/"  # versions of packages, pinned instruction sets, code that an entry names in a list
Stages = dict[str, dict[str, Any]]
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def plain(content: bytes, file: str) -> Any:
    """A params.yaml or a dvc.lock, for comparisons: numbers are floats, however they are written; other words are text.

    Raises:
        UserError: It is no YAML of keys and values.
    """
    try:
        found = _plain(yaml.load(content, Loader=_Loader))  # noqa: S506 (the loader makes text, lists and mappings)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{file}: is missing or damaged; run: dvc repro")
    return found


def stages(lock: Any, params: Any) -> Stages:
    """The stages in a dvc.lock, of the entries that params.yaml names: DVC keeps those of entries that are gone."""
    found = lock.get("stages") or {}
    return {name: found[name] for name in _named(params) if name in found}


def otherwise(before: Stages, now: Stages) -> dict[str, str]:
    """The stages that were asked something else, each with what: parameters, code, or what it follows.

    Args:
        before: Of the revision.
        now: Of the working tree.
    """
    found = {}
    for name in sorted({*before, *now}):
        if name not in now or name not in before:
            found[name] = "is not in both"
        elif _parameters(before[name]) != _parameters(now[name]):
            found[name] = "has other parameters"
        elif _digests(before[name], CODE) != _digests(now[name], CODE):
            found[name] = "has other code"
    while more := _followers(found, now):
        found |= more
    return found


def surroundings(before: Stages, now: Stages) -> int:
    """How many stages ran with other packages, or with another list of them, than at the revision."""
    return sum(_digests(before[name], (CHECKED,)) != _digests(now[name], (CHECKED,)) for name in before.keys() & now)


def elsewhere(log: Path, now: Stages) -> list[str]:
    """The stages that have not run on this machine: their outputs came from DVC's cache.

    Args:
        log: logs/times.jsonl, which every stage writes.

    Raises:
        UserError: No stage has run.
    """
    ran = set()
    for line in log.read_text(encoding="utf-8").splitlines() if log.is_file() else ():
        try:
            ran.add(json.loads(line)["stage"])
        except (ValueError, TypeError, KeyError):  # a line that a full disk or a kill cut short
            continue
    if not ran:
        raise UserError(f"{log.name}: no stage has run on this machine, so there is nothing to verify; run: make repro")
    return [name for name in now if name not in ran]


def current(now: Stages, params: Any) -> None:
    """Insist that the last run ran what params.yaml says.

    Raises:
        UserError: An entry is new, or has changed since.
    """
    later = [name for name in _named(params) if name not in now or not _as_asked(now[name], params)]
    if later:
        raise UserError(f"params.yaml: has not run as it stands: {listed(later)}; run: dvc repro")


def _plain(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: _plain(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_plain(value) for value in found]
    if found in {"", "null", "~"}:
        return None
    try:
        return float(found)
    except ValueError:
        return found


def _named(params: Any) -> list[str]:
    """The stages of all entries."""
    return [f"{group.stage}@{name}" for group in STAGES.values() for name in (params.get(group.section) or ())]


def _as_asked(stage: Mapping[str, Any], params: Any) -> bool:
    asked = (key.partition(".")[::2] for key in _parameters(stage))
    return all(params[section].get(name) == _parameters(stage)[f"{section}.{name}"] for section, name in asked)


def _parameters(stage: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry asks, by `<section>.<name>`: not what all entries share, such as the kind of numerics."""
    sections = tuple(f"{group.section}." for group in STAGES.values())
    given = stage.get("params", {}).get("params.yaml", {})
    return {key: value for key, value in given.items() if key.startswith(sections)}


def _digests(stage: Mapping[str, Any], folders: tuple[str, ...]) -> dict[str, str]:
    return {dep["path"]: dep["md5"] for dep in stage.get("deps", ()) if dep["path"].startswith(folders)}


def _followers(found: Mapping[str, str], now: Stages) -> dict[str, str]:
    """Stages that read what a stage in `found` writes."""
    written = {out["path"]: name for name in found if name in now for out in now[name].get("outs", ())}
    more = {}
    for name, stage in now.items():
        sources = [written[dep["path"]] for dep in stage.get("deps", ()) if dep["path"] in written]
        if name not in found and sources:
            more[name] = f"follows {sources[0]}"
    return more
