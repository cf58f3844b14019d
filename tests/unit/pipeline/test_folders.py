"""Folders that are whole or absent."""

import sys
from pathlib import Path

import pytest

from probeline.pipeline import folders, parent
from probeline.pipeline.errors import UserError
from probeline.pipeline.folders import heal, new_folder


def write(path: Path, text: str, *, fails: bool = False) -> None:
    with new_folder(path) as folder:
        (folder / "a.txt").write_text(text)
        if fails:
            raise KeyError


@pytest.fixture
def two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that cannot exchange two folders in one step."""
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)  # noqa: ARG005


@pytest.mark.parametrize("steps", ["one", "two"])
def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path, steps: str, request: pytest.FixtureRequest) -> None:
    if steps == "two":
        request.getfixturevalue("two_steps")
    path = tmp_path / "data/mine"
    path.mkdir(parents=True)
    (path / "old.txt").write_text("old")
    write(path, "new")
    assert [(found.name, found.read_text()) for found in path.iterdir()] == [("a.txt", "new")]
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems swap in two steps")
def test_the_old_one_is_never_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between two renames would leave a folder of Git missing."""
    path = tmp_path / "metrics"
    write(path, "old")

    def rename(self: Path, target: Path) -> None:
        raise AssertionError((self, target))

    monkeypatch.setattr(Path, "rename", rename)
    write(path, "new")
    assert (path / "a.txt").read_text() == "new"


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "data/mine"
    write(path, "old")
    with pytest.raises(KeyError):
        write(path, "new", fails=True)
    assert (path / "a.txt").read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.usefixtures("two_steps")
def test_a_swap_that_fails_between_its_steps_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine"
    write(path, "old")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == ".mine.tmp":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write(path, "new")
    assert (path / "a.txt").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_kill_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".mine.tmp").mkdir()
    (tmp_path / ".mine.tmp/half.txt").write_text("half")
    (tmp_path / ".mine.old.tmp").mkdir()
    write(tmp_path / "mine", "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "a.txt"]


def test_what_a_kill_left_renamed_comes_back_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    write(path, "old")
    path.rename(tmp_path / ".mine.old.tmp")
    with pytest.raises(KeyError):
        write(path, "new", fails=True)
    assert (path / "a.txt").read_text() == "old"
    assert not heal(path)
    path.rename(tmp_path / ".mine.old.tmp")
    assert heal(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_stage_whose_dvc_is_gone_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "mine", "old")
    monkeypatch.setattr(parent, "_STARTED_BY", -1)
    with pytest.raises(UserError, match="the dvc that started this stage is gone; nothing was written; run the same"):
        write(tmp_path / "mine", "new")
    assert (tmp_path / "mine/a.txt").read_text() == "old"
