"""fetch@dataset: get a dataset, check it, and write it as data/raw/<name>/."""

from pathlib import Path

from probeline.pipeline.stage import stage


def main(name: str) -> None:
    """Write data/raw/<name>/ as `datasets.<name>` of params.yaml says."""
    from probeline.datasets import _raw as raw
    from probeline.datasets._copies import copies
    from probeline.pipeline import params
    from probeline.pipeline.folders import new_folder
    from probeline.pipeline.progress import say
    from probeline.sources.disk import downloads, room_for

    where = f"datasets.{name}"
    spec = params.validate_part(where, params.section(where), "datasets", "kind")
    out = Path("data/raw", name)
    with downloads(name):
        found = params.module("datasets", spec.kind).read(spec, name)
        with room_for(out), new_folder(out) as folder:
            raw.save(found, folder)
    for line in copies(found):
        say(f"warning: {name}: {line}")
    counts = " and ".join(f"{len(labels)} {split}" for split, labels in found.labels.items())
    say(f"{out}: {counts} images of {len(found.classes)} classes, {found.store.size}")


if __name__ == "__main__":
    stage(main)
