"""What the summary writes for people, apart from its two tables: a file a run, a figure a question."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from probeline import probe_summary, summary, sweep_summary, tsne_map
from probeline.figures import classes, lessons, maps, phases, pictures, probes, run, sweeps
from probeline.lessons import results
from probeline.pipeline import files

RESULTS, EXAMPLES = Path("data/results"), Path("data/examples")
METRICS, PLOTS = Path("metrics"), Path("plots")
Folder = Callable[[Path], Path]  # a new folder in its place, empty
Records = dict[str, dict[str, Any]]


def write_tables(runs: Records, probed: Records, new: Folder) -> None:
    """Metrics as JSON and curves as CSV."""
    for place, records, metrics_of in (
        ("runs", runs, summary.metrics),
        ("probes", probed, probe_summary.metrics_of),
    ):
        folder = new(METRICS / place)
        for name, record in records.items():
            files.write_json(folder / f"{name}.json", files.rounded(metrics_of(record)))
    for place, frame_of in (
        ("curves", summary.curves),
        ("history", summary.history),
        ("confusion", summary.confusion),
    ):
        folder = new(PLOTS / place)
        for name, record in runs.items():
            if (frame := frame_of(record)) is not None:
                files.write_csv(folder / f"{name}.csv", frame)


def draw_runs(runs: Records, table: pd.DataFrame, new: Folder) -> None:
    """Figures of runs, and of what they read."""
    folder = new(PLOTS / "runs")
    for (_, row), record in zip(table.iterrows(), runs.values(), strict=True):
        kept = [seed["kept_step"] for seed in record["seeds"]]
        run.draw(folder / f"{row['run']}.png", row, kept, summary.history(record), summary.confusion(record))
    folder = new(PLOTS / "layers")
    for name, record in runs.items():
        text = (RESULTS / record["group"] / name / "layers.txt").read_text(encoding="utf-8")
        files.write(folder / f"{name}.txt", text)
    folder = new(PLOTS / "augmentation")
    for name, record in runs.items():
        if (before_after := RESULTS / record["group"] / name / "augmented.npy").exists():
            pictures.augmented(folder / f"{name}.png", name, before_after)
    folder = new(PLOTS / "classes")
    for (experiment, task), group in summary.side_by_side(runs).items():
        scale = table.set_index("run").loc[list(group)]
        # A dot stands in no name, so no two figures have the same.
        classes.draw(folder / f"{experiment}.{task}.png", experiment, task, group, scale)


def draw_tasks(tasks: Iterable[str], new: Folder) -> None:
    """A picture grid of every task (B1)."""
    folder = new(PLOTS / "tasks")
    for name in tasks:
        pictures.examples(folder / f"{name}.png", name, EXAMPLES / name)


def draw_representations(
    runs: Records, probed: Records, table: pd.DataFrame, mapped: dict[str, tsne_map.Map], new: Folder
) -> None:
    """Figures of encoders: probes, their curves, maps."""
    folder = new(PLOTS / "probes")
    for task, rows in table.groupby("task", sort=False) if len(table) else ():
        probes.draw(folder / f"{task}.png", str(task), rows)
        if rows["source_accuracy"].notna().sum() > 1:
            probes.against_sources(folder / f"{task}.sources.png", str(task), rows)
    folder = new(PLOTS / "phases")
    for name, title, subtitle, found in probe_summary.phases(probed, runs):
        phases.draw(folder / f"{name}.png", title, subtitle, found)
    folder = new(PLOTS / "maps")
    for name, drawn in mapped.items():
        maps.draw(folder / f"{name}.png", name, drawn)
        files.write_csv(folder / f"{name}.csv", drawn.points)
    for (experiment, task), group in tsne_map.side_by_side(mapped).items():
        maps.compare(folder / f"{experiment}.{task}.png", experiment, task, group)


def publish_sweeps(swept: Records, new: Folder) -> None:
    """Every point and seed of every sweep as a table, and a figure of each."""
    folder = new(PLOTS / "sweeps")
    for name, record in swept.items():
        files.write_csv(folder / f"{name}.csv", sweep_summary.rows(record).drop(columns="setting"))
        sweeps.draw(folder / f"{name}.png", name, record)


def publish_lessons(learned: dict[str, Any], new: Folder) -> None:
    """The tables and figures of report D's work from scratch."""
    folder = new(METRICS / "lessons")
    for name, table in results.tables(learned).items():
        files.write_csv(folder / f"{name}.csv", table)
    files.write_json(folder / "numbers.json", files.rounded(results.numbers(learned)))
    lessons.draw(new(PLOTS / "lessons"), learned, RESULTS / "lessons")
