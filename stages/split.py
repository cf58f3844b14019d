"""split@task: draw the train, validation and test images of a task from its dataset."""

from pathlib import Path

from probeline import raw, task
from probeline.pipeline import files
from probeline.pipeline.params import read
from probeline.pipeline.progress import say
from probeline.pipeline.stage import stage
from probeline.splitting import Split, split


def main(name: str) -> None:
    spec = read(f"tasks.{name}", Split)
    drawn = split(spec, raw.load(Path("data/raw") / spec.dataset), f"tasks.{name}")
    with files.new_folder(Path("data/tasks") / name) as folder:
        task.save(drawn, folder)
    with files.new_folder(Path("data/examples") / name) as folder:
        task.save_examples(drawn, folder)
    sizes = f"{drawn.train.shape[1]} train, {drawn.validation.shape[1]} validation, {len(drawn.test)} test images"
    say(f"{name}: {sizes}, {len(drawn.classes)} classes, {spec.draws} draw{'s'[: spec.draws > 1]} of {spec.dataset}")


if __name__ == "__main__":
    stage(main)
