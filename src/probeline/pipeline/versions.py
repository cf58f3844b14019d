"""The versions of packages that decide bytes, as part of what stages depend on.

DVC watches files, not packages. So `check` writes the versions into data/checked/code, and the stages depend on those
files: after an upgrade, what the package decides runs again, and nothing else. The same goes for `numerics`, and for
what a user pins in native mode. A stage that meets an upgrade which `check` has not seen refuses.
"""

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from probeline.pipeline import numerics
from probeline.pipeline.errors import UserError

SEEN = Path("data/checked/code")
PINNED_IN = Path("requirements.txt")
REMEDY = "run: dvc repro --force check; then the same command again"

# What all stages of a section use; a part (a model, an objective, ...) adds what its own file imports. None for
# datasets: a package may decide which bytes of a download are accepted, but not what they are.
PACKAGES = {
    "tasks": ("numpy", "pillow"),
    "train": ("numpy", "torch", "torchinfo"),
    "transfer": ("numpy", "torch", "torchinfo"),
    "backbones": ("pytorchcv", "torch", "torchvision"),
    "encoders": ("numpy", "pytorchcv", "torch", "torchvision"),
    "probes": ("numpy", "scipy", "torch"),
    "maps": ("numpy", "opentsne", "pandas", "scikit-learn", "scipy"),
    "finetune": ("numpy", "pytorch-metric-learning", "pytorchcv", "torch", "torchinfo", "torchvision"),
    "sweeps": ("numpy", "torch"),
    "lessons": ("mpmath", "numpy", "scikit-learn", "scipy"),
    "summary": ("matplotlib", "numpy", "pandas", "pillow", "scipy"),
}
READERS = {"pydantic", "pyyaml", "tqdm"}  # what parts import to read parameters and to show progress


def installed(package: str) -> str | None:
    """The version of a package, without the label of a build (`+cpu`); None where it is not installed."""
    try:
        return version(package).partition("+")[0]
    except PackageNotFoundError:
        return None


def here(packages: Iterable[str]) -> dict[str, Any]:
    """What `check` writes down: the versions of these packages."""
    return {"versions": {package: installed(package) for package in sorted(set(packages))}}


def used(section: str, parts: Iterable[Path]) -> set[str]:
    """The packages that decide the bytes of an entry of a section whose parts stand in these files."""
    return {*PACKAGES[section], *(package for part in parts for package in _imports(part))}


@cache
def _imports(path: Path) -> frozenset[str]:
    """The packages, but for Python's own and ours, that a file imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    known = _distributions()
    packages = {
        re.sub("[-_.]+", "-", package).lower()
        for name in names - set(sys.stdlib_module_names) - {"probeline"}
        for package in known.get(name, [])
    }
    return frozenset(packages - READERS)


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(packages) for name, packages in packages_distributions().items()}


def insist(entry: str) -> str:
    """Go on only with the versions, and the pins of a user's own, that `check` has seen.

    Args:
        entry: `train.mine`, or a stage without entries: `summary`.

    Returns:
        The numerics that `check` has seen for it.

    Raises:
        UserError: Another version is installed, or another pin is set.
    """
    section = entry.partition(".")[0]
    for path in (SEEN / f"{entry.replace('.', '/')}.json", SEEN / f"{section}.json"):
        if path.is_file():
            seen = _load(path)
            if changes := list(_changes(seen)):
                raise UserError(f"{', '.join(changes)} when `check` ran; {REMEDY}")
            return str(seen["numerics"]["mode"])
    return numerics.DEFAULT


def upgrades() -> list[str]:
    """What has changed since `check` ran, for any stage: `torch is 2.15.0 and was 2.14.1`."""
    return sorted({change for path in SEEN.rglob("*.json") for change in _changes(_load(path))})


def _load(path: Path) -> dict[str, Any]:
    try:
        seen = json.loads(path.read_bytes())
        return {"versions": {**seen["versions"]}, "numerics": {"mode": numerics.DEFAULT, **seen.get("numerics", {})}}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise UserError(f"{path}: is damaged; {REMEDY}") from None


def _changes(seen: Mapping[str, Any]) -> Iterator[str]:
    for package, was in seen["versions"].items():
        if (now := installed(package)) != was:
            yield f"{package} is {now or 'not installed'} and was {was or 'not installed'}"
    yield from numerics.changes(seen["numerics"])


def unlike_pinned() -> Iterator[str]:
    """Packages of another version than requirements.txt names."""
    wanted: dict[str, set[str]] = {}
    for package, number in re.findall(r"^([\w.-]+)==([^\s;+]+)", PINNED_IN.read_text(encoding="utf-8"), re.MULTILINE):
        wanted.setdefault(re.sub("[-_.]+", "-", package).lower(), set()).add(number)
    for package in sorted({package for packages in PACKAGES.values() for package in packages}):
        if package in wanted and (found := installed(package)) not in wanted[package]:
            yield f"{package} is {found or 'not installed'}, not {' or '.join(sorted(wanted[package]))}"
