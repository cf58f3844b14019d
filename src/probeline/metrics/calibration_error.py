"""Expected calibration error: how far confidence and accuracy are apart.

Source: Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equation 3.
"""

import numpy as np
from numpy.typing import NDArray

from probeline.metrics._scored import Scored, log_probabilities

BINS = 15  # of equal width, as in the paper; each without its lower edge


def measure(found: Scored, labels: NDArray[np.int64]) -> float | None:
    """From 0 to 1: the mean over bins of |accuracy - mean confidence|, weighted with their numbers of images.

    The confidence of an image is the highest probability of the softmax. None for scores that are not logits.
    """
    logs = log_probabilities(found)
    if logs is None or found.predicted is None:
        return None
    confidence = np.exp(logs.max(axis=1))
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    gap = np.bincount(place, weights=(found.predicted == labels) - confidence, minlength=BINS)
    return float(np.abs(gap).sum() / len(labels))
