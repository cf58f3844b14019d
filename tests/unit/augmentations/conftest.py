"""Images, augmentations with their drawn values, and a test of evenness."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import Tensor

JITTER = {"brightness": 0.4, "contrast": 1.5, "saturation": 0.6, "hue": 0.5}


@pytest.fixture(autouse=True)
def _deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def spec(name: str, **options: Any) -> Any:
    return import_module(f"probeline.augmentations.{name}").Spec(name=name, **options)


def made(count: int, shape: tuple[int, int, int], seed: int = 0) -> Tensor:
    """Images with black, white and fully colored pixels among the others, where hue is a matter of cases."""
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


def unevenness(values: Tensor, count: int) -> float:
    """Chi-square of whole numbers below count, over its degrees of freedom: about 1 where all are equally likely."""
    found = torch.bincount(values.flatten(), minlength=count).double()
    assert len(found) == count
    return float(((found - found.mean()) ** 2 / found.mean()).sum() / (count - 1))


def tenths(values: Tensor, low: float, high: float) -> Tensor:
    """Which tenth of the range each value is in; a value outside of it is in none of 0 to 9."""
    return ((values.double() - low) / (high - low) * 10).clamp(max=10 - 1e-9).floor().long()
