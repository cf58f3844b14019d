"""Handwritten digits of 8x8 pixels: 1,797 images inside scikit-learn (UCI Optical Recognition, CC BY 4.0)."""

from typing import ClassVar, Literal

import numpy as np

from probeline.datasets._raw import Arrays, Raw
from probeline.pipeline import params


class Spec(params.Spec):
    """`kind: digits`."""

    SHAPE: ClassVar = (1, 8, 8)
    CLASSES: ClassVar = 10

    kind: Literal["digits"]


def read(spec: Spec, name: str) -> Raw:  # noqa: ARG001 (every kind has this signature)
    """The digits: one split "train", uint8 (1797, 8, 8, 1), classes "0" to "9".

    The source counts 0 to 16; 16 becomes 255 and the rest is rounded half up: v -> floor(v * 255 / 16 + 1/2).
    """
    from sklearn.datasets import load_digits

    found = load_digits()
    images = np.floor(found.images * (255 / 16) + 0.5).astype(np.uint8)[..., None]
    return Raw(tuple("0123456789"), {"train": found.target.astype(np.int64)}, Arrays({"train": images}))
