"""Any classification network of torchvision, by its name there.

Layers keep torchvision's names below `features`: its `layer4.1.conv2` is `features.layer4.1.conv2`. Its last linear
layer is `head`.
"""

from collections import OrderedDict
from contextlib import nullcontext
from typing import Annotated, Literal

import torch
import torchvision.models
from pydantic import AfterValidator
from torch import nn

from probeline.models._parts import Width, network
from probeline.pipeline import params
from probeline.pipeline.errors import unknown

# Their forward is their children in a row, flattened before the classifier.
IN_A_ROW = (
    torchvision.models.AlexNet,
    torchvision.models.EfficientNet,
    torchvision.models.MNASNet,
    torchvision.models.MobileNetV2,
    torchvision.models.MobileNetV3,
    torchvision.models.RegNet,
    torchvision.models.ResNet,
    torchvision.models.ShuffleNetV2,
    torchvision.models.SwinTransformer,
    torchvision.models.VGG,
)


def _known(name: str) -> str:
    names = torchvision.models.list_models(module=torchvision.models, exclude="squeezenet*")
    if name.startswith("squeezenet"):
        raise ValueError(f"'{name}' ends in a convolution and a ReLU, not in a linear layer; choose another model")
    if name not in names:
        raise ValueError(f"{unknown('model of torchvision', name, names)}")
    return name


Model = Annotated[str, AfterValidator(_known)]


class Spec(params.Spec):
    """`model: {name: torchvision, model: resnet18}`.

    Attributes:
        model: torchvision's name of a classification network.
        embedding: Width of a linear layer after the features; null leaves it out.
    """

    name: Literal["torchvision"]
    model: Model
    embedding: Width | None = None

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """Map float images (B, 3, H, W) to (B, outputs). The features are the input of the last linear layer.

        Auxiliary classifiers (of GoogLeNet and Inception) are left out.

        Raises:
            ValueError: The images are not of a size and a number of channels that the network takes.
        """
        with torch.device("meta"):
            tried = original(self.model, shape)
        try:
            tried.eval()(torch.empty(1, *shape, device="meta"))
        except (RuntimeError, ValueError, AssertionError) as error:
            reason = str(error).partition("\n")[0][:120]
            raise ValueError(
                f"{_images(shape)} do not fit {self.model}; change tasks.<task>.pixels ({reason})"
            ) from None
        found = original(self.model, shape)
        last = last_linear(found)
        width: int = found.get_submodule(last).in_features  # type: ignore[assignment]
        return network(_features(found, last), width, outputs, self.embedding)


def original(name: str, shape: tuple[int, int, int]) -> nn.Module:
    """The network as torchvision has it, for images of this shape, with fresh weights.

    Raises:
        ValueError: It takes no such images.
    """
    if shape[0] != 3:
        raise ValueError(f"networks of torchvision take images of three channels, not of {shape[0]}")
    options: dict[str, object] = {}
    if name in {"googlenet", "inception_v3"}:
        options = {"aux_logits": False, "init_weights": True}
    if name.startswith("vit_"):
        # It has a position for every patch; torchvision's own message for others is that of an assertion.
        options = {"image_size": shape[1]}
        side = int(name.rpartition("_")[2])
        if shape[1] != shape[2] or shape[1] % side:
            raise ValueError(f"{name} takes square images of a multiple of {side} pixels, not {_images(shape)}")
    if name.startswith("maxvit"):
        options = {"input_size": shape[1:]}
    # A RegNet computes its widths with tensors, for which the meta device, where a network is only looked at, has no
    # values.
    with torch.device("cpu") if name.startswith("regnet") else nullcontext():
        found: nn.Module = torchvision.models.get_model(name, weights=None, **options)
    return found.to(torch.get_default_device())


def last_linear(found: nn.Module) -> str:
    """The name of a network's last linear layer."""
    names: list[str] = [name for name, layer in found.named_modules() if isinstance(layer, nn.Linear)]
    return names[-1]


def _features(found: nn.Module, last: str) -> nn.Module:
    """The network up to its last linear layer, its layers in the order in which images pass them."""
    for block in list(found.modules()):
        if isinstance(getattr(block, "downsample", None), nn.Module):
            # The shortcut of a ResNet's block reads the block's input: the others go behind it.
            for name, layer in list(block.named_children()):
                if name != "downsample":
                    delattr(block, name)
                    block.add_module(name, layer)
    if not isinstance(found, IN_A_ROW):
        parent, _, name = last.rpartition(".")
        setattr(found.get_submodule(parent), name, nn.Identity())
        return found
    layers = OrderedDict(found.named_children())
    _, classifier = layers.popitem()
    if not {"avgpool", "flatten"} & set(layers):
        layers["avgpool"] = nn.AdaptiveAvgPool2d(1)  # a call in their forward
    layers["flatten"] = nn.Flatten()
    if isinstance(classifier, nn.Sequential):
        layers["classifier"] = classifier[:-1]  # dropout, and in some networks hidden layers
    return nn.Sequential(layers)


def _images(shape: tuple[int, int, int]) -> str:
    return f"images of {shape[1]}x{shape[2]}"
