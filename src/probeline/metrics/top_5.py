"""Top-5 accuracy: the share of images whose class is among the five with the highest scores."""

import numpy as np
from numpy.typing import NDArray

from probeline.metrics._scored import Scored


def measure(found: Scored, labels: NDArray[np.int64]) -> float | None:
    """From 0 to 1. Of equal scores the class with the smaller number comes first, as in a prediction.

    None with five classes or fewer, where every image would count, and for the votes of nearest neighbors, most of
    which are equal: 0.
    """
    if found.kind not in {"logits", "margins"} or found.scores is None or found.scores.shape[1] <= 5:
        return None
    best = np.argsort(-found.scores, axis=1, kind="stable")[:, :5]
    return float((best == labels[:, None]).any(axis=1).mean())
