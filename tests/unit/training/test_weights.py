"""State dicts on the disk."""

from pathlib import Path

import pytest
import torch

from probeline.pipeline.errors import UserError
from probeline.training import weights

STATE = {"head.weight": torch.arange(6.0).view(2, 3), "head.bias": torch.zeros(2)}


def test_equal_weights_are_equal_bytes_under_any_name(tmp_path: Path) -> None:
    for name in ("a.pt", "another-name.pt"):
        weights.save(tmp_path / name, {key: value.clone() for key, value in STATE.items()})
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another-name.pt").read_bytes()
    found = weights.load(tmp_path / "a.pt", "")
    assert list(found) == list(STATE)
    assert all(found[name].equal(value) for name, value in STATE.items())


@pytest.mark.parametrize("content", [None, b"", b"nonsense", "cut", b"hello\n", b"(ello\n", b"G", b"PK"])
def test_weights_that_are_missing_or_damaged(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "a.pt"
    if content == "cut":
        weights.save(path, STATE)
        path.write_bytes(path.read_bytes()[:-300])
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"a.pt: is (missing or damaged|no state_dict); run: this$"):
        weights.load(path, "run: this")


def test_weights_that_are_cut_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    weights.save(path, STATE)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"a.pt: is missing or damaged; run: this$"):
            weights.load(path, "run: this")


def test_what_is_no_state_dict(tmp_path: Path) -> None:
    torch.save([torch.ones(2)], tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a.pt: is no state_dict; run: this$"):
        weights.load(tmp_path / "a.pt", "run: this")
