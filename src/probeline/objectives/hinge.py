"""Multi-class hinge loss of a linear SVM (C1, C2, C4, C5), as PyTorch's MultiMarginLoss defines it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Generator, Tensor
from torch.nn import functional

from probeline.pipeline import params


class Spec(params.Spec):
    """`objective: {name: hinge, margin: 1.0}`."""

    scores: ClassVar[Literal["margins"]] = "margins"

    name: Literal["hinge"]
    margin: Annotated[float, Field(gt=0, le=1e6)] = 1.0

    def outputs(self, classes: int) -> int:
        """One score per class."""
        return classes

    def loss(self, scores: Tensor, labels: Tensor, _: Generator | None = None) -> tuple[Tensor, int]:
        """Mean over the batch of 1/K sum_{j != y} max(0, margin - s_y + s_j). scores (B, K), labels int64 (B,)."""
        return functional.multi_margin_loss(scores, labels, margin=self.margin), len(labels)

    def losses(self, scores: Tensor, labels: Tensor, _: Generator | None = None) -> Tensor:
        """What `loss` is the mean of, float32 (B,)."""
        return functional.multi_margin_loss(scores, labels, margin=self.margin, reduction="none")

    def predict(self, scores: Tensor) -> Tensor:
        """The class of the largest score, int64 (B,)."""
        return scores.argmax(1)
