"""Top-5 accuracy against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import top_k_accuracy_score

from probeline.metrics import top_5
from probeline.metrics._scored import Scored

LABELS = np.arange(60) % 12
SCORES = np.random.default_rng(0).normal(size=(60, 12)).astype(np.float32)


@pytest.mark.parametrize("kind", ["logits", "margins"])
def test_it_is_scikit_learns(kind: str) -> None:
    found = top_5.measure(Scored(kind, scores=SCORES), LABELS)  # type: ignore[arg-type]
    assert found == pytest.approx(top_k_accuracy_score(LABELS, SCORES, k=5))
    assert 0.2 < (found or 0) < 0.8


def test_of_equal_scores_the_smaller_class_comes_first() -> None:
    equal = Scored("logits", scores=np.zeros((6, 6), np.float32))
    assert top_5.measure(equal, np.arange(6)) == pytest.approx(5 / 6)


def test_five_classes_and_votes_have_none() -> None:
    assert top_5.measure(Scored("logits", scores=SCORES[:, :5]), LABELS % 5) is None
    assert top_5.measure(Scored("votes", scores=SCORES), LABELS) is None
