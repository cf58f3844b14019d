"""What split leaves for the summary: labels in the order of the outputs, and images to look at."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from probeline.pipeline.errors import UserError
from probeline.results import tasks
from probeline.tasks.task import Task


@pytest.fixture
def folder(task: Task, tmp_path: Path) -> Path:
    """The task of the tests, saved for the summary."""
    path = tmp_path / "split/made"
    path.mkdir(parents=True)
    tasks.save(task, path)
    return path


@pytest.mark.parametrize("resample", [0, 1])
def test_labels_of_a_split_are_in_the_order_of_its_images(folder: Path, task: Task, resample: int) -> None:
    found = tasks.load(folder)
    splits = {"train": task.train[resample], "validation": task.validation[resample], "test": task.test}
    for split, images in splits.items():
        assert found.indices(resample)[split].tolist() == images.tolist()
        assert found.of(split, resample).tolist() == task.labels[images].tolist()
        assert found.of(split, resample).dtype == np.int64
    # The images of a task are in no order of their classes, or this would say little.
    assert sorted(found.of("train", resample).tolist()) != found.of("train", resample).tolist()


def test_names_and_numbers_are_those_of_the_task(folder: Path, task: Task) -> None:
    found = tasks.load(folder)
    assert (found.dataset, found.classes) == ("made", ("dark", "grey", "bright"))
    np.testing.assert_array_equal(found.origin, task.origin)
    np.testing.assert_array_equal(found.labels, task.labels)


def test_examples_are_the_first_training_images_of_the_first_classes(folder: Path, task: Task) -> None:
    shown = np.load(folder / "examples.npy")
    assert shown.shape == (3, 10, 4, 4, 1)
    assert shown.dtype == np.uint8
    for label in range(3):
        of_class = [image for image in task.train[0] if task.labels[image] == label][:10]
        np.testing.assert_array_equal(shown[label, : len(of_class)], task.images[of_class])
        assert (shown[label, len(of_class) :] == 255).all()


def test_a_class_with_few_images_is_filled_up_with_white_and_few_classes_are_shown(task: Task, tmp_path: Path) -> None:
    few = replace(task, train=task.train[:, :6], classes=tuple("abcdefg"), labels=np.arange(60) % 7)
    tasks.save(few, tmp_path)
    shown = np.load(tmp_path / "examples.npy")
    assert shown.shape == (5, 10, 4, 4, 1)
    for label in range(5):
        of_class = [image for image in few.train[0] if few.labels[image] == label]
        assert len(of_class) < 10
        np.testing.assert_array_equal(shown[label, : len(of_class)], task.images[of_class])
        assert (shown[label, len(of_class) :] == 255).all()


def test_the_same_task_leaves_the_same_bytes(folder: Path, task: Task, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    tasks.save(task, tmp_path / "again")
    assert sorted(path.name for path in folder.iterdir()) == ["examples.npy", "labels.npz", "task.json"]
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("file", ["task.json", "labels.npz"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"PK"])
def test_what_is_missing_or_damaged_is_one_line_with_the_stage_to_run(
    folder: Path, file: str, content: bytes | None
) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(
        UserError, match=r"^[^\n]*is missing or damaged; run: dvc repro --force split@made --single-item$"
    ):
        tasks.load(folder)


def test_labels_without_an_array_are_damaged(folder: Path) -> None:
    np.savez(folder / "labels.npz", labels=np.zeros(3))
    with pytest.raises(UserError, match=r"is missing or damaged; run: dvc repro --force split@made --single-item$"):
        tasks.load(folder)
