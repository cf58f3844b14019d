"""The hinge loss against PyTorch's MultiMarginLoss."""

import numpy as np
import pytest
import torch

from probeline.metrics import hinge
from probeline.metrics._scored import Scored

LABELS = np.arange(40) % 4
SCORES = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)


def test_it_is_pytorchs_in_float64() -> None:
    expected = torch.nn.MultiMarginLoss()(torch.from_numpy(SCORES).double(), torch.from_numpy(LABELS))
    assert hinge.measure(Scored("margins", scores=SCORES), LABELS) == pytest.approx(float(expected), rel=1e-12)


def test_by_hand() -> None:
    scores = np.array([[2.0, 1.5, -1.0]], dtype=np.float32)
    assert hinge.measure(Scored("margins", scores=scores), np.array([0])) == pytest.approx(0.5 / 3)


@pytest.mark.parametrize("kind", ["logits", "votes"])
def test_other_scores_have_none(kind: str) -> None:
    assert hinge.measure(Scored(kind, scores=SCORES), LABELS) is None  # type: ignore[arg-type]
