"""Outputs of a fit: all arrays are read as they were saved, and equal outputs are equal bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probeline.pipeline.errors import UserError
from probeline.results import outputs, probes, runs, sweeps
from probeline.results.outputs import Outputs


def logits() -> Outputs:
    """Of two training, three validation and four test images and two classes."""
    rng = np.random.default_rng(0)
    sizes = {"train": 2, "validation": 3, "test": 4}
    return Outputs(
        "logits",
        {split: rng.integers(0, 2, size) for split, size in sizes.items()},
        {split: rng.normal(size=(sizes[split], 2)).astype(np.float32) for split in ("validation", "test")},
        {"train": np.array([0.5, np.inf], np.float32)},
    )


KINDS = {
    "logits": logits(),
    "margins": Outputs("margins", {"test": np.array([1, 0])}, {"test": np.array([[0.1, 0.3], [-1, 2]], np.float32)}),
    "votes": Outputs("votes", {"test": np.array([1])}, {"test": np.array([[1, 4]], np.float32)}),
    "losses": Outputs("losses", losses={"train": np.array([0.5, np.nan], np.float32), "test": np.ones(3, np.float32)}),
    "one output": Outputs("logits", {"test": np.array([1])}, {"test": np.array([[0.3]], np.float32)}),
}


def assert_same(found: Outputs, expected: Outputs) -> None:
    assert found.kind == expected.kind
    for name in outputs.ARRAYS:
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert list(mine) == list(theirs)
        for split, values in theirs.items():
            np.testing.assert_array_equal(mine[split], values)
            assert mine[split].dtype == values.dtype
            assert mine[split].shape == values.shape


@pytest.mark.parametrize("found", KINDS.values(), ids=KINDS)
def test_outputs_are_read_as_they_were_saved(found: Outputs, tmp_path: Path) -> None:
    outputs.save(found, tmp_path / "seed-0.npz")
    assert_same(outputs.load(tmp_path / "seed-0.npz"), found)


def test_equal_outputs_are_equal_bytes_whatever_the_name_of_the_file(tmp_path: Path) -> None:
    outputs.save(logits(), tmp_path / "a/seed-0.npz")
    outputs.save(outputs.load(tmp_path / "a/seed-0.npz"), tmp_path / "b/resample-1.knn.npz")
    assert (tmp_path / "a/seed-0.npz").read_bytes() == (tmp_path / "b/resample-1.knn.npz").read_bytes()
    other = logits()
    other.scores["test"][0, 0] += 1
    outputs.save(other, tmp_path / "a/seed-1.npz")
    assert (tmp_path / "a/seed-0.npz").read_bytes() != (tmp_path / "a/seed-1.npz").read_bytes()


def test_the_names_of_the_arrays_are_those_that_are_documented(tmp_path: Path) -> None:
    outputs.save(logits(), tmp_path / "seed-0.npz")
    with np.load(tmp_path / "seed-0.npz") as found:
        assert sorted(found) == [
            "kind", "test_predicted", "test_scores", "train_losses", "train_predicted", "validation_predicted",
            "validation_scores", "version",
        ]  # fmt: skip
        assert (found["version"], found["version"].dtype) == (1, np.int64)
        assert str(found["kind"]) == "logits"


@pytest.mark.parametrize("content", [None, b"", b"PK", "half", "foreign", "kindless", "pickled", "unversioned"])
def test_what_is_missing_or_damaged_is_one_line_with_the_stage_to_run(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "probe/mine-made/resample-0.knn.npz"
    outputs.save(logits(), path)
    whole = path.read_bytes()
    path.unlink()
    if content == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif content == "foreign":
        np.savez(path, version=1, kind="logits", test_surprise=np.ones(2))
    elif content == "kindless":
        np.savez(path, version=1, test_predicted=np.ones(2))
    elif content == "pickled":
        np.savez(path, version=1, kind=np.array([object()], dtype=object))
    elif content == "unversioned":
        np.savez(path, kind="logits", test_predicted=np.ones(2))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        outputs.load(path)
    line = f"{path}: is missing or damaged; run: dvc repro --force probe@mine-made --single-item"
    assert error.value.lines == (line,)


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train/mine/seed-0.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, version=2, test_surprise=np.ones(2))
    with pytest.raises(UserError) as error:
        outputs.load(path)
    what = "has version 2 of its format, and version 1 is read"
    line = f"{path}: {what}; run: dvc repro --force train@mine --single-item"
    assert error.value.lines == (line,)


def test_every_fit_has_a_file_of_its_own() -> None:
    folder = Path("data/results")
    assert runs.outputs(folder, 3) == folder / "seed-3.npz"
    assert probes.outputs(folder, 1, "knn") == folder / "resample-1.knn.npz"
    names = [sweeps.outputs(folder, fraction, 2).name for fraction in (0.05, 0.5, 1.0)]
    assert names == ["fraction-0.05.seed-2.npz", "fraction-0.5.seed-2.npz", "fraction-1.0.seed-2.npz"]
