"""The check of the whole of params.yaml: names, keys, types, ranges, and what refers to what."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from operator import attrgetter
from typing import Any

from probeline.entries import consistency
from probeline.entries.images import Groups
from probeline.entries.networks import networks
from probeline.pipeline import numerics
from probeline.pipeline.errors import FILE, UserError, listed, short, unknown
from probeline.pipeline.groups import GROUPS, MODELS, Group
from probeline.pipeline.params import module, validate, validate_part
from probeline.pipeline.types import LONGEST_NAME

LISTS = ("metrics",)  # sections that are lists of names
SECTIONS = (*GROUPS, *LISTS)
KEYS = ("numerics", *SECTIONS)
Entries = dict[str, dict[str, Any]]


def check(everything: Any) -> Entries:
    """Check all of params.yaml.

    Returns:
        The typed entries of every section.

    Raises:
        UserError: One line for every mistake found.
    """
    if not isinstance(everything, Mapping):
        raise UserError(f"{FILE}: is not a mapping; it needs the sections {', '.join(SECTIONS)}")
    lines = [unknown("section", name, KEYS) for name in everything if name not in KEYS]
    groups: Entries = {section: {} for section in GROUPS}
    for section, group in GROUPS.items():
        lines += _section(group, everything.get(section), groups[section])
    lines += _metrics(everything.get("metrics"))
    lines += _numerics(everything)
    named = {section: _names(everything, section) for section in GROUPS}
    lines += _references(groups, named)
    for mistakes in (
        _same_names(named),
        _circles(groups),
        consistency.sizes(groups),
        consistency.tasks(groups),
        consistency.seeds(groups),
        consistency.encoders(groups),
        consistency.baselines(groups, named),
        consistency.continued(groups, named),
        networks(groups),
    ):
        lines += mistakes
    if lines:
        raise UserError(*(f"{FILE}: {line}" for line in dict.fromkeys(lines)))
    return groups


def _section(group: Group, entries: Any, found: dict[str, Any]) -> Iterator[str]:
    """Check one section; put its typed entries into `found`."""
    if not isinstance(entries, Mapping) or (not entries and group.needed):
        what = "has no entries" if not entries else "is not a mapping of names to entries"
        need = "at least one" if group.needed else "at least one, or {} for none"
        yield f"{group.section}: {what}; it needs {need}"
        return
    for name, entry in entries.items():
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", str(name)):
            yield (
                f"{group.section}: the name '{short(name)}' goes into a command line; "
                "use small letters, digits and single hyphens, a letter first"
            )
            continue
        if len(name) > LONGEST_NAME:
            yield (
                f"{group.section}: the name '{short(name)}' has {len(name)} letters and goes into the names of files; "
                f"give at most {LONGEST_NAME}"
            )
            continue
        try:
            found[str(name)] = typed(group, str(name), entry)
        except UserError as error:
            yield from (line.removeprefix(f"{FILE}: ") for line in error.lines)


def typed(group: Group, name: str, entry: Any) -> Any:
    """An entry, checked against the specification of its group.

    Raises:
        UserError: One line for every mistake.
    """
    where = f"{group.section}.{name}"
    path, _, spec = group.spec.partition(":")
    if not spec:
        return validate_part(where, entry, path, "kind")
    return validate(where, entry, getattr(import_module(f"probeline.{path}"), spec))


def _metrics(names: Any) -> Iterator[str]:
    if not isinstance(names, list) or not names:
        yield "metrics: is no list of names; give at least [accuracy]"
        return
    for place, name in enumerate(names):
        if name in names[:place]:
            yield f"metrics: names {name} twice; name each once"
            continue
        try:
            found = module("metrics", str(name))
        except ValueError as error:
            yield f"metrics: {error}"
            continue
        if not hasattr(found, "measure"):
            yield f"metrics: {name} is no number, and each run needs one; take it out of the list"


def _numerics(everything: Mapping[str, Any]) -> Iterator[str]:
    try:
        numerics.mode(everything)
    except ValueError as error:
        yield f"numerics: {error}"


def _references(groups: Groups, named: Mapping[str, list[str]]) -> Iterator[str]:
    """Names of entries that are not there."""
    for section, group in GROUPS.items():
        for key, targets in group.refers:
            known = [name for target in targets for name in named[target]]
            others = f"{', '.join(targets[:-1])}{' or ' * (len(targets) > 1)}{targets[-1]}"
            if not known and groups[section]:
                if not any(GROUPS[target].needed for target in targets):  # a needed one is told by itself
                    yield f"{section}: its entries need one of {others}, and there is none; add it"
                continue
            for name, entry in groups[section].items():
                if not key and name not in known:
                    yield f"{section}: its names are those of {others}: {unknown(others[:-1], name, known)}"
                elif key and (wanted := attrgetter(key)(entry)) not in known:
                    yield f"{section}.{name}.{key}: {unknown(f'entry of {others}', wanted, known)}"


def _same_names(named: Mapping[str, list[str]]) -> Iterator[str]:
    """Two models of one name."""
    for later, section in enumerate(MODELS):
        for name in named[section]:
            for other in MODELS[:later]:
                if name in named[other]:
                    yield (
                        f"{section}.{name}: {other} has an entry of this name too; their weights lie side by side: "
                        "rename one"
                    )


def _circles(groups: Groups) -> Iterator[str]:
    """Runs that start from each other: transfers from their source, fine-tunings from that of their encoder."""
    starts = {name: run.source for name, run in groups["transfer"].items()}
    for name, run in groups["finetune"].items():
        encoder = groups["encoders"].get(run.encoder)
        starts[name] = encoder.source if encoder else run.source
    for name in starts:
        path = [name]
        while (following := starts.get(path[-1])) is not None:
            path.append(following)
            if path[-1] == name:
                key = f"transfer.{name}.source" if name in groups["transfer"] else f"finetune.{name}.encoder"
                yield f"{key}: {listed(path, ' <- ')} is a circle; one of them must start from a run of train"
            if path[-1] in path[:-1]:
                break  # a circle further on is told by its own members


def _names(everything: Mapping[str, Any], section: str) -> list[str]:
    entries = everything.get(section)
    return [str(name) for name in entries] if isinstance(entries, Mapping) else []
