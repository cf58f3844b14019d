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
from probeline.pipeline.errors import UserError
from probeline.training.model import remedy

if TYPE_CHECKING:
    from probeline.tasks.task import Task

Seen = Mapping[str, NDArray[np.uint64]]


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
