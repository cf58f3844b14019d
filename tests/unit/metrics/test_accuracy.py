"""Accuracy by hand."""

import numpy as np

from probeline.metrics import accuracy
from probeline.metrics._scored import Scored
from probeline.results.outputs import Outputs

LABELS = np.array([0, 1, 2, 2])


def test_accuracy_is_the_share_of_right_predictions() -> None:
    assert accuracy.measure(Scored("logits", predicted=np.array([0, 1, 2, 0])), LABELS) == 0.75


def test_an_embedding_has_no_accuracy() -> None:
    assert accuracy.measure(Scored("losses"), LABELS) is None


def test_what_is_scored_is_that_of_the_split() -> None:
    outputs = Outputs("votes", {"train": np.array([1]), "test": np.array([2])}, {"test": np.ones((1, 3), np.float32)})
    test, train = Scored.of(outputs, "test"), Scored.of(outputs, "train")
    assert test.predicted is outputs.predicted["test"]
    assert test.scores is outputs.scores["test"]
    assert train.predicted is outputs.predicted["train"]
    assert train.scores is None
    assert test.kind == "votes"
