"""What several tests use."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from probeline.pipeline import numerics
from probeline.tasks.task import Task

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take what `make portable UPDATE=1` gives."""
    parser.addoption("--update-portable", action="store_true", help="write tests/portable.sha256 anew")


@pytest.fixture
def update_portable(request: pytest.FixtureRequest) -> bool:
    """Whether digests are written down in place of being compared."""
    return bool(request.config.getoption("--update-portable"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes minutes first: it runs all stages once; and last the other tests that need what it leaves."""

    pipeline = Path(__file__).parent / "pipeline"

    def turn(item: pytest.Item) -> int:
        return 1 if item.path.parent != pipeline else 0 if item.path.name == "test_declared_reads.py" else 2

    items.sort(key=turn)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)  # small tensors: more threads only wait for each other


@pytest.fixture(autouse=True)
def _no_machine_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PROBELINE_", "DVC_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _numerics_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that runs in this process finds NumPy and PyTorch loaded, and leaves no pins behind."""
    monkeypatch.setattr(numerics, "READERS", ())
    for name in (*numerics.NAMES, *numerics.THREADS):
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)


@pytest.fixture
def task() -> Task:
    """Three classes of 4x4 images of one channel, which differ in brightness: 60 images, two resamples."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = (labels[:, None, None, None] * 80 + rng.integers(0, 60, (60, 4, 4, 1))).astype(np.uint8)
    order = rng.permutation(60)
    return Task(
        dataset="made",
        classes=("dark", "grey", "bright"),
        images=images,
        labels=labels,
        origin=np.arange(60),
        digests=np.arange(1000, 1060, dtype=np.uint64),
        train=np.stack([order[:30], order[5:35]]),
        validation=np.stack([order[35:45], order[35:45]]),
        test=order[45:],
    )


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Make a Git clone of the working tree, as it is now, with the preset `smoke` committed."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("clone") / "with a space"
        listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        for name in listed.split("\0"):
            if name and (ROOT / name).is_file() and not name.startswith(("metrics/", "plots/", "dvc.lock")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        (folder / ".venv").symlink_to(sys.prefix)
        subprocess.run(
            [sys.executable, "-m", "probeline.entries.presets", "smoke"], cwd=folder, env=surroundings(), check=True
        )
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "smoke")
        return folder

    return make


def git(folder: Path, *arguments: str) -> str:
    """Run Git as somebody, and give its output."""
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def surroundings(**settings: str) -> dict[str, str]:
    """An environment in which no setting of this machine reaches a stage, and no network is asked."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROBELINE_", "DVC_"))}
    # The workers of `dvc queue` look for `dvc` on the path: an activated environment.
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', '')}"
    return {**clean, "PATH": path, "PYTHONPATH": "src", "PROBELINE_THREADS": "1", **settings}


def dvc(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run DVC in a clone."""
    command = [str(folder / ".venv/bin/dvc"), *arguments]
    return subprocess.run(
        command, cwd=folder, env=surroundings(**settings), capture_output=True, text=True, check=False
    )
