"""Reading what the stages left: every kind, what is missing, and what params.yaml no longer names."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.report.load import drop_strays, load
from probeline.tasks.task import Task
from tests.unit.report import made

ENTRIES, RESULTS = Path("data/checked/entries.json"), Path("data/results")


@pytest.fixture(autouse=True)
def _left(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made.leave(task, ["accuracy", "cross_entropy"])


def test_everything_that_is_named_is_read_and_measured() -> None:
    found = load(ENTRIES, RESULTS)
    assert found.metrics == ["cross_entropy"]
    assert [list(part) for part in (found.tasks, found.maps, found.sweeps)] == [["made"], ["mine-made"], ["rates"]]
    run = found.runs["mine"]
    assert run.section == "train"
    assert [fit.measured["test_accuracy"] for fit in run.fits] == [12 / 15, 9 / 15]
    assert [fit.measured["validation_accuracy"] for fit in run.fits] == [0.7, 0.4]
    assert all(fit.measured["test_cross_entropy"] for fit in run.fits)
    fits = found.probes["mine-made"].of("gradient")
    assert [fit.measured["test_accuracy"] for fit in fits] == [12 / 15] * 2


def test_a_seed_that_diverged_has_no_outputs_to_read() -> None:
    folder = RESULTS / "train/mine"
    record = json.loads((folder / "run.json").read_text())
    record["seeds"][1] |= {"diverged_at": 5, "losses": {}}
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "seed-1.npz").unlink()
    assert load(ENTRIES, RESULTS).runs["mine"].fits[1].measured["test_accuracy"] is None


@pytest.mark.parametrize(
    ("gone", "stage"),
    [
        ("train/mine/run.json", "train@mine"),
        ("train/mine/seed-1.npz", "train@mine"),
        ("probe/mine-made/resample-1.knn.npz", "probe@mine-made"),
        ("sweep/rates/sweep.json", "sweep@rates"),
        ("tsne/mine-made/map.json", "tsne@mine-made"),
        ("split/made/labels.npz", "split@made"),
    ],
)
def test_what_is_missing_names_its_stage(gone: str, stage: str) -> None:
    (RESULTS / gone).unlink()
    with pytest.raises(UserError, match=f"is missing or damaged; run: dvc repro --force {stage} --single-item$"):
        load(ENTRIES, RESULTS)


@pytest.mark.parametrize("read", [load, drop_strays])
def test_a_list_of_entries_without_a_section_is_damaged(read: Callable[[Path, Path], object]) -> None:
    ENTRIES.write_text(json.dumps({"metrics": [], "train": []}))
    with pytest.raises(UserError, match=r"entries.json: is missing or damaged; run: dvc repro --force check"):
        read(ENTRIES, RESULTS)


def test_what_is_no_longer_named_is_removed(capsys: pytest.CaptureFixture[str]) -> None:
    (RESULTS / "train/gone").mkdir()
    (RESULTS / "train/gone/run.json").touch()
    (RESULTS / "train/notes").mkdir()
    own = [RESULTS / place for place in ("train/notes/run.txt", "sweep/sweep.json", "mine.txt")]
    for path in own:
        path.touch()
    drop_strays(ENTRIES, RESULTS)
    told = "".join(capsys.readouterr())
    assert told.count("\n") == 1
    assert "data/results/train/gone: removed, since params.yaml names no such entry of train" in told
    assert {path.name for path in (RESULTS / "train").iterdir()} == {"mine", "notes"}
    assert all(path.exists() for path in own)  # no stage has left it
    assert load(ENTRIES, RESULTS).sweeps.keys() == {"rates"}
