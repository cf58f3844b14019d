"""Splits: which images, how many of each class, never one twice."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probeline import raw, task
from probeline.pipeline.errors import UserError
from probeline.splitting import Split, split

# 60 training images in three classes (30, 20, 10) and 12 test images; image i has every pixel i (test: 200 + i).
LABELS = np.repeat([0, 1, 2], [30, 20, 10])
TEST_LABELS = np.repeat([0, 1, 2], 4)


def made(folder: Path, *, test: bool = True) -> raw.Raw:
    parts = {"train": (LABELS, 0)} | ({"test": (TEST_LABELS, 200)} if test else {})
    images = {}
    for part, (labels, start) in parts.items():
        values = np.arange(start, start + len(labels), dtype=np.uint8)
        images[part] = np.broadcast_to(values[:, None, None, None], (len(labels), 4, 4, 1))
    by_part = {part: labels for part, (labels, _) in parts.items()}
    raw.save(raw.Raw(("ant", "bee", "cat"), by_part, raw.Arrays(images)), folder)
    return raw.load(folder)


def spec(**changes: Any) -> Split:
    defaults = {
        "dataset": "made", "classes": "all", "pixels": None, "train": "rest", "validation": 0.2, "test": "rest",
        "sampling": "random", "draws": 1, "seed": 0,
    }  # fmt: skip
    return Split.model_validate(defaults | changes)


def pixel(drawn: task.Task, indices: Any) -> list[int]:
    return [int(value) for value in drawn.images[indices][:, 0, 0, 0]]


def by_class(drawn: task.Task, indices: Any) -> list[int]:
    return list(np.bincount(drawn.labels[indices], minlength=len(drawn.classes)))


def test_images_labels_and_splits_belong_together(tmp_path: Path) -> None:
    drawn = split(spec(), made(tmp_path), "tasks.t")
    train, validation, test = drawn.train[0], drawn.validation[0], drawn.test
    assert sorted(pixel(drawn, train) + pixel(drawn, validation)) == list(range(60))
    assert (len(validation), pixel(drawn, test)) == (12, list(range(200, 212)))
    for indices, labels in ((train, LABELS), (validation, LABELS)):
        assert drawn.labels[indices].tolist() == labels[pixel(drawn, indices)].tolist()
    assert drawn.labels[test].tolist() == TEST_LABELS.tolist()


def test_without_test_images_they_are_drawn_first(tmp_path: Path) -> None:
    drawn = split(spec(test=10, validation=10, draws=3), made(tmp_path, test=False), "tasks.t")
    for train, validation in zip(drawn.train, drawn.validation, strict=True):
        everything = [*pixel(drawn, train), *pixel(drawn, validation), *pixel(drawn, drawn.test)]
        assert sorted(everything) == list(range(60))
    assert len({tuple(row) for row in drawn.validation.tolist()}) == 3


def test_only_the_images_in_use_are_kept(tmp_path: Path) -> None:
    drawn = split(spec(train=6, validation=5, test=4), made(tmp_path), "tasks.t")
    assert len(drawn.images) == len(drawn.labels) == 15


def test_stratified_keeps_the_proportions(tmp_path: Path) -> None:
    drawn = split(spec(sampling="stratified", validation=0.2, train=24), made(tmp_path), "tasks.t")
    assert (by_class(drawn, drawn.validation[0]), by_class(drawn, drawn.train[0])) == ([6, 4, 2], [12, 8, 4])
    odd = split(spec(sampling="stratified", validation=7), made(tmp_path), "tasks.t")
    assert by_class(odd, odd.validation[0]) == [4, 2, 1]  # exactly 3.5, 2.33, 1.17


def test_balanced_takes_as_many_of_each_class(tmp_path: Path) -> None:
    drawn = split(spec(sampling="balanced", validation=6, train=15), made(tmp_path), "tasks.t")
    assert (by_class(drawn, drawn.validation[0]), by_class(drawn, drawn.train[0])) == ([2, 2, 2], [5, 5, 5])


def test_classes_are_relabelled_in_their_order(tmp_path: Path) -> None:
    drawn = split(spec(classes=["cat", "ant"]), made(tmp_path), "tasks.t")
    assert drawn.classes == ("cat", "ant")
    assert sorted(pixel(drawn, np.flatnonzero(drawn.labels == 0))) == [*range(50, 60), *range(208, 212)]


@pytest.mark.parametrize("sampling", ["random", "stratified", "balanced"])
def test_a_smaller_train_share_is_a_subset(tmp_path: Path, sampling: str) -> None:
    sizes = [3, 6, 9, 18, 24] if sampling == "balanced" else range(2, 54)
    drawn = [split(spec(train=n, validation=6, sampling=sampling), made(tmp_path), "tasks.t") for n in sizes]
    for small, large in pairwise(drawn):
        assert set(pixel(small, small.train[0])) < set(pixel(large, large.train[0]))
        assert pixel(small, small.validation[0]) == pixel(large, large.validation[0])


def test_rest_is_a_test_set_where_there_is_none(tmp_path: Path) -> None:
    """As report E splits: some images of each class for train and validation, all others for test."""
    drawn = split(spec(train=12, validation=6, sampling="balanced"), made(tmp_path, test=False), "tasks.t")
    assert by_class(drawn, drawn.test) == [24, 14, 4]
    everything = [*pixel(drawn, drawn.train[0]), *pixel(drawn, drawn.validation[0]), *pixel(drawn, drawn.test)]
    assert sorted(everything) == list(range(60))
    with pytest.raises(UserError, match="rest would be other images in each of 2 draws; give a size"):
        split(spec(train=12, validation=6, draws=2), made(tmp_path, test=False), "tasks.t")
    with pytest.raises(UserError, match="nothing is left of 'made'"):
        split(spec(), made(tmp_path, test=False), "tasks.t")


def test_the_seed_decides(tmp_path: Path) -> None:
    one, same, other = (split(spec(seed=s), made(tmp_path), "tasks.t").validation.tolist() for s in (1, 1, 2))
    assert one == same != other


def test_a_task_is_written_and_read(tmp_path: Path) -> None:
    drawn = split(spec(draws=2), made(tmp_path), "tasks.t")
    (tmp_path / "task").mkdir()
    task.save(drawn, tmp_path / "task")
    again = task.load(tmp_path / "task")
    assert (again.classes, again.dataset) == (drawn.classes, "made")
    for name in ("images", "labels", "train", "validation", "test"):
        np.testing.assert_array_equal(getattr(again, name), getattr(drawn, name))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"classes": ["ant", "be"]}, "params.yaml: tasks.t.classes: unknown class of made 'be'; did you mean 'bee'?"),
        ({"train": 50}, "tasks.t.train: 50 asks for 50 of the 48 images that are left in dataset 'made'"),
        ({"validation": 100}, "tasks.t.validation: 100 asks for 100 of the 60 images that are left"),
        ({"test": 13}, "tasks.t.test: 13 asks for 13 of the 12 images"),
        ({"validation": 0.001}, "tasks.t.validation: 0.001 asks for none of the 60 images that are left in dataset"),
        ({"sampling": "balanced", "train": 36, "validation": 6}, "12 of the 8 images of class 'cat'"),
        ({"sampling": "balanced", "train": 16, "validation": 6}, "16 images in 3 classes alike"),
    ],
)
def test_what_cannot_be_drawn(tmp_path: Path, change: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as error:
        split(spec(**change), made(tmp_path), "tasks.t")
    assert line in str(error.value)
