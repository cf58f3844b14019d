"""The lessons of an entry, from params.yaml to their files."""

import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from probeline.lessons import baseline, convolution, mlp, scalars
from probeline.lessons.spec import Lessons, Matching, Mlp
from probeline.pipeline import checkpoint, files, parent
from probeline.pipeline.errors import at
from probeline.pipeline.folders import new_folder
from probeline.pipeline.progress import bar, say
from probeline.results import lessons as results
from probeline.results import outputs
from probeline.tasks import task


def carry_out(name: str, spec: Lessons) -> None:
    """Do all of report D's from-scratch work; write data/results/lesson/<name>.

    Raises:
        ParamError: The task has fewer images than are asked for.
    """
    folders = [Path("data/tasks") / one for one in (spec.tasks.mlp, spec.tasks.convolution)]
    for_mlp, for_convolution = map(task.load, folders)
    with at("d12"):
        original = convolution.first_images(for_mlp, spec.d12.images)
    matchings = {"d13": spec.d13, "d14": spec.d14}
    images = {}
    for key, matching in matchings.items():
        with at(key):
            images[key] = convolution.first_images(for_convolution, matching.images)
    versions = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
    mark = checkpoint.fingerprint(folders, {**spec.model_dump(), **versions})
    # The products are small: more threads would only wait for each other.
    with (
        checkpoint.store(f"lesson-{name}", mark) as done,
        new_folder(Path("data/results/lesson") / name) as out,
        threadpool_limits(1),
    ):
        library, by_library = baseline.fit(for_mlp, spec.d5)
        matched = {key: match(key, matching, images[key]) for key, matching in matchings.items()}
        runs = {run: train(for_mlp, spec.mlp, run, done) for run in spec.mlp.runs}
        facts = results.Facts(
            mlp_task=spec.tasks.mlp,
            convolution_task=spec.tasks.convolution,
            d5=library,
            d7=scalars.table(spec.d7.points),
            mlp=[record for record, _ in runs.values()],
            d12=convolution.gaussian(spec.d12.kernel_size, spec.d12.sigma).tolist(),
            **matched,
        )
        fits = {results.LIBRARY: by_library, **{run: found for run, (_, found) in runs.items()}}
        results.save(results.Lesson(facts, original, convolution.blur(original, spec.d12), fits), out)


def match(key: str, spec: Matching, images: NDArray[np.uint8]) -> list[results.Matched]:
    """D13 or D14: one training per batch size and seed."""
    trainings = [(batch_size, seed) for batch_size in spec.batch_sizes for seed in spec.seeds]
    with bar(key, total=len(trainings) * spec.epochs, unit="epoch") as progress:
        found = [convolution.match(images, spec, *training, progress.update) for training in trainings]
    for run in found:
        epoch = run.not_finite.epoch
        result = f"norm {run.norm:.5g}" if epoch is None else f"not finite from epoch {epoch} on"
        say(f"{key}, batch {run.batch_size}, seed {run.seed}: {result}")
    return found


def train(digits: task.Task, spec: Mlp, name: str, done: Path) -> tuple[results.Run, outputs.Outputs]:
    """A run of D8 to D10, or its result if it ended before the stage was stopped.

    Args:
        done: The folder of results that ended.
    """
    record, scored = done / f"{name}.json", done / f"{name}.npz"
    if record.exists():
        say(f"{name}: was done before")
        return results.Run.model_validate_json(record.read_bytes()), outputs.load(scored)
    with bar(name, total=spec.runs[name].epochs, unit="epoch") as progress:

        def report() -> None:
            parent.insist()
            progress.update()

        run, found = mlp.train(digits, spec, name, report)
    outputs.save(found, scored)
    files.write_json(record, run.model_dump())  # last: it says that both are there
    accuracy = run.history[run.kept_epoch - 1].validation_accuracy
    say(f"{name}: {run.last_epoch} epochs, kept {run.kept_epoch}, validation accuracy {accuracy:.4f}")
    return run, found
