"""Tasks: which images are drawn, how many of each class, never one twice."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probeline.datasets import _raw as raw
from probeline.pipeline.errors import ParamError
from probeline.tasks import task
from probeline.tasks.split import Split, split
from tests.conftest import ROOT, surroundings

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
    return Split.model_validate({"dataset": "made", "validation": 0.2} | changes)


def pixel(drawn: task.Task, indices: Any) -> list[int]:
    return [int(value) for value in drawn.images[indices][:, 0, 0, 0]]


def by_class(drawn: task.Task, indices: Any) -> list[int]:
    return list(np.bincount(drawn.labels[indices], minlength=len(drawn.classes)))


def test_what_a_user_leaves_out_is_all_there_is_drawn_once() -> None:
    assert spec().model_dump() == {
        "dataset": "made", "classes": "all", "pixels": None, "train": "rest", "validation": 0.2, "test": "rest",
        "sampling": "random", "resamples": 1, "seed": 0,
    }  # fmt: skip


def test_images_labels_and_splits_belong_together(tmp_path: Path) -> None:
    drawn = split(spec(), made(tmp_path))
    train, validation, test = drawn.train[0], drawn.validation[0], drawn.test
    assert sorted(pixel(drawn, train) + pixel(drawn, validation)) == list(range(60))
    assert (len(validation), pixel(drawn, test)) == (12, list(range(200, 212)))
    for indices, labels in ((train, LABELS), (validation, LABELS)):
        assert drawn.labels[indices].tolist() == labels[pixel(drawn, indices)].tolist()
    assert drawn.labels[test].tolist() == TEST_LABELS.tolist()


def test_without_test_images_they_are_drawn_first(tmp_path: Path) -> None:
    drawn = split(spec(test=10, validation=10, resamples=3), made(tmp_path, test=False))
    for train, validation in zip(drawn.train, drawn.validation, strict=True):
        everything = [*pixel(drawn, train), *pixel(drawn, validation), *pixel(drawn, drawn.test)]
        assert sorted(everything) == list(range(60))
    assert len({tuple(row) for row in drawn.validation.tolist()}) == 3


def test_only_the_images_in_use_are_kept(tmp_path: Path) -> None:
    drawn = split(spec(train=6, validation=5, test=4), made(tmp_path))
    assert len(drawn.images) == len(drawn.labels) == 15


def test_stratified_keeps_the_proportions(tmp_path: Path) -> None:
    drawn = split(spec(sampling="stratified", validation=0.2, train=24), made(tmp_path))
    assert (by_class(drawn, drawn.validation[0]), by_class(drawn, drawn.train[0])) == ([6, 4, 2], [12, 8, 4])
    odd = split(spec(sampling="stratified", validation=7), made(tmp_path))
    assert by_class(odd, odd.validation[0]) == [4, 2, 1]  # exactly 3.5, 2.33, 1.17


def test_balanced_takes_as_many_of_each_class(tmp_path: Path) -> None:
    drawn = split(spec(sampling="balanced", validation=6, train=15), made(tmp_path))
    assert (by_class(drawn, drawn.validation[0]), by_class(drawn, drawn.train[0])) == ([2, 2, 2], [5, 5, 5])


def test_classes_are_relabelled_in_their_order(tmp_path: Path) -> None:
    drawn = split(spec(classes=["cat", "ant"]), made(tmp_path))
    assert drawn.classes == ("cat", "ant")
    assert sorted(pixel(drawn, np.flatnonzero(drawn.labels == 0))) == [*range(50, 60), *range(208, 212)]


@pytest.mark.parametrize("sampling", ["random", "stratified", "balanced"])
def test_a_smaller_train_set_is_a_subset(tmp_path: Path, sampling: str) -> None:
    sizes = [3, 6, 9, 18, 24] if sampling == "balanced" else range(2, 54)
    drawn = [split(spec(train=n, validation=6, sampling=sampling), made(tmp_path)) for n in sizes]
    for small, large in pairwise(drawn):
        assert set(pixel(small, small.train[0])) < set(pixel(large, large.train[0]))
        assert pixel(small, small.validation[0]) == pixel(large, large.validation[0])


def test_rest_is_a_test_set_where_there_is_none(tmp_path: Path) -> None:
    """As report E splits: some images of each class for train and validation, all others for test."""
    drawn = split(spec(train=12, validation=6, sampling="balanced"), made(tmp_path, test=False))
    assert by_class(drawn, drawn.test) == [24, 14, 4]
    everything = [*pixel(drawn, drawn.train[0]), *pixel(drawn, drawn.validation[0]), *pixel(drawn, drawn.test)]
    assert sorted(everything) == list(range(60))
    with pytest.raises(
        ParamError, match=r"^params\.yaml: test: .*rest would be other images in each of 2 resamples; give a size"
    ):
        split(spec(train=12, validation=6, resamples=2), made(tmp_path, test=False))
    with pytest.raises(ParamError, match=r"^params\.yaml: test: nothing is left of 'made'"):
        split(spec(), made(tmp_path, test=False))


@pytest.mark.parametrize(
    ("changes", "train", "validation", "test"),
    [
        ({}, [[9, 21, 25, 45], [0, 9, 55, 57]], [[12, 30, 46], [39, 42, 59]], [64, 66, 70]),
        (
            {"sampling": "balanced", "train": 6, "validation": 6, "seed": 1},
            [[7, 27, 40, 43, 55, 58], [0, 8, 32, 40, 56, 58]],
            [[0, 9, 36, 49, 51, 53], [23, 26, 30, 41, 52, 57]],
            [60, 64, 68],
        ),
    ],
)
def test_a_seed_draws_these_images_for_ever(
    tmp_path: Path, changes: dict[str, Any], train: list[list[int]], validation: list[list[int]], test: list[int]
) -> None:
    """Numbers in metrics/ and evidence/ are of these images: other draws would be other tasks under the same names."""
    drawn = split(spec(**{"train": 4, "validation": 3, "test": 3, "resamples": 2, "seed": 7} | changes), made(tmp_path))
    assert drawn.origin[drawn.train].tolist() == train
    assert drawn.origin[drawn.validation].tolist() == validation
    assert drawn.origin[drawn.test].tolist() == test


def test_resamples_are_drawn_one_by_one(tmp_path: Path) -> None:
    few, many = (split(spec(train=9, resamples=n), made(tmp_path)) for n in (2, 5))
    for part in ("train", "validation"):
        first, longer = ([pixel(drawn, row) for row in getattr(drawn, part)] for drawn in (few, many))
        assert first == longer[:2]
        assert len({tuple(row) for row in longer}) == 5


def test_the_seed_decides(tmp_path: Path) -> None:
    one, same, other = (split(spec(seed=s), made(tmp_path)).validation.tolist() for s in (1, 1, 2))
    assert one == same != other


def test_a_dataset_of_one_class_is_no_task(tmp_path: Path) -> None:
    images = raw.Arrays({"train": np.zeros((4, 4, 4, 1), np.uint8)})
    raw.save(raw.Raw(("ant",), {"train": np.zeros(4, np.int64)}, images), tmp_path)
    with pytest.raises(ParamError, match=r"^params\.yaml: 'made' has one class, ant; name a dataset of two or more$"):
        split(spec(), raw.load(tmp_path))


def test_a_class_is_found_in_either_form_of_unicode() -> None:
    images = raw.Arrays({"train": np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)})
    found = raw.Raw(("cafe\u0301", "bar"), {"train": np.arange(8) % 2}, images)
    drawn = split(spec(classes=["caf\u00e9", "bar"], validation=2, test=2), found)
    assert drawn.classes == ("cafe\u0301", "bar")


def test_files_of_many_sizes_need_pixels() -> None:
    files = raw.Files(lambda _: b"", {"train": tuple(f"a/{n}.png" for n in range(8))}, {})
    images = raw.Raw(("a", "b"), {"train": np.arange(8) % 2}, files)
    with pytest.raises(ParamError, match=r"^params\.yaml: pixels: .* its task must state `pixels`, say 224$"):
        split(spec(train=2), images)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"classes": ["ant", "be"]}, "classes: unknown class of made 'be'; did you mean 'bee'?"),
        ({"train": 50}, "train: 50 asks for 50 of the 48 images that are left in dataset 'made'"),
        ({"validation": 100}, "validation: 100 asks for 100 of the 60 images that are left"),
        ({"test": 13}, "test: 13 asks for 13 of the 12 images"),
        ({"validation": 0.001}, "validation: 0.001 asks for none of the 60 images that are left in dataset"),
        (
            {"sampling": "balanced", "train": 36, "validation": 6},
            "train: 36 asks for 12 of the 8 images of class 'cat'",
        ),
        ({"sampling": "balanced", "train": 16, "validation": 6}, "train: 16 asks for 16 images in 3 classes alike"),
    ],
)
def test_what_cannot_be_drawn(tmp_path: Path, change: dict[str, Any], line: str) -> None:
    with pytest.raises(ParamError) as error:
        split(spec(**change), made(tmp_path))
    assert str(error.value).startswith(f"params.yaml: {line}")


def test_the_stage_writes_a_task_or_names_the_key(tmp_path: Path) -> None:
    (tmp_path / "data/raw/made").mkdir(parents=True)
    made(tmp_path / "data/raw/made")
    (tmp_path / "params.yaml").write_text(
        "tasks:\n"
        "  good: {dataset: made, validation: 6, train: 9, resamples: 2}\n"
        "  greedy: {dataset: made, validation: 6, train: 55}\n"
    )

    def run(name: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / "stages/split.py"), name]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=surroundings(PYTHONPATH=str(ROOT / "src")),
            capture_output=True,
            text=True,
            check=False,
        )

    good, greedy = run("good"), run("greedy")
    assert good.stdout == "good: 9 train, 6 validation, 12 test images, 3 classes, 2 resamples of made\n"
    assert task.load(tmp_path / "data/tasks/good").train.shape == (2, 9)
    assert (tmp_path / "data/results/split/good").is_dir()
    line = "params.yaml: tasks.greedy.train: 55 asks for 55 of the 54 images that are left in dataset 'made'"
    assert (greedy.returncode, greedy.stderr) == (1, f"error: {line}; ask for fewer\n")
    assert not (tmp_path / "data/tasks/greedy").exists()
