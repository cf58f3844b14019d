"""The scoreboard: by report, how much of it was run here, on what, and how its best-known number came out."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import pandas as pd

from probeline.report import intervals
from probeline.report.claims import Claims, row
from probeline.report.load import Results

# What each report asks, and how many experiments it has: docs/experiments.md.
REPORTS = {
    "A": ("Does an encoder trained with a triplet loss give features on which a linear classifier does well?", 9),
    "B": ("What do small networks reach on CIFAR-100, and do their convolutions help on another dataset?", 7),
    "C": ("Hinge or cross-entropy, linear or one hidden layer, with only 150 training images?", 5),
    "D": ("What does training look like when forward and backward are written by hand?", 14),
    "E": ("Which pretrained backbone transfers best to ten bird species, and does fine-tuning help?", 4),
}
# The test accuracy that each report is best known for.
KNOWN_FOR = {
    "A": "A8.test_accuracy.best",
    "B": "B6.test_accuracy.20",
    "C": "C1.test_accuracy",
    "D": "D10.test_accuracy",
    "E": "E4.test_accuracy.lp",
}
HEADINGS = ("report", "what it asks", "experiments", "results here", "data here", "test accuracy, reported", "and here")
NOTE = (
    "Experiments: how many of the report's have results of their own here. In brackets: 95 % interval. A number on "
    "smaller or other data than the report's neither confirms nor refutes the report's number."
)
Found = tuple[str, str, list[str]]  # a result: its report_id, what it is ("run"), the tasks that it is on


def scoreboard(results: Results, claims: Claims, runs: pd.DataFrame, probes: pd.DataFrame) -> str:
    """The scoreboard, as Markdown.

    Args:
        runs, probes: The tables of metrics/summary.csv and metrics/probes.csv.
    """
    rows = [HEADINGS, ("---",) * len(HEADINGS)]
    found = list(_found(results))
    for report, (asks, count) in REPORTS.items():
        here = [result for result in found if re.fullmatch(rf"{report}\d+", result[0])]
        ids = {report_id for report_id, _, _ in here}
        data = {results.tasks[task].dataset: None for _, _, tasks in here for task in tasks}
        kinds = Counter(kind for _, kind, _ in here if kind)
        rows.append(
            (
                report,
                asks,
                f"{len(ids)} of {count}",
                ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in kinds.items()) or "none",
                ", ".join(data) or "-",
                *_numbers(KNOWN_FOR[report], claims, runs, probes),
            )
        )
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return f"{table}\n\n{NOTE}\n"


def _found(results: Results) -> Iterator[Found]:
    for run in results.runs.values():
        yield run.record.report_id, "run", [run.record.task]
    for encoder in results.probes.values():
        yield encoder.record.report_id, "probed encoder", [encoder.record.encoder.task]
    for sweep in results.sweeps.values():
        yield sweep.report_id, "sweep", [sweep.task]
    for drawn in results.maps.values():
        yield drawn.facts.report_id, "map", [drawn.facts.encoder.task]
    for lesson in results.lessons.values():
        yield from _lesson(lesson.facts.mlp_task, lesson.facts.convolution_task, (run.run for run in lesson.facts.mlp))


def _lesson(mlp_task: str, convolution_task: str, runs: Iterable[str]) -> Iterator[Found]:
    """A lesson is one result with several ids. The name of each of its runs begins with an id: d9-lr-001."""
    yield "D5", "lesson", [mlp_task, convolution_task]
    for report_id in ("D7", "D12", "D13", "D14", *(run.partition("-")[0].upper() for run in runs)):
        yield report_id, "", []


def _numbers(known_for: str, claims: Claims, runs: pd.DataFrame, probes: pd.DataFrame) -> tuple[str, str]:
    """What the report states, and what we have, in words."""
    claim = claims.get(known_for)
    if claim is None:
        return "-", "-"
    stated = f"{known_for.partition('.')[0]}: {claim.reported:.4g}"
    ours = row(claim, runs, probes)
    if ours is None or pd.isna(value := ours[claim.value]):
        return stated, "-"
    name = claim.of.partition(".")[2]
    if "test_accuracy_low" in ours:
        interval = (ours["test_accuracy_low"], ours["test_accuracy_high"])
    elif ours["resamples"] == 1:  # of a probe
        interval = intervals.of_accuracy([value], ours["test_images"])[:2]
    else:
        return stated, f"{value:.4f}, `{name}`"
    return stated, f"{value:.4f} ({interval[0]:.3f} to {interval[1]:.3f}), `{name}`"
