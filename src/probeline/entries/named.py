"""Code that an entry of params.yaml names where dvc.yaml cannot: in a list, or in a key that need not be there.

DVC's templates have no loops and no conditions, so `deps` cannot say "the augmentations in this list". Without more,
every run would depend on all augmentations. So `check` writes their digests into a file for each entry, and the entry's
stage depends on that file.
"""

from pathlib import Path
from typing import Any

from probeline.pipeline import code, versions

ENGINE = ("engine", "evaluation", "spec")  # files of training/ that a probe by gradient descent imports


def unnamed(kind: str, name: str, entry: Any) -> tuple[str, dict[str, Any]]:
    """What decides the bytes of an entry and is not in dvc.yaml, below its file; one file where no entry differs."""
    named, formats = digests_of(kind, entry), code.formats(kind)
    if named is None:
        return f"{kind}.json", {"code": formats, **versions.here(versions.PACKAGES[kind])}
    packages = versions.used(kind, map(Path, [*named, *_network(entry)]))
    return f"{kind}/{name}.json", {"code": formats | named, **versions.here(packages)}


def digests_of(section: str, entry: Any) -> dict[str, str] | None:
    """Digests by path, from the root of the project; None for a section whose dvc.yaml names all.

    Args:
        entry: Typed.
    """
    if section in {"train", "transfer"}:
        return _augmentations([entry])
    if section == "sweeps":
        return _augmentations([entry.run, *(point.run for point in entry.all_points())])
    if section == "probes":
        return _probes(entry)
    return None


def _augmentations(runs: list[Any]) -> dict[str, str]:
    names = sorted({step.name for run in runs for step in run.augment})
    return code.digests("augmentations", *names)


def _probes(entry: Any) -> dict[str, str]:
    """Of each probe; of one that is trained, the engine and its objective too."""
    found = code.digests("probes", *entry.probes)
    for spec in entry.probes.values():
        if hasattr(spec, "objective"):
            found |= code.digests("training", *ENGINE) | code.digests("objectives", spec.objective.name)
    return dict(sorted(found.items()))


def _network(entry: Any) -> list[str]:
    """The files of the model and the objective of a run, or of the runs of a sweep; none for a probe."""
    runs = [entry.run, *(point.run for point in entry.all_points())] if hasattr(entry, "run") else [entry]
    parts = {
        (f"{part}s", getattr(run, part).name) for run in runs for part in ("model", "objective") if hasattr(run, part)
    }
    return sorted(path for part in parts for path in code.digests(*part))
