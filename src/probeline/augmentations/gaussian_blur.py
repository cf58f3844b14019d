"""Images blurred with a Gaussian kernel, its width drawn for each."""

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: gaussian_blur, kernel_size: 5, sigma: [0.1, 2.0]}]`, as torchvision's GaussianBlur.

    Attributes:
        kernel_size: Pixels each way, an odd number.
        sigma: The least and the largest standard deviation, in pixels.
    """

    name: Literal["gaussian_blur"]
    kernel_size: Annotated[int, Field(ge=3)]
    sigma: Annotated[list[Annotated[float, Field(ge=1e-6, le=1e6)]], Field(min_length=2, max_length=2)] = [0.1, 2.0]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {self.kernel_size}; give an odd number, so that it has a center")
        if self.sigma[0] > self.sigma[1]:
            raise ValueError(f"sigma is {self.sigma}; give the least first, then the largest")
        return self

    def draw(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Standard deviations, uniform between the two, float32 (B,)."""
        return torch.empty(len(images), device=images.device).uniform_(*self.sigma, generator=generator)

    def apply(self, images: Tensor, drawn: Tensor) -> Tensor:
        """The blurred images, (B, C, H, W); beyond their edges they are mirrored.

        Raises:
            ValueError: The kernel reaches over more than an image and its mirror.
        """
        batch, channels, height, width = images.shape
        reach = self.kernel_size // 2
        if reach >= min(height, width):
            raise ValueError(
                f"gaussian_blur: a kernel_size of {self.kernel_size} does not fit images of {height}x{width}; "
                f"give at most {2 * min(height, width) - 1}"
            )
        distance = torch.arange(-reach, reach + 1, device=images.device)
        weights = torch.softmax(-((distance / drawn.unsqueeze(1)) ** 2) / 2, 1).repeat_interleave(channels, 0)
        # Every channel of every image is a channel of one image, and has a kernel of its own: down, then across.
        planes = functional.pad(images, [reach] * 4, mode="reflect").flatten(0, 1).unsqueeze(0)
        down = functional.conv2d(planes, weights.view(-1, 1, self.kernel_size, 1), groups=batch * channels)
        across = functional.conv2d(down, weights.view(-1, 1, 1, self.kernel_size), groups=batch * channels)
        return across.view_as(images)
