"""lessons: the from-scratch work of report D, forward and backward written by hand."""

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from probeline import task
from probeline.lessons import baseline, convolution, mlp, scalars
from probeline.lessons.spec import Lessons, Matching
from probeline.pipeline import files, parent
from probeline.pipeline.params import read
from probeline.pipeline.progress import bar, say
from probeline.pipeline.stage import stage
from probeline.training import checkpoint

OUT = Path("data/results/lessons")


def main() -> None:
    spec = read("lessons", Lessons)
    digits = task.load(Path("data/tasks") / spec.tasks.mlp)
    colour = task.load(Path("data/tasks") / spec.tasks.convolution)
    first = convolution.first_images(digits, spec.d12.images, "lessons.d12")
    matchings = [
        (name, lesson, convolution.first_images(colour, lesson.images, f"lessons.{name}"))
        for name, lesson in (("d13", spec.d13), ("d14", spec.d14))
    ]
    folders = [Path("data/tasks") / name for name in (spec.tasks.mlp, spec.tasks.convolution)]
    versions = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    mark = checkpoint.fingerprint(folders, {**spec.model_dump(), **versions})
    # Small products: more threads would only wait for each other.
    with checkpoint.store("lessons", mark) as done, files.new_folder(OUT) as folder, threadpool_limits(1):
        files.write_json(folder / "d5.json", baseline.fit(digits, spec.d5))
        files.write_json(folder / "d7.json", scalars.table(spec.d7.points))
        files.write_json(
            folder / "d12.json", {"kernel": convolution.gaussian(spec.d12.kernel, spec.d12.sigma).tolist()}
        )
        files.write_array(folder / "original.npy", first)
        files.write_array(folder / "blurred.npy", convolution.blur(first, spec.d12))
        for name, lesson, images in matchings:
            files.write_json(folder / f"{name}.json", matched(name, lesson, images))
        files.write_json(folder / "mlp.json", [trained(digits, spec, name, done) for name in spec.mlp.runs])


def matched(name: str, lesson: Matching, images: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """D13 or D14: a training a batch size and seed."""
    trainings = [(batch_size, seed) for batch_size in lesson.batch_sizes for seed in lesson.seeds]
    with bar(name, total=len(trainings) * lesson.epochs, unit="epoch") as progress:
        done = [convolution.match(images, lesson, *training, progress.update) for training in trainings]
    for run in done:
        epoch = run["not_finite"]["epoch"]
        result = f"norm {run['norm']:.5g}" if epoch is None else f"not finite from epoch {epoch} on"
        say(f"{name}, batch {run['batch_size']}, seed {run['seed']}: {result}")
    return done


def trained(digits: task.Task, spec: Lessons, name: str, done: Path) -> dict[str, Any]:
    """A run of D8 to D10. One that was done before the stage was stopped is not done again.

    Args:
        done: A folder for their results.
    """
    result = done / f"{name}.json"
    if result.exists():
        say(f"{name}: was done before")
        found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return found
    with bar(name, total=spec.mlp.runs[name].epochs, unit="epoch") as progress:

        def report() -> None:
            parent.insist()
            progress.update()

        run = mlp.train(digits, spec.mlp, name, report)
    accuracies = ", ".join(
        f"{split} {run['scores'][split]['accuracy']:.4f}" for split in ("train", "validation", "test")
    )
    files.write_json(result, run)
    say(f"{name}: {run['last_epoch']} epochs, kept {run['kept_epoch']}, accuracy {accuracies}")
    return run


if __name__ == "__main__":
    stage(main)
