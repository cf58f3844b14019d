"""Accuracy: the share of images whose predicted class is right."""

import numpy as np
from numpy.typing import NDArray

from probeline.metrics._scored import Scored


def measure(found: Scored, labels: NDArray[np.int64]) -> float | None:
    """From 0 to 1; None where nothing is predicted."""
    return None if found.predicted is None else float((found.predicted == labels).mean())
