"""All probes of an encoder, on every resample of its task."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from probeline.compute import device
from probeline.encoders import embedding
from probeline.encoders.embedding import Embedding
from probeline.pipeline import checkpoint, params
from probeline.pipeline.errors import ParamError, at
from probeline.pipeline.folders import new_folder
from probeline.pipeline.progress import say
from probeline.probes import _heads as heads
from probeline.probes._data import SPLITS, Fitted, ProbeData
from probeline.probes._spec import Probes
from probeline.results import outputs, probes


def carry_out(name: str, spec: Probes) -> dict[str, Any]:
    """Fit the probes of an encoder; write data/probes/<encoder> and data/results/probe/<encoder>.

    Returns:
        What the log should know.

    Raises:
        ParamError: The training images are of one class, or a probe cannot be fitted.
    """
    machine = device.choose()
    folder = Path("data/embeddings") / name
    found = embedding.load(folder)
    mark = checkpoint.fingerprint([folder], {"probe": spec.model_dump(), **device.describe(machine)})
    with checkpoint.store(f"probe-{name}", mark) as checkpoints:
        resamples = []
        for resample in range(len(found.train)):
            data = ProbeData(found, resample, machine, checkpoints / str(resample))
            resamples.append(fit(spec, data))
            tell(name, data, resamples[-1])
        with new_folder(Path("data/probes") / name) as kept:
            heads.save(found.facts, [{probe: one.head for probe, one in of.items()} for of in resamples], kept)
        with new_folder(Path("data/results/probe") / name) as measured:
            record(spec, found, resamples).save(measured / probes.FILE)
            for resample, fitted in enumerate(resamples):
                for probe, one in fitted.items():
                    outputs.save(one.outputs, probes.outputs(measured, resample, probe))
    return device.describe(machine)


def fit(spec: Probes, data: ProbeData) -> dict[str, Fitted]:
    """Fit all probes on one resample.

    Raises:
        ParamError: The training images are of one class, a vector is not finite, or a probe cannot be fitted.
    """
    _insist(data)
    fitted = {}
    for name, probe in spec.probes.items():
        with at(name):
            own = replace(data, checkpoints=data.checkpoints / name)
            fitted[name] = params.module("probes", name).fit(probe, own)
    return fitted


def _insist(data: ProbeData) -> None:
    """Refuse what no probe can be fitted on."""
    labels = data.of("train")[1]
    if len(np.unique(labels)) < 2:
        raise ParamError(
            "",
            f"all {len(labels)} training images are of class '{data.embedding.classes[labels[0]]}', and a probe needs "
            "two classes or more",
            "give the task more images",
        )
    for split in SPLITS:
        if not np.isfinite(data.of(split)[0]).all():
            raise ParamError("", f"its {split} vectors hold inf or nan: their encoder diverged", "embed another")


def record(spec: Probes, found: Embedding, resamples: list[dict[str, Fitted]]) -> probes.Probes:
    """All that was measured of an encoder, but the outputs."""
    trained = [probe.objective.name for probe in spec.probes.values() if hasattr(probe, "objective")]
    return probes.Probes(
        report_id=spec.report_id,
        encoder=found.facts,
        objective=trained[0] if trained else None,
        images=found.counts,
        classes=list(found.classes),
        resamples=[{name: one.record for name, one in fitted.items()} for fitted in resamples],
    )


def tell(name: str, data: ProbeData, fitted: dict[str, Fitted]) -> None:
    """One line for the terminal."""

    def accuracies(one: Fitted) -> str:
        return ", ".join(
            f"{split} {(one.outputs.predicted[split] == data.of(split)[1]).mean():.4f}"
            for split in ("validation", "test")
        )

    words = "; ".join(f"{probe} {accuracies(one)}" for probe, one in fitted.items())
    say(f"{name} resample {data.resample}: {words}")
