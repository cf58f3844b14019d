"""The format of data/embeddings: what is read is what was written."""

import json
from pathlib import Path

import numpy as np
import pytest

from probeline.encoders import embedding
from probeline.encoders.embedding import Embedding
from probeline.pipeline.errors import UserError
from tests.unit.report.made import embedded

MADE = Embedding(
    facts=embedded(resize=32, shape=(3, 32, 32), top1=0.75),
    classes=("cat", "NA"),
    vectors=np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32),
    labels=np.array([0, 1, 0, 1, 0, 1]),
    train=np.array([[0, 1], [1, 2]]),
    validation=np.array([[2], [3]]),
    test=np.array([4, 5]),
)
ARRAYS = ("vectors", "labels", "train", "validation", "test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An embedding that was saved."""
    path = tmp_path / "mine-made"
    path.mkdir()
    embedding.save(MADE, path)
    return path


def test_what_is_read_is_what_was_written(folder: Path) -> None:
    found = embedding.load(folder)
    assert found.facts == MADE.facts
    assert found.facts.shape == (3, 32, 32)
    assert found.classes == ("cat", "NA")
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(MADE, name))
        assert getattr(found, name).dtype == getattr(MADE, name).dtype
    assert sorted(path.name for path in folder.iterdir()) == sorted(["embedding.json", *(f"{n}.npy" for n in ARRAYS)])


@pytest.mark.parametrize("file", ["embedding.json", "vectors.npy", "test.npy"])
@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_what_is_missing_or_damaged_is_one_line_with_the_stage_to_run(
    folder: Path, file: str, content: bytes | None
) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_bytes(content)
    with pytest.raises(
        UserError, match=r"^[^\n]*is missing or damaged; run: dvc repro --force embed@mine-made --single-item$"
    ):
        embedding.load(folder)


def test_another_version_is_refused(folder: Path) -> None:
    path = folder / "embedding.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    with pytest.raises(
        UserError,
        match=r"has version 2 of its format, and version 1 is read; run: dvc repro --force embed@mine-made --sin",
    ):
        embedding.load(folder)
