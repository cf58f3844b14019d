"""What the summary says in the terminal: three short tables, and where to look."""

from typing import Any

import pandas as pd

WHERE = """
What the reports ask, and what was run here:  metrics/scoreboard.md
Every number:                                 metrics/summary.csv (runs), probes.csv, sweeps.csv, maps.csv
Every figure:                                 plots/overview/ (the runs of each task), then the rest of plots/"""


def tell(runs: pd.DataFrame, probes: pd.DataFrame, sweeps: pd.DataFrame) -> None:
    """Print the tables."""
    _print("Runs", _runs(runs))
    if len(probes):
        ending = "_test_accuracy"
        columns = {column: column.removesuffix(ending) for column in map(str, probes) if column.endswith(ending)}
        found = probes[["encoder", "task", *columns]].astype(dict.fromkeys(columns, float))
        _print("Test accuracy of probes", found.rename(columns=columns))
    if len(sweeps):
        columns = {
            "sweep": "sweep",
            "points": "points",
            "train_images": "training images",
            "best": "best point",
            "validation_accuracy": "validation accuracy",
            "test_accuracy": "test accuracy",
        }
        best = sweeps[list(columns)].astype({"validation_accuracy": float, "test_accuracy": float})
        _print("Sweeps: the point that is best on validation images", best.rename(columns=columns))
    print(WHERE)


def _runs(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "run": table["run"],
            "training images": table["train_images"],
            "seeds": table["seeds"],
            "validation accuracy": table["validation_accuracy"].astype(float),
            "test accuracy": table["test_accuracy"].astype(float),
            "95 % interval": [_interval(row) for _, row in table.iterrows()],
        }
    )


def _interval(row: "pd.Series[Any]") -> str:
    if row["diverged"]:
        return f"{row['diverged']} of {row['seeds']} diverged"
    if pd.isna(row["test_accuracy"]):
        loss = row["test_loss"]
        return f"an embedding: test loss {'-' if pd.isna(loss) else f'{loss:.4f}'}"
    return f"{row['test_accuracy_low']:.3f} to {row['test_accuracy_high']:.3f}, over {row['interval']}"


def _print(title: str, table: pd.DataFrame) -> None:
    # Columns of numbers are floats: of a column of objects pandas prints None, and not the dash.
    print(f"\n{title}\n{table.to_string(index=False, float_format='%.4f', na_rep='-')}")
