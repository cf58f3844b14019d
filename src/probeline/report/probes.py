"""What the probes of encoders have measured, as tables."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from probeline.report import intervals
from probeline.report.fits import mean, spread
from probeline.report.load import Encoder, Run
from probeline.results.embeddings import Embedded
from probeline.results.probes import PROBES, Probe
from probeline.results.record import SPLITS, Evaluation

Phase = tuple[str, list[Evaluation], int]  # its name, its history, the step whose weights were kept
# What the table shows of the chosen row of the probes that Probeline comes with; of others, all but scores.
SETTINGS = {"logistic": ("l2",), "gradient": ("lr", "l2"), "knn": ("neighbors",)}
SCORES = tuple(f"{split}_" for split in SPLITS)  # how the keys of scores begin
ABOUT = ("task", "dataset", "source", "weights", "source_dataset", "model", "parameters", "dimensions")


def numbers(encoders: Mapping[str, Encoder]) -> dict[str, float]:
    """The test accuracy of every probe, `<encoder>.<probe>`: the mean over the resamples of its task."""
    return {
        f"{name}.{probe}": accuracy
        for name, encoder in encoders.items()
        for probe in names(encoders)
        if (accuracy := mean(encoder.of(probe), "test_accuracy")) is not None
    }


def table(encoders: Mapping[str, Encoder], runs: Mapping[str, Run], metrics: Iterable[str]) -> pd.DataFrame:
    """One row per encoder: what it is, how good its source is on its own task, and what each probe makes of it.

    Accuracies are means over the resamples of the task; a chosen setting is that of the first resample.

    Args:
        runs: All runs, for the accuracy of those that are sources.
        metrics: Names of further ones, each a column `<probe>_test_<metric>`.
    """
    settings = {probe: _settings(probe, encoders.values()) for probe in names(encoders)}
    rows = []
    for name, encoder in encoders.items():
        row = _about(name, encoder, runs)
        for probe, keys in settings.items():
            row |= _columns(encoder, probe, keys, metrics)
        rows.append(row)
    return pd.DataFrame(rows)


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """The table for figures: further with the 95 % interval of every test accuracy, Wilson's over the test images.

    They are the columns `<probe>_test_accuracy_low` and `<probe>_test_accuracy_high`, nan where there is no accuracy.
    """
    found = table.copy()
    for column in (name for name in map(str, table) if name.endswith("_test_accuracy")):
        rows = zip(table[column].astype(float), table["test_images"], strict=True)
        ends = [
            (math.nan, math.nan) if math.isnan(accuracy) else intervals.of_share(round(accuracy * images), images)
            for accuracy, images in rows
        ]
        found[f"{column}_low"], found[f"{column}_high"] = zip(*ends, strict=True)
    return found


def names(encoders: Mapping[str, Encoder]) -> list[str]:
    """The probes of any of these encoders; those that Probeline comes with always, and first."""
    found = {probe for encoder in encoders.values() for fits in encoder.fits for probe in fits}
    return [*PROBES, *sorted(found - set(PROBES))]


def _about(name: str, encoder: Encoder, runs: Mapping[str, Run]) -> dict[str, Any]:
    record, about = encoder.record, encoder.record.encoder
    return {
        "encoder": name,
        "report_id": record.report_id,
        **{key: getattr(about, key) for key in ABOUT},
        "source_accuracy": source_accuracy(about, runs),
        **{f"{split}_images": images for split, images in record.images.items()},
        "seen_train": about.seen["train"],
        "seen_validation": about.seen["validation"],
        "resamples": len(record.resamples),
    }


def _settings(probe: str, encoders: Iterable[Encoder]) -> list[str]:
    """The keys of a probe's chosen row that the table shows."""
    if probe in SETTINGS:
        return list(SETTINGS[probe])
    chosen = [_chosen(encoder, probe) for encoder in encoders]
    return list(dict.fromkeys(key for row in chosen for key in row if not key.startswith(SCORES)))


def _chosen(encoder: Encoder, probe: str) -> dict[str, Any]:
    """The chosen row of a probe, of the first resample; empty where the encoder has no such probe."""
    return encoder.record.resamples[0][probe].chosen if encoder.of(probe) else {}


def _columns(encoder: Encoder, probe: str, settings: Iterable[str], metrics: Iterable[str]) -> dict[str, Any]:
    fits, chosen = encoder.of(probe), _chosen(encoder, probe)
    return {
        **{f"{probe}_{key}": chosen.get(key) for key in settings},
        **{f"{probe}_{split}_accuracy": mean(fits, f"{split}_accuracy") for split in ("validation", "test")},
        f"{probe}_test_accuracy_std": spread(fits, "test_accuracy"),
        **{f"{probe}_test_{metric}": mean(fits, f"test_{metric}") for metric in metrics},
    }


def source_accuracy(about: Embedded, runs: Mapping[str, Run]) -> float | None:
    """Of the trained source on what it was trained for: published top-1, or the test accuracy of the run's own seed."""
    if about.weights == "initial":
        return None
    if (run := runs.get(about.source)) is None:
        return about.top1
    (fit,) = (fit for seed, fit in zip(run.record.seeds, run.fits, strict=True) if seed.seed == about.seed)
    return fit.measured["test_accuracy"]


def metrics_of(encoder: Encoder) -> dict[str, Any]:
    """The metrics of an encoder's probes, for a file: all but the curves."""
    record = encoder.record
    return {
        **record.encoder.model_dump(),
        **record.model_dump(exclude={"encoder", "resamples"}),
        "resamples": [
            {name: _probe(probe, fits[name].measured, fits[name].confusion) for name, probe in found.items()}
            for found, fits in zip(record.resamples, encoder.fits, strict=True)
        ],
    }


def _probe(probe: Probe, values: Mapping[str, float | None], confusion: Any) -> dict[str, Any]:
    scores: dict[str, dict[str, float | None]] = {}
    for name, value in values.items():
        split, _, metric = name.partition("_")
        scores.setdefault(split, {})[metric] = value
    return {
        "chosen": probe.chosen,
        # A probe that is not scored on a split (nearest neighbors on training images) has no accuracy there.
        "scores": {split: found for split, found in scores.items() if found["accuracy"] is not None},
        "confusion": confusion.tolist(),
        "rows": probe.rows,
    }


def phases(encoders: Mapping[str, Encoder], runs: Mapping[str, Run]) -> Iterable[tuple[str, str, str, Sequence[Phase]]]:
    """The curves of every gradient probe, and of every fine-tuning after its probe: name, title, subtitle, phases."""
    for name, encoder in encoders.items():
        if fits := encoder.of("gradient"):
            found = encoder.record.resamples[0]["gradient"]
            accuracy = fits[0].measured["test_accuracy"]
            yield name, f"{name}: linear probe", _caption(encoder, found, accuracy), [_phase(found)]
    for name, run in runs.items():
        start = run.record.start
        if run.section != "finetune" or start is None or start.encoder is None or start.head is None:
            continue
        seed = run.record.seeds[0]
        encoder = encoders[start.encoder]
        resample = seed.resample % len(encoder.fits)
        before = encoder.record.resamples[resample][start.head]
        first = [_phase(before)] if start.head == "gradient" else []
        accuracies = [fit.measured["test_accuracy"] for fit in (encoder.fits[resample][start.head], run.fits[0])]
        with_probe, after = (float("nan") if value is None else value for value in accuracies)
        subtitle = (
            f"{run.record.report_id} | {run.record.task} | {start.source}, "
            f"{start.trained_parameters:,} parameters train{_one_of(len(run.fits), 'seed')} | "
            f"test accuracy {with_probe:.4f} with the probe, {after:.4f} after it"
        )
        second = ("fine-tuning", seed.history, seed.kept_step)
        yield f"{name}.after", f"{name}: linear probe, then fine-tuning", subtitle, [*first, second]


def _phase(found: Probe) -> Phase:
    return "linear probe", found.history, found.chosen["kept_step"]


def _caption(encoder: Encoder, found: Probe, accuracy: float | None) -> str:
    chosen, about = found.chosen, encoder.record.encoder
    return (
        f"{encoder.record.report_id} | {about.task} | {about.source}, {about.dimensions:,} dimensions | "
        f"lr {chosen['lr']:g}, L2 {chosen['l2']:g}, seed {chosen['seed']}{_one_of(len(encoder.fits), 'resample')} | "
        f"test accuracy {accuracy:.4f}"
    )


def _one_of(count: int, what: str) -> str:
    """That the first of several is shown, in words; nothing where there is but one."""
    return f", the first of {count} {what}s" if count > 1 else ""
