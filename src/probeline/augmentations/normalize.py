"""Where among the augmentations the images are normalized, if not after them (C5)."""

from typing import Literal

from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: rotation, degrees: 3}, {name: normalize}, {name: sharpness, sharpness_factor: 1.2}]`.

    It has no options: what it does is the run's `normalize`.
    """

    name: Literal["normalize"]
