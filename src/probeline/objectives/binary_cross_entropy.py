"""Binary cross-entropy with a small constant inside the logarithms, as report A writes it (A1)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Generator, Tensor

from probeline.pipeline import params


class Spec(params.Spec):
    """`objective: {name: binary_cross_entropy, eps: 1.0e-07}`."""

    scores: ClassVar[Literal["logits"]] = "logits"

    name: Literal["binary_cross_entropy"]
    # Below 6e-8, 1 + eps is 1 in float32.
    eps: Annotated[float, Field(ge=6e-8, lt=0.5)] = 1e-7

    def outputs(self, classes: int) -> int:
        """One logit, of class 1 against class 0.

        Raises:
            ValueError: The task does not have two classes.
        """
        if classes != 2:
            raise ValueError(f"binary_cross_entropy needs a task of 2 classes, not {classes}; use cross_entropy")
        return 1

    def loss(self, logits: Tensor, labels: Tensor, _: Generator | None = None) -> tuple[Tensor, int]:
        """Mean over the batch of -(y log(p + eps) + (1 - y) log(1 - p + eps)), p = sigmoid(logit). logits (B, 1)."""
        return -self._log_likelihoods(logits, labels).mean(), len(labels)

    def losses(self, logits: Tensor, labels: Tensor, _: Generator | None = None) -> Tensor:
        """What `loss` is the mean of, float32 (B,)."""
        return -self._log_likelihoods(logits, labels)

    def _log_likelihoods(self, logits: Tensor, labels: Tensor) -> Tensor:
        p = logits.squeeze(1).sigmoid()
        y = labels.to(p.dtype)
        return y * (p + self.eps).log() + (1 - y) * (1 - p + self.eps).log()

    def predict(self, logits: Tensor) -> Tensor:
        """Class 1 where its probability exceeds one half, int64 (B,)."""
        return (logits.squeeze(1) > 0).long()
