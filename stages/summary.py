"""summary: publish the results of all runs that params.yaml names, with one table and a figure for each."""

import shutil
from pathlib import Path

import pandas as pd

from probeline.figures import overview, run
from probeline.pipeline import files
from probeline.pipeline.params import section
from probeline.pipeline.stage import stage
from probeline.summary import caption, table

PUBLISHED = {
    "metrics.json": Path("metrics/train"),
    "curves.csv": Path("plots/curves"),
    "history.csv": Path("plots/history"),
    "confusion.csv": Path("plots/confusion"),
}


def main() -> None:
    results = Path("data/results")
    runs = table(section("train"), results)
    for file, place in PUBLISHED.items():
        with files.new_folder(place) as folder:
            for name in runs["run"]:
                shutil.copyfile(results / name / file, folder / f"{name}{Path(file).suffix}")
    files.write(Path("metrics/summary.csv"), runs.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    accuracy = dict(zip(runs["run"], runs["test_accuracy"], strict=True))
    files.write_json(Path("metrics/summary.json"), {name: a for name, a in accuracy.items() if pd.notna(a)})
    with files.new_folder(Path("plots/runs")) as folder:
        overview.draw(folder / "overview.png", runs)
        for _, row in runs.iterrows():
            name = row["run"]
            history = pd.read_csv(results / name / "history.csv")
            confusion = pd.read_csv(results / name / "confusion.csv", dtype={"actual": str, "predicted": str})
            run.draw(folder / f"{name}.png", name, caption(row), history, confusion)
    print(runs[["run", "train_images", "seeds", "validation_accuracy", "test_accuracy"]].to_string(index=False))


if __name__ == "__main__":
    stage(main)
