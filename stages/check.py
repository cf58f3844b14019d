"""check: refuse a mistake in params.yaml or claims.yaml before anything is deleted or run."""

from pathlib import Path

from probeline.pipeline.stage import stage


def main() -> None:
    """Write data/checked/.

    The other stages depend on files in it, which change with what they hold alone: so a good edit of params.yaml reruns
    only the stages that read it, and an upgrade of a package those whose bytes it decides.

        order                     always the same
        entries.json              the names of all entries, for the summary
        code/<section>.json       for a whole section: digests of the formats of files, versions of packages, numerics
        code/<section>/<name>     .json, for an entry instead: also digests of the code that it names where dvc.yaml
                                  cannot, and versions of the packages that its parts use
    """
    from probeline.entries.check import LISTS, check
    from probeline.entries.named import unnamed
    from probeline.pipeline import files, numerics, versions
    from probeline.pipeline.errors import listed
    from probeline.pipeline.folders import new_folder
    from probeline.pipeline.groups import GROUPS
    from probeline.pipeline.params import section
    from probeline.pipeline.progress import say
    from probeline.report import claims

    everything = section()
    groups = check(everything)
    stated = claims.load(Path("claims.yaml"))
    if passed_over := claims.insist(stated, groups):
        number = f"{len(passed_over)} of {len(stated)}"
        say(f"claims.yaml: params.yaml does not have the entries of {number} claims: {listed(passed_over)}")
    for line in versions.unlike_pinned():
        say(f"warning: {line} as in requirements.txt: results may differ; the pinned ones come with: make .venv/.ready")
    chosen = numerics.mode(everything)
    if chosen == numerics.DEFAULT and (why := numerics.outside()):
        say(f"numerics: portable: {why}: last digits may differ from those of other machines; see: make verify")
    computes = {"numerics": numerics.stated(chosen)}
    with new_folder(Path("data/checked")) as folder:
        files.write(folder / "order", "params.yaml is valid\n")
        names = {name: list(everything[name]) for name in (*GROUPS, *LISTS)}
        files.write_json(folder / "entries.json", names)
        files.write_json(folder / "code/summary.json", versions.here(versions.PACKAGES["summary"]) | computes)
        for kind in versions.PACKAGES.keys() & groups.keys():
            for name, entry in groups[kind].items():
                path, content = unnamed(kind, name, entry)
                files.write_json(folder / "code" / path, content | computes)


if __name__ == "__main__":
    stage(main)
