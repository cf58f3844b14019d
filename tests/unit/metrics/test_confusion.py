"""The confusion matrix against scikit-learn's."""

import numpy as np
from sklearn.metrics import confusion_matrix

from probeline.metrics import confusion
from probeline.metrics._scored import Scored


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    found = confusion.matrix(Scored("logits", predicted), labels, 5)
    assert found is not None
    assert found.tolist() == confusion_matrix(labels, predicted, labels=range(5)).tolist()
    assert found.dtype == np.int64


def test_an_embedding_has_none() -> None:
    assert confusion.matrix(Scored("losses"), np.array([0]), 2) is None


def test_the_accuracy_of_a_class_without_images_is_none() -> None:
    assert confusion.by_class(np.array([[1, 3, 0], [0, 2, 0], [0, 0, 0]])) == [0.25, 1.0, None]
