"""Data that was read wrongly without a word: each test holds the right value, or the line that is said now."""

import hashlib
import io
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from probeline.datasets import _decode, npz
from probeline.datasets._copies import copies
from probeline.datasets._decode import decode, digest
from probeline.datasets._raw import Arrays, Raw
from probeline.pipeline.errors import UserError
from tests.unit.datasets.test_image_folder import picture, read_folder

TWICE = "keep each in the right one, if they are yours"
NOTHING = "scores of them say nothing of new images: remove them from one side, if they are yours"


def made(folder: Path, *names: str) -> None:
    """Images of as many colors."""
    for number, name in enumerate(names):
        picture(folder / name, (number, 0, 0))


def zipped(folder: Path, form: str) -> str:
    """The path to read: the folder itself, or a zip of it, with its folders listed or not."""
    if form == "zip":
        return shutil.make_archive(str(folder), "zip", folder)
    if form == "zip of files":
        with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as packed:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                packed.write(path, path.relative_to(folder))
        return f"{folder}.zip"
    return str(folder)


forms = pytest.mark.parametrize("form", ["folder", "zip", "zip of files"])


@forms
@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("training", "Testing"), ("TRAIN", "test")])
def test_the_usual_spellings_of_splits_are_splits(tmp_path: Path, form: str, train: str, test: str) -> None:
    made(tmp_path / "set", f"{train}/a/1.png", f"{train}/b/2.png", f"{test}/a/3.png", f"{test}/b/4.png")
    found = read_folder(zipped(tmp_path / "set", form))
    assert found.classes == ("a", "b")
    assert {split: labels.tolist() for split, labels in found.labels.items()} == {"train": [0, 1], "test": [0, 1]}


@forms
@pytest.mark.parametrize(
    ("names", "line"),
    [
        (
            ["train/a/1.png", "test/a/1.png", "unlabeled/1.png"],
            "cannot tell splits from classes: test/, train/ beside ",
        ),
        (["train/a/1.png", "holdout/a/1.png"], "cannot tell splits from classes: train/ beside holdout/; for splits"),
        (["training_set/a/1.png", "test_set/a/1.png"], "cannot tell splits from classes: test_set/, training_set/ "),
        (["seg_train/a/1.png", "seg_test/a/1.png", "seg_pred/1.png"], "cannot tell splits from classes: seg_test/, "),
        (["TrainSet/a/1.png", "TestSet/a/1.png"], "cannot tell splits from classes: TestSet/, TrainSet/ "),
        (["trainset/a/1.png", "testset/a/1.png"], "cannot tell splits from classes: testset/, trainset/ "),
        (["Train/a/1.png", "training/a/1.png"], "has both Train/ and training/, which say the same; put"),
        (["Train/a/1.png", "Valid/a/1.png"], "has Valid/ beside Train/; a task draws its own validation images"),
        (["test/a/1.png", "test/b/1.png"], "has test/ but no train/; add it, or give the path"),
        (["test/a/1.png", "val/a/1.png"], "has test/, val/ but no train/; add it"),
        (
            ["a/train/1.png", "a/test/1.png", "b/train/1.png"],
            r"has folders for splits inside of a/ \(train/ and others",
        ),
        (["train/a/1.png", "train/b/1.png", "test/a/1.png", "test/b/x.txt"], "test: the class folder b has no images"),
    ],
)
def test_a_layout_that_could_be_another_is_refused(tmp_path: Path, form: str, names: list[str], line: str) -> None:
    for name in names:
        if name.endswith("png"):
            picture(tmp_path / "set" / name)
        else:
            (tmp_path / "set" / name).parent.mkdir(parents=True)
            (tmp_path / "set" / name).write_text("no image")
    path = zipped(tmp_path / "set", form)
    with pytest.raises(UserError, match=rf"^{path}[:/] ?{line}") as caught:
        read_folder(path)
    assert len(str(caught.value).removeprefix(path)) < 300


@forms
@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["dev/a/1.png", "dev/b/2.png", "eval/a/3.png"], "each of the classes dev, eval has the folders a; if these"),
        (["trainA/1.png", "trainB/2.png", "testA/3.png"], "the classes testA, trainA, trainB have names of splits; "),
        (["train/1.png", "car/2.png"], ""),  # a means of transport
        (["cat/young/1.png", "dog/old/2.png"], ""),
        (["cat/old/1.png", "dog/2.png", "dog/old/2.png"], ""),
    ],
)
def test_classes_that_could_be_splits_are_said(
    tmp_path: Path, form: str, names: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "set", *names)
    read_folder(zipped(tmp_path / "set", form))
    said = capsys.readouterr().out
    assert line in said
    assert bool(line) == bool(said)


def test_a_member_that_is_in_an_archive_twice_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path, "1.png", "2.png")
    with tarfile.open(tmp_path / "set.tar", "w") as packed:
        for path, name in (("1.png", "a/1.png"), ("1.png", "b/1.png"), ("2.png", "a/1.png")):
            packed.add(tmp_path / path, name)
    assert read_folder("set.tar").images("train", [0], 1)[0, 0, 0, 0] == 1
    assert "holds 1 files more than once, and the last of each counts: a/1.png\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (["caf\u00e9", "cafe\u0301"], "has 'caf.+' twice, in two forms of Unicode"),
        (["a\nb", "c"], r"the class folder 'a\\nb' cannot be printed; give another"),
        (["a\u2028b", "c"], r"the class folder 'a\\u2028b' cannot be printed; give another"),
        ([" ", "c"], "the class folder ' ' cannot be printed; give another"),
    ],
)
def test_classes_that_a_table_could_not_tell_apart_are_refused(tmp_path: Path, names: list[str], line: str) -> None:
    made(tmp_path / "set", *(f"{name}/1.png" for name in names))
    with pytest.raises(UserError, match=line):
        read_folder("set")


def test_classes_that_look_the_same_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "set", "Cat/1.png", "cat/2.png", "cat\u200b/3.png")
    assert len(read_folder("set").classes) == 3
    assert "warning: set: 'Cat' and 'cat' are two classes, and look the same\n" in capsys.readouterr().out


def test_a_loose_image_does_not_turn_splits_into_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "set", "train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png", "cover.png")
    assert list(read_folder("set").labels) == ["train", "test"]
    assert "warning: set: skipped 1 images that are in no class folder: cover.png\n" in capsys.readouterr().out


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TIFF", **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        (np.linspace(0, 0.9, 4, dtype=np.float32)[None], "floating-point"),
        (np.full((1, 4), np.nan, np.float32), "floating-point"),
        (np.full((1, 4), 100_000, np.int32), "signed or 32-bit"),
        (np.full((1, 4), 200, np.int32), "signed or 32-bit"),
        (np.full((1, 4), -5, np.int32), "signed or 32-bit"),
    ],
)
def test_pixels_without_a_white_are_refused(pixels: np.ndarray, kind: str) -> None:
    with pytest.raises(UserError, match=rf"^a/1\.tif: has {kind} pixels, of which nothing says how bright is white;"):
        decode(tiff(pixels), "a/1.tif")


def test_a_tiff_of_sixteen_bits_in_which_zero_is_white() -> None:
    content = tiff(np.array([[0, 65535, 25700]], np.uint16), tiffinfo={262: 0})
    assert np.asarray(decode(content, "x"))[0, :, 0].tolist() == [255, 0, 155]


def test_a_tiff_of_twelve_bits_is_as_bright_as_it_says() -> None:
    # Two pixels of 12 bits, 4095 and 2048, in three bytes; the tags of a baseline TIFF.
    tags = {256: 2, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: 3}
    fields = b"".join(
        tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little") for tag, value in tags.items()
    )
    content = b"II*\0" + (12).to_bytes(4, "little") + b"\xff\xf8\x00\0" + len(tags).to_bytes(2, "little") + fields
    assert np.asarray(decode(content + bytes(4), "x"))[0, :, 0].tolist() == [255, 128]


def png(depth: int, samples: list[int], key: int) -> bytes:
    """One row of gray, of which one value is transparent; written by hand, for Pillow writes 8 bits only."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)

    bits = "".join(f"{sample:0{depth}b}" for sample in samples)
    row = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))
    header = len(samples).to_bytes(4) + (1).to_bytes(4) + bytes([depth, 0, 0, 0, 0])
    chunks = ((b"IHDR", header), (b"tRNS", key.to_bytes(2)), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("clear", [0, 1])
def test_a_transparent_gray_of_any_depth_becomes_white(depth: int, clear: int) -> None:
    """Of 2 and 4 bits none was, and of 16 none either."""
    white = 2**depth - 1
    content = png(depth, [0, 1, white // 2, white], clear)
    shades = [255 if sample == clear else round(sample * 255 / white) for sample in (0, 1, white // 2, white)]
    assert np.asarray(decode(content, "x"))[0, :, 0].tolist() == shades


def test_a_transparent_color_of_sixteen_bits_is_refused() -> None:
    """Its low half was compared with the high halves of the pixels: black became white."""
    gray = png(16, [0] * 3, 0)  # the same bytes as one black pixel in color
    header = (1).to_bytes(4) + (1).to_bytes(4) + bytes([16, 2, 0, 0, 0])
    key = b"tRNS" + b"\x80\0" * 3
    content = (
        gray[:8]
        + b"\0\0\0\rIHDR" + header + zlib.crc32(b"IHDR" + header).to_bytes(4)
        + b"\0\0\0\x06" + key + zlib.crc32(key).to_bytes(4)
        + gray[gray.index(b"IDAT") - 4 :]
    )  # fmt: skip
    with pytest.raises(UserError, match=r"^x: has a transparent color of 16 bits, which is not read; save it with 8"):
        decode(content, "x")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_pictures_beyond_the_first_are_said(
    kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_decode, "_told", set())
    stream, red = io.BytesIO(), Image.new("RGB", (2, 2), "red")
    red.save(stream, kind, save_all=True, append_images=[Image.new("RGB", (2, 2), "blue")])
    assert np.asarray(decode(stream.getvalue(), "a/1"))[0, 0, 0] > 250
    assert "warning: a/1: has several frames or pages, of which the first is read" in capsys.readouterr().out


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path / "set", "a/1.png", "b/2.png")
    plain = Path.iterdir

    def iterdir(folder: Path) -> Any:  # as for a user who may not; for root the mode of a folder says nothing
        if folder.name == "b":
            raise PermissionError(13, "Permission denied", str(folder))
        return plain(folder)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(UserError, match=r"/set/b: cannot be read: Permission denied; allow it, or move it elsewhere$"):
        read_folder("set")


def test_a_folder_that_is_linked_twice_is_read_twice(tmp_path: Path) -> None:
    made(tmp_path / "shared", "1.png", "2.png")
    for name in ("a", "b"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "more").symlink_to(tmp_path / "shared")
    assert read_folder("set").labels["train"].tolist() == [0, 0, 1, 1]


@forms
def test_thumbnails_of_a_network_disk_are_no_images(tmp_path: Path, form: str) -> None:
    made(tmp_path / "set", "a/1.png", "b/2.png", "@eaDir/x.png/SYNOPHOTO_THUMB_M.jpg", "a/@eaDir/1.png/THUMB.jpg")
    found = read_folder(zipped(tmp_path / "set", form))
    assert found.classes == ("a", "b")
    assert found.labels["train"].tolist() == [0, 1]


def test_a_hidden_class_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "set", "java/1.png", "c/2.png", ".net/3.png")
    read_folder("set")
    assert "warning: set: skipped 1 hidden folders and images: .net\n" in capsys.readouterr().out


def test_a_picture_has_one_digest_in_every_file_and_dataset() -> None:
    gray = np.array([[[5], [6]]], np.uint8)
    color = np.repeat(gray, 3, axis=2)
    stream = io.BytesIO()
    Image.fromarray(color).save(stream, "BMP")
    assert digest(gray) == digest(color) == digest(np.asarray(decode(stream.getvalue(), "x")))
    assert digest(gray) != digest(gray.transpose(1, 0, 2))  # the same bytes in another shape
    assert digest(gray) != digest(gray + 1)


def test_the_same_image_in_two_places_is_said(tmp_path: Path) -> None:
    made(tmp_path / "set", "train/a/1.png", "train/b/2.png", "train/b/3.png", "test/a/4.png", "test/b/5.png")
    assert copies(read_folder("set")) == []
    shutil.copy(tmp_path / "set/train/a/1.png", tmp_path / "set/train/b/6.png")
    Image.open(tmp_path / "set/train/b/3.png").save(tmp_path / "set/test/b/7.bmp")
    assert copies(read_folder("set")) == [
        "images in more than one class: 1 (train/a/1.png, train/b/6.png); " + TWICE,
        "test images that are training images too: 1 of 3 (train/b/3.png, test/b/7.bmp); " + NOTHING,
    ]


def test_the_same_array_in_two_places_is_said() -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    labels = {"train": np.array([0, 1, 1]), "test": np.array([1, 1, 0])}
    arrays = {"train": images[:3], "test": images[[2, 2, 4]]}
    (line,) = copies(Raw(("a", "b"), labels, Arrays(arrays)))
    assert line.startswith("test images that are training images too: 2 of 3; scores of them say nothing")


def read_npz(folder: Path, **arrays: Any) -> Raw:
    np.savez(folder / "own.npz", **{"train_images": np.full((3, 2, 2), 9, np.uint8)} | arrays)
    sha256 = hashlib.sha256((folder / "own.npz").read_bytes()).hexdigest()
    return npz.read(npz.Spec(kind="npz", path="own.npz", sha256=sha256), "mine")


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (
            [1, 2, 3],
            "train_labels holds 3 values, from 1 to 3; without class_names they are 0, 1, 2 and so on without a gap",
        ),
        ([0, 10, 50], "train_labels holds 3 values, from 0 to 50; "),
        ([0, 2, 2], "train_labels holds 2 values, from 0 to 2; "),
        (np.array([0, 1, 2**64 - 1], np.uint64), f"train_labels holds 3 values, from 0 to {2**64 - 1}; "),
        ([-1, -1, -1], "train_labels holds -1; labels go from 0 to 0, one per class"),
    ],
)
def test_labels_with_gaps_make_no_empty_classes(tmp_path: Path, labels: Any, line: str) -> None:
    with pytest.raises(UserError, match=f"^own.npz: {line}"):
        read_npz(tmp_path, train_labels=labels)


def test_labels_from_one_are_told_apart_from_others_that_names_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"train_labels holds 3; labels go from 0 to 2, one per class; these count from 1: subtract 1$"
    ):
        read_npz(tmp_path, train_labels=[1, 2, 3], class_names=["a", "b", "c"])


def test_a_class_that_names_alone_make_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_npz(tmp_path, train_labels=[0, 2, 2], class_names=["a", "b", "c"]).classes == ("a", "b", "c")
    assert capsys.readouterr().out == "warning: own.npz: no training image is of the class b\n"


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"Test_images": [1]}, "Test_images is not read; the keys are class_names, test_images, test_labels, train_im"),
        ({"label_names": ["a", "b"]}, "label_names is not read; "),
        (
            {"train_images": np.eye(3, dtype=np.uint8)[None]},
            "train_images holds no value above 1, so that all is black",
        ),
    ],
)
def test_what_an_array_does_not_say_is_said(
    tmp_path: Path, arrays: dict[str, Any], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.full((1, 2, 2), 2, np.uint8)
    read_npz(tmp_path, **{"train_images": images, "train_labels": [0]} | arrays)
    assert f"warning: own.npz: {line}" in capsys.readouterr().out


def test_a_class_name_that_no_file_can_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^own.npz: the name in class_names 'b\\udc80' cannot be printed; "):
        read_npz(tmp_path, train_labels=[0, 1, 1], class_names=["a", "b\udc80"])
