"""No weights at all: the pixels themselves, beside which every representation is measured."""

from typing import Literal

from probeline.backbones._weights import Backbone
from probeline.models.pixels import Spec as Model
from probeline.pipeline import params


class Spec(params.Spec):
    """`kind: pixels`."""

    kind: Literal["pixels"]


def read(spec: Spec, name: str) -> Backbone:  # noqa: ARG001 (every kind has this signature)
    """A network without weights, for images of every shape."""
    return Backbone(Model(name="pixels"), None, {}, None, None, None, None)
