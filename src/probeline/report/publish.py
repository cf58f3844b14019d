"""The files of metrics and plots: one per run, task, encoder and sweep, and the tables of all."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from probeline.pipeline import files
from probeline.pipeline.groups import GROUPS
from probeline.report import claims, lessons, maps, overview, probes, runs, scoreboard, sweeps
from probeline.report.figures import drawing
from probeline.report.load import Results
from probeline.results.runs import augmented, layers
from probeline.results.tasks import Task, examples

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from matplotlib.figure import Figure

PLOTTED = ("curves", "confusion")  # folders below plots that dvc.yaml names, so that they are there when empty


@dataclass(frozen=True)
class Publisher:
    """Two new folders that will take the places of `metrics` and `plots`.

    Attributes:
        metrics, plots: The new ones.
        old: The plots in place: a figure whose data has not changed is copied from there.
    """

    metrics: Path
    plots: Path
    old: Path

    def json(self, name: str, content: Any) -> None:
        """Write numbers into metrics, to six significant digits."""
        files.write_json(self.metrics / f"{name}.json", files.rounded(content))

    def table(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table into metrics."""
        files.write_csv(self.metrics / f"{name}.csv", frame)

    def plot(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table into plots."""
        files.write_csv(self.plots / f"{name}.csv", frame)

    def figure(self, name: str, make: "Callable[..., Figure]", *arguments: Any) -> None:
        """Draw a figure into plots, where its data has changed."""
        drawing.draw(self.plots / f"{name}.png", self.old / f"{name}.png", make, *arguments)


@dataclass(frozen=True)
class Tables:
    """One row per run, per encoder, per sweep and fraction."""

    runs: pd.DataFrame
    probes: pd.DataFrame
    sweeps: pd.DataFrame


def publish(results: Results, stated: claims.Claims, folder: Path, to: Publisher) -> Tables:
    """Write everything.

    Args:
        folder: data/results: images to show are read there.

    Returns:
        The tables, for the terminal.

    Raises:
        UserError: A file that a stage left is missing or damaged, or a claim is on a value that is not there.
    """
    points = {name: sweeps.points(sweep) for name, sweep in results.sweeps.items()}
    tables = Tables(
        runs.table(results.runs, results.metrics),
        probes.table(results.probes, results.runs, results.metrics),
        sweeps.table(results.sweeps, points),
    )
    claims.check(stated, tables.runs, tables.probes)
    to.table("summary", tables.runs)
    to.table("probes", tables.probes)
    to.table("sweeps", tables.sweeps)
    to.table("maps", maps.table(results.maps))
    numbers = [runs.numbers(results.runs), probes.numbers(results.probes), sweeps.numbers(points)]
    to.json("summary", {name: number for found in numbers for name, number in found.items()})
    files.write(to.metrics / "scoreboard.md", scoreboard.scoreboard(results, stated, tables.runs, tables.probes))
    for name in PLOTTED:
        (to.plots / name).mkdir()
    # No figure shows the further metrics: adding one draws nothing again.
    further = [f"test_{metric}" for metric in results.metrics]
    shown = tables.runs.drop(columns=further)
    _runs(results, shown, to)
    _overviews(results, shown, stated, to)
    _tasks(results, folder / GROUPS["tasks"].stage, to)
    _probes(results, probes.with_intervals(tables.probes.drop(columns=_of_probes(tables.probes, further))), to)
    _maps(results, to)
    _sweeps(results, points, to)
    _lessons(results, to)
    return tables


def _runs(results: Results, table: pd.DataFrame, to: Publisher) -> None:
    from probeline.report.figures import classes, pictures, run

    for (name, found), (_, row) in zip(results.runs.items(), table.iterrows(), strict=True):
        history, confusion = runs.history(found), runs.confusion_table(found)
        to.json(f"runs/{name}", runs.metrics_of(found))
        to.plot(f"curves/{name}", runs.curves(history))
        to.plot(f"history/{name}", history)
        if confusion is not None:
            to.plot(f"confusion/{name}", confusion)
        kept = [seed.kept_step for seed in found.record.seeds]
        diverged = [seed.diverged_at for seed in found.record.seeds if seed.diverged_at is not None]
        to.figure(f"runs/{name}", run.figure, row, kept, diverged, history, confusion)
        files.write(to.plots / f"layers/{name}.txt", layers(found.folder))
        if (images := augmented(found.folder)) is not None:
            to.figure(f"augmentation/{name}", pictures.augmented, name, images)
    by_name = table.set_index("run")
    for (report_id, task), group in runs.side_by_side(results.runs).items():
        # A dot stands in no name, so no two figures have the same.
        to.figure(f"classes/{report_id}.{task}", classes.figure, report_id, task, group, by_name.loc[list(group)])


def _overviews(results: Results, table: pd.DataFrame, stated: claims.Claims, to: Publisher) -> None:
    from probeline.report.figures import overview as figures

    for task, rows in overview.frames(table, results.runs, stated):
        to.figure(f"overview/{task}", figures.figure, task, rows)


def _tasks(results: Results, folder: Path, to: Publisher) -> None:
    """A grid of images for every task (B1)."""
    from probeline.report.figures import pictures

    for name in results.tasks:
        about = Task.load(folder / name / "task.json")
        to.figure(f"tasks/{name}", pictures.examples, name, about, examples(folder / name))


def _of_probes(table: pd.DataFrame, columns: list[str]) -> list[str]:
    endings = tuple(f"_{column}" for column in columns)
    return [name for name in map(str, table) if name.endswith(endings)]


def _probes(results: Results, table: pd.DataFrame, to: Publisher) -> None:
    from probeline.report.figures import phases
    from probeline.report.figures import probes as figures

    for name, encoder in results.probes.items():
        to.json(f"probes/{name}", probes.metrics_of(encoder))
    for task, rows in table.groupby("task", sort=False) if len(table) else ():
        to.figure(f"probes/{task}", figures.figure, str(task), rows)
        if rows["source_accuracy"].notna().sum() > 1:
            to.figure(f"probes/{task}.sources", figures.against_sources, str(task), rows)
    for name, *arguments in probes.phases(results.probes, results.runs):
        to.figure(f"phases/{name}", phases.figure, *arguments)


def _maps(results: Results, to: Publisher) -> None:
    from probeline.report.figures import maps as figures

    for name, drawn in results.maps.items():
        to.plot(f"maps/{name}", drawn.points)
        to.figure(f"maps/{name}", figures.figure, name, drawn)
    for (report_id, task), group in maps.side_by_side(results.maps).items():
        to.figure(f"maps/{report_id}.{task}", figures.compare, report_id, task, group)


def _sweeps(results: Results, points: "Mapping[str, pd.DataFrame]", to: Publisher) -> None:
    """Every point and seed of every sweep as a table, and a figure of each."""
    from probeline.report.figures import sweeps as figures

    for name, sweep in results.sweeps.items():
        to.plot(f"sweeps/{name}", sweeps.rows(sweep).drop(columns="setting"))
        to.figure(f"sweeps/{name}", figures.figure, name, sweep, points[name])


def _lessons(results: Results, to: Publisher) -> None:
    """The tables and figures of report D's work from scratch."""
    for name, lesson in results.lessons.items():
        labels = results.tasks[lesson.facts.mlp_task]
        for table, frame in lessons.tables(lesson, labels).items():
            to.table(f"lessons/{name}/{table}", frame)
        to.json(f"lessons/{name}/numbers", lessons.numbers(lesson, labels))
        for figure, make, arguments in lessons.figures(lesson):
            to.figure(f"lessons/{name}/{figure}", make, *arguments)
