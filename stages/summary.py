"""summary: publish the results of all runs that params.yaml names: metrics, curves, figures, one table."""

from pathlib import Path

import pandas as pd

from probeline import summary
from probeline.figures import classes, overview, pictures, run
from probeline.pipeline import files
from probeline.pipeline.params import section
from probeline.pipeline.stage import stage

RESULTS, EXAMPLES = Path("data/results"), Path("data/examples")
METRICS, PLOTS = Path("metrics"), Path("plots")


def main() -> None:
    tasks = section("tasks")
    records = summary.load({group: section(group) for group in ("train", "transfer")}, RESULTS)
    summary.drop_strays(records, RESULTS, "run")
    summary.drop_strays(tasks, EXAMPLES, "task")
    table = summary.table(records)
    write_tables(records, table)
    draw_figures(records, table)
    with files.new_folder(PLOTS / "layers") as folder:
        for name in records:
            files.write(folder / f"{name}.txt", (RESULTS / name / "layers.txt").read_text(encoding="utf-8"))
    with files.new_folder(PLOTS / "tasks") as folder:
        for name in tasks:
            pictures.examples(folder / f"{name}.png", name, EXAMPLES / name)
    shown = table[["run", "train_images", "seeds", "test_loss", "validation_accuracy", "test_accuracy"]]
    print(shown.to_string(index=False, float_format="%.4f", na_rep="-"))
    print("the whole table: metrics/summary.csv; every figure: plots, first of all plots/runs/overview.png")


def write_tables(records: dict[str, summary.Record], table: pd.DataFrame) -> None:
    with files.new_folder(METRICS / "runs") as folder:
        for name, record in records.items():
            files.write_json(folder / f"{name}.json", files.rounded(summary.metrics(record)))
    for place, frame_of in (
        ("curves", summary.curves),
        ("history", summary.history),
        ("confusion", summary.confusion),
    ):
        with files.new_folder(PLOTS / place) as folder:
            for name, record in records.items():
                if (frame := frame_of(record)) is not None:
                    files.write_csv(folder / f"{name}.csv", frame)
    files.write_csv(METRICS / "summary.csv", table)
    files.write_json(METRICS / "summary.json", files.rounded(summary.numbers(records)))


def draw_figures(records: dict[str, summary.Record], table: pd.DataFrame) -> None:
    with files.new_folder(PLOTS / "runs") as folder:
        overview.draw(folder / "overview.png", table)
        for (_, row), record in zip(table.iterrows(), records.values(), strict=True):
            kept = [seed["kept_step"] for seed in record["seeds"]]
            run.draw(folder / f"{row['run']}.png", row, kept, summary.history(record), summary.confusion(record))
    with files.new_folder(PLOTS / "augmentation") as folder:
        for name in records:
            if (before_after := RESULTS / name / "augmented.npy").exists():
                pictures.augmented(folder / f"{name}.png", name, before_after)
    with files.new_folder(PLOTS / "classes") as folder:
        for (experiment, task), runs in summary.side_by_side(records).items():
            scale = table.set_index("run").loc[list(runs)]
            classes.draw(folder / f"{experiment}-{task}.png", experiment, task, runs, scale)


if __name__ == "__main__":
    stage(main)
