"""A task on the device: uint8 images once, batches by index; or vectors in their place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from probeline.compute.view import Normalize, View
from probeline.pipeline.errors import ParamError
from probeline.results.splits import Splits

if TYPE_CHECKING:
    from probeline.tasks.task import Task


class Data(Protocol):
    """What a training reads.

    Attributes:
        labels: int64 (N,).
        splits: int64 indices by split name: train, validation, test.
    """

    @property
    def labels(self) -> Tensor: ...
    @property
    def splits(self) -> dict[str, Tensor]: ...

    def batch(self, indices: Tensor) -> Tensor:
        """What the network gets for these indices, float32 (B, ...)."""

    def training_batch(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """The same in training, with random values from a generator on the device of the data."""

    @property
    def values(self) -> int:
        """Numbers that the network gets for one index."""


@dataclass(frozen=True)
class DeviceData:
    """The images and labels of a task, and the indices of one resample, on one device.

    Attributes:
        images: uint8 (N, C, H, W).
        labels: int64 (N,).
        splits: int64 indices by split name: train, validation, test.
        shift, scale: float32 (1, C, 1, 1): a pixel p becomes (p - shift) * scale. shift is None where it is zero.
        view: How they reach the network.
    """

    images: Tensor
    labels: Tensor
    splits: dict[str, Tensor]
    shift: Tensor | None
    scale: Tensor
    view: View = field(default_factory=View)

    @property
    def layout(self) -> torch.memory_format:
        """Of a batch in memory."""
        return torch.channels_last if self.view.channels_last else torch.contiguous_format

    @property
    def values(self) -> int:
        """Numbers of one image, as the network gets it."""
        channels, height, width = self.images.shape[1:]
        return channels * (self.view.resize.crop**2 if self.view.resize else height * width)

    def batch(self, indices: Tensor) -> Tensor:
        """Normalized float32 images (B, C, H, W), as they are. Here pixels become floats, a batch at a time."""
        return self._normalized(self._sized(indices)).contiguous(memory_format=self.layout)

    @torch.no_grad()
    def training_batch(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """Augmented and normalized float32 images (B, C, H, W).

        Args:
            generator: Of all random values of the augmentations, on the device of the images.
        """
        if not self.view.augment:
            return self.batch(indices)
        return self.augmented(indices, generator).contiguous(memory_format=self.layout)

    def augmented(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """The same, in the usual layout."""
        images = self._sized(indices).div(255)
        return augment(images, self.view.augment, lambda images: self._normalized(images * 255), generator)

    def shown(self, images: Tensor) -> Tensor:
        """Normalized images as pixels again, uint8, to be looked at; what lies outside is clipped."""
        pixels = images / self.scale
        if self.shift is not None:
            pixels = pixels + self.shift
        return pixels.round().clamp(0, 255).to(torch.uint8)

    def _sized(self, indices: Tensor) -> Tensor:
        """Float pixels from 0 to 255, of the size that the network gets."""
        pixels = self.images.index_select(0, indices).float()
        return pixels if self.view.resize is None else self.view.resize(pixels)

    def _normalized(self, pixels: Tensor) -> Tensor:
        """Of float pixels from 0 to 255, in place."""
        if self.shift is not None:
            pixels.sub_(self.shift)
        return pixels.mul_(self.scale)


@dataclass(frozen=True)
class DeviceVectors:
    """Vectors and labels, and the indices of one resample, on one device: what a probe is trained on.

    Attributes:
        vectors: float32 (N, D); (N, C, H, W) where they are the maps inside a network.
        labels: int64 (N,).
        splits: int64 indices by split name: train, validation, test.
    """

    vectors: Tensor
    labels: Tensor
    splits: dict[str, Tensor]

    @property
    def values(self) -> int:
        """Dimensions."""
        return self.vectors[0].numel()

    def batch(self, indices: Tensor) -> Tensor:
        """Vectors float32 (B, ...), as they are."""
        return self.vectors.index_select(0, indices)

    def training_batch(self, indices: Tensor, _: torch.Generator) -> Tensor:
        """The same."""
        return self.batch(indices)


def augment(
    images: Tensor, steps: Sequence[Any], normalize: Callable[[Tensor], Tensor], generator: torch.Generator
) -> Tensor:
    """Do every step with fresh random values, and normalize where a step says so, or else at the end.

    Args:
        images: float32 (B, C, H, W) in [0, 1].
        steps: Specifications of augmentations.
        normalize: The run's, of such images.
    """
    done = False
    for step in steps:
        if step.name == "normalize":
            images, done = normalize(images), True
        else:
            images = step.apply(images, step.draw(images, generator))
    return images if done else normalize(images)


def to_device(task: "Task", view: View, device: torch.device) -> DeviceData:
    """Move a task to the device, without the indices of a resample.

    Raises:
        ParamError: The normalization is for another number of channels.
    """
    mean, std = constants(view.normalize, task.images.shape[3])
    # Pixels in [0, 1] are p / 255, so (p / 255 - mean) / std is (p - 255 mean) / (255 std).
    return DeviceData(
        images=torch.from_numpy(np.array(task.images.transpose(0, 3, 1, 2), order="C")).to(device),
        labels=torch.from_numpy(task.labels).to(device),
        splits={},
        shift=(255 * mean).to(device) if mean.any() else None,
        scale=(1 / (255 * std)).to(device),
        view=view,
    )


def insist(view: View, shape: tuple[int, int, int]) -> None:
    """Try a view on a black image, before anything runs.

    Args:
        shape: (C, H, W) of the images that the network gets.

    Raises:
        ParamError: The normalization is for another number of channels, or an augmentation for larger images.
    """
    constants(view.normalize, shape[0])
    try:
        augment(torch.zeros(1, *shape), view.augment, torch.clone, torch.Generator().manual_seed(0))
    except ValueError as error:
        raise ParamError.of("augment", error) from None


def constants(normalize: Normalize | None, channels: int) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, float32 (1, C or 1, 1, 1).

    Raises:
        ParamError: They are for another number of channels.
    """
    if normalize is None:
        return torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    for name, values in (("mean", normalize.mean), ("std", normalize.std)):
        if len(values) not in {1, channels}:
            raise ParamError(
                f"normalize.{name}",
                f"{len(values)} values for images of {channels} channels",
                f"give {'1' if channels == 1 else f'1 or {channels}'}",
            )
    return torch.tensor(normalize.mean).view(1, -1, 1, 1), torch.tensor(normalize.std).view(1, -1, 1, 1)


def splits_of(task: Splits, resample: int, device: torch.device) -> dict[str, Tensor]:
    """The indices of one resample, on the device."""
    return {name: torch.from_numpy(indices).to(device) for name, indices in task.indices(resample).items()}


def of_resample(data: DeviceData, task: "Task", resample: int) -> DeviceData:
    """The same images with the indices of one resample."""
    return replace(data, splits=splits_of(task, resample, data.images.device))
