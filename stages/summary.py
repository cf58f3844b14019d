"""summary: publish the results of all runs that params.yaml names: metrics, curves, figures, one table."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from probeline import summary
from probeline.figures import classes, overview, pictures, run
from probeline.pipeline import files
from probeline.pipeline.params import section
from probeline.pipeline.stage import stage

RESULTS, EXAMPLES = Path("data/results"), Path("data/examples")
METRICS, PLOTS = Path("metrics"), Path("plots")
Folder = Callable[[Path], Path]


def main() -> None:
    tasks = section("tasks")
    records = summary.load({group: section(group) for group in ("train", "transfer")}, RESULTS)
    summary.drop_strays(records, RESULTS, "run")
    summary.drop_strays(tasks, EXAMPLES, "task")
    table = summary.table(records)
    with ExitStack() as stack:
        # All of it or nothing: no folder takes its place before everything is written.
        new: Folder = lambda path: stack.enter_context(files.new_folder(path))  # noqa: E731
        write_tables(records, new)
        draw_figures(records, table, new)
        folder = new(PLOTS / "layers")
        for name in records:
            files.write(folder / f"{name}.txt", (RESULTS / name / "layers.txt").read_text(encoding="utf-8"))
        folder = new(PLOTS / "tasks")
        for name in tasks:
            pictures.examples(folder / f"{name}.png", name, EXAMPLES / name)
    overview.draw(PLOTS / "overview.png", table)
    files.write_csv(METRICS / "summary.csv", table)
    files.write_json(METRICS / "summary.json", files.rounded(summary.numbers(records)))
    shown = table[["run", "train_images", "seeds", "test_loss", "validation_accuracy", "test_accuracy"]]
    shown = shown.assign(diverged=table["diverged"].map(lambda seeds: "diverged" if seeds else ""))
    print(shown.rename(columns={"diverged": ""}).to_string(index=False, float_format="%.4f", na_rep="-"))
    print("the whole table: metrics/summary.csv; every figure: plots, first of all plots/overview.png")


def write_tables(records: dict[str, summary.Record], new: Folder) -> None:
    folder = new(METRICS / "runs")
    for name, record in records.items():
        files.write_json(folder / f"{name}.json", files.rounded(summary.metrics(record)))
    for place, frame_of in (
        ("curves", summary.curves),
        ("history", summary.history),
        ("confusion", summary.confusion),
    ):
        folder = new(PLOTS / place)
        for name, record in records.items():
            if (frame := frame_of(record)) is not None:
                files.write_csv(folder / f"{name}.csv", frame)


def draw_figures(records: dict[str, summary.Record], table: pd.DataFrame, new: Folder) -> None:
    folder = new(PLOTS / "runs")
    for (_, row), record in zip(table.iterrows(), records.values(), strict=True):
        kept = [seed["kept_step"] for seed in record["seeds"]]
        run.draw(folder / f"{row['run']}.png", row, kept, summary.history(record), summary.confusion(record))
    folder = new(PLOTS / "augmentation")
    for name in records:
        if (before_after := RESULTS / name / "augmented.npy").exists():
            pictures.augmented(folder / f"{name}.png", name, before_after)
    folder = new(PLOTS / "classes")
    for (experiment, task), runs in summary.side_by_side(records).items():
        scale = table.set_index("run").loc[list(runs)]
        # A dot stands in no name, so no two figures have the same.
        classes.draw(folder / f"{experiment}.{task}.png", experiment, task, runs, scale)


if __name__ == "__main__":
    stage(main)
