"""What can be looked at of a run before it is trained: its layers, and images before and after augmentation."""

import numpy as np
import torch
import torchinfo
from numpy.typing import NDArray
from torch import nn

from probeline.compute.data import DeviceData


def layer_table(model: nn.Module, shape: tuple[int, int, int]) -> str:
    """Every layer of a network by name, its output's shape, parameters and multiply-adds for one image; then totals.

    Args:
        model: On PyTorch's meta device, so that nothing is computed.
    """
    table = torchinfo.summary(
        model,
        input_size=(1, *shape),
        device="meta",
        depth=6,
        verbose=0,
        col_names=("output_size", "num_params", "mult_adds"),
        row_settings=("var_names",),
    )
    return f"{table}\n".replace("Units.MEGABYTES", "M")  # torchinfo 1.8 prints the name of its own enum


def examples(data: DeviceData, images: int = 8) -> NDArray[np.uint8] | None:
    """Training images before and after augmentation, uint8 (2, images, H, W, C); None for a run that has none."""
    if not data.view.augment:
        return None
    generator = torch.Generator(data.images.device).manual_seed(0)
    chosen = data.splits["train"][:images]
    pairs = torch.stack([data.images[chosen], data.shown(data.augmented(chosen, generator))])
    return pairs.permute(0, 1, 3, 4, 2).cpu().numpy()
