"""How images reach a network: their size, their normalization, their augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from probeline.pipeline.params import Spec

if TYPE_CHECKING:
    from probeline.tasks.task import Task


class Normalize(Spec):
    """Pixels in [0, 1] become (x - mean) / std; one value for all channels, or one per channel."""

    mean: Annotated[list[Annotated[float, Field(ge=-1e6, le=1e6)]], Field(min_length=1)]
    std: Annotated[list[Annotated[float, Field(ge=1e-6, le=1e6)]], Field(min_length=1)]


@dataclass(frozen=True)
class Resize:
    """Square images of another size than the task's: of side `side` (antialiased), of which the center is kept.

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


@dataclass(frozen=True)
class View:
    """How the images of a task reach a network.

    Attributes:
        normalize: None: pixels in [0, 1] as they are.
        resize: What comes before the normalization; None for images of the task's size.
        augment: Specifications of augmentations, in their order; a `normalize` among them says that the normalization
            comes there.
        channels_last: Whether the channels of a pixel lie together in memory.
    """

    normalize: Normalize | None = None
    resize: Resize | None = None
    augment: Sequence[Any] = ()
    channels_last: bool = False

    def shape(self, task: "Task") -> tuple[int, int, int]:
        """(C, H, W) of the images that a network gets."""
        height, width, channels = task.images.shape[1:]
        return (channels, self.resize.crop, self.resize.crop) if self.resize else (channels, height, width)
