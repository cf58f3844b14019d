"""The format of data/raw/<dataset>/: images and labels from one source, checked, in a few files.

    raw.json                class names; whether the images are arrays or files
    <split>_labels.npy      int64 (N,), 0 <= label < number of classes; splits are train and, where there is one, test
    <split>_images.npy      arrays: uint8 (N, H, W, C)
    images.zip              files: the originals, uncompressed, `<split>/<class>/<file>`, in the order of the labels
    <split>_digests.npy     files: uint64 (N,), of the pixels of each

The same content gives the same bytes.
"""

import zipfile
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from unicodedata import category, normalize

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from probeline.datasets._decode import decode, digest, square
from probeline.pipeline import files
from probeline.pipeline.errors import ParamError, UserError
from probeline.pipeline.groups import force
from probeline.pipeline.progress import bar, say
from probeline.results.record import Record

SPLITS = ("train", "test")
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # of Unicode: what breaks a line or is half a character
SHOWN = 60  # characters of the name of a class in a message
Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Digests = NDArray[np.uint64]
Indices = Sequence[int] | NDArray[np.integer[Any]]


class Store(Protocol):
    """Where the images are: as arrays of one size, or as files of any size."""

    def images(self, split: str, indices: Indices, pixels: int | None) -> Images: ...
    def digests(self, split: str) -> Digests: ...
    def save(self, folder: Path) -> None: ...

    @property
    def size(self) -> str: ...


@dataclass(frozen=True)
class Raw:
    """Images and labels of a dataset.

    Args:
        classes: Their names; a label is an index into them.
        labels: int64 (N,) for "train" and, where the source has it, "test".
        store: The images, in the order of the labels.
    """

    classes: tuple[str, ...]
    labels: dict[str, Labels]
    store: Store

    def images(self, split: str, indices: Indices, pixels: int | None) -> Images:
        """Read some images, and no others.

        Args:
            split: A key of `labels`.
            indices: (n,), in any order.
            pixels: The side of the square that is wanted: the shorter side is resized to it (bilinear, antialiased),
                the center is kept. None leaves images as they are.

        Returns:
            uint8 (n, H, W, C).

        Raises:
            ParamError: `pixels` of the task is None and the images are files, which have sizes of their own.
        """
        return self.store.images(split, indices, pixels)

    def digests(self, split: str) -> Digests:
        """What tells the pictures of a split apart, uint64 (N,): equal for equal pixels, in every dataset."""
        return self.store.digests(split)


@dataclass(frozen=True)
class Arrays:
    """Images of one size: uint8 (N, H, W, C) for each split, C being 1 or 3."""

    arrays: dict[str, Images]

    @property
    def size(self) -> str:
        """Height, width and channels, for the terminal."""
        return "x".join(map(str, self.arrays["train"].shape[1:]))

    def images(self, split: str, indices: Indices, pixels: int | None) -> Images:
        """See `Raw.images`."""
        found = np.asarray(self.arrays[split])[np.asarray(indices, np.int64)]
        if pixels is None or found.shape[1:3] == (pixels, pixels):
            return found
        small = np.empty((len(found), pixels, pixels, found.shape[3]), np.uint8)
        for row, image in zip(small, bar(f"resizing {split} images", iterable=found), strict=True):
            gray = image.shape[2] == 1
            fitted = square(Image.fromarray(image[:, :, 0] if gray else image), pixels)
            row[:] = fitted.reshape(row.shape)
        return small

    def digests(self, split: str) -> Digests:
        """See `Raw.digests`."""
        return np.array([digest(image) for image in np.asarray(self.arrays[split])], np.uint64)

    def save(self, folder: Path) -> None:
        """Write `<split>_images.npy`."""
        for split, images in self.arrays.items():
            files.write_array(folder / f"{split}_images.npy", images)


@dataclass(frozen=True)
class Files:
    """Image files of any size and mode, read as RGB.

    Args:
        read: From a name to the bytes of a file.
        names: `<class>/<file>` for each split, in the order of the labels.
        pixels: For each split, what `Raw.digests` gives.
    """

    read: Callable[[str], bytes]
    names: dict[str, tuple[str, ...]]
    pixels: dict[str, Digests]

    @property
    def size(self) -> str:
        """That they have none in common, for the terminal."""
        return "files of their own sizes"

    def images(self, split: str, indices: Indices, pixels: int | None) -> Images:
        """See `Raw.images`."""
        if pixels is None:
            raise ParamError(
                "pixels", "the dataset holds image files of many sizes", "its task must state `pixels`, say 224"
            )
        found = np.empty((len(indices), pixels, pixels, 3), np.uint8)
        for row, index in zip(found, bar(f"reading {split} images", iterable=np.asarray(indices)), strict=True):
            name = f"{split}/{self.names[split][index]}"
            row[:] = square(decode(self.read(name), name), pixels)
        return found

    def digests(self, split: str) -> Digests:
        """See `Raw.digests`."""
        return self.pixels[split]

    def save(self, folder: Path) -> None:
        """Write the digests, and images.zip: stored as they are, because image files do not compress; fixed dates."""
        for split, digests in self.pixels.items():
            files.write_array(folder / f"{split}_digests.npy", digests)
        with zipfile.ZipFile(folder / "images.zip", "w") as archive:
            for split, names in self.names.items():
                for name in bar(f"writing {split} images", iterable=names):
                    entry = zipfile.ZipInfo(f"{split}/{name}")
                    entry.create_system, entry.external_attr = 3, 0o100644 << 16  # the same on every system
                    archive.writestr(entry, self.read(entry.filename))


def named(path: str, what: str, classes: Sequence[str]) -> tuple[str, ...]:
    """The names of a user's own classes, if a table can hold them and a reader tell them apart.

    Args:
        path: Of the data, for messages.
        what: That a name is, for messages.

    Raises:
        UserError: One is empty or cannot be printed, or two are the same in two forms of Unicode.
    """
    looks: dict[str, str] = {}
    for name in classes:
        if not name.strip() or UNPRINTABLE & set(map(category, name)):
            raise UserError(f"{path}: {what} {name[:SHOWN]!r} cannot be printed; give another")
        plain = "".join(char for char in normalize("NFKC", name).casefold().strip() if category(char) != "Cf")
        if (other := looks.setdefault(plain, name)) == name:
            continue
        if normalize("NFC", name) == normalize("NFC", other):
            raise UserError(
                f"{path}: has {name[:SHOWN]!r} twice, in two forms of Unicode (NFC and NFD, of a Mac); rename one"
            )
        say(f"warning: {path}: {other[:SHOWN]!r} and {name[:SHOWN]!r} are two classes, and look the same")
    return tuple(classes)


class _About(Record):
    """raw.json: the names of the classes, and how the images are stored."""

    classes: list[str]
    images: Literal["arrays", "files"]


def save(raw: Raw, folder: Path) -> None:
    """Write a dataset into an existing folder."""
    images: Literal["arrays", "files"] = "arrays" if isinstance(raw.store, Arrays) else "files"
    _About(classes=list(raw.classes), images=images).save(folder / "raw.json")
    for split, labels in raw.labels.items():
        files.write_array(folder / f"{split}_labels.npy", labels)
    raw.store.save(folder)


def load(folder: Path) -> Raw:
    """Open what `save` wrote. Images stay on the disk until they are asked for.

    Raises:
        UserError: It is missing, damaged or of another version.
    """
    remedy = f"run: {force('fetch', folder.name)}"
    about = _About.load(folder / "raw.json", remedy)
    store: Arrays | Files
    splits = [split for split in SPLITS if (folder / f"{split}_labels.npy").exists()]
    labels = {split: files.read_array(folder / f"{split}_labels.npy", (np.int64, 1), remedy) for split in splits}
    if about.images == "arrays":
        arrays = {
            split: files.read_array(folder / f"{split}_images.npy", (np.uint8, 4), remedy, "r") for split in splits
        }
        store = Arrays(arrays)
        parts: list[Mapping[str, Sized]] = [arrays]
    else:
        store = _open(folder, splits, remedy)
        parts = [store.names, store.pixels]
    lengths = all(len(part[split]) == len(found) for part in parts for split, found in labels.items())
    known = all(((found >= 0) & (found < len(about.classes))).all() for found in labels.values())
    if not (lengths and known) or "train" not in splits:
        raise UserError(f"{folder}: its images and labels do not fit each other; {remedy}")
    return Raw(tuple(about.classes), labels, store)


def _open(folder: Path, splits: Sequence[str], remedy: str) -> Files:
    path = folder / "images.zip"
    damaged = UserError(f"{path}: is missing or damaged; {remedy}")
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises errors of many types for a damaged file
        raise damaged from error

    def read(name: str) -> bytes:
        try:
            return archive.read(name)
        except Exception as error:  # likewise
            raise damaged from error

    names = [name.split("/", 1) for name in archive.namelist()]
    return Files(
        read,
        {split: tuple(name for first, *rest in names for name in rest if first == split) for split in splits},
        {split: files.read_array(folder / f"{split}_digests.npy", (np.uint64, 1), remedy) for split in splits},
    )
