"""CIFAR-100: 50,000 and 10,000 photographs of 32x32 pixels in 100 classes of 20 groups (Krizhevsky, 2009)."""

from typing import ClassVar, Literal

import numpy as np

from probeline.datasets._raw import Arrays, Raw
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.sources.archives import extract
from probeline.sources.places import Archive, obtain

OFFICIAL = Archive(
    "cifar-100-binary.tar.gz",
    "md5:03b5dce01913d631647c71ecec9e9cb8",
    ("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",),
)


class Spec(params.Spec):
    """`kind: cifar100`; `labels`: the 100 fine classes or the 20 coarse ones."""

    SHAPE: ClassVar = (3, 32, 32)

    kind: Literal["cifar100"]
    labels: Literal["fine", "coarse"] = "fine"

    @property
    def CLASSES(self) -> int:  # noqa: N802 (as those of other kinds)
        """How many there are."""
        return 100 if self.labels == "fine" else 20


def read(spec: Spec, name: str) -> Raw:
    """CIFAR-100: uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), in the official order.

    Raises:
        UserError: No place has it, or the archive is not what it should be.
    """
    (path,) = obtain(name, (OFFICIAL,))
    files = ("train.bin", "test.bin", f"{spec.labels}_label_names.txt")
    *contents, names = extract(path, [f"cifar-100-binary/{file}" for file in files])
    # A record: the coarse label, the fine label, then 32x32 red, green and blue values.
    if any(len(content) % 3074 for content in contents):
        raise UserError(f"{path}: train.bin or test.bin is cut short; get the file anew")
    splits = {
        split: np.frombuffer(content, np.uint8).reshape(-1, 3074)
        for split, content in zip(("train", "test"), contents, strict=True)
    }
    column = 0 if spec.labels == "coarse" else 1
    return Raw(
        tuple(names.decode().split()),
        {split: found[:, column].astype(np.int64) for split, found in splits.items()},
        Arrays({split: found[:, 2:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) for split, found in splits.items()}),
    )
