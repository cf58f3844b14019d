"""Files of weights that are hostile, damaged, or no weights at all."""

import io
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from probeline.pipeline.errors import UserError
from probeline.sources.unpickle import load


def saved(content: Any, *, old: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


class Calls:
    """What a pickle of it calls when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def hostile(flag: Path) -> dict[str, Any]:
    """What must not be run, by its name."""
    return {
        "system": Calls(os.system, f"touch {flag}"),
        "eval": Calls(eval, f"open({str(flag)!r}, 'w')"),
        "_reconstruct": np.array([Calls(os.system, f"touch {flag}")], dtype=object),
        # The storage of a tensor is unpickled by a call of its own, which is free to call anything.
        "mkdir": Calls(torch.storage._load_from_bytes, saved(Calls(os.mkdir, str(flag)), old=True)),
    }


@pytest.mark.parametrize("form", ["raw", "raw protocol 2", "torch", "torch old"])
@pytest.mark.parametrize("name", ["system", "eval", "_reconstruct", "mkdir"])
def test_a_hostile_pickle_runs_nothing(form: str, name: str, tmp_path: Path) -> None:
    flag = tmp_path / "ran"
    state = {"conv1.weight": torch.ones(2), "fc.weight": hostile(flag)[name]}
    content = {
        "raw": lambda: pickle.dumps(state),
        "raw protocol 2": lambda: pickle.dumps(state, protocol=2),
        "torch": lambda: saved(state),
        "torch old": lambda: saved(state, old=True),
    }[form]()
    with pytest.raises(UserError) as caught:
        load(content, "mine.pth")
    (line,) = caught.value.lines
    if form.startswith("torch") and name == "mkdir":
        name = "_load_from_bytes"  # PyTorch's own unpickler refuses that call already
    assert re.match(rf"mine\.pth: a pickle that wants to call (\S+\.)?{name}, which is no part of weights", line)
    assert not flag.exists()


def test_the_hostile_pickles_would_run_elsewhere(tmp_path: Path) -> None:
    for name, value in hostile(tmp_path / "ran").items():
        pickle.loads(pickle.dumps(value))
        assert (tmp_path / "ran").exists(), name
        (tmp_path / "ran").rmdir() if name == "mkdir" else (tmp_path / "ran").unlink()


def test_what_a_pickle_sets_on_a_state_dict_is_dropped() -> None:
    state = nn.BatchNorm2d(2).state_dict()
    content = pickle.dumps(state, protocol=0).replace(b"_metadata", b"items")
    assert content != pickle.dumps(state, protocol=0)
    assert list(load(content, "f")) == list(state)


@pytest.mark.parametrize(
    ("size", "stride", "reason"), [((100,), (1,), "not a file of weights"), ((10**12,), (0,), "a would be larger than")]
)
def test_a_view_beyond_its_storage_is_refused(size: tuple[int], stride: tuple[int], reason: str) -> None:
    storage = torch.ones(4)._typed_storage()  # type: ignore[no-untyped-call]
    call = Calls(torch._utils._rebuild_tensor_v2, storage, 0, size, stride, False, {})
    with pytest.raises(UserError, match=f"^f: {reason}"):
        load(pickle.dumps({"a": call}), "f")


@pytest.mark.parametrize("write", [pickle.dumps, lambda content: pickle.dumps(content, protocol=2), saved])
def test_weights_and_nothing_else(write: Any) -> None:
    weights = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.tensor(3), "c": nn.Parameter(torch.ones(2).half())}
    found = load(write(weights), "f")
    assert {key: value.tolist() for key, value in found.items()} == {"a": [[0, 3], [1, 4], [2, 5]], "b": 3, "c": [1, 1]}
    assert not found["c"].requires_grad
    inside = {"epoch": 3, "state_dict": weights, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}
    assert load(write(inside), "f").keys() == weights.keys()
    for content, line in [
        ({"model": weights, "ema": weights}, "f: holds several state_dicts (model, ema); save the one that counts"),
        ({"epoch": 3, "layers": [1]}, "f: holds no state_dict (but epoch, layers); save"),
        ([1, 2], "f: holds no state_dict (but list); save"),
        (
            {"a": torch.ones(2, dtype=torch.complex64)},
            "f: a is a tensor of torch.strided, complex64; weights are dense",
        ),
        ({f"layer-{number}" * 50: 1 for number in range(1000)}, "f: holds no state_dict (but layer-0layer-0"),
    ]:
        with pytest.raises(UserError) as caught:
            load(write(content), "f")
        assert caught.value.lines[0].startswith(line)
        assert len(caught.value.lines[0]) < 400


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (torch.eye(3).to_sparse(), "torch.sparse_coo, float32"),
        (torch.ones(2, dtype=torch.bool), "torch.strided, bool"),
    ],
)
def test_tensors_of_other_layouts_are_refused(value: torch.Tensor, kind: str) -> None:
    with pytest.raises(UserError, match=f"^f: a is a tensor of {kind}; weights are dense floats or integers$"):
        load(saved({"a": value}), "f")
    with pytest.raises(UserError, match=r"^f: a has no values; save the weights themselves$"):
        load(saved({"a": torch.empty(10**6, device="meta")}), "f")


@pytest.mark.parametrize(
    "content", [b"", b"<html>log in first</html>", b"PK\x03\x04 no", saved({"a": torch.ones(99)})[:400]]
)
def test_no_weights_at_all(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^f: not a file of weights, or damaged \(.*\); give a state_dict that torch"):
        load(content, "f")
