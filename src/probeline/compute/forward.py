"""One pass through a network, in the precision of the run."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from probeline.compute.data import Data
from probeline.pipeline import numerics

# Values of the images of one batch, where only memory limits it: 1024 images of 32x32 in color.
VALUES = 1024 * 3 * 32 * 32


def forward(model: Callable[[Tensor], Tensor] | nn.Module, images: Tensor, precision: str) -> Tensor:
    """Outputs of a network as float32. Weights are float32 too; bfloat16 is the precision of its products."""
    if precision == "float32":
        out: Tensor = model(images)
        return out
    with operations(precision, images.device), torch.autocast(images.device.type, torch.bfloat16):
        out = model(images)
    return out.float()


@contextmanager
def operations(precision: str, device: torch.device) -> Iterator[None]:
    """Within it, forward and backward are the same operations on every processor that the pins make alike.

    PyTorch asks the processor and not the pins whether oneDNN knows bfloat16. With AVX-512 it would call it, and oneDNN
    limited to AVX2 does not know it. So it is left out, as PyTorch itself does on a processor without AVX-512.
    """
    limited = os.environ.get("ONEDNN_MAX_CPU_ISA") == numerics.PINS["ONEDNN_MAX_CPU_ISA"]
    onednn: Any = torch.backends.mkldnn  # its `flags` would warn of Intel's GPUs
    before = onednn.enabled
    if precision != "float32" and device.type == "cpu" and limited:
        onednn.enabled = False
    try:
        yield
    finally:
        onednn.enabled = before


def batch_size(data: Data) -> int:
    """How many images go through a network at once where nothing is learned."""
    return max(1, min(1024, VALUES // data.values))
