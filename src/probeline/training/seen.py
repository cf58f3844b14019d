"""Which images a network's weights were trained on, so that no score of them passes for one of unseen images.

Beside the weights `seed-<seed>.pt` lies `seed-<seed>.seen.npz`, with an array for each dataset: int64 (n,), sorted,
numbers as in `Task.origin`; none for published weights. Images that only chose among weights (validation) are not
counted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.training.model import remedy

if TYPE_CHECKING:
    from probeline.tasks.task import Task

Seen = Mapping[str, NDArray[np.int64]]


def in_training(task: "Task", resample: int, before: Seen) -> Seen:
    """What a training on one resample has seen, with all that the weights it started from had seen `before`."""
    own = np.unique(task.origin[task.train[resample]])
    return {**before, task.dataset: np.union1d(own, before.get(task.dataset, own))}


def save(seen: Seen, folder: Path, seed: int) -> None:
    """Write it into the folder of a model."""
    files.write_npz(_path(folder, seed), **seen)


def load(folder: Path, seed: int) -> Seen:
    """Read it from the folder of a model.

    Raises:
        UserError: It is missing or damaged.
    """
    return files.read_npz(_path(folder, seed), remedy(folder.name))


def _path(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed}.seen.npz"


def overlap(task: "Task", seen: Seen) -> dict[str, int]:
    """How many images of each split of a task were seen, the most of any resample."""
    known = np.isin(task.origin, seen.get(task.dataset, []))
    by_resample = [task.indices(resample) for resample in range(len(task.train))]
    return {split: max(int(known[found[split]].sum()) for found in by_resample) for split in by_resample[0]}
