"""A task on the device: uint8 images once, batches by index."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probeline.augmentations._chain import augment
from probeline.pipeline.errors import UserError
from probeline.task import Task
from probeline.training.spec import Normalise, Run


@dataclass(frozen=True)
class DeviceData:
    """The images and labels of a task, and one draw's indices, on one device.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
        splits: int64 indices by split name: train, validation, test.
        shift, scale: float32 (1, C, 1, 1): a pixel p becomes (p - shift) * scale. shift is None where it is zero.
        augment: The specifications of the augmentations, in their order.
        layout: Of a batch in memory.
    """

    images: Tensor
    labels: Tensor
    splits: dict[str, Tensor]
    shift: Tensor | None
    scale: Tensor
    augment: Sequence[Any] = ()
    layout: torch.memory_format = torch.contiguous_format

    def batch(self, indices: Tensor) -> Tensor:
        """Normalised float32 images (B, C, H, W), as they are. Here pixels become floats, a batch at a time."""
        return self._normalised(self.images.index_select(0, indices).float()).contiguous(memory_format=self.layout)

    @torch.no_grad()
    def training_batch(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """Augmented and normalised float32 images (B, C, H, W).

        Args:
            generator: Of all random values of the augmentations, on the device of the images.
        """
        if not self.augment:
            return self.batch(indices)
        return self.augmented(indices, generator).contiguous(memory_format=self.layout)

    def augmented(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """The same, in the usual layout."""
        images = self.images.index_select(0, indices).float().div_(255)
        return augment(images, self.augment, lambda images: self._normalised(images * 255), generator)

    def shown(self, images: Tensor) -> Tensor:
        """Normalised images as pixels again, uint8, to be looked at; what lies outside is clipped."""
        pixels = images / self.scale
        if self.shift is not None:
            pixels = pixels + self.shift
        return pixels.round().clamp(0, 255).to(torch.uint8)

    def _normalised(self, pixels: Tensor) -> Tensor:
        """Of float pixels from 0 to 255, in place."""
        if self.shift is not None:
            pixels.sub_(self.shift)
        return pixels.mul_(self.scale)


def to_device(task: Task, run: Run, where: str, device: torch.device) -> DeviceData:
    """Move a task to the device, without the indices of a draw.

    Raises:
        UserError: The normalisation is for another number of channels.
    """
    channels = task.images.shape[3]
    mean, std = _constants(run.normalise, channels, where)
    # Pixels in [0, 1] are p / 255, so (p / 255 - mean) / std is (p - 255 mean) / (255 std).
    return DeviceData(
        images=torch.from_numpy(np.array(task.images.transpose(0, 3, 1, 2), order="C")).to(device),
        labels=torch.from_numpy(task.labels).to(device),
        splits={},
        shift=(255 * mean).to(device) if mean.any() else None,
        scale=(1 / (255 * std)).to(device),
        augment=run.augment,
        layout=torch.channels_last if run.channels_last else torch.contiguous_format,
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
