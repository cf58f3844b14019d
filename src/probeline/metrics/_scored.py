"""What every metric is given: the outputs of one fit for one split."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from probeline.results.outputs import Kind, Outputs


@dataclass(frozen=True)
class Scored:
    """The outputs of one fit for the n images of one split.

    Attributes:
        kind: What the scores are; "losses" where the fit gives neither classes nor scores.
        predicted: int64 (n,), the class that the fit gives each image; None where it gives none.
        scores: float32 (n, K), as results/outputs.py describes them; None for a split without them.
    """

    kind: Kind
    predicted: NDArray[np.int64] | None = None
    scores: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, outputs: Outputs, split: str) -> Self:
        """The outputs of a split: "train", "validation" or "test"."""
        return cls(outputs.kind, outputs.predicted.get(split), outputs.scores.get(split))


def log_probabilities(found: Scored) -> NDArray[np.float64] | None:
    """The logarithm of the softmax of logits, float64 (n, K); None for other scores.

    Binary cross-entropy has one logit x, that of class 1: it is the softmax of (0, x), with K = 2.
    """
    if found.kind != "logits" or found.scores is None:
        return None
    logits = found.scores.astype(np.float64)
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    logits -= logits.max(axis=1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return logits
