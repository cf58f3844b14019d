"""What the lessons have measured, as tables, numbers and figures.

Labels are those of the lesson's `mlp_task`.
"""

import math
from collections.abc import Callable, Iterator
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import pandas as pd

from probeline.metrics import accuracy
from probeline.metrics._scored import Scored
from probeline.results.lessons import LIBRARY, Facts, Lesson, Matched, Quantity, Run
from probeline.results.record import SPLITS
from probeline.results.tasks import Labels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def tables(lesson: Lesson, labels: Labels) -> dict[str, pd.DataFrame]:
    """The tables, by the names of their files.

    scalars: one row per point and quantity of D7; text, because every digit counts. mlp: one row per run of D8 to D10.
    mlp_by_class: their test accuracies by class, empty for a class without test images. matching: one row per training
    of D13 and D14. matching_losses: one row per epoch of each, empty where the loss is not finite.
    """
    facts = lesson.facts
    return {
        "scalars": _scalars(facts.d7),
        "mlp": pd.DataFrame([_mlp_row(run, accuracies(lesson, run.run, labels)) for run in facts.mlp]),
        "mlp_by_class": pd.DataFrame([{"run": run.run, **by_class(lesson, run.run, labels)} for run in facts.mlp]),
        "matching": pd.DataFrame([_matching_row(name, run) for name, run in _matched(facts)]),
        "matching_losses": pd.DataFrame(
            [
                {"lesson": name, "batch_size": run.batch_size, "seed": run.seed, "epoch": epoch, "loss": loss}
                for name, run in _matched(facts)
                for epoch, loss in enumerate(run.losses)
            ]
        ).astype({"loss": float}),
    }


def numbers(lesson: Lesson, labels: Labels) -> dict[str, float]:
    """One number per result.

    Accuracies of D5 and of each run of D8 to D10, D7's largest relative error, the epoch at which D13 is no longer
    finite, and D14's norms: their mean and, with two or more seeds, their standard deviation over seeds.
    """
    facts = lesson.facts
    found = {f"d5.{split}_accuracy": value for split, value in accuracies(lesson, LIBRARY, labels).items()}
    found["d7.largest_relative_error"] = largest_error(facts.d7)
    for run in facts.mlp:
        found[f"mlp.{run.run}.test_accuracy"] = accuracies(lesson, run.run, labels)["test"]
    for training in facts.d13:
        if (epoch := training.not_finite.epoch) is not None:
            found[f"d13.batch-{training.batch_size}.seed-{training.seed}.first_epoch_not_finite"] = epoch
    for batch_size, values in norms(facts.d14).items():
        if any(map(math.isnan, values)):
            continue  # a mean over the seeds that did not diverge would mislead
        found[f"d14.batch-{batch_size}.norm"] = fmean(values)
        if len(values) > 1:
            found[f"d14.batch-{batch_size}.norm_std"] = stdev(values)
    return found


def figures(lesson: Lesson) -> Iterator[tuple[str, "Callable[..., Figure]", tuple[Any, ...]]]:
    """Each figure: its name, the function that makes it, and that function's arguments."""
    from probeline.report.figures import lessons as made_by

    facts = lesson.facts
    yield "mlp", made_by.mlp, (facts.mlp,)
    yield "blur", made_by.blur, (facts.d12, lesson.original, lesson.blurred)
    yield "explosion", made_by.explosion, (facts.d13,)
    yield "clipped", made_by.clipped, (norms(facts.d14),)


def accuracies(lesson: Lesson, fit: str, labels: Labels) -> dict[str, float]:
    """The accuracy of D5 (`d5`) or of a run of D8 to D10, by split."""
    found = {
        split: accuracy.measure(Scored.of(lesson.outputs[fit], split), labels.of(split, resample=0)) for split in SPLITS
    }
    return {split: value for split, value in found.items() if value is not None}


def by_class(lesson: Lesson, fit: str, labels: Labels) -> dict[str, float | None]:
    """The same for the test images of each class; None for a class without test images."""
    outputs, test = lesson.outputs[fit], labels.of("test", resample=0)
    found: dict[str, float | None] = {}
    for label, name in enumerate(labels.classes):
        chosen = test == label
        predicted = outputs.predicted["test"][chosen]
        found[name] = accuracy.measure(Scored(outputs.kind, predicted), test[chosen]) if chosen.any() else None
    return found


def norms(trainings: list[Matched]) -> dict[int, list[float]]:
    """The final norms by batch size, one value per seed; nan where it diverged."""
    found: dict[int, list[float]] = {}
    for training in trainings:
        found.setdefault(training.batch_size, []).append(math.nan if training.norm is None else training.norm)
    return found


def largest_error(rows: list[Quantity]) -> float:
    """The largest relative error in D7's table, over the values that are not exactly 0."""
    return max((abs(row.measured / row.exact - 1) for row in rows if row.exact), default=0.0)


def _scalars(rows: list[Quantity]) -> pd.DataFrame:
    frame = pd.DataFrame([row.model_dump() for row in rows])
    digits = ["measured", "exact", "reported"]
    frame[digits] = frame[digits].map(lambda value: "" if pd.isna(value) else repr(float(value))).astype(object)
    return frame


def _mlp_row(run: Run, found: dict[str, float]) -> dict[str, Any]:
    row = run.model_dump(include={"run", "hidden", "lr", "batch_size", "l2", "l2_form"})
    row |= {"train_images": run.images["train"], "last_epoch": run.last_epoch, "kept_epoch": run.kept_epoch}
    for split in SPLITS:
        row |= {f"{split}_loss": run.losses[split], f"{split}_accuracy": found[split]}
    return row


def _matched(facts: Facts) -> Iterator[tuple[str, Matched]]:
    yield from (("d13", training) for training in facts.d13)
    yield from (("d14", training) for training in facts.d14)


def _matching_row(name: str, training: Matched) -> dict[str, Any]:
    return {
        "lesson": name,
        "batch_size": training.batch_size,
        "seed": training.seed,
        "epochs": len(training.losses),
        "norm": training.norm,
        "first_step_not_finite": training.not_finite.step,
        "first_epoch_not_finite": training.not_finite.epoch,
        "first_epoch_nan": training.not_finite.nan_epoch,
    }
