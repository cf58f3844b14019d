"""What the tests of probes share."""

from pathlib import Path

import pytest

from probeline.tasks.task import Task
from tests.unit.encoders import made


@pytest.fixture
def task(task: Task) -> Task:
    """Images of 8x8."""
    return made.larger(task)


@pytest.fixture
def project(
    task: Task, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work in a folder with the task `made` and the run `mine`."""
    monkeypatch.chdir(tmp_path)
    made.make_project(task, tmp_path_factory.getbasetemp() / "project")
