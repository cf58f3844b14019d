"""Files of weights, made here, and how they are read."""

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from probeline.backbones._weights import Backbone
from probeline.models import _contract
from probeline.pipeline import params
from probeline.pipeline.errors import at
from probeline.sources import places
from probeline.sources.verify import Unavailable

# The authors' table of EfficientNet-Lite0's blocks: inputs, expanded, kernel, outputs.
BLOCKS = [
    (32, 32, 3, 16),
    (16, 96, 3, 24),
    (24, 144, 3, 24),
    (24, 144, 5, 40),
    (40, 240, 5, 40),
    (40, 240, 3, 80),
    *[(80, 480, 3, 80)] * 2,
    (80, 480, 5, 112),
    *[(112, 672, 5, 112)] * 2,
    (112, 672, 5, 192),
    *[(192, 1152, 5, 192)] * 3,
    (192, 1152, 3, 320),
]


@pytest.fixture(autouse=True)
def _clone_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise Unavailable("no network here")

    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(places, "download", unreachable)
    monkeypatch.setattr(places, "get", unreachable)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("PROBELINE_MIRROR", "mirror")
    return folder


def read(**entry: Any) -> Backbone:
    with at("backbones.mine"):
        spec = params.validate_part("backbones.mine", entry, "backbones", "kind")
        found: Backbone = params.module("backbones", entry["kind"]).read(spec, "mine")
    return found


def own(folder: Path, content: bytes, **entry: Any) -> Backbone:
    """Read a user's own file with this content."""
    (folder / "mine.pth").write_bytes(content)
    return read(path="mine.pth", sha256=hashlib.sha256(content).hexdigest(), source="made", **entry)


def saved(content: Any, *, old: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not old)
    return buffer.getvalue()


def network(found: Backbone, pixels: int) -> nn.Module:
    """Our network for images of this size, with the weights."""
    model = _contract.build(found.model, (3, pixels, pixels), found.outputs)
    model.load_state_dict(dict(found.weights))
    return model.eval()


def stirred(model: nn.Module) -> nn.Module:
    """With batch statistics that are not those of a fresh network, so that a swapped layer shows."""
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    return model.eval()


def lite0(classes: int) -> dict[str, Tensor]:
    """Random weights under the names of efficientnet_lite_pytorch."""
    state: dict[str, Tensor] = {}

    def layer(conv: str, norm: str, *shape: int) -> None:
        state[f"{conv}.weight"] = torch.randn(shape) * (2 / (shape[1] * shape[2] ** 2)) ** 0.5
        for key in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{key}"] = torch.rand(shape[0]) + 0.5
        state[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    layer("_conv_stem", "_bn0", 32, 3, 3, 3)
    for number, (inputs, expanded, kernel, outputs) in enumerate(BLOCKS):
        at = f"_blocks.{number}."
        if expanded > inputs:
            layer(f"{at}_expand_conv", f"{at}_bn0", expanded, inputs, 1, 1)
        layer(f"{at}_depthwise_conv", f"{at}_bn1", expanded, 1, kernel, kernel)
        layer(f"{at}_project_conv", f"{at}_bn2", outputs, expanded, 1, 1)
    layer("_conv_head", "_bn1", 1280, 320, 1, 1)
    state["_fc.weight"], state["_fc.bias"] = torch.randn(classes, 1280), torch.randn(classes)
    return state
