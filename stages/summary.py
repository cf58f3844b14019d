"""summary: publish the results of all runs that params.yaml names: metrics, curves, figures, one table."""

from pathlib import Path

import pandas as pd

from probeline import summary
from probeline.figures import overview, run
from probeline.pipeline import files
from probeline.pipeline.params import section
from probeline.pipeline.stage import stage


def main() -> None:
    results, names = Path("data/results"), section("train")
    records = summary.load(names, results)
    summary.drop_strays(names, results)
    table = summary.table(records)
    with files.new_folder(Path("metrics/train")) as folder:
        for name, record in records.items():
            files.write_json(folder / f"{name}.json", files.rounded(summary.metrics(record)))
    for place, frame_of in (
        ("curves", summary.curves),
        ("history", summary.history),
        ("confusion", summary.confusion),
    ):
        with files.new_folder(Path("plots") / place) as folder:
            for name, record in records.items():
                files.write_csv(folder / f"{name}.csv", frame_of(record))
    with files.new_folder(Path("plots/runs")) as folder:
        overview.draw(folder / "overview.png", table)
        for (_, row), record in zip(table.iterrows(), records.values(), strict=True):
            kept = [seed["kept_step"] for seed in record["seeds"]]
            run.draw(folder / f"{row['run']}.png", row, kept, summary.history(record), summary.confusion(record))
    files.write_csv(Path("metrics/summary.csv"), table)
    accuracy = dict(zip(table["run"], table["test_accuracy"], strict=True))
    accuracy = {name: value for name, value in accuracy.items() if pd.notna(value)}
    files.write_json(Path("metrics/summary.json"), files.rounded(accuracy))
    shown = table[["run", "train_images", "seeds", "validation_accuracy", "test_accuracy"]]
    print(shown.to_string(index=False, float_format="%.4f", na_rep="diverged"))
    print("the whole table: metrics/summary.csv; every figure: plots/runs, first of all overview.png")


if __name__ == "__main__":
    stage(main)
