"""The augmentations of a run, one after the other."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Generator, Tensor


def augment(
    images: Tensor, steps: Sequence[Any], normalise: Callable[[Tensor], Tensor], generator: Generator
) -> Tensor:
    """Do every step with fresh draws, and normalise where a step says so, or else at the end.

    Args:
        images: float32 (B, C, H, W) in [0, 1].
        steps: Specifications of augmentations.
        normalise: The run's, of such images.
    """
    done = False
    for step in steps:
        if step.name == "normalise":
            images, done = normalise(images), True
        else:
            images = step.apply(images, step.draw(images, generator))
    return images if done else normalise(images)
