"""The folder of downloads: held by one process, and one line when the disk is full."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.sources import disk
from tests.unit.sources.conftest import with_source


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No space left on device"), disk.room_for(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), disk.room_for(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_two_fetches_of_one_dataset_wait_for_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = """
import sys, time; from probeline.sources.disk import downloads
with downloads("set"): print("held", flush=True); time.sleep(0.5)
"""
    other = subprocess.Popen([sys.executable, "-c", script], env=with_source(), stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    started = time.monotonic()
    with disk.downloads("set"):
        assert time.monotonic() - started > 0.3
        assert other.wait() == 0
    other.stdout.close()
    assert "waiting for another process that fetches set" in capsys.readouterr().out
    assert not (tmp_path / ".downloads/set").exists()
