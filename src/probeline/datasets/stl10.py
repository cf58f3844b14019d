"""STL-10: 5,000 and 8,000 labelled photographs of 96x96 pixels in ten classes (Coates, Lee and Ng, 2011)."""

from typing import ClassVar, Literal

import numpy as np

from probeline.datasets._raw import Arrays, Images, Labels, Raw
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.sources.archives import extract
from probeline.sources.places import Archive, obtain

OFFICIAL = Archive(
    "stl10_binary.tar.gz",
    "md5:91f7769df0f17e558f3565bffb0c7dfb",
    ("http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
)


class Spec(params.Spec):
    """`kind: stl10`."""

    SHAPE: ClassVar = (3, 96, 96)
    CLASSES: ClassVar = 10

    kind: Literal["stl10"]


def read(spec: Spec, name: str) -> Raw:  # noqa: ARG001 (every kind has this signature)
    """STL-10: uint8 (5000, 96, 96, 3) and (8000, 96, 96, 3); the 100,000 images without labels are left out.

    Raises:
        UserError: No place has it, or the archive is not what it should be.
    """
    (path,) = obtain(name, (OFFICIAL,))
    files = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", "class_names.txt")
    *contents, names = extract(path, [f"stl10_binary/{file}" for file in files])
    images: dict[str, Images] = {}
    labels: dict[str, Labels] = {}
    for split, pixels, classes in zip(("train", "test"), contents[::2], contents[1::2], strict=True):
        if len(pixels) != len(classes) * 3 * 96 * 96:
            raise UserError(f"{path}: {split}_X.bin and {split}_y.bin do not fit each other; get the file anew")
        # Column by column: the axes of the file are image, channel, x, y. Labels count from 1.
        images[split] = np.frombuffer(pixels, np.uint8).reshape(-1, 3, 96, 96).transpose(0, 3, 2, 1)
        labels[split] = np.frombuffer(classes, np.uint8).astype(np.int64) - 1
    return Raw(tuple(names.decode().split()), labels, Arrays(images))
