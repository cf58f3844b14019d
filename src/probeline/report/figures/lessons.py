"""The figures of the lessons from scratch (D8 to D14)."""

import math
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from probeline.report.figures import pictures, style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from probeline.results.lessons import Matched, Run

EXPLOSION = (1.4e30, 2.8e60, 8.0e90, 1.8e121, 4.3e151)  # D13 as reported, epochs 0 to 4
NORMS = {1: 429.59, 4: 561.23, 8: 617.48}  # D14 as reported
FEW = 10  # epochs, each of which has a dot


def mlp(runs: "Sequence[Run]") -> "Figure":
    """D8 to D10: validation loss and accuracy of every run, by epoch."""
    first = runs[0]
    figure, panels = style.new(
        2,
        10,
        3.9 + 0.17 * len(runs),
        "D8 to D10: a hidden layer by hand",
        f"One hidden layer of {first.hidden} ReLU units, trained by minibatch gradient descent on "
        f"{first.images['train']:,} training images, one seed.",
    )
    for axes, value in zip(panels, ("loss", "accuracy"), strict=True):
        for number, run in enumerate(runs):
            epochs = [row.epoch for row in run.history]
            values = [getattr(row, f"validation_{value}") for row in run.history]
            color = style.SERIES[number % len(style.SERIES)]
            label = f"{run.run} (lr {run.lr:g}, batch size {run.batch_size}): {values[-1]:.4f}"
            axes.plot(epochs, values, color=color, label=label, marker="." if len(epochs) < FEW else None)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(f"validation {value}")
        axes.legend(title="after the last epoch", loc="upper center", bbox_to_anchor=(0.5, -0.14))
    return figure


def blur(
    kernel: "Sequence[Sequence[float]]", original: "NDArray[np.uint8]", blurred: "NDArray[np.float64]"
) -> "Figure":
    """D12: images as they are, below them the output channels; beside them the kernel in numbers.

    Args:
        original: (N, H, W, C).
        blurred: (N, channels, H, W), from 0 to 255.
    """
    gray = blurred.transpose(1, 0, 2, 3)[..., None].round().astype(np.uint8)
    rows = [np.broadcast_to(images, (*images.shape[:-1], 3)) for images in (original[None], gray)]
    total, largest = sum(map(sum, kernel)), max(map(max, kernel))
    figure, (images, numbers) = style.new(
        2,
        10,
        5.6,
        "D12: a convolution that blurs",
        f"the first {len(original)} training images | kernel sums to {total:.6g}",
    )
    names = ["original", *(f"channel {channel}" for channel in range(blurred.shape[1]))]
    pictures.show(images, *pictures.tiles(np.concatenate(rows)), names)
    numbers.imshow(kernel, cmap="Blues")
    numbers.set_title("the kernel of every channel", fontsize=9)
    for (row, column), value in np.ndenumerate(np.array(kernel)):
        color = "white" if value > 0.6 * largest else "black"
        numbers.text(column, row, f"{value:.4f}", ha="center", va="center", fontsize=8, color=color)
    numbers.set_axis_off()
    return figure


def explosion(runs: "Sequence[Matched]") -> "Figure":
    """D13: the loss by epoch on a logarithmic axis, and where it is no longer finite."""
    infinite, nan = (
        sorted({epoch for run in runs if (epoch := getattr(run.not_finite, key)) is not None})
        for key in ("epoch", "nan_epoch")
    )
    ends = [
        f"{what} from epoch {' or '.join(map(str, epochs))}"
        for what, epochs in (("inf", infinite), ("nan", nan))
        if epochs
    ]
    subtitle = (
        "A convolution layer is fitted to the outputs of another, fixed one. "
        f"Loss: {' and '.join(ends) or 'finite to the end'}, in float64."
    )
    figure, (axes,) = style.new(1, 7.5, 4.8, "D13: a layer fitted to another, the loss by epoch", subtitle)
    for number, run in enumerate(runs):
        losses = [math.nan if loss is None else loss for loss in run.losses]
        color, label = style.SERIES[number % len(style.SERIES)], f"batch size {run.batch_size}, seed {run.seed}"
        axes.plot(range(len(losses)), losses, color=color, marker=".", label=label)
    for epochs, line, label in ((infinite, ":", "no longer finite"), (nan, "--", "nan")):
        for epoch in epochs:
            axes.axvline(epoch, color=style.GRAY, linewidth=1, linestyle=line, label=label)
    axes.plot(range(len(EXPLOSION)), EXPLOSION, "x", color="black", label="reported (batch size 4)")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:.0e}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch, from 0")
    axes.set_ylabel("L2 norm of the difference (mean of minibatches)")
    style.legend(figure, [axes])
    return figure


def clipped(norms: "Mapping[int, Sequence[float]]") -> "Figure":
    """D14: the final norm by batch size, one dot per seed; of the sizes at which no seed diverged.

    Args:
        norms: By batch size, one per seed; nan where it diverged.
    """
    diverged = sorted(size for size, values in norms.items() if any(map(math.isnan, values)))
    sizes = sorted(set(norms) - set(diverged))
    without = f"; a seed diverged at batch size {', '.join(map(str, diverged))}" if diverged else ""
    seeds = style.count(max(map(len, norms.values()), default=0), "seed")
    subtitle = (
        "A convolution layer is fitted to the outputs of another, fixed one. "
        f"{seeds}; the line joins their means{without}"
    )
    figure, (axes,) = style.new(1, 7.5, 4.4, "D14: a layer fitted to another, the final norm by batch size", subtitle)
    for size in sizes:
        axes.plot([size] * len(norms[size]), norms[size], ".", color=style.SERIES[0], label="a seed")
    axes.plot(sizes, [fmean(norms[size]) for size in sizes], color=style.SERIES[0], linewidth=1)
    axes.plot(list(NORMS), list(NORMS.values()), "x", color="black", label="reported, of a layer that is not stated")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("batch size")
    axes.set_ylabel("L2 norm between the layers' outputs")
    style.legend(figure, [axes])
    return figure
