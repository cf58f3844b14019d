"""A stage notices that the dvc that started it is gone, also if that died before the stage had begun."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT, surroundings

GONE = "from probeline.pipeline import parent; print(parent.gone())"


@pytest.mark.parametrize(
    ("started", "gone"),
    [
        ({}, False),  # by hand
        ({"DVC_PID": str(2**22 + 1)}, False),  # the same, whatever else is set
        ({"DVC_ROOT": "."}, False),  # by dvc, which is there: this process
        ({"DVC_ROOT": ".", "DVC_PID": str(os.getpid())}, False),
        ({"DVC_ROOT": ".", "DVC_PID": str(2**22 + 1)}, True),  # by a dvc that was gone when Python looked
    ],
)
def test_the_dvc_that_started_it_is_its_parent_or_gone(started: dict[str, str], *, gone: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GONE], cwd=ROOT, env=surroundings(**started), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(gone)


def test_the_script_that_starts_a_stage_names_its_dvc() -> None:
    command = ["sh", "stages/python.sh", "-c", "import os; print(os.environ['DVC_PID'])"]
    done = subprocess.run(command, cwd=ROOT, env=surroundings(), capture_output=True, text=True, check=True)
    assert int(done.stdout) == os.getpid()
