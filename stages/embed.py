"""embed@encoder: the vectors that a network gives for all images of a task, once."""

import time
from pathlib import Path
from typing import Any

from probeline import embedding, encoder, seen, task
from probeline.embedding import Embedding
from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import read
from probeline.pipeline.progress import say
from probeline.pipeline.stage import stage
from probeline.training import device


def main(name: str) -> dict[str, Any]:
    where = f"encoders.{name}"
    spec = read(where, encoder.Spec)
    machine = device.choose()
    folder = Path("data/models") / spec.source
    source, images = encoder.plan(folder), task.load(Path("data/tasks") / spec.task)
    resize = encoder.view(source, spec, images, where)
    height, width, channels = images.images.shape[1:]
    shape = (channels, *((resize.crop,) * 2 if resize else (height, width)))
    known = seen.overlap(images, seen.load(folder, spec.seed) if spec.weights == "trained" else {})
    if known["test"]:
        raise UserError(
            f"params.yaml: {where}: {spec.source} was trained on {known['test']} of the test images of {spec.task}, "
            "which would score it too well; embed another task"
        )
    trunk = encoder.network(source, spec, shape, folder, where)
    started = time.perf_counter()
    vectors = encoder.embed(trunk, source, images, resize, where, machine)
    seconds = time.perf_counter() - started
    facts = {
        **spec.model_dump(),
        "resize": resize.side if resize else None,
        "shape": shape,
        "dataset": images.dataset,
        "model": source.model.name,
        "source_dataset": source.dataset,
        "top1": source.top1,
        "parameters": sum(parameter.numel() for parameter in trunk.parameters()),
        "dimensions": vectors.shape[1],
        "seen": known,
    }
    found = Embedding(facts, images.classes, vectors, images.labels, images.train, images.validation, images.test)
    with files.new_folder(Path("data/embeddings") / name) as out:
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
