"""What the stage `summary` writes, all of it or nothing."""

import json
from pathlib import Path

import pandas as pd
import pytest

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.report.figures import drawing
from probeline.tasks.task import Task
from stages import summary
from tests.unit.report import made

CLAIM = "B2.test_accuracy: {of: train.mine, value: test_accuracy, reported: 0.5}\n"


@pytest.fixture(autouse=True)
def _left(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made.leave(task, ["accuracy"])
    Path("claims.yaml").write_text(CLAIM)


def names(folder: str) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def name_metrics(*metrics: str) -> None:
    entries = json.loads(summary.ENTRIES.read_text())
    files.write_json(summary.ENTRIES, entries | {"metrics": metrics})


def test_every_file_is_at_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    summary.main()
    assert names("metrics") == {
        "summary.csv", "summary.json", "probes.csv", "sweeps.csv", "maps.csv", "scoreboard.md", "runs/mine.json",
        "probes/mine-made.json",
    }  # fmt: skip
    assert names("plots") == {
        "curves/mine.csv", "history/mine.csv", "confusion/mine.csv", "layers/mine.txt", "runs/mine.png",
        "augmentation/mine.png", "overview/made.png", "tasks/made.png", "probes/made.png", "phases/mine-made.png",
        "maps/mine-made.png", "maps/mine-made.csv", "sweeps/rates.csv", "sweeps/rates.png",
    }  # fmt: skip
    assert json.loads(Path("metrics/summary.json").read_text()) == {
        "mine": 0.7, "mine-made.logistic": 0.8, "mine-made.gradient": 0.8, "mine-made.knn": 0.8, "rates.best": 0.6,
    }  # fmt: skip
    assert Path("plots/layers/mine.txt").read_text() == "every layer\n"
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "mine 30 2 0.5500 0.7000 0.000 to 1.000, over seeds" in told
    assert "metrics/scoreboard.md" in told[-3]


def test_a_further_metric_appears_everywhere_and_draws_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    summary.main()
    before = {path: path.read_bytes() for path in Path("plots").rglob("*.png")}
    name_metrics("accuracy", "calibration_error")
    monkeypatch.setattr(drawing, "render", lambda *_: pytest.fail("a figure was drawn again"))
    summary.main()
    assert pd.read_csv("metrics/summary.csv")["test_calibration_error"].notna().all()
    assert pd.read_csv("metrics/probes.csv")["logistic_test_calibration_error"].notna().all()
    assert json.loads(Path("metrics/runs/mine.json").read_text())["seeds"][1]["test_calibration_error"] > 0
    assert {path: path.read_bytes() for path in Path("plots").rglob("*.png")} == before
    assert "calibration_error" not in Path("metrics/summary.json").read_text()


def test_a_summary_that_fails_changes_nothing() -> None:
    for old in ("metrics/summary.csv", "plots/curves/mine.csv"):
        files.write(Path(old), "old\n")
    Path("data/results/train/mine/layers.txt").unlink()
    with pytest.raises(
        UserError, match=r"layers.txt: is missing or damaged; run: dvc repro --force train@mine --single-item$"
    ):
        summary.main()
    assert (names("metrics"), names("plots")) == ({"summary.csv"}, {"curves/mine.csv"})
    assert Path("metrics/summary.csv").read_text() == "old\n"
    assert not list(Path().glob(".*.tmp"))


def test_a_claim_on_a_probe_that_is_not_there_changes_nothing() -> None:
    files.write(Path("metrics/summary.csv"), "old\n")
    Path("claims.yaml").write_text(CLAIM + "E1.a: {of: probes.mine-made, value: mine_test_accuracy, reported: 0.5}\n")
    with pytest.raises(UserError, match=r"^claims.yaml: E1.a.value: unknown value of probes.mine-made"):
        summary.main()
    assert Path("metrics/summary.csv").read_text() == "old\n"


def test_a_claim_that_cannot_be_read_is_told_before_anything_is_removed() -> None:
    Path("data/results/train/stray").mkdir()
    Path("claims.yaml").write_text("B2.a: 1\n")
    with pytest.raises(UserError, match=r"^claims.yaml: B2.a: "):
        summary.main()
    assert Path("data/results/train/stray").exists()
