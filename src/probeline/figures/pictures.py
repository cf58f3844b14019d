"""Images to look at: what a task is about, and what augmentation makes of it."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probeline.figures import style


def examples(path: Path, task: str, folder: Path) -> None:
    """Draw the examples of a task: a row a class (B1).

    Args:
        folder: `data/examples/<task>`.
    """
    images = np.load(folder / "images.npy")
    about = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    height, width = images.shape[2:4]
    subtitle = (
        f"{about['dataset']}: classes 0 to {len(images) - 1} of {about['classes']}, "
        f"training images of {width} by {height} pixels"
    )
    _draw(path, task, subtitle, images, about["shown"])


def augmented(path: Path, run: str, before_after: Path) -> None:
    """Draw training images before and after augmentation.

    Args:
        before_after: uint8 array (2, images, H, W, C).
    """
    subtitle = "training images, as they are and as one draw of the augmentation makes them"
    _draw(path, run, subtitle, np.load(before_after), ["before", "after"])


def _draw(path: Path, title: str, subtitle: str, images: NDArray[np.uint8], rows: list[str]) -> None:
    tiles, gap = _tiles(images)
    inches = 9.0
    figure, (axes,) = style.new(1, inches, 0.7 + (inches - 1) * tiles.shape[0] / tiles.shape[1], title, subtitle)
    axes.imshow(tiles, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    side = images.shape[2] + gap
    axes.set_yticks([(row + 0.5) * side - gap / 2 for row in range(len(rows))], rows)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    style.save(figure, path)


def _tiles(images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """One picture of all: (rows, columns, H, W, C) beside and below each other, with white gaps of some pixels."""
    gap = max(1, images.shape[2] // 16)
    padded = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    rows, columns, height, width, channels = padded.shape
    picture = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    return (picture[..., 0] if channels == 1 else picture)[:-gap, :-gap], gap
