"""Triplet loss (A4): an anchor is to lie closer to an image of its class than to one of another, by a margin."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from probeline.pipeline import params


class Spec(params.Spec):
    """`objective: {name: triplet, margin: 1.0, mining: random}`.

    Every image of the batch is the anchor of one triplet, whose other two images `mining` chooses from the batch:

    - random: both uniformly (A4).
    - batch_hard: the farthest positive and the nearest negative (Hermans et al. 2017, arXiv 1703.07737).
    - semi_hard: a uniform positive, and the nearest of the negatives that lie farther than it; where none does, the
      farthest negative (Schroff et al. 2015, arXiv 1503.03832, who leave that case open).
    """

    scores: ClassVar[None] = None

    name: Literal["triplet"]
    margin: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    mining: Literal["random", "batch_hard", "semi_hard"] = "random"

    def outputs(self, classes: int) -> None:
        """None: the network's output is the embedding itself."""

    def loss(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Mean over the anchors of max(0, |a - p| - |a - n| + margin), as PyTorch's TripletMarginLoss defines it.

        Args:
            embeddings: float32 (B, z).
            labels: int64 (B,).
            generator: On their device.

        Returns:
            The mean, a scalar, 0 if there is no anchor; the number of anchors, an int64 scalar: images with another
            one of their class and one of another class in the batch.
        """
        losses, anchor = self._anchors(embeddings, labels, generator)
        count = anchor.sum()
        return losses.where(anchor, 0).sum() / count.clamp(min=1), count

    def losses(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of every anchor, nan for the other images, float32 (B,). It draws as `loss` does."""
        losses, anchor = self._anchors(embeddings, labels, generator)
        return losses.where(anchor, torch.nan)

    def _anchors(self, embeddings: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The loss of every anchor, float32 (B,), and which images are anchors, bool (B,)."""
        positive, negative, anchor = draw(labels, generator)
        if self.mining == "batch_hard":
            positive, negative = batch_hard(embeddings, labels)
        elif self.mining == "semi_hard":
            negative = semi_hard(embeddings, labels, positive)
        losses = functional.triplet_margin_loss(
            embeddings,
            embeddings.index_select(0, positive),
            embeddings.index_select(0, negative),
            margin=self.margin,
            reduction="none",
        )
        return losses, anchor


def draw(labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """For each image of a batch, a uniform other image of its class and a uniform image of another class.

    Args:
        labels: int64 (B,), in any order.
        generator: On their device.

    Returns:
        Two times int64 (B,), rows of the batch: the positives and the negatives. bool (B,): whether the image has
        both; where not, its rows mean nothing. Time O(B log B), memory O(B).
    """
    # Sorted by label, a class is a range [start, end). Stable, so that equal labels lie in one order on all machines.
    ordered, order = labels.sort(stable=True)
    start, end = torch.searchsorted(ordered, labels), torch.searchsorted(ordered, labels, right=True)
    size = end - start
    others = len(labels) - size
    rank = order.argsort() - start  # of an image within its range
    # Both count onward from what is not allowed, and wrap: round the own class, and round the batch.
    positive = start + (rank + 1 + _below(size - 1, generator)) % size
    negative = (end + _below(others, generator)) % len(labels)
    return order[positive], order[negative], (size > 1) & (others > 0)


def _below(n: Tensor, generator: torch.Generator) -> Tensor:
    """Uniform integers in [0, n), of n's shape; 0 where n is 0."""
    # float32 has 24 random bits, which n does not divide: some integers would come up to n / 2^24 too often.
    u = torch.rand(n.shape, dtype=torch.float64, generator=generator, device=n.device)
    return (u * n).long()


def batch_hard(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The farthest positive and the nearest negative of each image: rows of the batch, two times int64 (B,).

    An image that has none gets any row. embeddings float32 (B, z), labels int64 (B,).
    """
    distances, same = _pairs(embeddings, labels)
    negative = distances.masked_fill(same, torch.inf).argmin(1)
    same.fill_diagonal_(fill_value=False)  # the image itself is no positive, not even where all others lie on it
    return distances.masked_fill(~same, -torch.inf).argmax(1), negative


def semi_hard(embeddings: Tensor, labels: Tensor, positive: Tensor) -> Tensor:
    """The nearest negative that is farther than the positive, else the farthest: a row of the batch, int64 (B,).

    An image that has no negative gets any row. embeddings float32 (B, z), labels and positive int64 (B,).
    """
    distances, same = _pairs(embeddings, labels)
    farther = (distances > distances.gather(1, positive[:, None])) & ~same
    nearest = distances.masked_fill(~farther, torch.inf).argmin(1)
    farthest = distances.masked_fill(same, -torch.inf).argmax(1)
    return nearest.where(farther.any(1), farthest)


@torch.no_grad()
def _pairs(embeddings: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Euclidean distances between all images, float32 (B, B), without gradient, and whether their labels agree."""
    # By a matrix product it would be faster, but |a|^2 - 2ab + |b|^2 loses the small distances to rounding.
    distances = torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")
    return distances, labels[:, None] == labels
