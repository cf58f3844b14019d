"""The curves of a linear probe (E1), and of the fine-tuning that goes on where it ended (E3)."""

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.ticker import MaxNLocator

from probeline.report.figures import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from probeline.report.probes import Phase

FEW = 20  # points, each of which has a dot


def figure(title: str, subtitle: str, phases: "Sequence[Phase]") -> "Figure":
    """Loss and error of training and validation images against epochs, one phase after the other."""
    figure, panels = style.new(2, 12, 4.4, title, subtitle)
    start = 0.0
    for number, (name, history, kept) in enumerate(phases):
        frame = pd.DataFrame([point.model_dump() for point in history])
        for split in ("train", "validation"):
            frame[f"{split}_error"] = 1 - frame[f"{split}_accuracy"].astype(float)
        end = start + float(frame["epoch"].iloc[-1])
        for axes, value in zip(panels, ("loss", "error"), strict=True):
            _phase(axes, frame, value, start, kept)
            if number:
                axes.axvline(start, color="black", linewidth=0.8)
            if len(phases) > 1:
                # The second name ends where its phase ends, which may be narrower than it.
                where, side, text = start, "left", f" {name}"
                if number:
                    where, side, text = end, "right", f"from the kept weights: {name}"
                above = axes.get_xaxis_transform()
                axes.text(where, 1.0, text, transform=above, ha=side, va="bottom", fontsize=8, color=style.GRAY)
        start = end
    for axes, label in zip(panels, ("loss", "error"), strict=True):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    style.legend(figure, panels)
    return figure


def _phase(axes: "Axes", frame: pd.DataFrame, value: str, start: float, kept: int) -> None:
    for split in ("train", "validation"):
        axes.plot(
            start + frame["epoch"],
            frame[f"{split}_{value}"].astype(float),
            color=style.COLORS[split],
            label="train (minibatches)" if split == "train" else split,
            marker="." if len(frame) < FEW else None,
        )
    where = start + float(frame.loc[frame["step"] == kept, "epoch"].iloc[0])
    axes.axvline(where, color=style.GRAY, linewidth=1, linestyle=":", label="kept weights")
