"""The confusion matrix: how many images of each class were predicted as each class."""

import numpy as np
from numpy.typing import NDArray

from probeline.metrics._scored import Scored


def matrix(found: Scored, labels: NDArray[np.int64], classes: int) -> NDArray[np.int64] | None:
    """Numbers of images, int64 (classes, classes): the row is the true class, the column the predicted one.

    None where nothing is predicted.
    """
    if found.predicted is None:
        return None
    pairs = np.bincount(labels * classes + found.predicted, minlength=classes**2)
    return pairs.reshape(classes, classes).astype(np.int64)


def by_class(matrix: NDArray[np.int64]) -> list[float | None]:
    """The accuracy of each class: its share of images that were predicted right; None for a class without images."""
    images, right = matrix.sum(axis=1), np.diag(matrix)
    return [float(correct / of) if of else None for correct, of in zip(right, images, strict=True)]
