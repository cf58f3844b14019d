"""A clone whose pipeline has run."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.conftest import dvc, git
from tests.pipeline.auditing import NAMES, Audited, declared, differences


@pytest.fixture(scope="session")
def audited(clone: Callable[[], Path], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Audited:
    """A clone in which every stage ran once under the audit hook, with its results committed: one for all processes."""
    own = tmp_path_factory.getbasetemp().resolve()
    made = (own if worker_id == "master" else own.parent) / "audited"
    found = made.with_suffix(".json")
    with FileLock(made.with_suffix(".lock")):
        if not found.exists():
            folder = clone().resolve()
            stages = declared(folder)
            assert set(stages) == set(NAMES)
            lines = {name: differences(folder, stages[name], tmp_path_factory.mktemp("audit")) for name in NAMES}
            done = dvc(folder, "commit", "--force")
            assert done.returncode == 0, done.stdout + done.stderr
            git(folder, "add", ".")
            git(folder, "commit", "-qm", "results")
            folder.rename(made)
            found.write_text(json.dumps(lines))
    return Audited(made, json.loads(found.read_text()))


@pytest.fixture(scope="session")
def ready(audited: Audited, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of it for this process."""
    copy = tmp_path_factory.mktemp("copy") / "with a space"
    shutil.copytree(audited.folder, copy, symlinks=True)
    return copy


@pytest.fixture
def untouched(ready: Path) -> Iterator[Path]:
    """The same, for tests that edit files of Git and run nothing; left as it was found."""
    yield ready
    git(ready, "checkout", "-q", "--", ".")
    git(ready, "clean", "-qfd")


@pytest.fixture
def project(untouched: Path) -> Iterator[Path]:
    """The same, for tests that run stages; left as it was found."""
    yield untouched
    shutil.rmtree(untouched / ".checkpoints", ignore_errors=True)
    git(untouched, "checkout", "-q", "--", ".")
    git(untouched, "clean", "-qfd")
    dvc(untouched, "checkout", "-q", "--force")
