"""The format of data/raw: what is read is what was written, to the byte, and every kind of image file is RGB."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from probeline import raw
from probeline.images import decode, square
from probeline.pipeline.errors import UserError
from probeline.raw import Arrays, Files, Raw


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pixel(content: bytes, x: int = 0, y: int = 0) -> tuple[int, ...]:
    return tuple(np.asarray(decode(content, "x"))[y, x].tolist())


def test_arrays_come_back_in_the_order_asked_for(tmp_path: Path) -> None:
    images = np.arange(3 * 2 * 2 * 3, dtype=np.uint8).reshape(3, 2, 2, 3)
    labels = np.array([2, 0, 1])
    raw.save(Raw(("a", "b", "c"), {"train": labels}, Arrays({"train": images})), tmp_path)
    found = raw.load(tmp_path)
    assert found.classes == ("a", "b", "c")
    assert list(found.labels) == ["train"]
    assert found.labels["train"].tolist() == [2, 0, 1]
    assert found.images("train", [2, 0], None)[0, 0, 0].tolist() == [24, 25, 26]
    assert found.images("train", [2, 0], 2)[1, 1, 1].tolist() == [9, 10, 11]
    assert np.array_equal(np.load(tmp_path / "train_images.npy"), images)


def test_arrays_of_transposed_memory_are_written_in_order(tmp_path: Path) -> None:
    planar = np.arange(12, dtype=np.uint8).reshape(1, 3, 2, 2)
    raw.save(Raw(("a",), {"train": np.array([0])}, Arrays({"train": planar.transpose(0, 2, 3, 1)})), tmp_path)
    assert raw.load(tmp_path).images("train", [0], None)[0].tolist() == [
        [[0, 4, 8], [1, 5, 9]],
        [[2, 6, 10], [3, 7, 11]],
    ]


def test_only_the_images_asked_for_are_copied(tmp_path: Path) -> None:
    images = np.zeros((4, 2, 2, 1), np.uint8)
    raw.save(Raw(("a",), {"train": np.zeros(4, np.int64)}, Arrays({"train": images})), tmp_path)
    store = raw.load(tmp_path).store
    assert isinstance(store, Arrays)
    assert isinstance(store.arrays["train"], np.memmap)
    found = store.images("train", [1], None)
    assert type(found) is np.ndarray
    assert found.base is None


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_are_shrunk_by_averaging(channels: int) -> None:
    # Halving 4x4 bilinearly with antialiasing weighs 1/8, 3/8, 3/8, 1/8 over neighbours; at the border of a
    # picture of two halves, 0 and 240, the weights that are left are 3/7, 3/7 and 1/7.
    image = np.repeat([[0, 0, 240, 240]], 4, axis=0).astype(np.uint8)
    images = np.repeat(image[None, :, :, None], channels, axis=3)
    found = Arrays({"train": images}).images("train", [0], 2)
    assert found.shape == (1, 2, 2, channels)
    assert found[0, :, :, 0].tolist() == [[34, 206], [34, 206]]


def test_the_centre_is_kept() -> None:
    wide = np.zeros((2, 6, 3), np.uint8)
    wide[:, 2:4] = 200
    assert (square(Image.fromarray(wide), 2) == 200).all()
    tall = wide.transpose(1, 0, 2)
    assert (square(Image.fromarray(tall), 2) == 200).all()


def test_files_are_the_originals_in_one_archive(tmp_path: Path) -> None:
    red, blue = (encoded(Image.new("RGB", (3, 3), colour)) for colour in ("red", "blue"))
    contents = {"train/b c/1.png": red, "test/b/1.png": blue, "train/b/2.png": blue}
    store = Files(contents.__getitem__, {"train": ("b/2.png", "b c/1.png"), "test": ("b/1.png",)})
    labels = {"train": np.array([0, 1]), "test": np.array([0])}
    raw.save(Raw(("b", "b c"), labels, store), tmp_path)
    with zipfile.ZipFile(tmp_path / "images.zip") as archive:
        assert archive.read("train/b c/1.png") == red
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    found = raw.load(tmp_path)
    assert found.images("train", [1, 0, 1], 2)[:, 0, 0].tolist() == [[255, 0, 0], [0, 0, 255], [255, 0, 0]]
    assert found.images("test", [0], 2)[0, 1, 1].tolist() == [0, 0, 255]
    with pytest.raises(UserError, match="its task must state `pixels`"):
        found.images("train", [0], None)


def test_saved_twice_the_bytes_are_the_same(tmp_path: Path) -> None:
    content = encoded(Image.new("L", (2, 2), 7))
    for folder in ("one", "two"):
        for kind in ("arrays", "files"):
            (tmp_path / folder / kind).mkdir(parents=True)
        arrays = Arrays({"train": np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)})
        raw.save(Raw(("a",), {"train": np.array([0])}, arrays), tmp_path / folder / "arrays")
        files = Files(lambda _: content, {"train": ("a/1.png",)})
        raw.save(Raw(("a",), {"train": np.array([0])}, files), tmp_path / folder / "files")
    first, second = (sorted(path for path in (tmp_path / each).rglob("*") if path.is_file()) for each in ("one", "two"))
    assert len(first) == 6
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_missing_folder_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dvc repro fetch@mnist"):
        raw.load(tmp_path / "mnist")


def test_modes() -> None:
    assert pixel(encoded(Image.new("L", (2, 2), 77))) == (77, 77, 77)
    assert pixel(encoded(Image.new("1", (2, 2), 1))) == (255, 255, 255)
    assert pixel(encoded(Image.new("RGB", (2, 2), (9, 8, 7)).quantize(2))) == (9, 8, 7)
    # Over white: 100 * 0.6 + 255 * 0.4 = 162 where alpha is 153/255.
    assert pixel(encoded(Image.new("RGBA", (2, 2), (100, 0, 255, 153)))) == (162, 102, 255)
    assert pixel(encoded(Image.new("LA", (2, 2), (0, 0)))) == (255, 255, 255)
    # No ink but a fifth of cyan: 255 - 51 of red.
    assert pixel(encoded(Image.new("CMYK", (2, 2), (51, 0, 0, 0)), "TIFF")) == (204, 255, 255)


def test_a_transparent_colour_becomes_white() -> None:
    grey = Image.fromarray(np.array([[5, 6]], np.uint8))
    assert [pixel(encoded(grey, transparency=5), x) for x in (0, 1)] == [(255, 255, 255), (6, 6, 6)]
    palette = Image.new("P", (1, 1), 0)
    palette.putpalette([10, 20, 30])
    assert pixel(encoded(palette, transparency=0)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    # 257 levels of 16 bits make one of 8: 25700 -> 100, 65535 -> 255, 128 -> 0.498 -> 0, 129 -> 0.502 -> 1.
    deep = Image.fromarray(np.array([[25700, 65535, 128, 129]], np.uint16))
    assert [pixel(encoded(deep, kind), x)[0] for x in range(4)] == [100, 255, 0, 1]


def test_a_turned_photograph_is_put_upright() -> None:
    image = Image.new("RGB", (2, 1), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    content = encoded(image, "PNG", exif=exif)
    assert decode(content, "x").size == (1, 2)
    assert [pixel(content, 0, y)[0] for y in (0, 1)] == [255, 0]


@pytest.mark.parametrize("content", [b"", b"no image", encoded(Image.effect_noise((64, 64), 50))[:2000]])
def test_a_damaged_image_is_named(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^cats/tom\.png: not a readable image \(.+\); mend or remove it$"):
        decode(content, "cats/tom.png")


def test_a_cut_jpeg_is_named() -> None:
    with pytest.raises(UserError, match=r"^tom\.jpg: not a readable image"):
        decode(encoded(Image.effect_noise((64, 64), 50), "JPEG")[:900], "tom.jpg")
