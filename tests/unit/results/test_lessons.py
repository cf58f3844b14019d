"""The results of a lesson, written and read."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from probeline.pipeline.errors import UserError
from probeline.results import lessons
from probeline.results.lessons import Facts, Lesson, Library, Matched, NotFinite, Quantity, Run
from probeline.results.outputs import Outputs
from probeline.results.record import Evaluation

EXPLODED = Matched(
    batch_size=4,
    seed=0,
    norm=math.nan,
    not_finite=NotFinite(step=5, epoch=1, nan_epoch=2),
    losses=[1.5, math.inf, math.nan],
)
LESSON = Lesson(
    Facts(
        mlp_task="mnist",
        convolution_task="cifar10",
        d5=Library(c=1.0, iterations=9, made_iterations=9, converged=False, images={"train": 2, "test": 1}),
        d7=[Quantity(x=2, y=4, z=1, quantity="f", measured=0.1 + 0.2, exact=0.3, reported=None)],
        mlp=[
            Run(
                run="d8", hidden=2, seed=0, lr=0.1, batch_size=1, l2=0.5, l2_form="sum", last_epoch=2, kept_epoch=1,
                images={"train": 2, "validation": 1, "test": 1}, losses={"train": 0.7},
                history=[Evaluation(step=1, epoch=1.0, validation_loss=0.5, validation_accuracy=0.5)],
            )
        ],
        d12=[[0.25, 0.75]],
        d13=[EXPLODED],
        d14=[EXPLODED],
    ),
    np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3),
    np.full((1, 3, 2, 2), 0.5),
    {
        "d5": Outputs("logits", {"test": np.array([1])}),
        "d8": Outputs("logits", {"test": np.array([0])}, {"test": np.ones((1, 2), np.float32)}),
    },
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A lesson that was saved."""
    path = tmp_path / "lesson" / "d"
    path.mkdir(parents=True)
    lessons.save(LESSON, path)
    return path


def test_a_lesson_is_read_as_it_was_saved_with_none_for_what_is_not_finite(folder: Path) -> None:
    found = lessons.load(folder)
    exploded = EXPLODED.model_copy(update={"norm": None, "losses": [1.5, None, None]})
    assert found.facts == LESSON.facts.model_copy(update={"d13": [exploded], "d14": [exploded]})
    assert found.facts.d7[0].measured == 0.1 + 0.2  # every digit
    np.testing.assert_array_equal(found.original, LESSON.original)
    np.testing.assert_array_equal(found.blurred, LESSON.blurred)
    assert found.original.dtype == np.uint8
    assert found.blurred.dtype == np.float64
    assert {name: outputs.predicted["test"].tolist() for name, outputs in found.outputs.items()} == {
        "d5": [1],
        "d8": [0],
    }
    assert found.outputs["d8"].scores["test"].tolist() == [[1, 1]]


@pytest.mark.parametrize("name", ["lesson.json", "original.npy", "blurred.npy", "d5.npz", "d8.npz"])
def test_a_file_that_is_missing_or_cut_is_told_with_the_stage_to_run(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for content in (whole[: len(whole) // 2], b""):
        (folder / name).write_bytes(content)
        with pytest.raises(UserError, match="is missing or damaged; run: dvc repro --force lesson@d"):
            lessons.load(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match="is missing or damaged; run: dvc repro --force lesson@d"):
        lessons.load(folder)


def test_another_version_is_refused(folder: Path) -> None:
    record = json.loads((folder / "lesson.json").read_text())
    (folder / "lesson.json").write_text(json.dumps({**record, "version": 99}))
    with pytest.raises(UserError, match=r"has version 99 of its format, .*; run: dvc repro --force lesson@d"):
        lessons.load(folder)
