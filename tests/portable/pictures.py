"""Image files read and resized, and figures drawn, as bytes."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from probeline.datasets._decode import decode, digest, square

Named = Iterator[tuple[str, Any]]


def photograph(height: int, width: int) -> Image.Image:
    """Waves and noise in color."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([(3 * y * k + 2 * x) % 256 for k in (1, 2, 3)], 2)
    return Image.fromarray((waves // 2 + rng.integers(0, 128, waves.shape)).astype(np.uint8))


def files() -> Named:
    for height, width in ((64, 48), (231, 320)):
        image = photograph(height, width)
        for kind, options in (
            ("PNG", {}), ("JPEG", {"quality": 80}), ("JPEG", {"quality": 80, "progressive": True}), ("BMP", {}),
            ("WEBP", {"quality": 80}), ("GIF", {}), ("TIFF", {}),
        ):  # fmt: skip
            buffer = io.BytesIO()
            image.save(buffer, kind, **options)
            yield f"{kind} {options} {height} written", buffer.getvalue()
            read = decode(buffer.getvalue(), "made")
            yield f"{kind} {options} {height} read", (np.asarray(read), str(digest(np.asarray(read))))
            yield f"{kind} {options} {height} resized", [square(read, pixels) for pixels in (32, 96, 224)]
        yield f"gray {height}", (np.asarray(image.convert("L")), square(image.convert("L"), 28))


def figures() -> Named:
    from probeline.report.figures import drawing, maps
    from tests.unit.report import made

    yield "map", drawing.render(maps.figure("mine", made.tsne_map()), "")
    yield "curves", drawing.render(_curves(), "")


def _curves() -> Any:
    from probeline.report.figures import style

    figure, (left, right) = style.new(2, 9, 4, "curves", "of numbers")
    x = np.linspace(0, 10, 300)
    left.plot(x, np.sin(x), label="sine")
    left.fill_between(x, np.sin(x) - 0.2, np.sin(x) + 0.2, alpha=0.2)
    right.imshow(np.random.default_rng(0).random((12, 12)), cmap="viridis")
    right.scatter(x[:12], x[:12], c=x[:12], marker="^")
    left.legend()
    return figure


GROUPS = (files, figures)
NOT_EMULATED: tuple[Any, ...] = ()
