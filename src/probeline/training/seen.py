"""Which images a network's weights were trained on, so that no score of them passes for one of unseen images.

Beside the weights `seed-<seed>.pt` lies `seed-<seed>.<dataset>.npy` for each dataset: int64 (n,), sorted, numbers as in
`Task.origin`. Images that only chose among weights (validation) are not counted.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.tasks.task import Task

Seen = Mapping[str, NDArray[np.int64]]


def in_training(task: Task, resample: int, before: Seen) -> Seen:
    """What a training on one resample has seen, with all that the weights it started from had seen `before`."""
    own = np.unique(task.origin[task.train[resample]])
    return {**before, task.dataset: np.union1d(own, before.get(task.dataset, own))}


def save(seen: Seen, folder: Path, seed: int) -> None:
    """Write it into the folder of a model."""
    for dataset, images in seen.items():
        files.write_array(folder / f"seed-{seed}.{dataset}.npy", images)


def load(folder: Path, seed: int) -> Seen:
    """Read it from the folder of a model; published weights have none."""
    return {path.name.split(".")[1]: np.load(path) for path in sorted(folder.glob(f"seed-{seed}.*.npy"))}


def overlap(task: Task, seen: Seen) -> dict[str, int]:
    """How many images of each split of a task were seen, the most of any resample."""
    known = np.isin(task.origin, seen.get(task.dataset, []))
    splits = {"train": task.train, "validation": task.validation, "test": task.test[None]}
    return {split: int(known[indices].sum(axis=1).max()) for split, indices in splits.items()}
