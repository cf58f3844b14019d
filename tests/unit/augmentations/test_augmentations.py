"""Every augmentation against torchvision's function on the same drawn values, and what its draws promise."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torchvision.transforms.v2 import functional

from tests.unit.augmentations.conftest import JITTER, applied, drawn, made, spec

SHAPES = [(3, 32, 32), (1, 28, 28), (3, 20, 26)]
Reference = Callable[..., Any]


def flip(how: Reference) -> Reference:
    return lambda image, touched: how(image) if touched else image


def crop(image: Tensor, window: Tensor) -> Any:
    top, left = window.tolist()
    return functional.crop(functional.pad(image, [4]), top, left, *image.shape[1:])


def rotation(interpolation: str) -> Reference:
    def rotated(image: Tensor, angle: Tensor) -> Any:
        return functional.rotate(image, angle.item(), interpolation, fill=0.0)

    return rotated


def perspective(interpolation: str) -> Reference:
    def seen(image: Tensor, touched: Tensor, inwards: Tensor) -> Any:
        if not touched:
            return image
        right, bottom = image.shape[2] - 1, image.shape[1] - 1
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = inwards.tolist()
        before = [[0, 0], [right, 0], [right, bottom], [0, bottom]]
        after = [[ax, ay], [right - bx, by], [right - cx, bottom - cy], [dx, bottom - dy]]
        return functional.perspective(image, before, after, interpolation, fill=0.0)

    return seen


def sharpness(factor: float) -> Reference:
    return lambda image, touched: functional.adjust_sharpness(image, factor) if touched else image


def blur(kernel: int) -> Reference:
    return lambda image, sigma: functional.gaussian_blur(image, [kernel] * 2, [sigma.item()] * 2)


def jitter(*parts: str) -> Reference:
    def jittered(image: Tensor, order: Tensor, factors: Tensor) -> Tensor:
        for index in order.tolist():
            image = getattr(functional, f"adjust_{parts[index]}")(image, factors[index].item())
        return image

    return jittered


# Each with torchvision's function for one image and its drawn values, how far a pixel may be from it, and how many
# different results 64 copies of an image have at least.
CASES: list[tuple[Any, Reference, float, int]] = [
    (spec("horizontal_flip"), flip(functional.horizontal_flip), 0, 2),
    (spec("vertical_flip"), flip(functional.vertical_flip), 0, 2),
    (spec("crop", padding=4), crop, 0, 32),
    (spec("rotation", degrees=180), rotation("nearest"), 0, 60),
    (spec("rotation", degrees=15.0, interpolation="bilinear"), rotation("bilinear"), 1e-5, 60),
    (spec("perspective"), perspective("bilinear"), 1e-5, 20),
    (spec("perspective", distortion_scale=0.3, p=0.8, interpolation="nearest"), perspective("nearest"), 0, 40),
    (spec("sharpness", sharpness_factor=3.0), sharpness(3.0), 1e-6, 2),
    (spec("sharpness", sharpness_factor=0, p=0.8), sharpness(0), 1e-6, 2),
    (spec("gaussian_blur", kernel_size=5), blur(5), 1e-6, 60),
    (spec("gaussian_blur", kernel_size=23, sigma=[0.5, 9]), blur(23), 1e-5, 60),
    (spec("color_jitter", **JITTER), jitter(*JITTER), 1e-5, 60),
    (spec("color_jitter", contrast=0.5, hue=0.1), jitter("contrast", "hue"), 1e-5, 60),
]
SPECS = [pytest.param(case[0], id=f"{index}-{case[0].name}") for index, case in enumerate(CASES)]
WITH_P = ["horizontal_flip", "vertical_flip", "perspective", "sharpness"]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("augmentation", "reference", "tolerance"),
    [case[:3] for case in CASES],
    ids=[f"{index}-{case[0].name}" for index, case in enumerate(CASES)],
)
def test_equals_torchvision(
    augmentation: Any, reference: Reference, tolerance: float, shape: tuple[int, int, int]
) -> None:
    for seed in range(3):
        images = made(24, shape, seed)
        values = drawn(augmentation, images, seed)
        expected = torch.stack([reference(image, *row) for image, *row in zip(images, *values, strict=True)])
        assert not torch.equal(expected, images)
        wrong = (applied(augmentation, images, values) - expected).abs() > tolerance
        # Where two source pixels are equally near, the last bit of the homography decides, which is the solver's.
        ties = 1e-4 if getattr(augmentation, "interpolation", "") == "nearest" else 0
        assert wrong.float().mean() <= ties


@pytest.mark.parametrize(("augmentation", "least"), [(case[0], case[3]) for case in CASES], ids=str)
def test_draws_for_each_image(augmentation: Any, least: int) -> None:
    images = made(1, (3, 32, 32)).expand(64, -1, -1, -1)
    results = applied(augmentation, images, drawn(augmentation, images, seed=0))
    assert len({result.numpy().tobytes() for result in results}) >= least


@pytest.mark.parametrize("augmentation", SPECS)
def test_depends_on_the_generator_alone_and_leaves_the_images(augmentation: Any) -> None:
    images = made(16, (3, 32, 32))
    before, state = images.clone(), torch.get_rng_state()
    first = applied(augmentation, images, drawn(augmentation, images, seed=5))
    torch.manual_seed(1)
    again = applied(augmentation, images, drawn(augmentation, images, seed=5))
    other = applied(augmentation, images, drawn(augmentation, images, seed=6))
    torch.set_rng_state(state)
    applied(augmentation, images, drawn(augmentation, images, seed=7))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    first.zero_()  # what comes back is the caller's to change
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", WITH_P)
def test_p_is_the_share_of_images_touched_and_the_others_keep_their_bits(name: str) -> None:
    options = {"sharpness_factor": 3.0} if name == "sharpness" else {}
    images = torch.randn(2000, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    for p in (0.0, 0.3, 1.0):
        augmentation = spec(name, p=p, **options)
        values = drawn(augmentation, images, seed=1)
        touched = values[0]
        assert touched.float().mean().item() == pytest.approx(p, abs=0.04 if p == 0.3 else 0)
        result = applied(augmentation, images, values)
        assert torch.equal(result[~touched], images[~touched])
        # Of perspective, the draw of all four corners in their old places changes nothing (1 in 3^8 here).
        assert (result[touched] != images[touched]).flatten(1).any(1).sum() >= 0.99 * touched.sum()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("color_jitter", {}, "changes nothing; set one of brightness, contrast, saturation, hue above 0"),
        ("color_jitter", {"hue": 0.6}, "less than or equal to 0.5"),
        ("gaussian_blur", {"kernel_size": 4}, "kernel_size is 4; give an odd number"),
        ("gaussian_blur", {"kernel_size": 3, "sigma": [2.0, 1.0]}, "give the least first"),
        ("gaussian_blur", {"kernel_size": 3, "sigma": [1.0]}, "at least 2 items"),
        ("rotation", {"degrees": 0}, "greater than 0"),
        ("rotation", {"degrees": 9, "interpolation": "bicubic"}, "'nearest' or 'bilinear'"),
        ("crop", {"padding": 1.5}, "valid integer"),
        ("sharpness", {"sharpness_factor": 1.0, "p": 1.1}, "less than or equal to 1"),
    ],
)
def test_refuses(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(name, **options)
