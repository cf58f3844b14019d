"""The four parts of color jitter, with a factor of its own for every image.

Each takes images (B, C, H, W) and factors (B,), and gives images in [0, 1] whatever their range was, as torchvision's
functions do (except its hue, which can give NaN there). On one channel, saturation and hue leave images as they are.
"""

import torch
from torch import Tensor


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Factor 0 is black, 1 the image."""
    return (images * _each(factors)).clamp_(0, 1)


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Factor 0 is the image's mean gray, 1 the image."""
    return _blend(_gray(images).mean((1, 2, 3), keepdim=True), images, factors)


def saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Factor 0 is the gray image, 1 the image."""
    return images if images.shape[1] == 1 else _blend(_gray(images), images, factors)


def hue(images: Tensor, factors: Tensor) -> Tensor:
    """Turn the hue by a fraction of the whole circle, -0.5 to 0.5; value and saturation (of HSV) stay."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    value = red.maximum(green).maximum(blue)
    chroma = value - red.minimum(green).minimum(blue)
    # Sextants from red: 0 is red, 2 green, 4 blue. Gray has no hue, and any will do: its chroma is 0.
    parts = (green - blue, blue - red + 2 * chroma, red - green + 4 * chroma)
    angle = torch.where(value == red, parts[0], torch.where(value == green, parts[1], parts[2]))
    angle = angle / chroma.masked_fill(chroma == 0, 1) + 6 * factors.view(-1, 1, 1)
    # A channel is at its lowest while the hue is within one sextant of its opposite, at its highest while within one
    # of the channel itself, and linear between: red's opposite is at 3, green's at 5, blue's at 1.
    opposite = torch.tensor([3.0, 5.0, 1.0], device=images.device).view(1, 3, 1, 1)
    distance = ((angle.unsqueeze(1) - opposite + 3).remainder_(6) - 3).abs_()
    lowered = distance.neg_().add_(2).clamp_(0, 1)
    return torch.addcmul(value.unsqueeze(1), lowered, chroma.unsqueeze(1), value=-1).clamp_(0, 1)


def _blend(other: Tensor, images: Tensor, factors: Tensor) -> Tensor:
    return torch.lerp(other, images, _each(factors)).clamp_(0, 1)


def _gray(images: Tensor) -> Tensor:
    """Luma (B, 1, H, W), with the weights torchvision has."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)


def _each(factors: Tensor) -> Tensor:
    return factors.view(-1, 1, 1, 1)
