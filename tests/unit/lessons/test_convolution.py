"""D12 against torchvision; D13 and D14 against a plain loop with automatic differentiation."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from torchvision.transforms.functional import gaussian_blur

from probeline.lessons import convolution
from probeline.lessons.spec import Blur
from probeline.pipeline.errors import ParamError
from probeline.results.lessons import NotFinite
from probeline.tasks.task import Task
from tests.unit.lessons.conftest import LESSONS


def test_the_kernel_is_that_of_torchvision_and_sums_to_one() -> None:
    impulse = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    impulse[..., 4, 4] = 1
    kernel = convolution.gaussian(5, 0.8)
    expected = gaussian_blur(impulse, [5, 5], [0.8])[0, 0, 2:7, 2:7]
    np.testing.assert_allclose(kernel, expected.numpy(), rtol=1e-6)
    assert kernel.sum() == pytest.approx(1, rel=1e-15)
    assert kernel[2, 2] / kernel[2, 0] == pytest.approx(math.exp(4 / (2 * 0.8**2)))


def test_every_channel_of_d12_is_the_blurred_image() -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 9, 3), dtype=np.uint8)
    blurred = convolution.blur(images, Blur(images=2, channels=4, kernel_size=5, sigma=0.8))
    assert blurred.shape == (2, 4, 8, 9)
    expected = gaussian_blur(torch.tensor(images.mean(3))[:, None], [5, 5], [0.8])
    for channel in range(4):
        inside = blurred[:, channel, 2:-2, 2:-2]  # at the border torchvision mirrors the image
        np.testing.assert_allclose(inside, expected[:, 0, 2:-2, 2:-2].numpy(), rtol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"outputs": "sum", "clip": 3.0, "largest_pixel": 1.0, "lr": 0.01, "l2": 0.5}])
def test_matching_is_a_plain_loop_of_automatic_differentiation(changes: dict[str, Any]) -> None:
    spec = LESSONS.d13.model_copy(update=changes)
    images = np.random.default_rng(1).integers(0, 256, (10, 6, 6, 3), dtype=np.uint8)
    found = convolution.match(images, spec, 4, 7)
    x = torch.tensor(images.transpose(0, 3, 1, 2) * spec.largest_pixel / 255)
    rng = np.random.default_rng(7)
    drawn = [torch.tensor(rng.uniform(-1, 1, shape)) for shape in 2 * [(2, 3, 3, 3), (2,)]]
    target = functional.conv2d(x, drawn[0], drawn[1], padding=1)
    weight, bias = (values.requires_grad_() for values in drawn[2:])
    losses = []
    for _ in range(3):
        norms = []
        for chosen in torch.split(torch.tensor(rng.permutation(10)), 4):
            difference = functional.conv2d(x[chosen], weight, bias, padding=1) - target[chosen]
            each = difference.square().flatten(1)
            loss = (each.mean(1) if spec.outputs == "mean" else each.sum(1)).sum() + spec.l2 * weight.square().sum()
            gradients = torch.autograd.grad(loss, [weight, bias])
            norms.append(difference.norm().item())
            with torch.no_grad():
                for parameter, gradient in zip((weight, bias), gradients, strict=True):
                    clip = math.inf if spec.clip is None else spec.clip
                    parameter.sub_(spec.lr * gradient.clamp(-clip, clip))
        losses.append(np.mean(norms))
    assert found.losses == pytest.approx(losses, rel=1e-10)
    norm = (functional.conv2d(x, weight, bias, padding=1) - target).norm().item()
    assert found.norm == pytest.approx(norm, rel=1e-10)
    assert found.not_finite == NotFinite(step=None, epoch=None, nan_epoch=None)


def test_an_explosion_is_recorded_with_the_step_at_which_it_is_no_longer_finite() -> None:
    # One pixel of 1, one weight w towards v, no bias in sight of lr: w - v grows by 1 - 2 lr per step, here -1e100.
    images = np.full((2, 1, 1, 1), 255, dtype=np.uint8)
    spec = LESSONS.d13.model_copy(
        update={"largest_pixel": 1.0, "channels": 1, "kernel_size": 1, "lr": 5e99, "l2": 0.0, "epochs": 9}
    )
    found = convolution.match(images, spec, 1, 0)
    # The gradient of the bias is the same, so the difference grows by 1 - 4 lr: its square passes 1e308 in step 2.
    assert found.not_finite.step == 2
    assert found.not_finite.epoch == 1
    losses = np.array(found.losses, dtype=float)
    assert np.isfinite(losses[0])
    assert losses[1] == np.inf
    assert np.isnan(losses).tolist() == [False] * (len(losses) - 1) + [True]
    assert found.not_finite.nan_epoch == len(losses) - 1 < 8


def test_more_images_than_there_are_is_refused(task: Task) -> None:
    assert (convolution.first_images(task, 2) == task.images[task.train[0, :2]]).all()
    with pytest.raises(ParamError, match=r"^params.yaml: images: 31 are asked for, and the task has 30; ask"):
        convolution.first_images(task, 31)
