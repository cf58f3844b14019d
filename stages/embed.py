"""embed@encoder: the vectors that a network gives for all images of a task, once."""

import time
from pathlib import Path
from typing import Any

from probeline.compute import device
from probeline.compute.view import View
from probeline.encoders import embedding
from probeline.encoders.embed import embed, network
from probeline.encoders.spec import Encoder, view
from probeline.pipeline.errors import ParamError
from probeline.pipeline.folders import new_folder
from probeline.pipeline.params import read
from probeline.pipeline.progress import say
from probeline.pipeline.stage import stage
from probeline.results.embeddings import Embedded
from probeline.tasks import task as tasks
from probeline.training import model, seen


def main(name: str) -> dict[str, Any]:
    spec = read(f"encoders.{name}", Encoder)
    machine = device.choose()
    folder = Path("data/models") / spec.source
    source, task = model.load(folder), tasks.load(Path("data/tasks") / spec.task)
    resize = view(source, spec, task)
    shape = View(resize=resize).shape(task)
    known = seen.overlap(task, seen.load(folder, spec.seed) if spec.weights == "trained" else {})
    if known["test"]:
        raise ParamError(
            "",
            f"{spec.source} was trained on {known['test']} of the test images of {spec.task}, "
            "which would score it too well",
            "embed another task",
        )
    trunk = network(source, spec, shape, folder)
    started = time.perf_counter()
    vectors = embed(trunk, source, task, resize, machine)
    seconds = time.perf_counter() - started
    facts = Embedded(
        **spec.model_dump(exclude={"resize"}),
        resize=resize.side if resize else None,
        shape=shape,
        dataset=task.dataset,
        source_dataset=source.dataset,
        model=source.model["name"],
        top1=source.top1,
        parameters=sum(parameter.numel() for parameter in trunk.parameters()),
        dimensions=vectors.shape[1],
        seen=known,
    )
    found = embedding.Embedding(facts, task.classes, vectors, task.labels, task.train, task.validation, task.test)
    with new_folder(Path("data/embeddings") / name) as out:
        embedding.save(found, out)
    before = ", ".join(f"{count} {split}" for split, count in known.items() if count)
    trained_on = f"; its weights were trained on {before} images of them" if before else ""
    say(f"{name}: {len(vectors):,} images of {spec.task}, {vectors.shape[1]:,} dimensions{trained_on}")
    return {
        **device.describe(machine),
        "images_per_second": round(len(vectors) / seconds),
        "peak_mib": round(device.peak_memory(machine)),
    }


if __name__ == "__main__":
    stage(main)
