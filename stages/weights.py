"""weights@backbone: get published weights, check them, and write them as data/models/<name>/."""

from pathlib import Path

from probeline.pipeline.stage import stage


def main(name: str) -> None:
    """Write data/models/<name>/ as `backbones.<name>` of params.yaml says."""
    from probeline.backbones._weights import blueprint, parameters
    from probeline.pipeline import params
    from probeline.pipeline.folders import new_folder
    from probeline.pipeline.progress import say
    from probeline.sources.disk import downloads, room_for
    from probeline.training import model, seen

    where = f"backbones.{name}"
    spec = params.validate_part(where, params.section(where), "backbones", "kind")
    out = Path("data/models", name)
    with downloads(name):
        found = params.module("backbones", spec.kind).read(spec, name)
        with room_for(out), new_folder(out) as folder:
            model.save(folder, blueprint(found), {0: found.weights})
            seen.save({}, folder, 0)
    trained = f", trained on {found.source}" if found.source else ""
    accuracy = f" to a top-1 accuracy of {found.top1:.3f} as published" if found.top1 else ""
    say(f"{out}: {parameters(found):,} parameters{trained}{accuracy}")


if __name__ == "__main__":
    stage(main)
