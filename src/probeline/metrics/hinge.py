"""Hinge loss of several classes, with margin 1: PyTorch's MultiMarginLoss."""

import numpy as np
from numpy.typing import NDArray

from probeline.metrics._scored import Scored


def measure(found: Scored, labels: NDArray[np.int64]) -> float | None:
    """The mean over images of (1 / K) * sum over the other classes j of max(0, 1 - score[right] + score[j]).

    0 or more; None for scores that are not margins.
    """
    if found.kind != "margins" or found.scores is None:
        return None
    scores = found.scores.astype(np.float64)
    rows = np.arange(len(labels))
    short = np.maximum(0, 1 - scores[rows, labels][:, None] + scores)
    short[rows, labels] = 0
    return float(short.mean())
