"""The curves of a linear probe (E1), and of the fine-tuning that goes on where it ended (E3)."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from probeline.figures import style

Phase = tuple[str, list[dict[str, Any]], int]  # its name, its history, the step whose weights were kept


def draw(path: Path, title: str, subtitle: str, phases: list[Phase]) -> None:
    """Draw cross-entropy and error of training and validation images against epochs, one phase after the other.

    Args:
        phases: Each with a history as `engine.Progress` describes it.
    """
    figure, panels = style.new(2, 12, 4.2, title, subtitle)
    start = 0.0
    for number, (name, history, kept) in enumerate(phases):
        frame = pd.DataFrame(history)
        for split in ("train", "validation"):
            frame[f"{split}_error"] = 1 - frame[f"{split}_accuracy"].astype(float)
        for axes, value in zip(panels, ("loss", "error"), strict=True):
            _phase(axes, frame, value, start, kept, first=number == 0)
            if number:
                axes.axvline(start, color="black", linewidth=0.8)
            if len(phases) > 1:
                axes.text(
                    start, 1.0, f" {name}", transform=axes.get_xaxis_transform(), va="bottom", fontsize=8,
                    color=style.GREY,
                )  # fmt: skip
        start += float(frame["epoch"].iloc[-1])
    for axes, label in zip(panels, ("cross-entropy", "error"), strict=True):
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.legend()
    style.save(figure, path)


def _phase(axes: Axes, frame: pd.DataFrame, value: str, start: float, kept: int, *, first: bool) -> None:
    for split in ("train", "validation"):
        label = {"train": "train (minibatches)", "validation": "validation"}[split] if first else None
        axes.plot(
            start + frame["epoch"],
            frame[f"{split}_{value}"].astype(float),
            color=style.COLOURS[split],
            label=label,
            marker="." if len(frame) < 20 else None,
        )
    where = start + float(frame.loc[frame["step"] == kept, "epoch"].iloc[0])
    axes.axvline(where, color=style.GREY, linewidth=1, linestyle=":", label="kept weights" if first else None)
