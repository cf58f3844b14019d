"""The stage fetch: all of a dataset or nothing, and one line for each mistake."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT


def fetch(folder: Path, name: str, limit: str = "unlimited") -> subprocess.CompletedProcess[str]:
    """Run the stage, with a limit on the size of files (blocks of 512 bytes) in place of a small disk."""
    command = f"ulimit -f {limit}; exec {sys.executable} {ROOT}/stages/fetch.py {name}"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_stage_writes_all_or_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", train_images=np.zeros((2, 300, 300), np.uint8), train_labels=[1, 0])
    sha256 = hashlib.sha256((tmp_path / "own.npz").read_bytes()).hexdigest()
    entry = f"{{kind: npz, path: own.npz, sha256: {sha256}}}"
    (tmp_path / "params.yaml").write_text(f"datasets:\n  own: {entry}\n")
    full = fetch(tmp_path, "own", "100")
    assert full.returncode == 1
    assert full.stderr.startswith("error: data/raw/own: cannot be written whole: File too large; make room")
    assert full.stderr.count("\n") == 1
    assert list((tmp_path / "data/raw").iterdir()) == []
    done = fetch(tmp_path, "own")
    assert done.stdout.splitlines()[-1] == "data/raw/own: 2 train images of 2 classes, 300x300x1"
    found = sorted(path.name for path in (tmp_path / "data/raw/own").iterdir())
    assert found == ["raw.json", "train_images.npy", "train_labels.npy"]
    shutil.rmtree(tmp_path / ".downloads")


def test_the_stage_says_how_many_test_images_are_training_images(tmp_path: Path) -> None:
    images = np.arange(2, 5, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 4), np.uint8)
    test = {"test_images": images[:2], "test_labels": np.array([0, 1])}
    np.savez(tmp_path / "own.npz", train_images=images, train_labels=[0, 1, 1], **test)  # type: ignore[arg-type]
    sha256 = hashlib.sha256((tmp_path / "own.npz").read_bytes()).hexdigest()
    (tmp_path / "params.yaml").write_text(f"datasets:\n  own: {{kind: npz, path: own.npz, sha256: {sha256}}}\n")
    assert fetch(tmp_path, "own").stdout.splitlines()[0] == (
        "warning: own: test images that are training images too: 2 of 2; "
        "scores of them say nothing of new images: remove them from one side, if they are yours"
    )
    shutil.rmtree(tmp_path / ".downloads")


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("{kind: npy}", "kind: unknown dataset 'npy'; did you mean 'npz'?"),
        ("{kind: _raw}", "kind: unknown dataset '_raw'; there is: cifar10, cifar100, digits, "),
        ("{kind: npz, path: none.npz}", "path: none.npz: no such file or folder ("),
        ("{kind: npz, path: params.yaml, sha265: x}", "unknown key 'sha265'; did you mean 'sha256'?"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path: Path, entry: str, line: str) -> None:
    (tmp_path / "params.yaml").write_text(f"datasets:\n  odd: {entry}\n")
    done = fetch(tmp_path, "odd")
    assert done.returncode == 1
    assert re.fullmatch(rf"error: params\.yaml: datasets\.odd(\.|: ){re.escape(line)}[^\n]*\n", done.stderr)
    shutil.rmtree(tmp_path / ".downloads", ignore_errors=True)
