"""A task on the device: uint8 images once, batches by index; or vectors in their place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from probeline.augmentations._chain import augment
from probeline.pipeline.errors import UserError
from probeline.task import Task
from probeline.training.spec import Images, Normalise


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
class Resize:
    """Square images of another size than the task's: of side `side` (antialiased), of which the centre is kept.

    Attributes:
        crop: Side of the square that is kept.
        interpolation: bilinear or bicubic.
    """

    side: int
    crop: int
    interpolation: str = "bilinear"

    def __call__(self, pixels: Tensor) -> Tensor:
        """Map float square images (B, C, H, H) from 0 to 255 to (B, C, crop, crop)."""
        if pixels.shape[-1] != self.side:
            pixels = functional.interpolate(pixels, (self.side, self.side), mode=self.interpolation, antialias=True)
            pixels = pixels.clamp_(0, 255)  # bicubic overshoots
        start = (self.side - self.crop + 1) // 2
        return pixels[:, :, start : start + self.crop, start : start + self.crop]


def shape_of(task: Task, resize: Resize | None = None) -> tuple[int, int, int]:
    """(C, H, W) of the images that a network gets."""
    height, width, channels = task.images.shape[1:]
    return (channels, resize.crop, resize.crop) if resize else (channels, height, width)


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
        resize: What comes before the normalisation; None for images of the task's size.
    """

    images: Tensor
    labels: Tensor
    splits: dict[str, Tensor]
    shift: Tensor | None
    scale: Tensor
    augment: Sequence[Any] = ()
    layout: torch.memory_format = torch.contiguous_format
    resize: Resize | None = None

    @property
    def values(self) -> int:
        """Numbers of one image, as the network gets it."""
        channels, height, width = self.images.shape[1:]
        return channels * (self.resize.crop**2 if self.resize else height * width)

    def batch(self, indices: Tensor) -> Tensor:
        """Normalised float32 images (B, C, H, W), as they are. Here pixels become floats, a batch at a time."""
        pixels = self.images.index_select(0, indices).float()
        if self.resize is not None:
            pixels = self.resize(pixels)
        return self._normalised(pixels).contiguous(memory_format=self.layout)

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
        images = self.images.index_select(0, indices).float()
        if self.resize is not None:
            images = self.resize(images)
        return augment(images.div(255), self.augment, lambda images: self._normalised(images * 255), generator)

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


@dataclass(frozen=True)
class DeviceVectors:
    """Vectors and labels, and one draw's indices, on one device: what a probe is trained on.

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


def to_device(task: Task, images: Images, where: str, device: torch.device, resize: Resize | None = None) -> DeviceData:
    """Move a task to the device, without the indices of a draw.

    Raises:
        UserError: The normalisation is for another number of channels.
    """
    channels = task.images.shape[3]
    mean, std = _constants(images.normalise, channels, where)
    # Pixels in [0, 1] are p / 255, so (p / 255 - mean) / std is (p - 255 mean) / (255 std).
    return DeviceData(
        images=torch.from_numpy(np.array(task.images.transpose(0, 3, 1, 2), order="C")).to(device),
        labels=torch.from_numpy(task.labels).to(device),
        splits={},
        shift=(255 * mean).to(device) if mean.any() else None,
        scale=(1 / (255 * std)).to(device),
        augment=images.augment,
        layout=torch.channels_last if images.channels_last else torch.contiguous_format,
        resize=resize,
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


class Drawn(Protocol):
    """What has train and validation images a draw, and test images: a task, or its embedding."""

    @property
    def train(self) -> NDArray[np.int64]: ...
    @property
    def validation(self) -> NDArray[np.int64]: ...
    @property
    def test(self) -> NDArray[np.int64]: ...


def splits_of(task: Drawn, draw: int, device: torch.device) -> dict[str, Tensor]:
    """The indices of one draw, on the device."""
    chosen = {"train": task.train[draw], "validation": task.validation[draw], "test": task.test}
    return {name: torch.from_numpy(indices).to(device) for name, indices in chosen.items()}


def of_draw(data: DeviceData, task: Task, draw: int) -> DeviceData:
    """The same images with the indices of one draw."""
    return replace(data, splits=splits_of(task, draw, data.images.device))
