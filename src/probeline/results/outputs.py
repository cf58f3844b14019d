"""Outputs: what a fitted network or probe says of every image. The raw measurement, of which all metrics are functions.

One file `<fit>.npz` for each seed or resample of a fit. Images are in the order of their task's split (results/tasks.py
has their labels). Arrays, where n is the number of images of a split and K that of the outputs:

    version                int64 (): VERSION, of this format
    kind                   what the scores are: logits, margins, votes; or losses, where there are none
    <split>_predicted      int64 (n,): the class that the fit gives, for train, validation and test
    <split>_scores         float32 (n, K), for validation and test: its logits, its margins (hinge), or the votes of the
                           nearest neighbors; K is 1 for binary cross-entropy, whose logit is that of class 1
    <split>_losses         float32 (n,), for train: the loss of every image, as the fit's objective defines it. An
                           objective that embeds (triplet) predicts nothing and has the losses of all splits, nan for
                           an image that found no partner in its batch

A fit that diverged has no file. A split that a fit does not score is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import again
from probeline.results.record import SPLITS
from probeline.results.splits import Splits

Kind = Literal["logits", "margins", "votes", "losses"]
Floats = NDArray[np.float32]
Classes = NDArray[np.int64]
VERSION = 1  # grows when the meaning or the shape of an array changes
ARRAYS: dict[str, files.Kind] = {"predicted": (np.int64, 1), "scores": (np.float32, 2), "losses": (np.float32, 1)}


@dataclass(frozen=True)
class Outputs:
    """The outputs of one fit, by split; see the module."""

    kind: Kind
    predicted: Mapping[str, Classes] = field(default_factory=dict)
    scores: Mapping[str, Floats] = field(default_factory=dict)
    losses: Mapping[str, Floats] = field(default_factory=dict)


def save(outputs: Outputs, path: Path) -> None:
    """Write outputs, so that equal ones are equal bytes."""
    arrays: dict[str, NDArray[Any]] = {"version": np.array(VERSION, np.int64), "kind": np.array(outputs.kind)}
    for name in ARRAYS:
        arrays |= {f"{split}_{name}": values for split, values in getattr(outputs, name).items()}
    files.write_npz(path, **arrays)


def load(path: Path) -> Outputs:
    """Read outputs.

    Args:
        path: `data/results/<stage>/<name>/<fit>.npz`.

    Raises:
        UserError: They are missing, damaged or of another version; the line says which stage to run.
    """
    remedy = again(path)
    found = files.read_npz(path, remedy)
    version, kind = (str(found.pop(name, "none")) for name in ("version", "kind"))
    if version.isdecimal() and version != str(VERSION):
        raise UserError(f"{path}: has version {version} of its format, and version {VERSION} is read; {remedy}")
    if version == "none" or kind not in get_args(Kind) or not all(_known(*one) for one in found.items()):
        raise UserError(f"{path}: is missing or damaged; {remedy}")
    parts = {name: {key.partition("_")[0]: found[key] for key in found if key.endswith(f"_{name}")} for name in ARRAYS}
    return Outputs(kind, **parts)  # type: ignore[arg-type]


def _known(key: str, values: NDArray[Any]) -> bool:
    """Whether an array of this name is of the kind that the module describes."""
    split, _, name = key.partition("_")
    if split not in SPLITS or name not in ARRAYS:
        return False
    dtype, dimensions = ARRAYS[name]
    return values.dtype == dtype and values.ndim == dimensions


def insist(outputs: Outputs, labels: Splits, resample: int, path: Path) -> None:
    """Refuse outputs of other images or other classes than those of their task.

    Args:
        labels: Of the task.
        resample: Which the fit is of.
        path: Of the outputs.

    Raises:
        UserError: A length, a class or the number of scores is another one, or predictions are missing.
    """
    counts, classes = labels.counts, len(labels.classes)
    parts = [(split, values) for name in ARRAYS for split, values in getattr(outputs, name).items()]
    needed = outputs.losses if outputs.kind == "losses" else outputs.predicted
    if not (
        resample < len(labels.train)
        and {"validation", "test"} <= set(needed)
        and all(len(values) == counts[split] for split, values in parts)
        and all(((of >= 0) & (of < classes)).all() for of in outputs.predicted.values())
        and all(of.shape[1] in {classes, 1 if classes == 2 else classes} for of in outputs.scores.values())
    ):
        raise UserError(f"{path}: is not of the images and classes of its task; {again(path)}")
