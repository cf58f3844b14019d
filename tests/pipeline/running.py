"""What tests of the pipeline do to a clone, and how they read what DVC said."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from dvc.repo import Repo
from dvc.utils.serialize import dump_yaml

from probeline.pipeline.params import load_yaml
from tests.conftest import surroundings

KILLS = ["stage", "dvc", "both"]


def ran(done: "subprocess.CompletedProcess[str]") -> list[str]:
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


def change(folder: Path, key: str, value: object) -> None:
    """Edit one value of params.yaml, as a user does."""
    params = parameters(folder)
    *path, last = key.split(".")
    entry = params
    for name in path:
        entry = entry[name]
    entry[last] = value
    write(folder, params)


def parameters(folder: Path) -> Any:
    """What params.yaml holds, as YAML 1.2: `on` is a word there."""
    return load_yaml(folder / "params.yaml")


def write(folder: Path, params: Any) -> None:
    """Write params.yaml as DVC does."""
    dump_yaml(folder / "params.yaml", params)


def stale(folder: Path) -> set[str]:
    """The stages that DVC would run again, by their own dependencies."""
    with Repo(str(folder)) as repo:
        found = repo.status()
    return {
        stage.rpartition(":")[2]
        for stage, changes in found.items()
        if any("changed deps" in change for change in changes)
    }


def killed_midway(
    folder: Path, victim: str, *command: str, script: str = "train", program: tuple[str, ...] = (".venv/bin/dvc",)
) -> None:
    """Start DVC or the like, and kill the stage of a script, `dvc` or both once a checkpoint has been written."""
    slow = surroundings(PROBELINE_CHECKPOINT_SECONDS="0")
    started = subprocess.Popen(
        [str(folder / program[0]), *program[1:], *command],
        cwd=folder, env=slow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    checkpoints = folder / ".checkpoints"
    wait_for(lambda: any(path.stat().st_size for path in checkpoints.rglob("*.pt")))
    family = psutil.Process(started.pid).children(recursive=True)
    stage = next(child for child in family if f"stages/{script}.py" in child.cmdline())
    if victim in {"stage", "both"}:
        stage.kill()
    if victim in {"dvc", "both"}:
        os.kill(started.pid, signal.SIGKILL)
        for child in family:
            if child != stage and child.is_running():
                child.kill()
    started.communicate()
    wait_for(lambda: not stage.is_running() or stage.status() == psutil.STATUS_ZOMBIE)
    assert started.returncode != 0
    assert list(checkpoints.rglob("*.pt"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
