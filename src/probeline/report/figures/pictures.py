"""Images to look at: what a task is about, and what augmentation makes of its images."""

from typing import TYPE_CHECKING, Any

import numpy as np

from probeline.report.figures import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from probeline.results.tasks import Task

WIDTH = 9.0  # inches


def examples(task: str, about: "Task", images: "NDArray[np.uint8]") -> "Figure":
    """Some training images of a task: one row per class (B1).

    Args:
        images: (classes, images, H, W, C), of the first classes.
    """
    height, width = images.shape[2:4]
    subtitle = f"classes 0 to {len(images) - 1} of {len(about.classes)}, training images of {width} by {height} pixels"
    return _figure(style.on(task, about.dataset), subtitle, images, about.classes[: len(images)])


def augmented(run: str, images: "NDArray[np.uint8]") -> "Figure":
    """Training images before and after augmentation.

    Args:
        images: (2, images, H, W, C).
    """
    subtitle = (
        "training images, as they are and as one random augmentation makes them; "
        "values outside of the range of pixels are cut when shown"
    )
    return _figure(run, subtitle, images, ["before", "after"])


def _figure(title: str, subtitle: str, images: "NDArray[np.uint8]", rows: "Sequence[str]") -> "Figure":
    picture, places = tiles(images)
    height = 0.7 + (WIDTH - 1) * picture.shape[0] / picture.shape[1]
    figure, (axes,) = style.new(1, WIDTH, height, title, subtitle)
    show(axes, picture, places, rows)
    return figure


def tiles(images: "NDArray[np.uint8]") -> "tuple[NDArray[np.uint8], list[float]]":
    """One picture of images (rows, columns, H, W, C), with white gaps, and the middle of each of its rows in pixels."""
    gap = max(1, images.shape[2] // 16)
    padded = np.pad(images, ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    rows, columns, height, width, channels = padded.shape
    picture = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)[:-gap, :-gap]
    return picture[..., 0] if channels == 1 else picture, [(row + 0.5) * height - gap / 2 for row in range(rows)]


def show(axes: "Axes", picture: "NDArray[Any]", places: "Sequence[float]", rows: "Sequence[str]") -> None:
    """A picture without axes, with the names of its rows."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_yticks(places, list(rows))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
