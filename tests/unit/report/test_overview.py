"""The frames of the overviews."""

import pandas as pd

from probeline.report import overview, runs
from probeline.report.claims import Claim
from tests.unit.report import made


def test_each_task_has_its_runs_with_chance_and_reported_values() -> None:
    found = {"a": made.run(1), "b": made.run(2, task="other"), "c": made.run(3)}
    stated = {
        "B2.x": Claim(of="train.c", value="test_accuracy", reported=0.25),
        "B2.y": Claim(of="train.a", value="validation_accuracy", reported=0.5),
        "B2.z": Claim(of="transfer.b", value="test_accuracy", reported=0.75),
    }
    frames = dict(overview.frames(runs.table(found, []), found, stated))
    assert list(frames) == ["made", "other"]
    assert frames["made"]["run"].tolist() == ["a", "c"]
    assert frames["made"]["chance"].tolist() == [1 / 3, 1 / 3]
    assert pd.isna(frames["made"]["reported"][0])  # a validation accuracy is not drawn beside test accuracies
    assert frames["made"]["reported"][1] == 0.25
    assert frames["other"]["reported"].isna().all()  # of another entry with this name
