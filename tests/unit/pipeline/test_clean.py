"""`make clean`: it knows all that a killed run leaves, and takes nothing else."""

import os
from pathlib import Path

import pytest

from probeline.pipeline import clean
from probeline.pipeline.folders import new_folder
from probeline.pipeline.lock import lock

LEFT = (
    ".checkpoints/mine-0123/seed-0.pt",
    ".downloads/mnist/half",
    ".dvc/tmp/exps/standalone/tmp1/params.yaml",
    ".dvc/cache/files/md5/ab/.cdef.tmp",
    ".dvc/cache/runs/ab/cd/ef.Xy2.tmp",
    "data/models/mine.Xy2.tmp",
    ".metrics.tmp/summary.csv",
    "data/models/.mine.tmp/seed-0.pt",
    "data/.train@mine.lock",
    "docs/.results.md.77.tmp",
    ".params.yaml.77.tmp",
)
KEPT = (".git/x/.mine.tmp", ".venv/.other.tmp", ".dvc/tmp/dvc.lock.whole", "data/models/mine/seed-0.pt", "notes.tmp")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_removes_all_leftovers_and_nothing_else() -> None:
    for name in (*LEFT, *KEPT):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    assert clean.clean(Path()) == (len(LEFT), 0)
    assert {str(path) for path in Path().rglob("*") if path.is_file()} == set(KEPT)


def test_a_folder_that_a_kill_left_renamed_comes_back() -> None:
    with new_folder(Path("metrics")) as folder:
        (folder / "summary.csv").write_text("x")
    os.rename("metrics", ".metrics.old.tmp")  # noqa: PTH104 (as a kill between two renames)
    assert clean.clean(Path()) == (0, 1)
    assert [str(path) for path in Path().rglob("*")] == ["metrics", "metrics/summary.csv"]


def test_a_stage_at_work_is_left_alone() -> None:
    Path(".checkpoints").mkdir()
    with lock(Path("data/.train@mine.lock"), "another"), pytest.raises(SystemExit) as end:
        clean.main()
    assert str(end.value).startswith("error: train@mine is still running; wait for its end, or stop it, and run: make")
    assert Path(".checkpoints").exists()
