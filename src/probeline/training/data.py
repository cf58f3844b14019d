"""A task on the device: uint8 images once, batches by index."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from probeline.pipeline.errors import UserError
from probeline.task import Task
from probeline.training.spec import Normalise


@dataclass(frozen=True)
class DeviceData:
    """The images and labels of a task, and one draw's indices, on one device.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
        splits: int64 indices by split name: train, validation, test.
        shift, scale: float32 (1, C, 1, 1): a pixel p becomes (p - shift) * scale. shift is None where it is zero.
    """

    images: Tensor
    labels: Tensor
    splits: dict[str, Tensor]
    shift: Tensor | None
    scale: Tensor

    def batch(self, indices: Tensor) -> Tensor:
        """Normalised float32 images (B, C, H, W). The only place where pixels become floats, a batch at a time."""
        pixels = self.images.index_select(0, indices).float()
        if self.shift is not None:
            pixels.sub_(self.shift)
        return pixels.mul_(self.scale)


def to_device(task: Task, normalise: Normalise | None, where: str, device: torch.device) -> DeviceData:
    """Move a task to the device, without the indices of a draw.

    Raises:
        UserError: The normalisation is for another number of channels.
    """
    channels = task.images.shape[3]
    mean, std = _constants(normalise, channels, where)
    # Pixels in [0, 1] are p / 255, so (p / 255 - mean) / std is (p - 255 mean) / (255 std).
    return DeviceData(
        images=torch.from_numpy(np.array(task.images.transpose(0, 3, 1, 2), order="C")).to(device),
        labels=torch.from_numpy(task.labels).to(device),
        splits={},
        shift=(255 * mean).to(device) if mean.any() else None,
        scale=(1 / (255 * std)).to(device),
    )


def _constants(normalise: Normalise | None, channels: int, where: str) -> tuple[Tensor, Tensor]:
    if normalise is None:
        return torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    for name, values in (("mean", normalise.mean), ("std", normalise.std)):
        if len(values) not in {1, channels}:
            raise UserError(
                f"params.yaml: {where}.normalise.{name}: {len(values)} values for images of {channels} channels; "
                f"give {'1' if channels == 1 else f'1 or {channels}'}"
            )
    return torch.tensor(normalise.mean).view(1, -1, 1, 1), torch.tensor(normalise.std).view(1, -1, 1, 1)


def of_draw(data: DeviceData, task: Task, draw: int) -> DeviceData:
    """The same images with the indices of one draw."""
    chosen = {"train": task.train[draw], "validation": task.validation[draw], "test": task.test}
    splits = {name: torch.from_numpy(indices).to(data.images.device) for name, indices in chosen.items()}
    return replace(data, splits=splits)
