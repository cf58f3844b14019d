"""Every kind of image file becomes upright RGB of one size."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from probeline.datasets._decode import decode, square
from probeline.pipeline.errors import UserError


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pixel(content: bytes, x: int = 0, y: int = 0) -> tuple[int, ...]:
    return tuple(np.asarray(decode(content, "x"))[y, x].tolist())


def test_every_mode_becomes_rgb() -> None:
    assert pixel(encoded(Image.new("L", (2, 2), 77))) == (77, 77, 77)
    assert pixel(encoded(Image.new("1", (2, 2), 1))) == (255, 255, 255)
    assert pixel(encoded(Image.new("RGB", (2, 2), (9, 8, 7)).quantize(2))) == (9, 8, 7)
    # Over white: 100 * 0.6 + 255 * 0.4 = 162 where alpha is 153/255.
    assert pixel(encoded(Image.new("RGBA", (2, 2), (100, 0, 255, 153)))) == (162, 102, 255)
    assert pixel(encoded(Image.new("LA", (2, 2), (0, 0)))) == (255, 255, 255)
    # No ink but a fifth of cyan: 255 - 51 of red.
    assert pixel(encoded(Image.new("CMYK", (2, 2), (51, 0, 0, 0)), "TIFF")) == (204, 255, 255)


def test_a_transparent_color_becomes_white() -> None:
    gray = Image.fromarray(np.array([[5, 6]], np.uint8))
    assert [pixel(encoded(gray, transparency=5), x) for x in (0, 1)] == [(255, 255, 255), (6, 6, 6)]
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


def test_the_center_is_kept() -> None:
    wide = np.zeros((2, 6, 3), np.uint8)
    wide[:, 2:4] = 200
    assert (square(Image.fromarray(wide), 2) == 200).all()
    tall = wide.transpose(1, 0, 2)
    assert (square(Image.fromarray(tall), 2) == 200).all()


def test_a_long_caption_is_no_damage() -> None:
    info = PngInfo()
    info.add_text("caption", "x" * 3_000_000, zip=True)
    assert pixel(encoded(Image.new("L", (2, 2), 77), pnginfo=info)) == (77, 77, 77)


def test_a_large_scan_is_read_and_one_too_large_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Image.MAX_IMAGE_PIXELS == 250_000_000  # from which Pillow warns; it refuses twice as many
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7)
    with pytest.raises(UserError, match=r"^scan\.png: has more than 500 megapixels; make it smaller$"):
        decode(encoded(Image.new("L", (4, 4))), "scan.png")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", r"\(the file is empty\); mend or remove it"),
        (b"<html>log in first</html>", r"\(of no format that is read here\); mend or remove it"),
        (b"\0\0\0\x18ftypheic" + bytes(40), r"\(HEIC, or a video\); save it as JPEG or PNG"),
    ],
)
def test_the_cause_is_named(content: bytes, why: str) -> None:
    with pytest.raises(UserError, match=rf"^a\.png: not a readable image {why}$"):
        decode(content, "a.png")


def test_too_little_memory_is_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", full)
    with pytest.raises(UserError, match=r"^a\.png: needs more memory than there is; make it smaller$"):
        decode(encoded(Image.new("L", (2, 2))), "a.png")


def test_a_warning_of_pillow_names_the_file_and_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    # EXIF that says it has one entry and ends there.
    content = encoded(Image.new("L", (2, 2), 7), "PNG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0")
    for name in ("a.png", "b.png"):
        assert pixel(content) == (7, 7, 7)
        decode(content, name)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("warning: x: ")
    assert line.endswith(" (of other files this is not said again)")
