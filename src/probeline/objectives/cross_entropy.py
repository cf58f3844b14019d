"""Softmax cross-entropy (A2, A3, A7, A8, B2 to B6, C3, C4, D1 to D11)."""

from typing import ClassVar, Literal

from torch import Generator, Tensor
from torch.nn import functional

from probeline.pipeline import params


class Spec(params.Spec):
    """`objective: {name: cross_entropy}`."""

    scores: ClassVar[Literal["logits"]] = "logits"

    name: Literal["cross_entropy"]

    def outputs(self, classes: int) -> int:
        """One logit per class."""
        return classes

    def loss(self, logits: Tensor, labels: Tensor, _: Generator | None = None) -> tuple[Tensor, int]:
        """Mean over the batch of -log softmax(logits)[label], in nats. logits (B, K), labels int64 (B,); a scalar."""
        return functional.cross_entropy(logits, labels), len(labels)

    def losses(self, logits: Tensor, labels: Tensor, _: Generator | None = None) -> Tensor:
        """What `loss` is the mean of, float32 (B,)."""
        return functional.cross_entropy(logits, labels, reduction="none")

    def predict(self, logits: Tensor) -> Tensor:
        """The class of the largest logit, int64 (B,)."""
        return logits.argmax(1)
