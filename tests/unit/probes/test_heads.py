"""Linear probes as the heads of networks: what is read predicts what the probe predicted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from probeline.pipeline.errors import UserError
from probeline.probes import _heads as heads
from probeline.probes import logistic
from tests.unit.probes.made import clouds, probe_data
from tests.unit.report.made import embedded

HEADS = [{"logistic": {"weight": np.eye(3, 2), "bias": np.array([0.1, 0.2, number])}, "knn": None} for number in (1, 2)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The heads of two resamples."""
    path = tmp_path / "mine-made"
    path.mkdir()
    heads.save(embedded(), HEADS, path)
    return path


def test_what_is_read_is_what_was_written_in_float32(folder: Path) -> None:
    found = heads.load_heads(folder)
    assert (found.embedded, found.resamples) == (embedded(), 2)
    for resample in range(2):
        state = found.weights("logistic", resample)
        assert state is not None
        assert state["weight"].tolist() == [[1, 0], [0, 1], [0, 0]]
        assert state["bias"].tolist() == pytest.approx([0.1, 0.2, resample + 1])
        assert {value.dtype for value in state.values()} == {torch.float32}
    assert sorted(path.name for path in folder.iterdir()) == [
        "heads.json", "resample-0.logistic.pt", "resample-1.logistic.pt",
    ]  # fmt: skip


def test_there_is_no_head_of_a_probe_that_is_not_linear_or_was_not_fitted(folder: Path) -> None:
    found = heads.load_heads(folder)
    assert found.weights("knn", 0) is None
    assert found.weights("gradient", 0) is None


def test_the_head_of_a_logistic_probe_predicts_what_the_probe_predicts(tmp_path: Path) -> None:
    train, validation, test = (clouds(200, 12, 5, seed) for seed in range(3))
    data = probe_data(train, validation, test, 5)
    fitted = logistic.fit(logistic.Spec(l2=[10.0, 1.0]), data)
    heads.save(embedded(), [{"logistic": fitted.head}], tmp_path)
    state = heads.load_heads(tmp_path).weights("logistic", 0)
    assert state is not None
    layer = torch.nn.Linear(12, 5)
    layer.load_state_dict(state)
    with torch.no_grad():
        for split in ("train", "validation", "test"):
            logits = layer(torch.from_numpy(data.of(split)[0]))
            np.testing.assert_array_equal(logits.argmax(1).numpy(), fitted.outputs.predicted[split])


def test_equal_heads_are_equal_bytes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    heads.save(embedded(), HEADS, tmp_path / "again")
    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", [None, b"", b"{"])
def test_what_is_missing_or_damaged_is_one_line_with_the_stage_to_run(folder: Path, content: bytes | None) -> None:
    (folder / "resample-0.logistic.pt").write_bytes(b"PK")
    with pytest.raises(
        UserError, match=r"logistic.pt: is missing or damaged; run: dvc repro --force probe@mine-made --single-item$"
    ):
        heads.load_heads(folder).weights("logistic", 0)
    for odd in ({"weight": torch.ones(3, 2)}, {"weight": torch.ones(3, 2), "bias": torch.ones(2)}):
        torch.save(odd, folder / "resample-0.logistic.pt")
        with pytest.raises(UserError, match=r"logistic.pt: is missing or damaged; run: dvc repro --force probe@mine-m"):
            heads.load_heads(folder).weights("logistic", 0)
    (folder / "heads.json").unlink()
    if content is not None:
        (folder / "heads.json").write_bytes(content)
    with pytest.raises(
        UserError, match=r"heads.json: is missing or damaged; run: dvc repro --force probe@mine-made --single-item$"
    ):
        heads.load_heads(folder)


def test_another_version_is_refused(folder: Path) -> None:
    path = folder / "heads.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    with pytest.raises(
        UserError, match=r"version 2 of its format.*; run: dvc repro --force probe@mine-made --single-item$"
    ):
        heads.load_heads(folder)
