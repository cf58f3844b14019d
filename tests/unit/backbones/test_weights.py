"""Weights of the user's own: they are pinned, and they fit their network whole; and what is kept of any weights."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import Tensor

from probeline.backbones._weights import blueprint, parameters
from probeline.pipeline.errors import UserError
from probeline.training import model
from tests.unit.backbones.conftest import lite0, own, read, saved


def test_a_users_file_is_pinned(tmp_path: Path) -> None:
    content = saved(lite0(2))
    (tmp_path / "mine.pth").write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    entry = {"kind": "efficientnet_lite", "model": "lite0", "path": "mine.pth", "source": "made"}
    with pytest.raises(
        UserError, match=f"^params.yaml: backbones.mine.sha256: is missing; write {found} there: that of mine.pth"
    ):
        read(**entry)
    changed = f"^params.yaml: backbones.mine.sha256: mine.pth has changed: expected {'0' * 64}, found {found}; "
    with pytest.raises(UserError, match=changed):
        read(**entry, sha256="0" * 64)
    with pytest.raises(UserError, match=r"^params.yaml: backbones.mine.path: none.pth: no such file"):
        read(**entry | {"path": "none.pth"})
    with pytest.raises(UserError, match=r"^params.yaml: backbones.mine.path: . is a folder; give the path of a file"):
        read(**entry | {"path": "."})
    wrapped = saved({f"module.{name}": value for name, value in lite0(2).items()})
    (tmp_path / "mine.pth").write_bytes(wrapped)
    with pytest.raises(UserError, match=r"^mine.pth: all its names begin with 'module.', as those of a DataParallel"):
        read(**entry, sha256=hashlib.sha256(wrapped).hexdigest())


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"_blocks.3._bn1.weight": torch.ones(3)},
            "the layer 'features.block4.layers.depthwise.norm' is 3 and that of efficientnet_lite lite0 is 144",
        ),
        ({"_conv_head.weight": None}, "the layer 'features.last.conv' of efficientnet_lite lite0 is missing"),
        ({"more.weight": torch.ones(3)}, "has a layer 'more', which efficientnet_lite lite0 does not have"),
        ({"_fc.bias": torch.full((9,), torch.nan)}, "the layer 'head' has values that are not finite"),
        (
            {"_fc.bias": torch.full((9,), 1e300, dtype=torch.float64)},
            "the layer 'head' has values that are not finite as float32",
        ),
        ({"_bn0.running_var": torch.full((32,), -1.0)}, "the layer 'features.stem.norm' has negative variances; give"),
        ({"_fc.weight": torch.ones(0, 1280), "_fc.bias": torch.ones(0)}, "its last linear layer has no classes; give"),
        ({"_fc.weight": None}, "has no last linear layer of this model; give the weights of the whole network"),
    ],
)
def test_a_users_file_that_does_not_fit(change: dict[str, Tensor | None], line: str, tmp_path: Path) -> None:
    state = {key: value for key, value in (lite0(9) | change).items() if value is not None}
    with pytest.raises(UserError) as caught:
        own(tmp_path, saved(state), kind="efficientnet_lite", model="lite0")
    (found,) = caught.value.lines
    assert found.startswith(f"mine.pth: {line}")


def test_what_is_kept_of_weights_builds_the_same_network_again(tmp_path: Path) -> None:
    found = own(tmp_path, saved(lite0(3)), kind="efficientnet_lite", model="lite0")
    assert (found.outputs, found.source, found.top1) == (3, "made", None)
    model.save(tmp_path, blueprint(found), {0: found.weights})
    kept, weights = model.load(tmp_path), model.load_weights(tmp_path, 0)
    assert kept == blueprint(found)
    assert kept.normalize is not None
    assert (kept.normalize.mean, kept.normalize.std) == ([0.498] * 3, [0.502] * 3)
    assert (kept.shape, kept.resize, kept.interpolation) == ((3, 224, 224), 256, "bicubic")
    assert all(torch.equal(weights[name], value) for name, value in found.weights.items())
    network = kept.build((3, 224, 224), kept.outputs)
    network.load_state_dict(weights)
    assert parameters(found) == sum(value.numel() for value in network.parameters())
