"""The figures of the from-scratch lessons."""

import math
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from probeline.figures import style
from probeline.lessons.results import norms, pictures

EXPLOSION = (1.4e30, 2.8e60, 8.0e90, 1.8e121, 4.3e151)  # D13 as reported, epochs 0 to 4
NORMS = {1: 429.59, 4: 561.23, 8: 617.48}  # D14 as reported


def draw(out: Path, lessons: dict[str, Any], folder: Path) -> None:
    """Draw all into a folder: mlp.png, blur.png, explosion.png, clipped.png.

    Args:
        lessons: As lessons.results.load gives them.
        folder: Where the images of D12 are: what the stage `lessons` left.
    """
    _mlp(out / "mlp.png", lessons["mlp"])
    _blur(out / "blur.png", lessons["d12"]["kernel"], folder)
    _explosion(out / "explosion.png", lessons["d13"])
    _clipped(out / "clipped.png", lessons["d14"])


def _mlp(path: Path, runs: list[dict[str, Any]]) -> None:
    """D8 to D10: validation loss and accuracy of every run, by epoch."""
    images, hidden = runs[0]["scores"]["train"]["images"], runs[0]["hidden"]
    figure, panels = style.new(
        2, 10, 4.8, "D8 to D10: a hidden layer by hand", f"{hidden} ReLU units | {images:,} training images, one seed"
    )
    for axes, value in zip(panels, ("loss", "accuracy"), strict=True):
        for number, run in enumerate(runs):
            epochs = [row["epoch"] for row in run["history"]]
            values = [row[f"validation_{value}"] for row in run["history"]]
            label = f"{run['run']}: {values[-1]:.4f}"
            colour = style.SERIES[number % len(style.SERIES)]
            axes.plot(epochs, values, color=colour, label=label, marker="." if len(epochs) < 10 else None)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"validation {value}")
        axes.legend(title="after the last epoch", loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    style.save(figure, path)


def _blur(path: Path, kernel: list[list[float]], folder: Path) -> None:
    """D12: images as they are, below them the output channels; beside them the kernel in numbers."""
    original, blurred = pictures(folder)
    channels, (height, width) = blurred.shape[1], blurred.shape[2:]
    grey = blurred.transpose(1, 0, 2, 3)[..., None].round().astype(np.uint8)
    rows = np.concatenate([np.broadcast_to(image, (*image.shape[:-1], 3)) for image in (original[None], grey)])
    gap = max(1, width // 16)
    padded = np.pad(rows, ((0, 0), (0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    tiles = padded.transpose(0, 2, 1, 3, 4).reshape(len(rows) * (height + gap), -1, 3)[:-gap, :-gap]
    total = sum(map(sum, kernel))
    figure, (images, numbers) = style.new(
        2,
        10,
        5.6,
        "D12: a convolution that blurs",
        f"the first {len(original)} training images | kernel sums to {total:.6g}",
    )
    images.imshow(tiles, interpolation="nearest")
    images.set_xticks([])
    images.set_yticks(
        [(row + 0.5) * (height + gap) - gap / 2 for row in range(len(rows))],
        ["original", *(f"channel {channel}" for channel in range(channels))],
    )
    numbers.imshow(kernel, cmap="Blues")
    numbers.set_title("the kernel of every channel", fontsize=9)
    for (row, column), value in np.ndenumerate(np.array(kernel)):
        shade = "white" if value > 0.6 * max(map(max, kernel)) else "black"
        numbers.text(column, row, f"{value:.4f}", ha="center", va="center", fontsize=8, color=shade)
    numbers.set_axis_off()
    for axes in (images, numbers):
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    style.save(figure, path)


def _explosion(path: Path, runs: list[dict[str, Any]]) -> None:
    """D13: the loss by epoch on a logarithmic axis, and where it is no longer finite."""
    infinite, nan = (sorted({run["not_finite"][key] for run in runs} - {None}) for key in ("epoch", "nan_epoch"))
    when = (
        " and ".join(
            f"{what} from epoch {' or '.join(map(str, epochs))}"
            for what, epochs in (("inf", infinite), ("nan", nan))
            if epochs
        )
        or "finite to the end"
    )
    figure, (axes,) = style.new(1, 7.5, 4.4, "D13: a layer fitted without clipping", f"{when}, in float64")
    for number, run in enumerate(runs):
        losses = [math.nan if loss is None else loss for loss in run["losses"]]
        colour = style.SERIES[number % len(style.SERIES)]
        axes.plot(
            range(len(losses)), losses, color=colour, marker=".", label=f"batch {run['batch_size']}, seed {run['seed']}"
        )
    for epochs, line, label in ((infinite, ":", "no longer finite"), (nan, "--", "nan")):
        for epoch in epochs:
            axes.axvline(
                epoch, color=style.GREY, linewidth=1, linestyle=line, label=label if epoch == epochs[0] else None
            )
    axes.plot(range(len(EXPLOSION)), EXPLOSION, "x", color=style.GREY, label="reported")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:.0e}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch, from 0")
    axes.set_ylabel("L2 norm of the difference (mean of minibatches)")
    axes.legend()
    style.save(figure, path)


def _clipped(path: Path, runs: list[dict[str, Any]]) -> None:
    """D14: the final norm by batch size, a dot a seed."""
    seeds, found = len({run["seed"] for run in runs}), norms(runs)
    diverged = sorted({run["batch_size"] for run in runs} - set(found))
    without = f"; a seed diverged at batch size {', '.join(map(str, diverged))}" if diverged else ""
    subtitle = f"{seeds} seed{'s'[: seeds > 1]}; the line joins their means{without}"
    figure, (axes,) = style.new(1, 7.5, 4.2, "D14: the same with clipped gradients", subtitle)
    for size, values in found.items():
        axes.plot(
            [size] * len(values), values, ".", color=style.SERIES[0], label="a seed" if size == min(found) else None
        )
    sizes = sorted(found)
    axes.plot(sizes, [fmean(found[size]) for size in sizes], color=style.SERIES[0], linewidth=1)
    axes.plot(list(NORMS), list(NORMS.values()), "x", color=style.GREY, label="reported, of a layer that is not stated")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("batch size")
    axes.set_ylabel("L2 norm between the layers' outputs")
    axes.legend()
    style.save(figure, path)
