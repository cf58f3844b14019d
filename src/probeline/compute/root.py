"""The square root that is the same on every processor."""

import torch
from torch import Tensor


def root(values: Tensor) -> Tensor:
    """The square roots, each correctly rounded; float32, any shape.

    On a CPU `torch.sqrt` is MKL's, whose last digit depends on the processor. A root in float64 that is wrong in its
    own last digit still rounds to the right float32.
    """
    return values.double().sqrt().float() if values.dtype == torch.float32 and values.is_cpu else values.sqrt()
