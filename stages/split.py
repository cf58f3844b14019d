"""split@task: draw the train, validation and test images of a task from its dataset."""

from pathlib import Path

from probeline.pipeline.stage import stage


def main(name: str) -> None:
    """Write data/tasks/<name>/, and what the summary shows of it: data/results/split/<name>/."""
    from probeline.datasets import _raw as raw
    from probeline.pipeline.folders import new_folder
    from probeline.pipeline.params import read
    from probeline.pipeline.progress import say
    from probeline.results import tasks as results
    from probeline.tasks import task
    from probeline.tasks.split import Split, split

    spec = read(f"tasks.{name}", Split)
    drawn = split(spec, raw.load(Path("data/raw") / spec.dataset))
    with new_folder(Path("data/tasks") / name) as folder:
        task.save(drawn, folder)
    with new_folder(Path("data/results/split") / name) as folder:
        results.save(drawn, folder)
    if drawn.copies:
        of = f"test images that {spec.dataset} has for training too: {drawn.copies} of {len(drawn.test)}"
        say(f"warning: {name}: {of}; scores of them say nothing of new images")
    sizes = f"{drawn.train.shape[1]} train, {drawn.validation.shape[1]} validation, {len(drawn.test)} test images"
    resamples = f"{spec.resamples} resample{'s'[: spec.resamples > 1]}"
    say(f"{name}: {sizes}, {len(drawn.classes)} classes, {resamples} of {spec.dataset}")


if __name__ == "__main__":
    stage(main)
