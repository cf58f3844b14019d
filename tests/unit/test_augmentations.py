"""Augmentations against torchvision's functions on the same drawn values, and their draws against what they promise."""

from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import permutations
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torchvision.transforms.v2 import functional

SHAPES = [(3, 32, 32), (1, 28, 28), (3, 20, 26)]
JITTER = {"brightness": 0.4, "contrast": 1.5, "saturation": 0.6, "hue": 0.5}
Reference = Callable[..., Any]


@pytest.fixture(autouse=True)
def _deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def spec(name: str, **options: Any) -> Any:
    return import_module(f"probeline.augmentations.{name}").Spec(name=name, **options)


def made(count: int, shape: tuple[int, int, int], seed: int = 0) -> Tensor:
    """Images with black, white and fully coloured pixels among the others, where hue is a matter of cases."""
    noise = torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))
    return (noise * 1.6 - 0.3).clamp(0, 1)


def drawn(augmentation: Any, images: Tensor, seed: int) -> tuple[Tensor, ...]:
    values = augmentation.draw(images, torch.Generator().manual_seed(seed))
    return values if isinstance(values, tuple) else (values,)


def applied(augmentation: Any, images: Tensor, values: tuple[Tensor, ...]) -> Tensor:
    result: Tensor = augmentation.apply(images, values if len(values) > 1 else values[0])
    return result


def draws(augmentation: Any, count: int, shape: tuple[int, int, int] = (1, 32, 32)) -> tuple[Tensor, ...]:
    return drawn(augmentation, torch.empty(1, *shape).expand(count, -1, -1, -1), seed=0)


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
    (spec("perspective", distortion=0.3, p=0.8, interpolation="nearest"), perspective("nearest"), 0, 40),
    (spec("sharpness", factor=3.0), sharpness(3.0), 1e-6, 2),
    (spec("sharpness", factor=0, p=0.8), sharpness(0), 1e-6, 2),
    (spec("gaussian_blur", kernel=5), blur(5), 1e-6, 60),
    (spec("gaussian_blur", kernel=23, sigma=[0.5, 9]), blur(23), 1e-5, 60),
    (spec("colour_jitter", **JITTER), jitter(*JITTER), 1e-5, 60),
    (spec("colour_jitter", contrast=0.5, hue=0.1), jitter("contrast", "hue"), 1e-5, 60),
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
    options = {"factor": 3.0} if name == "sharpness" else {}
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


def unevenness(values: Tensor, count: int) -> float:
    """Chi-square of whole numbers below count, over its degrees of freedom: about 1 where all are equally likely."""
    found = torch.bincount(values.flatten(), minlength=count).double()
    assert len(found) == count
    return float(((found - found.mean()) ** 2 / found.mean()).sum() / (count - 1))


def tenths(values: Tensor, low: float, high: float) -> Tensor:
    """Which tenth of the range each value is in; a value outside of it is in none of 0 to 9."""
    return ((values.double() - low) / (high - low) * 10).clamp(max=10 - 1e-9).floor().long()


def test_uniform_windows() -> None:
    (windows,) = draws(spec("crop", padding=4), 81_000)
    assert unevenness(windows[:, 0] * 9 + windows[:, 1], 81) < 1.6


def test_uniform_angles() -> None:
    (angles,) = draws(spec("rotation", degrees=3), 10_000)
    assert unevenness(tenths(angles, -3, 3), 10) < 3


def test_uniform_sigmas() -> None:
    (sigmas,) = draws(spec("gaussian_blur", kernel=3), 10_000)
    assert unevenness(tenths(sigmas, 0.1, 2.0), 10) < 3


def test_uniform_corners() -> None:
    # RandomPerspective.get_params: 0 to int(distortion * half the size), both ends included.
    _, inwards = draws(spec("perspective", distortion=0.3), 10_000, shape=(1, 27, 40))
    for corner in range(4):
        assert unevenness(inwards[:, corner, 0], int(0.3 * 20) + 1) < 3.5
        assert unevenness(inwards[:, corner, 1], int(0.3 * 13) + 1) < 3.5
    one_place = (inwards * torch.tensor([4, 1])).sum(2)  # x and y of a corner are independent, and so are two corners
    assert unevenness(one_place[:, 0], 28) < 2
    assert unevenness(inwards[:, 0, 0] * 7 + inwards[:, 1, 0], 49) < 2


def test_uniform_factors_in_every_order() -> None:
    order, factors = draws(spec("colour_jitter", **JITTER), 24_000)
    rank = {each: index for index, each in enumerate(permutations(range(4)))}
    assert unevenness(torch.tensor([rank[tuple(row)] for row in order.tolist()]), 24) < 2
    ends = [(0.6, 1.4), (0.0, 2.5), (0.4, 1.6), (-0.5, 0.5)]
    for column, (low, high) in zip(factors.unbind(1), ends, strict=True):
        assert unevenness(tenths(column, low, high), 10) < 3
    assert factors.T.corrcoef().fill_diagonal_(0).abs().max() < 0.03


def test_corners_on_one_line_leave_no_nan() -> None:
    inwards = torch.tensor([[[14, 3], [14, 0], [0, 0], [0, 14]]])  # (14, 3), (17, 0) and (0, 17): on x + y = 17
    for interpolation in ("nearest", "bilinear"):
        augmentation = spec("perspective", distortion=1.0, interpolation=interpolation)
        for corners in (inwards, torch.full((1, 4, 2), 16), torch.tensor([[[16, 0], [16, 0], [0, 0], [0, 0]]])):
            result = augmentation.apply(made(1, (3, 32, 32)), (torch.tensor([True]), corners))
            assert ((result >= 0) & (result <= 1)).all()


def test_images_too_small() -> None:
    augmentation = spec("gaussian_blur", kernel=9)
    augmentation.apply(made(1, (1, 5, 8)), torch.tensor([1.0]))
    with pytest.raises(ValueError, match="a kernel of 9 does not fit images of 4x8; give at most 7"):
        augmentation.apply(made(1, (1, 4, 8)), torch.tensor([1.0]))
    small = made(1, (1, 2, 8))
    assert torch.equal(spec("sharpness", factor=2.0).apply(small, torch.tensor([True])), small)


def test_one_channel_has_no_saturation_and_no_hue() -> None:
    images = torch.randn(8, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    augmentation = spec("colour_jitter", saturation=0.5, hue=0.5)
    assert torch.equal(applied(augmentation, images, drawn(augmentation, images, seed=0)), images)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("colour_jitter", {}, "changes nothing; set one of brightness, contrast, saturation, hue above 0"),
        ("colour_jitter", {"hue": 0.6}, "less than or equal to 0.5"),
        ("gaussian_blur", {"kernel": 4}, "kernel is 4; give an odd number"),
        ("gaussian_blur", {"kernel": 3, "sigma": [2.0, 1.0]}, "give the least first"),
        ("gaussian_blur", {"kernel": 3, "sigma": [1.0]}, "at least 2 items"),
        ("rotation", {"degrees": 0}, "greater than 0"),
        ("rotation", {"degrees": 9, "interpolation": "bicubic"}, "'nearest' or 'bilinear'"),
        ("crop", {"padding": 1.5}, "valid integer"),
        ("sharpness", {"factor": 1.0, "p": 1.1}, "less than or equal to 1"),
    ],
)
def test_refuses(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(name, **options)
