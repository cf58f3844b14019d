"""Cross-entropy against PyTorch's."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from probeline.metrics import cross_entropy
from probeline.metrics._scored import Scored

LABELS = np.arange(40) % 4


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_it_is_pytorchs_in_float64(scale: float) -> None:
    logits = (scale * np.random.default_rng(0).normal(size=(40, 4))).astype(np.float32)
    expected = functional.cross_entropy(torch.from_numpy(logits).double(), torch.from_numpy(LABELS))
    assert cross_entropy.measure(Scored("logits", scores=logits), LABELS) == pytest.approx(float(expected), rel=1e-12)


def test_one_logit_is_that_of_class_1() -> None:
    logits = (9 * np.random.default_rng(1).normal(size=(40, 1))).astype(np.float32)
    right = torch.from_numpy(LABELS % 2).double()
    expected = functional.binary_cross_entropy_with_logits(torch.from_numpy(logits[:, 0]).double(), right)
    found = cross_entropy.measure(Scored("logits", scores=logits), LABELS % 2)
    assert found == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("kind", ["margins", "votes", "losses"])
def test_other_scores_have_none(kind: str) -> None:
    scores = None if kind == "losses" else np.ones((40, 4), np.float32)
    assert cross_entropy.measure(Scored(kind, scores=scores), LABELS) is None  # type: ignore[arg-type]


def test_a_split_without_scores_has_none() -> None:
    assert cross_entropy.measure(Scored("logits", predicted=LABELS), LABELS) is None
