"""Presets: overlays of params.yaml for another scale.

    python -m probeline.presets smoke               write the preset into params.yaml
    python -m probeline.presets paper --experiment  run it as a DVC experiment in a folder of its own

A preset says what differs from params.yaml and nothing else. null in place of an entry removes it, and `"*": null`
removes all entries of its group that the preset does not name.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from probeline.check import check
from probeline.pipeline import files
from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.params import FILE, load_yaml

FOLDER = Path("presets")
# groups of entries, entries, keys: null removes an entry, and is a value deeper down.
ENTRY = 2


def overlay(base: dict[str, Any], preset: Mapping[str, Any], depth: int = 1) -> None:
    """Apply a preset to parameters, in place."""
    for key, value in preset.items():
        if value is None and depth <= ENTRY:
            for removed in _removed(key, base, preset):
                base.pop(removed, None)
        elif isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            overlay(base[key], value, depth + 1)
        else:
            base[key] = value


def overrides(base: Mapping[str, Any], preset: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[str]:
    """The same as arguments of `dvc exp run -S`."""
    for key, value in preset.items():
        here = (*path, str(key))
        if value is None and len(here) <= ENTRY:
            yield from (f"~{'.'.join((*path, removed))}" for removed in _removed(key, base, preset))
        elif isinstance(value, Mapping):
            yield from overrides(base.get(key) or {}, value, here)
        else:
            yield f"++{'.'.join(here)}={_literal(value)}"


def _literal(value: Any) -> str:
    """A value as DVC's -S reads it: JSON, but that the keys of a mapping have no quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return json.dumps(value)


def _removed(key: str, base: Mapping[str, Any], preset: Mapping[str, Any]) -> list[str]:
    """The entries that a null at this key removes."""
    if key == "*":
        return [name for name in base if name not in preset]
    return [key] if key in base else []


def load(name: str) -> dict[str, Any]:
    """Read a preset by its name.

    Raises:
        UserError: There is no such preset.
    """
    known = [found.stem for found in FOLDER.glob("*.yaml")]
    if name not in known:
        raise UserError(f"{FOLDER}: {unknown('preset', name, known)}")
    return _mapping(FOLDER / f"{name}.yaml")


def _mapping(path: Path) -> dict[str, Any]:
    content = load_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path}: is not a mapping of sections to entries; see presets/paper.yaml")
    return content


def write(name: str, preset: Mapping[str, Any]) -> None:
    """Write params.yaml with a preset. Its comments go: they are about what the preset may have changed."""
    params = _mapping(FILE)
    overlay(params, preset)
    check(params)
    text = yaml.safe_dump(params, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
    files.write(FILE, f"# params.yaml with the preset {name}; `git restore params.yaml` takes it back.\n{text}")


def run(name: str, preset: Mapping[str, Any]) -> int:
    """Run a preset as the experiment `name`; the exit status of DVC."""
    params = _mapping(FILE)
    settings = list(overrides(params, preset))
    overlay(params, preset)
    check(params)
    dvc = str(Path(sys.executable).with_name("dvc"))
    listed = subprocess.run([dvc, "exp", "list", "--name-only"], capture_output=True, text=True, check=False)
    if name in listed.stdout.split():
        raise UserError(
            f"an experiment named {name} exists; see it with `dvc exp show`, drop it with `dvc exp remove {name}`"
        )
    arguments = [argument for setting in settings for argument in ("-S", setting)]
    return subprocess.run([dvc, "exp", "run", "--temp", "--name", name, *arguments], check=False).returncode


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="probeline.presets", description="Apply a preset to params.yaml.")
    parser.add_argument("name", help="a file in presets/, without .yaml")
    parser.add_argument("--experiment", action="store_true", help="run it as an experiment; params.yaml stays as it is")
    asked = parser.parse_args()
    try:
        preset = load(asked.name)
        if asked.experiment:
            sys.exit(run(asked.name, preset))
        write(asked.name, preset)
    except UserError as error:
        sys.exit("\n".join(f"error: {line}" for line in error.lines))
    except KeyboardInterrupt:
        sys.exit("\nerror: interrupted; the same command goes on from here (`make clean` drops what it left)")
    print(f"{FILE} now holds the preset {asked.name}; `git restore {FILE}` takes it back")


if __name__ == "__main__":
    main()
