"""Arrays of a user's own, and what is wrong with them."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from probeline.datasets import npz
from probeline.datasets._raw import Arrays, Raw
from probeline.pipeline.errors import UserError
from tests.unit.datasets.conftest import pinned

IMAGES = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
LABELS = np.array([1, 0], np.uint8)


def read_npz(folder: Path, **arrays: object) -> Raw:
    np.savez(folder / "own.npz", **{"train_images": IMAGES, "train_labels": LABELS} | arrays)  # type: ignore[arg-type]
    return pinned(lambda digest: npz.read(npz.Spec(kind="npz", path="own.npz", sha256=digest), "mine"))


def test_npz(tmp_path: Path) -> None:
    found = read_npz(tmp_path, test_images=IMAGES[:1] + 100, test_labels=[1], other=[1.5])
    assert found.classes == ("0", "1")
    assert found.labels["train"].tolist() == [1, 0]
    assert found.labels["train"].dtype == np.int64
    assert found.labels["test"].tolist() == [1]
    assert found.images("train", [1], None)[0, :, :, 0].tolist() == [[9, 10, 11], [12, 13, 14], [15, 16, 17]]
    assert found.images("test", [0], None)[0, 2, 2].tolist() == [108]


def test_npz_with_colors_and_names(tmp_path: Path) -> None:
    images = np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3)
    found = read_npz(tmp_path, train_images=images, class_names=np.array(["cat", "dog", "emu"]))
    assert found.classes == ("cat", "dog", "emu")
    assert found.images("train", [1], None)[0, 0, 1].tolist() == [15, 16, 17]
    assert isinstance(found.store, Arrays)


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"train_images": IMAGES.astype(float)}, r"train_images is float64 \(2, 3, 3\); needed is uint8 \(N, H, W\)"),
        ({"train_images": IMAGES[..., None, None]}, r"train_images is uint8 \(2, 3, 3, 1, 1\); needed"),
        ({"train_images": np.zeros((2, 3, 3, 4), np.uint8)}, r"train_images is uint8 \(2, 3, 3, 4\); needed"),
        ({"train_images": IMAGES[:0], "train_labels": LABELS[:0]}, r"train_images is uint8 \(0, 3, 3\); needed"),
        ({"train_images": np.array([{}, []], object)}, "train_images cannot be read: it holds Python objects; write"),
        ({"train_labels": LABELS.astype(float)}, r"train_labels is float64 \(2,\); needed is integers \(2,\)"),
        ({"train_labels": [1, 0, 1]}, r"train_labels is int64 \(3,\); needed is integers \(2,\), one per image"),
        ({"train_labels": [0, -1]}, "train_labels holds -1; labels go from 0 to "),
        ({"train_labels": [0, 10**12]}, "train_labels holds 2 values, from 0 to 1000000000000; without"),
        ({"class_names": ["cat"]}, "train_labels holds 1; labels go from 0 to 0"),
        ({"class_names": ["cat", "cat"]}, r"class_names is <U3 \(2,\); needed is text \(K,\), no name twice"),
        ({"class_names": [1, 2]}, r"class_names is int64 \(2,\); needed is text"),
        ({"class_names": np.array(["cat", 1], object)}, "class_names cannot be read: it holds Python objects"),
        ({"test_images": IMAGES}, "has no test_labels; its keys are test_images, train_images, train_labels"),
        ({"test_labels": LABELS}, "has no test_images; its keys are"),
        ({"test_images": IMAGES[:, :2], "test_labels": LABELS}, r"test_images and train_images have images of shapes"),
        ({"test_images": IMAGES, "test_labels": [0, 2]}, "test_labels holds 2; labels go from 0 to 1"),
    ],
)
def test_npz_mistakes_are_one_line_that_names_the_key(tmp_path: Path, arrays: dict[str, object], line: str) -> None:
    with pytest.raises(UserError, match=rf"^own\.npz: {line}") as caught:
        read_npz(tmp_path, **arrays)
    assert "\n" not in str(caught.value)


def test_npz_without_its_keys(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", x_train=IMAGES, y_train=LABELS)
    with pytest.raises(UserError, match=r"^own\.npz: has no train_images; its keys are x_train, y_train$"):
        npz.read(npz.Spec(kind="npz", path="own.npz"), "mine")


def test_npz_with_another_digest(tmp_path: Path) -> None:
    read_npz(tmp_path)
    digest = hashlib.sha256((tmp_path / "own.npz").read_bytes()).hexdigest()
    npz.read(npz.Spec(kind="npz", path="own.npz", sha256=digest), "mine")
    with pytest.raises(UserError, match=r"^params.yaml: sha256: own.npz has changed: expected 0000"):
        npz.read(npz.Spec(kind="npz", path="own.npz", sha256="0" * 64), "mine")


class Poison:
    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (3,)


def make_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, IMAGES)


def make_pickle(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([Poison()], object), allow_pickle=True)


def make_cut(path: Path) -> None:
    np.savez(path, train_images=IMAGES, train_labels=LABELS)
    path.write_bytes(path.read_bytes()[:300])


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (make_npy, "holds one array without a name"),
        (make_pickle, "not an npz file, or damaged"),
        (make_cut, "not an npz file, or damaged"),
        (lambda path: path.write_bytes(b""), "not an npz file, or damaged"),
        (lambda path: path.write_text("hello"), "not an npz file, or damaged"),
        (lambda path: path.mkdir(), "is a folder; `path` of an npz dataset is a file"),
        (lambda _: None, "no such file or folder"),
    ],
)
def test_what_is_no_npz_is_named(tmp_path: Path, make: Callable[[Path], None], line: str) -> None:
    make(tmp_path / "own.npz")
    with pytest.raises(UserError, match=rf"^(params\.yaml: path: )?own\.npz: {line}[^\n]*$"):
        npz.read(npz.Spec(kind="npz", path="own.npz"), "mine")


def write_header(path: Path, header: str) -> None:
    """An npz file whose train_images have a header of one's own."""
    member = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header.encode() + bytes(64)
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("train_images.npy", member)
        packed.writestr("train_labels.npy", member)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 8, 8)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': " + "(" * 5000 + ")" * 5000 + "}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (10**999,)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (999999999999999999999,)}",
        "{'descr': [['x']], 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '|V0', 'fortran_order': False, 'shape': (64,)}",
        "(",
    ],
)
def test_odd_headers_are_one_line(tmp_path: Path, header: str) -> None:
    write_header(tmp_path / "own.npz", header)
    with pytest.raises(UserError, match=r"^own\.npz: train_images (cannot be read: |is |\w+ ).+$") as caught:
        npz.read(npz.Spec(kind="npz", path="own.npz"), "mine")
    assert len(str(caught.value)) < 300
    assert "Python objects" not in str(caught.value)


def test_a_flipped_byte_anywhere_is_one_line_or_no_difference(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    np.savez_compressed(path, train_images=IMAGES, train_labels=LABELS)
    sound = path.read_bytes()
    for place in range(0, len(sound), 3):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0x55]) + sound[place + 1 :])
        with suppress(UserError):
            npz.read(npz.Spec(kind="npz", path="own.npz", sha256="0" * 64), "mine")
