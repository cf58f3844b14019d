"""A clone whose pipeline has run."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import dvc, git


@pytest.fixture(scope="session")
def ready(clone: Callable[[], Path]) -> Path:
    """A clone whose pipeline has run and whose results are committed."""
    folder = clone()
    first = dvc(folder, "repro")
    assert first.returncode == 0, first.stdout + first.stderr
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "results")
    return folder


@pytest.fixture
def project(ready: Path) -> Iterator[Path]:
    """The same, left as it was found."""
    yield ready
    git(ready, "checkout", "-q", "--", ".")
    git(ready, "clean", "-qfd")
    shutil.rmtree(ready / ".checkpoints", ignore_errors=True)
    dvc(ready, "checkout", "-q", "--force")
