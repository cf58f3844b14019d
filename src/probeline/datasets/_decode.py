"""From the bytes of an image file to pixels, the same for every mode that a file may have."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from probeline.pipeline.errors import UserError


def decode(content: bytes, name: str) -> Image.Image:
    """Decode an image file as upright RGB: any mode, the first frame, transparency over white, 16 bits scaled to 8.

    Raises:
        UserError: It is damaged or no image; the line names it.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith("I"):  # gray of 16 bits, which Pillow would clip at 255
                wide = np.asarray(upright).astype(np.int64).clip(0, 65535)
                upright = Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8))
            if upright.has_transparency_data:
                upright = Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright.convert("RGBA"))
            return upright.convert("RGB")
    except Exception as error:  # its decoders raise errors of many types for a damaged file
        why = str(error).split("<_io")[0].strip()
        raise UserError(f"{name}: not a readable image ({why}); mend or remove it") from error


def square(image: Image.Image, pixels: int) -> NDArray[np.uint8]:
    """Resize the shorter side to `pixels` (bilinear, antialiased) and keep the center of the longer one.

    Returns:
        uint8 (pixels, pixels, 3), or (pixels, pixels) for a gray image; unchanged where it has that size.
    """
    if image.size == (pixels, pixels):
        return np.asarray(image)
    return np.asarray(ImageOps.fit(image, (pixels, pixels), Image.Resampling.BILINEAR))
