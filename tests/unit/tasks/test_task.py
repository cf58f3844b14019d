"""The format of data/tasks: what is read is what was written, and images stay on the disk."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from probeline.pipeline.errors import UserError
from probeline.tasks import task as tasks
from probeline.tasks.task import Task


@pytest.fixture
def folder(task: Task, tmp_path: Path) -> Path:
    (tmp_path / "made-3").mkdir()
    tasks.save(task, tmp_path / "made-3")
    return tmp_path / "made-3"


def test_a_task_is_written_and_read(task: Task, folder: Path) -> None:
    again = tasks.load(folder)
    assert (again.classes, again.dataset) == (task.classes, task.dataset)
    for name in ("images", "labels", "origin", "digests", "train", "validation", "test"):
        found, expected = getattr(again, name), getattr(task, name)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    assert sorted(path.name for path in folder.iterdir()) == [
        "digests.npy", "images.npy", "labels.npy", "origin.npy", "task.json", "test.npy", "train.npy", "validation.npy",
    ]  # fmt: skip


def test_images_stay_on_the_disk(folder: Path) -> None:
    assert isinstance(tasks.load(folder).images, np.memmap)


@pytest.mark.parametrize("file", ["task.json", "images.npy", "train.npy"])
@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_a_damaged_task_names_the_command(folder: Path, file: str, content: bytes | None) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(UserError, match=r"missing or damaged; run: dvc repro --force split@made-3 "):
        tasks.load(folder)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("labels", np.full(60, 3)),
        ("train", np.full((2, 30), 60)),
        ("images", np.zeros((59, 4, 4, 1), np.uint8)),
        ("digests", np.zeros(61, np.uint64)),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_damaged(folder: Path, file: str, content: NDArray[Any]) -> None:
    np.save(folder / f"{file}.npy", content)
    with pytest.raises(
        UserError, match=r"made-3: its files do not fit each other; run: dvc repro --force split@made-3 "
    ):
        tasks.load(folder)


def test_another_version_is_refused(folder: Path) -> None:
    about = json.loads((folder / "task.json").read_text())
    assert about["version"] == 1
    (folder / "task.json").write_text(json.dumps(about | {"version": 2}))
    line = r"task.json: has version 2 of its format, and version 1 is read; run: dvc repro --force split@made-3 "
    with pytest.raises(UserError, match=line):
        tasks.load(folder)
