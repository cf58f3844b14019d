"""Published weights: what there is of them, how they are checked against their network, and what is kept of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from probeline.compute.view import Normalize
from probeline.models import _contract
from probeline.pipeline import params
from probeline.pipeline.errors import ParamError, UserError
from probeline.sources.own import locate, pin, sha256_of, some
from probeline.sources.unpickle import load
from probeline.training.model import Model, network_code

IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@dataclass(frozen=True)
class Backbone:
    """A network with published weights, and how its images are prepared.

    Attributes:
        model: A `Spec` of models/.
        outputs: Classes that it was trained on; None for no head.
        weights: By the names of our network: `features...`, `head.weight`, `head.bias`.
        pixels: Side of the center crop that it reads. None: it reads every size; what follows is then None too.
        resize: Shorter side of an image before the crop.
        mean, std: Of each channel, for values from 0 to 1.
        source: The data that it was trained on.
        top1: Published top-1 accuracy there, from 0 to 1.
    """

    model: Any
    outputs: int | None
    weights: Mapping[str, Tensor]
    pixels: int | None
    resize: int | None
    mean: list[float] | None
    std: list[float] | None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    source: str | None = None
    top1: float | None = None


class Own(params.Spec):
    """Keys that every kind has for weights of the user's own.

    Attributes:
        path: A state_dict in the names of the kind's own package, that `torch.save` wrote; a relative path counts from
            the clone. None takes the published weights.
        sha256: Of that file.
        source: What it was trained on, in the user's own words.
    """

    path: str | None = Field(default=None, min_length=1)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    source: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> "Own":
        if self.path is not None and self.source is None:
            raise ValueError("source is missing; say in a word or two what the weights at path were trained on")
        if self.path is None and (self.sha256 or self.source):
            raise ValueError("sha256 and source are those of a file of your own; give its path, or leave them out")
        return self


def read_own(spec: Own) -> dict[str, Tensor]:
    """The tensors in a user's own file, by their names there.

    Raises:
        ParamError: There is no such file, or it is not the one of `sha256`.
        UserError: It holds other things than weights.
    """
    if spec.path is None:
        raise ValueError("the entry has no path")
    path = locate(spec.path)
    if not path.is_file():
        raise ParamError("path", f"{spec.path} is a folder", "give the path of a file of weights")
    pin(spec.path, sha256_of(path), spec.sha256)
    weights = load(path.read_bytes(), spec.path)
    if all(layer.startswith("module.") for layer in weights):
        raise UserError(
            f"{spec.path}: all its names begin with 'module.', as those of a DataParallel do; "
            "save the model within: torch.save(model.module.state_dict(), ...)"
        )
    return weights


def classes(found: Mapping[str, Tensor], what: str) -> int:
    """How many classes weights in our names were trained on.

    Raises:
        UserError: They have no head.
    """
    head = found.get("head.weight")
    if head is None or head.ndim != 2:
        raise UserError(f"{what}: has no last linear layer of this model; give the weights of the whole network")
    if not len(head):
        raise UserError(f"{what}: its last linear layer has no classes; give the weights of the whole network")
    return len(head)


def fit(model: Any, shape: tuple[int, int, int], found: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
    """Check that weights in our names are those of a network, whole; give them in its order and its types.

    Args:
        model: A `Spec` of models/.
        shape: (C, H, W) of the images that the network was published for.

    Raises:
        UserError: A layer is missing, too many or of another shape, or has values that are not finite as float32, or
            negative variances.
    """
    with torch.device("meta"):
        network = _contract.build(model, shape, classes(found, what))
    own = network.state_dict()
    title = f"{model.name} {model.model}"
    for name in found:
        if name not in own:
            raise UserError(
                f"{what}: has a layer '{_layer(name)}', which {title} does not have; name the model of these weights"
            )
    weights = {}
    for name, wanted in own.items():
        value = found.get(name)
        if value is None and name.endswith("num_batches_tracked"):  # PyTorch before 0.4.1 did not count them
            value = torch.zeros_like(wanted, device="cpu")
        if value is None:
            raise UserError(
                f"{what}: the layer '{_layer(name)}' of {title} is missing; name the model of these weights"
            )
        if value.shape != wanted.shape:
            sizes = [_contract.size(tensor.shape) for tensor in (value, wanted)]
            raise UserError(
                f"{what}: the layer '{_layer(name)}' is {sizes[0]} and that of {title} is {sizes[1]}; "
                "name the model of these weights"
            )
        weights[name] = value.to(wanted.dtype)
        if not (value.double().isfinite().all() and weights[name].isfinite().all()):
            reach = f"finite as {str(wanted.dtype).removeprefix('torch.')}"
            raise UserError(f"{what}: the layer '{_layer(name)}' has values that are not {reach}; give other weights")
        if name.endswith("running_var") and (value < 0).any():
            raise UserError(f"{what}: the layer '{_layer(name)}' has negative variances; give other weights")
    return weights


def parameters(backbone: Backbone) -> int:
    """How many numbers of its network can train."""
    if backbone.pixels is None:
        return 0
    with torch.device("meta"):
        network = _contract.build(backbone.model, (3, backbone.pixels, backbone.pixels), backbone.outputs)
    return sum(parameter.numel() for parameter in network.parameters())


def blueprint(backbone: Backbone) -> Model:
    """The record of a backbone beside its weights in data/models, as a run leaves one; its only seed is 0."""
    return Model(
        model=backbone.model.model_dump(),
        shape=(3, backbone.pixels, backbone.pixels) if backbone.pixels else None,
        outputs=backbone.outputs,
        precision="float32",
        normalize=Normalize(mean=backbone.mean, std=backbone.std) if backbone.mean and backbone.std else None,
        resize=backbone.resize,
        interpolation=backbone.interpolation,
        task=None,
        dataset=backbone.source,
        classes=None,
        seeds=[0],
        top1=backbone.top1,
        code=network_code(backbone.model.name),
    )


def _layer(tensor: str) -> str:
    return some([tensor.rpartition(".")[0] or tensor])
