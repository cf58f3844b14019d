"""From the bytes of an image file to pixels, the same for every mode that a file may have."""

import hashlib
import io
import warnings
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say

MEGAPIXELS = 500  # the most of one image; three bytes each, and Pillow copies it a few times
Image.MAX_IMAGE_PIXELS = MEGAPIXELS * 500_000  # Pillow warns above this and refuses above twice as many
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # 64 MB: a long caption is no damage
MIN_IS_WHITE, BITS, PHOTOMETRIC = 0, 258, 262  # of TIFF 6.0
PNG_DEPTH = 24  # where a PNG says how many bits a sample has
FRAMED = {"AVIF", "GIF", "PNG", "TIFF", "WEBP"}  # what may hold more pictures than the first
_told: set[str] = set()  # warnings of Pillow: each is told once, with the first file that it is about


def decode(content: bytes, name: str) -> Image.Image:
    """Decode an image file as upright RGB: any mode of 8 bits or fewer, the first frame, transparency over white.

    Gray of 16 bits is scaled to 8, white of the file's own depth being 255. Floating-point and 32-bit pixels state no
    white, and are refused. Further frames are said and left out.

    Raises:
        UserError: It is damaged, no image, too large or of such pixels; the line names it.
    """
    try:
        with warnings.catch_warnings(record=True) as warned, Image.open(io.BytesIO(content)) as image:
            warnings.simplefilter("always")
            image.load()
            if image.format == "PNG":
                _scale_key(image, content[PNG_DEPTH])
            upright = _upright(image)
            clear = None
            if upright.mode.startswith(("I", "F")):
                clear = np.equal(np.asarray(upright), upright.info.get("transparency", -1))
                upright = _in_8_bits(upright, image)
            if upright.has_transparency_data:
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
            found = upright.convert("RGB")
            if clear is not None:
                found.paste("white", mask=Image.fromarray(clear))
            _say_frames(image)
    except Exception as error:  # its decoders raise errors of many types for a damaged file
        raise UserError(f"{name}: {_cause(error, content)}") from error
    for text in {str(one.message) for one in warned} - _told:
        _told.add(text)
        say(f"warning: {name}: {text[:150]} (of other files this is not said again)")
    return found


def digest(image: NDArray[np.uint8]) -> int:
    """64 bits that tell pictures apart: equal for equal pixels, whatever the file, gray or the same gray as RGB.

    Args:
        image: (H, W, 1) or (H, W, 3).
    """
    height, width, channels = image.shape
    found = hashlib.blake2b(f"{height} {width} ".encode(), digest_size=8)
    found.update(np.ascontiguousarray(image if channels == 3 else np.repeat(image, 3, axis=2)).data)
    return int.from_bytes(found.digest())


def square(image: Image.Image, pixels: int) -> NDArray[np.uint8]:
    """Resize the shorter side to `pixels` (bilinear, antialiased) and keep the center of the longer one.

    Returns:
        uint8 (pixels, pixels, 3), or (pixels, pixels) for a gray image; unchanged where it has that size.
    """
    if image.size == (pixels, pixels):
        return np.asarray(image)
    return np.asarray(ImageOps.fit(image, (pixels, pixels), Image.Resampling.BILINEAR))


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception as error:  # noqa: BLE001 (of a damaged note about the camera; the pixels are sound)
        warnings.warn(f"its EXIF cannot be read, so it is not turned ({str(error)[:80]})", stacklevel=2)
        return image


class _DeeperError(Exception):
    """Pixels that no rule brings into 8 bits."""


def _say_frames(image: Image.Image) -> None:
    """Warn of frames or pages that are not read. The second picture of a phone's JPEG (MPO) is no news."""
    with suppress(Exception):  # they are not read: let them be damaged
        if image.format in FRAMED and getattr(image, "is_animated", False):
            warnings.warn("has several frames or pages, of which the first is read", stacklevel=2)


def _scale_key(image: Image.Image, depth: int) -> None:
    """Bring the transparent gray of a PNG, which Pillow leaves in the file's depth, to that of the pixels.

    Pillow compares it as it is: 1 of 0 to 3 would be no gray at all, and of 16 bits of a color the low half counts.
    """
    key = image.info.get("transparency")
    if depth < 8 and image.mode == "L":
        if isinstance(key, int):
            image.info["transparency"] = key * 255 // (2**depth - 1)
    elif depth > 8 and isinstance(key, tuple):
        raise _DeeperError("has a transparent color of 16 bits, which is not read; save it with 8, or with alpha")


def _in_8_bits(image: Image.Image, file: Image.Image) -> Image.Image:
    """Gray of 9 to 16 bits, which Pillow itself would clip at 255, scaled and rounded to the nearest."""
    tags = getattr(file, "tag_v2", {})
    # Pillow's "I" is 32 bits wide; of PPM and PNG it holds 16 that are scaled already.
    if image.mode == "F" or (image.mode == "I" and file.format not in {"PPM", "PNG"}):
        kind = "floating-point" if image.mode == "F" else "signed or 32-bit"
        raise _DeeperError(f"has {kind} pixels, of which nothing says how bright is white; save it with 8 or 16 bits")
    white = 4095 if tags.get(BITS) == (12,) else 65535
    wide = np.asarray(image).astype(np.int64)
    if tags.get(PHOTOMETRIC) == MIN_IS_WHITE:
        wide = white - wide
    return Image.fromarray(((wide * 255 + white // 2) // white).astype(np.uint8))


def _cause(error: Exception, content: bytes) -> str:
    match error:
        case _DeeperError():
            return str(error)
        case Image.DecompressionBombError():
            return f"has more than {MEGAPIXELS} megapixels; make it smaller"
        case MemoryError():
            return "needs more memory than there is; make it smaller"
        case UnidentifiedImageError() if content[4:8] == b"ftyp":  # the container of HEIC and of videos
            return "not a readable image (HEIC, or a video); save it as JPEG or PNG"
        case UnidentifiedImageError():
            why = "of no format that is read here" if content else "the file is empty"
        case _:
            why = str(error).split("<_io")[0].strip()[:100] or type(error).__name__
    return f"not a readable image ({why}); mend or remove it"
