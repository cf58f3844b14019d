"""Where among the augmentations the images are normalised, if not after them (C5)."""

from typing import Literal

from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: rotation, degrees: 3}, {name: normalise}, {name: sharpness, factor: 1.2}]`.

    It has no options: what it does is the run's `normalise`.
    """

    name: Literal["normalise"]
