"""Which images a network's weights were trained on, so that no score of them passes for one of unseen images.

Beside the weights `seed-<seed>.pt` lies `seed-<seed>.seen.npz`, with an array for each dataset: uint64 (n,), sorted, as
in `Task.digests`; none for published weights. Images are known by their pixels, so that another name of a dataset, or
a copy in another one, does not make them unseen. Images that only chose among weights (validation) are not counted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import ParamError, UserError
from probeline.pipeline.progress import say
from probeline.training.model import remedy

if TYPE_CHECKING:
    from probeline.tasks.task import Task

Seen = Mapping[str, NDArray[np.uint64]]
# Of the test images, what weights may have seen: even well-known datasets share some. One of the 10,000 test images of
# CIFAR-100 is a training image of CIFAR-10, and the other way round. An accuracy is moved by this much at most.
SHARED = 0.01


def in_training(task: "Task", resample: int, before: Seen) -> Seen:
    """What a training on one resample has seen, with all that the weights it started from had seen `before`."""
    own = np.unique(task.digests[task.train[resample]])
    return {**before, task.dataset: np.union1d(own, before.get(task.dataset, own))}


def save(seen: Seen, folder: Path, seed: int) -> None:
    """Write it into the folder of a model."""
    files.write_npz(_path(folder, seed), **seen)


def load(folder: Path, seed: int) -> Seen:
    """Read it from the folder of a model.

    Raises:
        UserError: It is missing, damaged or of another version.
    """
    path = _path(folder, seed)
    found = files.read_npz(path, remedy(folder.name))
    if any(digests.dtype != np.uint64 for digests in found.values()):
        raise UserError(f"{path}: is missing or damaged; {remedy(folder.name)}")
    return found


def _path(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed}.seen.npz"


def overlap(task: "Task", seen: Seen) -> dict[str, int]:
    """How many images of each split of a task were seen, under any name, the most of any resample.

    A test image of which the task's own dataset has a copy to train on is not counted: split has said so.
    """
    known = np.isin(task.digests, np.concatenate([np.empty(0, np.uint64), *seen.values()]))
    by_resample = [task.indices(resample) for resample in range(len(task.train))]
    return {split: max(int(known[found[split]].sum()) for found in by_resample) for split in by_resample[0]}


def insist_on_unseen(task: "Task", name: str, known: int, whose: str, remedy: str) -> None:
    """Refuse weights that were trained on test images; only say it where these are SHARED of them or fewer.

    Args:
        name: Of the task.
        known: Test images that were trained on, from `overlap`.
        whose: "resnet18 was", say.
        remedy: What to do.

    Raises:
        ParamError: There are more.
    """
    if not known:
        return
    what = f"{whose} trained on {known} of the {len(task.test)} test images of {name}"
    if known > SHARED * len(task.test):
        raise ParamError("", f"{what}, which would score it too well", remedy)
    say(f"warning: {what}; up to {SHARED:.0%} are let pass")
