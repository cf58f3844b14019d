"""Softmax cross-entropy (A2, A3, C3, D1, D4)."""

from typing import Literal

from torch import Tensor
from torch.nn import functional

from probeline.pipeline import params


class Spec(params.Spec):
    """`objective: {name: cross_entropy}`."""

    name: Literal["cross_entropy"]

    def outputs(self, classes: int) -> int:
        """One logit a class."""
        return classes

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch of -log softmax(logits)[label], in nats. logits (B, K), labels int64 (B,); a scalar."""
        return functional.cross_entropy(logits, labels)

    def predict(self, logits: Tensor) -> Tensor:
        """The class of the largest logit, int64 (B,)."""
        return logits.argmax(1)
