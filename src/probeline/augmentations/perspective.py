"""Images seen at a slant: their four corners drawn inwards."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from probeline.augmentations import _touched, _warp
from probeline.pipeline import params


class Spec(params.Spec):
    """`augment: [{name: perspective, distortion_scale: 0.5, p: 0.5, interpolation: bilinear}]`.

    As torchvision's RandomPerspective with a fill of 0.

    Attributes:
        distortion_scale: How far a corner may come in, as a fraction of half the width and half the height.
    """

    name: Literal["perspective"]
    distortion_scale: Annotated[float, Field(gt=0, le=1)] = 0.5
    p: _touched.Probability = 0.5
    interpolation: _warp.Interpolation = "bilinear"

    def draw(self, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Which images are touched, bool (B,), and by how many pixels each corner comes in, int64 (B, 4, 2).

        The corners run clockwise from the upper left; x before y. All whole numbers of the range are equally likely.
        """
        touched = _touched.draw(images, self.p, generator)
        ends = [int(self.distortion_scale * (size // 2)) + 1 for size in (images.shape[3], images.shape[2])]
        size = (len(images), 4)
        inwards = [torch.randint(end, size, generator=generator, device=images.device) for end in ends]
        return touched, torch.stack(inwards, 2)

    def apply(self, images: Tensor, drawn: tuple[Tensor, Tensor]) -> Tensor:
        """Images (B, C, H, W), each touched one with its corners at the places drawn."""
        touched, inwards = drawn
        return _touched.change(images, touched, self._slant, inwards)

    def _slant(self, images: Tensor, inwards: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        device = images.device
        right, bottom = width - 1, height - 1
        corners = torch.tensor([[0, 0], [right, 0], [right, bottom], [0, bottom]], device=device)
        sign = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]], device=device)
        back = _homography(corners + sign * inwards, corners.expand_as(inwards)).float()
        back[:, :2] /= _warp.half_size(images).view(2, 1)
        projected = _warp.centers(images).expand(len(images), -1, -1).bmm(back.mT)
        sources = projected[..., :2] / projected[..., 2:] - 1
        # Corners on one line (distortion_scale over 2/3) have no homography. 0 / 0 and infinity count as far outside,
        # which is 0; as they are, they would make NaN pixels.
        return _warp.sample(images, sources.nan_to_num_(nan=2).clamp_(-2, 2), self.interpolation)


def _homography(points: Tensor, targets: Tensor) -> Tensor:
    """The matrices (B, 3, 3), float64, last entry 1, that take four points to their targets, int64 (B, 4, 2) each."""
    points, targets = points.double(), targets.double()
    place = torch.cat([points, torch.ones_like(points[..., :1])], 2)  # (B, 4, 3)
    nothing = torch.zeros_like(place)
    # (h0 x + h1 y + h2) / (h6 x + h7 y + 1) = u is linear in h: h0 x + h1 y + h2 - u x h6 - u y h7 = u. Likewise v.
    rows = [
        torch.cat([*parts, -targets[..., axis : axis + 1] * points], 2)
        for axis, parts in enumerate(([place, nothing], [nothing, place]))
    ]
    # solve_ex: one image without a solution must not stop the batch.
    solution, _ = torch.linalg.solve_ex(torch.cat(rows, 1), targets.mT.flatten(1))
    return torch.cat([solution, torch.ones_like(solution[:, :1])], 1).view(-1, 3, 3)
