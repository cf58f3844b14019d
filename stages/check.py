"""check: refuse a mistake in params.yaml or claims.yaml before anything is deleted or run."""

from pathlib import Path
from typing import Any

from probeline.entries.check import LISTS, check
from probeline.entries.named import digests_of
from probeline.pipeline import code, files, versions
from probeline.pipeline.folders import new_folder
from probeline.pipeline.groups import GROUPS
from probeline.pipeline.params import section
from probeline.pipeline.progress import say
from probeline.pipeline.stage import stage
from probeline.report import claims


def main() -> None:
    """Write data/checked/.

    The other stages depend on files in it, which change with what they hold alone: so a good edit of params.yaml reruns
    only the stages that read it, and an upgrade of a package those whose bytes it decides.

        order                     always the same
        entries.json              the names of all entries, for the summary
        code/<section>.json       for a whole section: digests of the formats of files, and versions of packages
        code/<section>/<name>     .json, for an entry instead: also digests of the code that it names where dvc.yaml
                                  cannot, and versions of the packages that its parts use
    """
    everything = section()
    groups = check(everything)
    claims.load(Path("claims.yaml"))
    for line in versions.unlike_pinned():
        say(f"warning: {line} as in requirements.txt: results may differ; the pinned ones come with: make .venv/.ready")
    with new_folder(Path("data/checked")) as folder:
        files.write(folder / "order", "params.yaml is valid\n")
        names = {name: list(everything[name]) for name in (*GROUPS, *LISTS)}
        files.write_json(folder / "entries.json", names)
        files.write_json(folder / "code/summary.json", versions.here(versions.PACKAGES["summary"]))
        for kind in versions.PACKAGES.keys() & groups.keys():
            for name, entry in groups[kind].items():
                path, content = unnamed(kind, name, entry)
                files.write_json(folder / "code" / path, content)


def unnamed(kind: str, name: str, entry: Any) -> tuple[str, dict[str, Any]]:
    """What decides the bytes of an entry and is not in dvc.yaml, below its file; one file where no entry differs."""
    named, formats = digests_of(kind, entry), code.formats(kind)
    if named is None:
        return f"{kind}.json", {"code": formats, **versions.here(versions.PACKAGES[kind])}
    packages = versions.used(kind, map(Path, [*named, *network(entry)]))
    return f"{kind}/{name}.json", {"code": formats | named, **versions.here(packages)}


def network(entry: Any) -> list[str]:
    """The files of the model and the objective of a run, or of the runs of a sweep; none for a probe."""
    runs = [entry.run, *(point.run for point in entry.all_points())] if hasattr(entry, "run") else [entry]
    parts = {
        (f"{part}s", getattr(run, part).name) for run in runs for part in ("model", "objective") if hasattr(run, part)
    }
    return sorted(path for part in parts for path in code.digests(*part))


if __name__ == "__main__":
    stage(main)
