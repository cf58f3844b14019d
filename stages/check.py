"""check: refuse a mistake in params.yaml or claims.yaml before anything is deleted or run."""

from pathlib import Path

from probeline.entries.check import LISTS, check
from probeline.entries.named import digests_of
from probeline.pipeline import files
from probeline.pipeline.folders import new_folder
from probeline.pipeline.groups import GROUPS
from probeline.pipeline.params import section
from probeline.pipeline.stage import stage
from probeline.report import claims


def main() -> None:
    """Write data/checked/.

    The other stages depend on files in it, which change with what they hold alone: so a good edit of params.yaml reruns
    only the stages that read it.

        order               always the same
        entries.json        the names of all entries, for the summary
        code/<section>/     a file per entry: digests of the code that it names where dvc.yaml cannot
    """
    everything = section()
    groups = check(everything)
    claims.load(Path("claims.yaml"))
    with new_folder(Path("data/checked")) as folder:
        files.write(folder / "order", "params.yaml is valid\n")
        names = {name: list(everything[name]) for name in (*GROUPS, *LISTS)}
        files.write_json(folder / "entries.json", names)
        for kind, entries in groups.items():
            for name, entry in entries.items():
                if (code := digests_of(kind, entry)) is not None:
                    files.write_json(folder / "code" / kind / f"{name}.json", {"code": code})


if __name__ == "__main__":
    stage(main)
