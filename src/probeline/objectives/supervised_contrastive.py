"""Supervised contrastive loss (Khosla et al. 2020, arXiv 2004.11362), by pytorch-metric-learning's SupConLoss."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from probeline.pipeline import params


class Spec(params.Spec):
    """`objective: {name: supervised_contrastive, temperature: 0.1}`."""

    scores: ClassVar[None] = None

    name: Literal["supervised_contrastive"]
    temperature: Annotated[float, Field(ge=1e-4, le=1e4)] = 0.1

    def outputs(self, classes: int) -> None:
        """None: the network's output is the embedding itself."""

    def loss(self, embeddings: Tensor, labels: Tensor, _: Generator | None = None) -> tuple[Tensor, Tensor]:
        """Mean over the anchors i of L_out: -1/|P| sum_{p in P} log(exp(s_ip) / sum_{a != i} exp(s_ia)).

        s is the cosine similarity over the temperature; P are the other images of i's class; a runs over the batch.

        Args:
            embeddings: float32 (B, z), of any norm: they are normalized here.
            labels: int64 (B,).

        Returns:
            The mean, a scalar, 0 if there is no anchor; the number of anchors, an int64 scalar: images with another
            one of their class and one of another class in the batch (the library takes a batch of one class for 0).
        """
        losses, anchor = self._anchors(embeddings, labels)
        count = anchor.sum()
        # The library's own reduction is the mean over losses above 0. It leaves out anchors whose loss rounds to 0,
        # besides those without a positive, whose loss is 0 always; so at a low temperature it is no mean over anchors.
        return losses.sum() / count.clamp(min=1), count

    def losses(self, embeddings: Tensor, labels: Tensor, _: Generator | None = None) -> Tensor:
        """The loss of every anchor, nan for the other images, float32 (B,)."""
        losses, anchor = self._anchors(embeddings, labels)
        return losses.where(anchor, torch.nan)

    def _anchors(self, embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of every anchor, 0 for the other images, float32 (B,); and which images are anchors, bool (B,)."""
        from pytorch_metric_learning.losses import SupConLoss
        from pytorch_metric_learning.reducers import DoNothingReducer

        size = (labels[:, None] == labels).sum(1)  # of each image's class
        found = SupConLoss(self.temperature, reducer=DoNothingReducer())(embeddings, labels)["loss"]["losses"]
        # The library gives a plain 0 for a batch without a positive or without a negative.
        losses = found if isinstance(found, Tensor) else (embeddings * 0).sum(1)
        return losses, (size > 1) & (size < len(labels))
