"""What the overview of a task shows: its runs, against chance and against the reports."""

from collections.abc import Iterable, Mapping

import pandas as pd

from probeline.report import claims
from probeline.report.load import Run


def frames(table: pd.DataFrame, runs: Mapping[str, Run], stated: claims.Claims) -> Iterable[tuple[str, pd.DataFrame]]:
    """For every task its rows of the summary, with two columns more.

    chance: The accuracy of guessing: 1 / number of classes.
    reported: The test accuracy that a report states of the run; nan where none does.
    """
    names = table["run"]
    more = table.assign(
        chance=[1 / len(runs[name].record.classes) for name in names],
        reported=pd.Series(
            [claims.reported(stated, f"{runs[name].section}.{name}", "test_accuracy") for name in names], dtype=float
        ),
    )
    for task, rows in more.groupby("task", sort=False):
        yield str(task), rows.reset_index(drop=True)
