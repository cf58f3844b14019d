"""The vectors of an encoder, from its entry in params.yaml to its files."""

import time
from pathlib import Path
from typing import Any

from probeline.compute import device
from probeline.compute.view import View
from probeline.encoders import embedding
from probeline.encoders.embed import embed, network
from probeline.encoders.spec import Encoder, view
from probeline.pipeline.folders import new_folder
from probeline.pipeline.progress import say
from probeline.results.embeddings import Embedded
from probeline.tasks import task as tasks
from probeline.training import model, seen


def carry_out(name: str, spec: Encoder) -> dict[str, Any]:
    """Embed all images of a task, once; write data/embeddings/<encoder>.

    Returns:
        What the log should know.

    Raises:
        ParamError: The source cannot read these images, or has been trained on many of their test images.
    """
    machine = device.choose()
    folder = Path("data/models") / spec.source
    source, task = model.load(folder), tasks.load(Path("data/tasks") / spec.task)
    resize = view(source, spec, task)
    shape = View(resize=resize).shape(task)
    trunk = network(source, spec, shape, folder)
    known = seen.overlap(task, seen.load(folder, spec.seed) if spec.weights == "trained" else {})
    seen.insist_on_unseen(task, spec.task, known["test"], f"{spec.source} was", "embed another task")
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
    with new_folder(Path("data/embeddings") / name) as out:
        embedding.save(embedding.of_task(task, vectors, facts), out)
    before = ", ".join(f"{count} {split}" for split, count in known.items() if count)
    trained_on = f"; its weights were trained on {before} images of them" if before else ""
    say(f"{name}: {len(vectors):,} images of {spec.task}, {vectors.shape[1]:,} dimensions{trained_on}")
    return {
        **device.describe(machine),
        "images_per_second": round(len(vectors) / seconds),
        "peak_mib": round(device.peak_memory(machine)),
    }
