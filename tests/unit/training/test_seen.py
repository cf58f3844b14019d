"""Which images weights were trained on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from probeline.pipeline import files
from probeline.pipeline.errors import ParamError, UserError
from probeline.tasks.task import Task
from probeline.training import seen


def test_seen_images_are_handed_on(task: Task, tmp_path: Path) -> None:
    first = seen.in_training(task, 0, {})
    assert first["made"].tolist() == sorted(task.digests[task.train[0]])
    second = seen.in_training(task, 1, {**first, "photos": np.array([3], np.uint64)})
    assert second["made"].tolist() == sorted(set(task.digests[task.train[0]]) | set(task.digests[task.train[1]]))
    seen.save(second, tmp_path, 4)
    back = seen.load(tmp_path, 4)
    assert {name: images.tolist() for name, images in back.items()} == {
        name: images.tolist() for name, images in second.items()
    }
    seen.save({}, tmp_path, 5)
    assert seen.load(tmp_path, 5) == {}


def test_the_overlap_is_the_most_of_any_resample(task: Task) -> None:
    known = {"made": np.concatenate([task.digests[task.train[0]], task.digests[task.test[:2]]])}
    # Of the 30 training images of the second resample 25 are in the first.
    assert seen.overlap(task, known) == {"train": 30, "validation": 0, "test": 2}
    assert seen.overlap(task, {"made": task.digests[task.train[1][:3]]})["train"] == 3
    assert seen.overlap(task, {"photos": task.digests[task.test]}) == {"train": 0, "validation": 0, "test": 15}
    assert seen.overlap(task, {"photos": task.digests + 60}) == {"train": 0, "validation": 0, "test": 0}
    assert seen.overlap(task, {}) == {"train": 0, "validation": 0, "test": 0}


def test_a_few_shared_images_are_said_and_more_are_refused(task: Task, capsys: pytest.CaptureFixture[str]) -> None:
    many = replace(task, test=np.repeat(task.test, 20))  # 300
    seen.insist_on_unseen(many, "photos", 0, "mine was", "embed another task")
    assert capsys.readouterr().out == ""
    seen.insist_on_unseen(many, "photos", 3, "mine was", "embed another task")
    assert capsys.readouterr().out == (
        "warning: mine was trained on 3 of the 300 test images of photos; up to 1% are let pass\n"
    )
    with pytest.raises(ParamError, match=r"mine was trained on 4 of the 300 test images of photos, which would score"):
        seen.insist_on_unseen(many, "photos", 4, "mine was", "embed another task")


@pytest.mark.parametrize("content", [None, b"", b"PK"])
def test_what_is_missing_or_damaged_never_means_unseen(task: Task, tmp_path: Path, content: bytes | None) -> None:
    seen.save(seen.in_training(task, 0, {}), tmp_path, 0)
    path = tmp_path / "seed-0.seen.npz"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"seed-0.seen.npz: is missing or damaged; run: dvc repro --force train@"):
        seen.load(tmp_path, 0)


def test_what_an_older_version_wrote_never_means_unseen(task: Task, tmp_path: Path) -> None:
    files.write_npz(tmp_path / "seed-0.seen.npz", made=task.origin)
    with pytest.raises(UserError, match=r"seed-0.seen.npz: is missing or damaged; run: dvc repro --force train@"):
        seen.load(tmp_path, 0)
