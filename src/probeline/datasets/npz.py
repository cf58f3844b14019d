"""The user's own arrays, in a file that `numpy.savez` wrote."""

from typing import Any, Literal

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from pydantic import Field

from probeline.datasets._raw import Arrays, Images, Raw, named
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say
from probeline.sources.own import locate, pin, sha256_of, some

Integers = NDArray[np.integer[Any]]


KEYS = {"train_images", "train_labels", "test_images", "test_labels", "class_names"}


class Spec(params.Spec):
    """`kind: npz`; `path` of the file, a relative one counted from the clone; `sha256` of the file."""

    kind: Literal["npz"]
    path: str = Field(min_length=1)
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


def read(spec: Spec, name: str) -> Raw:  # noqa: ARG001 (every kind has this signature)
    """Read and check the arrays; none is unpickled.

    `train_images`: uint8 (N, H, W) or (N, H, W, C), C being 1 or 3; `train_labels`: integers (N,), 0, 1, 2 and so on
    without a gap; optional `test_images` and `test_labels` likewise, of the same size; optional `class_names` (K,), of
    which a label is an index. Others are left alone, with a warning.

    Raises:
        UserError: The file or an array is not as it should be; one line names file and key.
        ParamError: `path` names nothing, or `sha256` is not that of the file.
    """
    path = locate(spec.path)
    if not path.is_file():
        raise UserError(f"{spec.path}: is a folder; `path` of an npz dataset is a file")
    try:
        found = np.load(path, allow_pickle=False)
    except Exception as error:  # NumPy raises errors of many types for a damaged file
        raise UserError(
            f"{spec.path}: not an npz file, or damaged ({_short(error)}); write it with numpy.savez"
        ) from error
    if not isinstance(found, NpzFile):
        raise UserError(f"{spec.path}: holds one array without a name; write it with numpy.savez")
    with found:
        checked = _checked(spec.path, found)
    pin(spec.path, sha256_of(path), spec.sha256)
    return checked


def _checked(path: str, found: NpzFile) -> Raw:
    if others := sorted(set(found) - KEYS):
        say(f"warning: {path}: {some(others)} is not read; the keys are {', '.join(sorted(KEYS))}")
    splits = ["train", "test"] if {"test_images", "test_labels"} & set(found) else ["train"]
    images = {split: _images(path, found, f"{split}_images") for split in splits}
    labels = {split: _labels(path, found, f"{split}_labels", len(images[split])) for split in splits}
    if "test" in splits and images["test"].shape[1:] != images["train"].shape[1:]:
        sizes = f"{images['test'].shape[1:]} and {images['train'].shape[1:]}"
        raise UserError(f"{path}: test_images and train_images have images of shapes {sizes}; make them the same")
    classes = _classes(path, found, labels["train"])
    for split in splits:
        _insist_on_indices(path, f"{split}_labels", labels[split], len(classes))
    if empty := sorted(set(range(len(classes))) - set(labels["train"].tolist())):
        say(f"warning: {path}: no training image is of the class {some([classes[label] for label in empty])}")
    return Raw(classes, {split: found.astype(np.int64) for split, found in labels.items()}, Arrays(images))


def _insist_on_indices(path: str, key: str, labels: Integers, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low >= 0 and high < classes:
        return
    from_one = "; these count from 1: subtract 1" if (low, high) == (1, classes) else ""
    raise UserError(
        f"{path}: {key} holds {low if low < 0 else high}; labels go from 0 to {classes - 1}, one per class{from_one}"
    )


def _images(path: str, found: NpzFile, key: str) -> Images:
    images = _array(path, found, key)
    shape = images.shape
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in {1, 3} or not images.size:
        raise UserError(
            f"{path}: {key} is {images.dtype} {shape}; "
            "needed is uint8 (N, H, W) or (N, H, W, C), C being 1 or 3, none of them empty"
        )
    if images.max() <= 1:
        say(f"warning: {path}: {key} holds no value above 1, so that all is black: white is 255; multiply by 255")
    return images


def _labels(path: str, found: NpzFile, key: str, count: int) -> Integers:
    labels = _array(path, found, key)
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise UserError(f"{path}: {key} is {labels.dtype} {labels.shape}; needed is integers ({count},), one per image")
    return labels  # uint64 may hold more than int64


def _classes(path: str, found: NpzFile, labels: Integers) -> tuple[str, ...]:
    if "class_names" not in found:
        there = np.unique(labels)
        if there[0] >= 0 and not np.array_equal(there, np.arange(len(there))):
            raise UserError(
                f"{path}: train_labels holds {len(there)} values, from {there[0]} to {there[-1]}; without class_names "
                "they are 0, 1, 2 and so on without a gap: renumber them, or give class_names"
            )
        return tuple(map(str, range(len(there))))
    names = _array(path, found, "class_names")
    if names.dtype.kind != "U" or names.ndim != 1 or len(set(names.tolist())) < len(names):
        raise UserError(f"{path}: class_names is {names.dtype} {names.shape}; needed is text (K,), no name twice")
    return named(path, "the name in class_names", [str(name) for name in names])


def _array(path: str, found: NpzFile, key: str) -> NDArray[Any]:
    if key not in found:
        raise UserError(f"{path}: has no {key}; its keys are {some(sorted(found)) or 'none'}")
    try:
        array: NDArray[Any] = found[key]
    except Exception as error:  # as above
        why = "it holds Python objects" if "Object arrays" in str(error) else _short(error)
        raise UserError(f"{path}: {key} cannot be read: {why}; write it as a plain array") from error
    if not isinstance(array, np.ndarray):  # a member that is no .npy
        raise UserError(f"{path}: {key} is no array; write it with numpy.savez")
    return array


def _short(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    return str(error).partition("\n")[0][:100] or type(error).__name__
