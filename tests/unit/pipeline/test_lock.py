"""A lock between processes."""

import errno
import fcntl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.pipeline.lock import lock
from tests.conftest import ROOT

HOLD = """
import sys, time; from pathlib import Path; from probeline.pipeline.lock import lock
with lock(Path(sys.argv[1]), "nobody"):
    print("held", flush=True); time.sleep(0.5); print("done", flush=True)
"""


def test_a_lock_is_waited_for_and_goes_with_its_holder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data/.train@mine.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        started = time.monotonic()
        with lock(path, "an earlier run to end"):
            assert other.stdout.readline() == "done\n"
            assert path.exists()
        assert time.monotonic() - started > 0.3
    assert capsys.readouterr().out == "waiting for an earlier run to end\n"
    assert not path.exists()


def test_a_holder_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD.replace("0.5", "60"), str(path)]
    with subprocess.Popen(command, env={"PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        other.kill()
    assert path.exists()
    with lock(path, "nobody"):
        pass
    assert not path.exists()


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(UserError, match=r"lock: No locks available; this folder needs file locks: use a local disk"):
        lock(tmp_path / "lock", "nobody").__enter__()
