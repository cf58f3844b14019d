"""Images that stand on both sides of a split, under whatever name."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probeline.datasets import _raw as raw
from probeline.pipeline.errors import UserError
from probeline.tasks.split import Split, split
from probeline.tasks.task import COPY, Task, load, save
from probeline.training import seen
from tests.conftest import ROOT, surroundings

VALUES = {"train": range(30), "test": range(100, 120)}  # of every pixel of an image


def dataset(train: Any = VALUES["train"], test: Any = VALUES["test"]) -> raw.Raw:
    parts = {"train": np.array(train, np.uint8), "test": np.array(test, np.uint8)}
    return raw.Raw(
        ("a", "b"),
        {part: np.arange(len(values)) % 2 for part, values in parts.items()},
        raw.Arrays(
            {
                part: np.kron(values[:, None, None, None], np.ones((1, 4, 4, 1), np.uint8))
                for part, values in parts.items()
            }
        ),
    )


def drawn(found: raw.Raw, name: str = "first", **changes: Any) -> Task:
    return split(Split.model_validate({"dataset": name, "validation": 0.2} | changes), found)


def test_test_images_that_were_trained_on_under_another_name_are_counted() -> None:
    first = drawn(dataset())
    known = seen.in_training(first, 0, {})
    # Another dataset, whose test images are training images of the first, of which 20 % are for validation.
    second = drawn(dataset(train=range(200, 220), test=VALUES["train"]), "second")
    assert seen.overlap(second, known) == {"train": 0, "validation": 0, "test": 24}
    other_size = drawn(dataset(train=range(200, 220), test=VALUES["train"]), "second", pixels=8)
    assert seen.overlap(other_size, known)["test"] == 24
    assert seen.overlap(drawn(dataset(), "renamed"), known) == {"train": 24, "validation": 0, "test": 0}


def test_a_color_copy_of_a_gray_image_is_the_same_image() -> None:
    known = seen.in_training(drawn(dataset()), 0, {})
    gray = dataset(train=range(200, 220), test=VALUES["train"])
    assert isinstance(gray.store, raw.Arrays)
    colored = raw.Arrays({part: np.repeat(images, 3, axis=3) for part, images in gray.store.arrays.items()})
    assert seen.overlap(drawn(replace(gray, store=colored), "second"), known)["test"] == 24


def test_copies_within_a_dataset_are_said_and_not_laid_at_the_door_of_weights() -> None:
    task = drawn(dataset(test=[*range(100, 110), *range(10)]))
    assert task.copies == 10
    assert (task.digests[task.test] == COPY).sum() == 10
    assert seen.overlap(task, seen.in_training(task, 0, {}))["test"] == 0
    assert drawn(dataset()).copies == 0


def test_copies_are_found_where_test_images_are_drawn_from_the_training_images() -> None:
    whole = dataset(train=[*range(20), *range(20)])
    only = raw.Raw(whole.classes, {"train": whole.labels["train"]}, whole.store)
    task = drawn(only, test=0.5, validation=0.2)
    there = set(task.images[np.concatenate([task.train[0], task.validation[0]])][:, 0, 0, 0].tolist())
    assert task.copies == sum(int(value) in there for value in task.images[task.test][:, 0, 0, 0]) > 0
    assert seen.overlap(task, seen.in_training(task, 0, {}))["test"] == 0
    other = drawn(only, test=0.5, validation=0.2, seed=1)  # draws other test images: those are known
    known = {int(value) for value in task.images[task.train[0]][:, 0, 0, 0]}
    own = {int(value) for value in other.images[np.concatenate([other.train[0], other.validation[0]])][:, 0, 0, 0]}
    tested = [int(value) for value in other.images[other.test][:, 0, 0, 0]]
    leaked = sum(value in known - own for value in tested)
    assert seen.overlap(other, seen.in_training(task, 0, {}))["test"] == leaked > 0


def test_the_stage_says_how_many_test_images_are_copies(tmp_path: Path) -> None:
    (tmp_path / "data/raw/first").mkdir(parents=True)
    raw.save(dataset(test=[*range(100, 110), *range(10)]), tmp_path / "data/raw/first")
    (tmp_path / "params.yaml").write_text("tasks:\n  half: {dataset: first, validation: 0.2}\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "stages/split.py"), "half"],
        cwd=tmp_path, env=surroundings(PYTHONPATH=str(ROOT / "src")), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(
        "warning: half: test images that first has for training too: 10 of 20; scores of them say nothing of new "
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels", np.zeros(2, np.int64)),  # of another task: fewer
        ("labels", np.full(6, 9, np.int64)),  # of one with more classes
        ("digests", np.zeros(2, np.uint64)),
        ("origin", np.zeros(2, np.int64)),
        ("images", np.zeros((2, 2, 2, 1), np.uint8)),
        ("train", np.array([[99]])),
        ("test", None),  # the images that are trained on
    ],
)
def test_a_file_of_another_task_is_no_part_of_this_one(tmp_path: Path, name: str, content: Any) -> None:
    save(found := drawn(dataset()), tmp_path)
    assert load(tmp_path).counts == found.counts
    np.save(tmp_path / f"{name}.npy", found.train[0] if content is None else content)
    with pytest.raises(UserError, match=r": its files do not fit each other; run: dvc repro --force split@"):
        load(tmp_path)
