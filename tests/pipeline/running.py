"""What tests of the pipeline do to a clone, and how they read what DVC said."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dvc.repo import Repo
from dvc.utils.serialize import dump_yaml

from probeline.pipeline.params import load_yaml

if TYPE_CHECKING:
    import subprocess


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
