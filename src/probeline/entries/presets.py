"""Presets: files in presets/ that say what differs from params.yaml at another scale.

    python -m probeline.entries.presets smoke           write the preset into params.yaml
    python -m probeline.entries.presets a --experiment  run report A at its own size, as a DVC experiment

null in place of an entry removes it, and `"*": null` removes all entries of its section that the preset does not name.
A preset named by one letter belongs to the report of that letter. Its experiment runs in a folder of its own and has
only the entries of that report, and what they need.
"""

import argparse
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from probeline.pipeline import files
from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.groups import GROUPS
from probeline.pipeline.params import FILE, load_yaml

if TYPE_CHECKING:
    from probeline.entries.images import Groups

FOLDER = Path("presets")
# Sections, entries, keys: null removes an entry, and is a value deeper down.
ENTRY = 2


def overlay(base: dict[str, Any], preset: Mapping[str, Any], depth: int = 1) -> None:
    """Apply a preset to parameters, in place."""
    for key, value in preset.items():
        if value is None and depth <= ENTRY:
            for removed in [name for name in base if name not in preset] if key == "*" else [key]:
                base.pop(removed, None)
        elif isinstance(value, Mapping) and isinstance(base.get(key), dict):
            overlay(base[key], value, depth + 1)
        else:
            base[key] = value


def reduced(params: Mapping[str, Any], report: str) -> dict[str, Any]:
    """The parameters with only the entries of one report, and what these need.

    Args:
        params: All of params.yaml, as plain data.
        report: The letter of the report, in lower case.

    Raises:
        UserError: One line for every mistake in `params`.
    """
    from probeline.entries.check import check  # here: torch takes seconds, in which a user may press Ctrl-C

    groups = check(params)
    kept: set[tuple[str, str]] = set()
    found = [
        (section, name)
        for section, entries in groups.items()
        for name, entry in entries.items()
        if _belongs(section, name, entry, report)
    ]
    while found:
        if (one := found.pop()) not in kept:
            kept.add(one)
            found += _needs(groups, *one)
    return {
        section: {name: entry for name, entry in entries.items() if (section, name) in kept}
        if section in GROUPS
        else entries
        for section, entries in params.items()
    }


def _belongs(section: str, name: str, entry: Any, report: str) -> bool:
    if section == "lessons":  # they have no report_id: their name is the report's letter
        return name == report
    report_id = getattr(getattr(entry, "run", entry), "report_id", "")
    return re.match(f"{report}[0-9]", report_id, re.IGNORECASE) is not None


def _needs(groups: "Groups", section: str, name: str) -> Iterator[tuple[str, str]]:
    """The section and name of every entry that an entry refers to. A probe needs the controls of its task too."""
    for key, targets in GROUPS[section].refers:
        wanted = attrgetter(key)(groups[section][name]) if key else name
        yield from ((target, wanted) for target in targets if wanted in groups[target])
    if section == "probes":
        task = groups["encoders"][name].task
        for other in groups["probes"]:
            encoder = groups["encoders"][other]
            pixels = getattr(groups["backbones"].get(encoder.source), "kind", "") == "pixels"
            if encoder.task == task and (pixels or encoder.weights == "initial"):
                yield "probes", other


def overrides(before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """What makes some parameters into others, as arguments of `dvc exp run -S`."""
    yield from (f"~{'.'.join((*path, key))}" for key in before if key not in after)
    for key, value in after.items():
        here = (*path, key)
        if isinstance(value, Mapping) and isinstance(before.get(key), Mapping):
            yield from overrides(before[key], value, here)
        elif key not in before or value != before[key]:
            yield f"++{'.'.join(here)}={_literal(value)}"


def _literal(value: Any) -> str:
    """A value as DVC's -S reads it: JSON, but that the keys of a mapping have no quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return json.dumps(value, ensure_ascii=False)


def load(name: str, *, report: bool = False) -> dict[str, Any]:
    """Read a preset by its name; with `report`, only that of a report.

    Raises:
        UserError: There is no such preset.
    """
    known = [found.stem for found in FOLDER.glob("*.yaml") if not report or re.fullmatch("[a-z]", found.stem)]
    if name not in known:
        raise UserError(f"{FOLDER}: {unknown('report' if report else 'preset', name, known)}")
    return _mapping(FOLDER / f"{name}.yaml")


def _mapping(path: Path) -> dict[str, Any]:
    content = load_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: is not a mapping of sections to entries; see {FOLDER}/smoke.yaml")
    return content


def write(name: str) -> None:
    """Write params.yaml with a preset. Its comments go: they are about what the preset may have changed."""
    from probeline.entries.check import check

    preset, params = load(name), _mapping(FILE)
    overlay(params, preset)
    with _blamed(name):
        check(params)
    files.write(FILE, f"# params.yaml with the preset {name}; `git restore {FILE}` takes it back.\n{_as_dvc(params)}")


@contextmanager
def _blamed(name: str) -> Iterator[None]:
    """Name the file of a preset in each line on a mistake that params.yaml has not without it."""
    from probeline.entries.check import check

    try:
        yield
    except UserError as error:
        own: tuple[str, ...] = ()
        try:
            check(_mapping(FILE))
        except UserError as before:
            own = before.lines
        place = FOLDER / f"{name}.yaml"
        raise UserError(
            *(line if line in own else line.replace(f"{FILE}:", f"{place}:", 1) for line in error.lines)
        ) from None


def _as_dvc(params: Mapping[str, Any]) -> str:
    """YAML in the layout of DVC's own writer, so that a later `-S key=value` changes one line."""
    writer, text = YAML(), io.StringIO()
    writer.default_flow_style = False
    writer.dump(params, text)
    return text.getvalue()


def run(report: str) -> int:
    """Run a report at its own size, as the experiment of its name; the exit status of DVC."""
    preset, before, after = load(report, report=True), _mapping(FILE), _mapping(FILE)
    overlay(after, preset)
    with _blamed(report):
        after = reduced(after, report)
    _insist_on_sections_that_dvc_can_empty(before, after)
    settings = list(overrides(before, after))
    dvc = str(Path(sys.executable).with_name("dvc"))
    listed = subprocess.run([dvc, "exp", "list", "--name-only"], capture_output=True, text=True, check=False)
    if report in listed.stdout.split():
        raise UserError(
            f"an experiment named {report} exists; see it with `dvc exp show`, drop it with `dvc exp remove {report}`"
        )
    arguments = [argument for setting in settings for argument in ("-S", setting)]
    return subprocess.run([dvc, "exp", "run", "--temp", "--name", report, *arguments], check=False).returncode


def _insist_on_sections_that_dvc_can_empty(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """DVC's writer leaves no valid YAML of a section that it empties, if a comment or an empty line comes first."""
    text = FILE.read_text(encoding="utf-8")
    for section in before:
        if after[section] == {} and re.search(rf"^{section}:(\s*#| *\n *\n)", text, re.MULTILINE):
            raise UserError(
                f"{FILE}: {section}: a comment or an empty line comes first, and DVC cannot empty such a section; "
                f"move it to the line above `{section}:`"
            )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="probeline.entries.presets", description="Apply a preset to params.yaml.")
    parser.add_argument("name", help="a file in presets/, without .yaml")
    parser.add_argument(
        "--experiment", action="store_true", help="run a report as an experiment; params.yaml stays as it is"
    )
    asked = parser.parse_args()
    try:
        if asked.experiment:
            sys.exit(run(asked.name))
        write(asked.name)
    except UserError as error:
        sys.exit("\n".join(f"error: {line}" for line in error.lines))
    except KeyboardInterrupt:
        sys.exit("\nerror: interrupted; the same command goes on from here (`make clean` drops what it left)")
    print(f"{FILE} now holds the preset {asked.name}; `git restore {FILE}` takes it back")


if __name__ == "__main__":
    main()
