"""Folders that are whole or absent."""

from pathlib import Path

import pytest

from probeline.pipeline import parent
from probeline.pipeline.errors import UserError
from probeline.pipeline.folders import new_folder


def write(path: Path, text: str, *, fails: bool = False) -> None:
    with new_folder(path) as folder:
        (folder / "a.txt").write_text(text)
        if fails:
            raise KeyError


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "data/mine"
    path.mkdir(parents=True)
    (path / "old.txt").write_text("old")
    write(path, "new")
    assert [(found.name, found.read_text()) for found in path.iterdir()] == [("a.txt", "new")]
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "data/mine"
    write(path, "old")
    with pytest.raises(KeyError):
        write(path, "new", fails=True)
    assert (path / "a.txt").read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_kill_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".mine.tmp").mkdir()
    (tmp_path / ".mine.tmp/half.txt").write_text("half")
    (tmp_path / ".mine.old.tmp").mkdir()
    write(tmp_path / "mine", "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "a.txt"]


def test_a_stage_whose_dvc_is_gone_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine", "old")
    monkeypatch.setattr(parent, "_STARTED_BY", -1)
    with pytest.raises(UserError, match="the dvc that started this stage is gone; nothing was written; run the same"):
        write(tmp_path / "mine", "new")
    assert (tmp_path / "mine/a.txt").read_text() == "old"
