"""One pass through a network, in the precision of the run."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from probeline.compute.data import Data

# Values of the images of one batch, where only memory limits it: 1024 images of 32x32 in color.
VALUES = 1024 * 3 * 32 * 32


def forward(model: Callable[[Tensor], Tensor] | nn.Module, images: Tensor, precision: str) -> Tensor:
    """Outputs of a network as float32. Weights are float32 too; bfloat16 is the precision of its products."""
    if precision == "float32":
        out: Tensor = model(images)
        return out
    with torch.autocast(images.device.type, torch.bfloat16):
        out = model(images)
    return out.float()


def batch_size(data: Data) -> int:
    """How many images go through a network at once where nothing is learned."""
    return max(1, min(1024, VALUES // data.values))
