"""The same image twice in a dataset: what fetch says of it."""

from collections.abc import Mapping

import numpy as np

from probeline.datasets._raw import Digests, Files, Raw
from probeline.sources.own import some


def copies(raw: Raw) -> list[str]:
    """A line each for images in more than one class, and for test images that are training images too; none mostly."""
    digests = {split: raw.digests(split) for split in raw.labels}
    every, labels = np.concatenate(list(digests.values())), np.concatenate(list(raw.labels.values()))
    lines = []
    order = np.lexsort((labels, every))
    every, labels = every[order], labels[order]
    twice = np.unique(every[1:][(every[1:] == every[:-1]) & (labels[1:] != labels[:-1])])
    if len(twice):
        lines.append(
            f"images in more than one class: {len(twice)}{_named(raw, digests, twice)}; "
            "keep each in the right one, if they are yours"
        )
    if "test" in digests and (same := np.isin(digests["test"], digests["train"])).any():
        lines.append(
            f"test images that are training images too: {same.sum()} of {len(same)}"
            f"{_named(raw, digests, digests['test'][same])}; "
            "scores of them say nothing of new images: remove them from one side, if they are yours"
        )
    return lines


def _named(raw: Raw, digests: Mapping[str, Digests], wanted: Digests) -> str:
    """The files of the first of them."""
    if not isinstance(raw.store, Files):
        return ""
    names = [
        f"{split}/{raw.store.names[split][index]}"
        for split, found in digests.items()
        for index in np.flatnonzero(found == wanted[0])
    ]
    return f" ({some(names)})"
