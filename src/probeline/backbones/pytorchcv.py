"""ResNet-10 and ResNet-26 with the weights that pytorchcv publishes, of ImageNet-1k and of CUB-200 (E1, E2)."""

from typing import Literal

from pytorchcv.models.common import model_store
from torch import Tensor

from probeline.backbones._weights import IMAGENET_MEAN, IMAGENET_STD, Backbone, Own, classes, fit, read_own
from probeline.models.pytorchcv import Spec as Network
from probeline.sources.archives import extract
from probeline.sources.places import Archive, obtain
from probeline.sources.unpickle import load

# What pytorchcv's own table says of these files: one less the top-1 error.
TOP1 = {"resnet10": 0.6757, "resnet26": 0.7384, "resnet10_cub": 0.7223, "resnet26_cub": 0.7684}
PIXELS, RESIZE = 224, 256


class Spec(Own):
    """`kind: pytorchcv`, and a `model` by pytorchcv's name, which says the dataset too."""

    kind: Literal["pytorchcv"]
    model: Literal["resnet10", "resnet26", "resnet10_cub", "resnet26_cub"]


def read(spec: Spec, name: str) -> Backbone:
    """A network with its weights; of the user's own, the images are prepared as for the published ones.

    Raises:
        UserError: No place has the weights, or they are not what they should be; or the user's own do not fit.
    """
    found, what = (read_own(spec), spec.path) if spec.path else _published(spec.model, name)
    weights = {_renamed(key): value for key, value in found.items()}
    model = Network.model_validate({"name": "pytorchcv", "model": spec.model.removesuffix("_cub")})
    return Backbone(
        model,
        classes(weights, what),
        fit(model, (3, PIXELS, PIXELS), weights, what),
        PIXELS,
        RESIZE,
        IMAGENET_MEAN,
        IMAGENET_STD,
        "bilinear",
        spec.source or ("CUB-200-2011" if spec.model.endswith("_cub") else "ImageNet-1k"),
        None if spec.path else TOP1[spec.model],
    )


def _published(model: str, name: str) -> tuple[dict[str, Tensor], str]:
    """The tensors of the published file, and what to call it. Its name and SHA-1 are in the package."""
    error, sha1, release = model_store.get_model_name_suffix_data(model)
    file = f"{model}-{error}-{sha1[:8]}.pth"
    address = f"{model_store.imgclsmob_repo_url}/releases/download/{release}/{file}.zip"
    plain, packed = Archive(file, f"sha1:{sha1}", ()), Archive(f"{file}.zip", f"sha1:{sha1}:{file}", (address,))
    (path,) = obtain(name, (packed,), (plain,))
    content = path.read_bytes() if path.name == file else extract(path, [file])[0]
    return load(content, file), file


def _renamed(key: str) -> str:
    """Our name of a tensor: its `output` is our `head`."""
    return f"head.{key.removeprefix('output.')}" if key.startswith("output.") else key
