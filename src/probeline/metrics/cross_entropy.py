"""Cross-entropy: the mean of -log p, where p is the probability that the softmax gives the right class."""

import numpy as np
from numpy.typing import NDArray

from probeline.metrics._scored import Scored, log_probabilities


def measure(found: Scored, labels: NDArray[np.int64]) -> float | None:
    """In nats, 0 or more; None for scores that are not logits.

    It has no clipping and no penalty, so it can differ from the loss that a run was trained with.
    """
    logs = log_probabilities(found)
    return None if logs is None else float(-logs[np.arange(len(labels)), labels].mean())
