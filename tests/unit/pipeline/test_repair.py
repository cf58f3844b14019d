"""`make repair`: half of a dvc.lock, at every length, is found and mended."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dvc.lock import make_lock
from dvc.utils.serialize import dump_yaml

from probeline.pipeline import repair, versions
from probeline.pipeline.errors import UserError
from probeline.pipeline.lock import lock

STAGES: dict[str, Any] = {
    name: {
        "cmd": f"exec sh stages/python.sh stages/train.py {name}",
        "deps": [{"path": "stages/train.py", "hash": "md5", "md5": "0" * 32, "size": 7}],
        "params": {"params.yaml": {f"train.{name}": {"lr": 0.1, "seeds": [0, 1]}}},
        "outs": [{"path": f"data/models/{name}", "hash": "md5", "md5": "1" * 32 + ".dir", "size": 9, "nfiles": 2}],
    }
    for name in ("a", "b")
}
LOCK, RWLOCK = Path("dvc.lock"), Path(".dvc/tmp/rwlock")
CUT = "dvc.lock: was half-written by a dvc that was killed"


def dumped(stages: dict[str, Any]) -> bytes:
    """A dvc.lock as DVC writes it."""
    path = Path("dumped.yaml")
    dump_yaml(path, {"schema": "2.0", "stages": stages})
    return path.read_bytes()


@pytest.fixture(autouse=True)
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A clone without Git, whose dvc.lock is whole."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(repair, "_what_follows", lambda: "dvc repro runs again: b")
    Path(".dvc/tmp").mkdir(parents=True)
    content = dumped(STAGES)
    LOCK.write_bytes(content)
    return content


def test_every_half_of_a_lock_is_told_from_a_whole_one(whole: bytes) -> None:
    """But where it ends between the records of two stages, or before the size of an output: that serves DVC too."""
    assert repair.whole(whole)
    assert repair.whole(dumped({}))
    passed = [whole[:length] for length in range(len(whole)) if repair.whole(whole[:length])]
    ends = (b"      md5: " + b"1" * 32 + b".dir\n", b"      size: 9\n", b"      nfiles: 2\n")
    assert all(half.endswith(ends) for half in passed)
    assert len(passed) == 5  # twice after a digest, twice after a size, once after a whole record


def test_a_stage_copies_a_whole_lock_aside_and_no_other(whole: bytes) -> None:
    repair.keep()
    assert repair.KEPT.read_bytes() == whole
    LOCK.write_bytes(whole[:100])
    repair.keep()
    assert repair.KEPT.read_bytes() == whole
    LOCK.unlink()
    repair.keep()
    assert repair.KEPT.read_bytes() == whole


@pytest.mark.parametrize("length", [0, 100, 400])
def test_half_a_lock_is_replaced_by_the_copy(whole: bytes, length: int, capsys: pytest.CaptureFixture[str]) -> None:
    repair.keep()
    LOCK.write_bytes(whole[:length])
    repair.main()
    assert LOCK.read_bytes() == whole
    assert repair.BROKEN.read_bytes() == whole[:length]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{CUT}; put back the copy from the start of the last stage", "dvc repro runs again: b"]


def test_without_a_copy_it_is_replaced_by_the_one_in_git(whole: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("init -q", "add dvc.lock", "-c user.name=test -c user.email=test@example.org commit -qm lock"):
        subprocess.run(["git", *command.split()], check=True)
    LOCK.write_bytes(whole[:100])
    repair.KEPT.write_bytes(whole[:200])
    repair.main()
    assert LOCK.read_bytes() == whole
    assert f"{CUT}; put back the one of the last commit in Git" in capsys.readouterr().out


def test_without_any_it_is_removed(whole: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    LOCK.write_bytes(whole[:100])
    repair.main()
    assert not LOCK.exists()
    assert f"{CUT}; removed, for there is no copy and none in Git" in capsys.readouterr().out


def test_a_merge_is_left_to_the_user(whole: bytes) -> None:
    repair.keep()
    LOCK.write_bytes(whole + b"<<<<<<< HEAD\n" + whole)
    with pytest.raises(UserError, match=r"a merge is under way; run: git checkout --ours dvc\.lock; then dvc repro"):
        repair.repair()
    assert LOCK.read_bytes().count(whole) == 2


@pytest.mark.parametrize("content", ["", '{"write": {"/a/da', "[]"])
def test_half_an_rwlock_is_removed(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    RWLOCK.write_text(content)
    repair.main()
    assert not RWLOCK.exists()
    assert ".dvc/tmp/rwlock: was half-written by a dvc that was killed; removed" in capsys.readouterr().out


def test_a_whole_one_stays(whole: bytes, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    RWLOCK.write_text(json.dumps({"write": {}, "read": {}}))
    repair.main()
    assert "nothing to repair" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["repair", "--quiet"])
    repair.main()
    assert capsys.readouterr() == ("", "")
    assert (LOCK.read_bytes(), RWLOCK.exists()) == (whole, True)


def test_a_stage_or_a_dvc_at_work_is_left_alone(whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks like half may just be being written."""
    repair.keep()
    LOCK.write_bytes(whole[:100])
    with (
        lock(Path("data/.train@a.lock"), "another"),
        pytest.raises(UserError, match="train@a is still running; wait for its end, and run: make repair"),
    ):
        repair.repair()
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0.01)
    with (
        make_lock(".dvc/tmp/lock"),
        pytest.raises(UserError, match="another dvc is at work in this folder; wait for its end"),
    ):
        repair.repair()
    assert LOCK.read_bytes() == whole[:100]


def test_after_an_upgrade_check_runs_again(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    versions.SEEN.mkdir(parents=True)
    (versions.SEEN / "maps.json").write_text(json.dumps({"versions": {"torch": "1.0"}, "pinned": {}}))
    monkeypatch.setattr(versions, "installed", lambda package: "1.0")  # noqa: ARG005
    assert not repair.repair()
    monkeypatch.setattr(versions, "installed", lambda package: "2.0")  # noqa: ARG005
    assert repair.repair()
    assert not Path("data/checked").exists()
    assert capsys.readouterr().out.startswith(
        "torch is 2.0 and was 1.0 when `check` ran; what depends on that will run"
    )


def test_what_follows_names_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    status: dict[str, list[str]] = {f"train@{name}": ["changed deps"] for name in "abcdefg"}

    class Done:
        stdout = json.dumps(status).encode()

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: Done)
    line = "dvc repro runs again, or takes from its cache: train@a, train@b, train@c, train@d, train@e and 2 more"
    assert repair._what_follows().startswith(line)
    status.clear()
    Done.stdout = io.BytesIO(b"{}").getvalue()
    assert repair._what_follows() == "nothing has to run again"
