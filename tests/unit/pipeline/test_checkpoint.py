"""Checkpoints: whole or none, under a name that follows all that determines a training."""

import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
import torch

from probeline.pipeline.checkpoint import Checkpoint, fingerprint, store


class Killed(Exception):  # noqa: N818
    pass


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    saved = Checkpoint(tmp_path / "folder/c.pt")
    assert saved.load() is None
    saved.save({"weights": torch.arange(3), "step": 7})
    found = saved.load()
    assert found is not None
    assert (found["weights"].tolist(), found["step"]) == ([0, 1, 2], 7)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["c.pt"]


def test_a_damaged_checkpoint_is_no_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.pt"
    Checkpoint(path).save({"weights": torch.arange(1000)})
    good = path.read_bytes()
    middle = len(good) // 2
    garbled = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]  # torch.load itself would not notice
    for content in (b"", b"nonsense", good[:-100], garbled):
        path.write_bytes(content)
        assert Checkpoint(path).load() is None
        assert capsys.readouterr().out == f"{path}: a damaged checkpoint; starting anew\n"


def test_saving_waits_for_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "3")
    saved = Checkpoint(tmp_path / "c.pt")
    assert not saved.due
    now = 103.0
    assert saved.due
    saved.save({})
    assert not saved.due
    monkeypatch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
    assert Checkpoint(tmp_path / "c.pt").due


def test_the_fingerprint_follows_data_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "images.npy").write_bytes(b"1")
    one = fingerprint([tmp_path], {"lr": 0.1})
    assert one == fingerprint([tmp_path], {"lr": 0.1}) != fingerprint([tmp_path], {"lr": 0.2})
    (tmp_path / "images.npy").write_bytes(b"2")
    assert one != fingerprint([tmp_path], {"lr": 0.1})


def test_the_fingerprint_follows_the_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = fingerprint([tmp_path], {})
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert fingerprint([tmp_path], {}) != one


def test_the_fingerprint_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "task").mkdir()
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    module = ModuleType("probeline.made_by_a_test")
    module.__file__ = str(code)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    one = fingerprint([tmp_path / "task"], {})
    code.write_text("a = 2")
    assert fingerprint([tmp_path / "task"], {}) != one


def test_checkpoints_stay_after_an_error_and_go_after_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBELINE_CHECKPOINTS", str(tmp_path))

    def killed() -> None:
        with store("mine", "0f") as folder:
            folder.mkdir()
            raise Killed

    with pytest.raises(Killed):
        killed()
    with store("mine", "0f") as again:
        assert again.exists()
    assert list(tmp_path.iterdir()) == []
