"""Images on the device: normalized, augmented, and in the layout that the run asks for."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from probeline.compute.data import DeviceVectors, of_resample, splits_of, to_device
from probeline.compute.view import Normalize, Resize, View
from probeline.pipeline.errors import ParamError
from probeline.pipeline.params import module
from probeline.tasks.task import Task

CPU = torch.device("cpu")


def step(**entry: Any) -> Any:
    return module("augmentations", entry["name"]).Spec.model_validate(entry)


CROP, MARK = step(name="crop", padding=1), step(name="normalize")
SHARP = step(name="sharpness", sharpness_factor=2.0)
HALF = Normalize(mean=[0.5], std=[0.2])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_pixels_are_normalized_by_channel(task: Task) -> None:
    color = replace(task, images=np.repeat(task.images, 3, axis=3))
    view = View(Normalize(mean=[0.5, 0.0, 0.25], std=[0.5, 1.0, 2.0]))
    data = to_device(color, view, CPU)
    assert data.images.dtype == torch.uint8
    found = data.batch(torch.tensor([7]))[0]
    pixel = task.images[7, :, :, 0] / 255
    for channel, (mean, std) in enumerate(((0.5, 0.5), (0.0, 1.0), (0.25, 2.0))):
        np.testing.assert_allclose(found[channel].numpy(), (pixel - mean) / std, atol=1e-6)
    with pytest.raises(ParamError, match=r"normalize.mean: 3 values for images of 1 channels; give 1$") as error:
        to_device(task, view, CPU)
    assert error.value.key == "normalize.mean"
    with pytest.raises(ParamError, match=r"normalize.std: 2 values for images of 3 channels; give 1 or 3$"):
        to_device(color, View(Normalize(mean=[0.5], std=[0.5, 1.0])), CPU)


def test_without_normalization_pixels_lie_in_0_to_1(task: Task) -> None:
    found = to_device(task, View(), CPU).batch(torch.arange(60))
    np.testing.assert_allclose(found[:, 0].numpy(), task.images[:, :, :, 0] / 255, atol=1e-6)


def test_each_resample_has_its_own_images(task: Task) -> None:
    data = of_resample(to_device(task, View(), CPU), task, 1)
    expected = {"train": task.train[1], "validation": task.validation[1], "test": task.test}
    assert {split: indices.tolist() for split, indices in data.splits.items()} == {
        split: indices.tolist() for split, indices in expected.items()
    }
    assert data.labels.tolist() == task.labels.tolist()
    assert not torch.equal(data.splits["train"], splits_of(task, 0, CPU)["train"])


def test_augmentation_changes_training_images_alone_and_normalizes_where_it_is_told(task: Task) -> None:
    data = to_device(task, View(HALF, augment=[CROP, MARK, SHARP]), CPU)
    chosen = torch.arange(20)
    pixels = torch.tensor(task.images[:20, :, :, 0][:, None] / 255, dtype=torch.float32)
    torch.testing.assert_close(data.batch(chosen), (pixels - 0.5) / 0.2)

    found = data.training_batch(chosen, seeded(3))
    generator = seeded(3)
    expected = CROP.apply(pixels, CROP.draw(pixels, generator))
    expected = (expected - 0.5) / 0.2
    expected = SHARP.apply(expected, SHARP.draw(expected, generator))
    torch.testing.assert_close(found, expected)

    found = to_device(task, View(HALF, augment=[CROP]), CPU).training_batch(chosen, seeded(3))
    torch.testing.assert_close(found, (CROP.apply(pixels, CROP.draw(pixels, seeded(3))) - 0.5) / 0.2)


def test_without_augmentation_training_images_are_the_same(task: Task) -> None:
    data = to_device(task, View(HALF), CPU)
    chosen = torch.arange(20)
    assert data.training_batch(chosen, seeded(0)).equal(data.batch(chosen))


def test_channels_last_changes_the_layout_alone(task: Task) -> None:
    color = replace(task, images=np.repeat(task.images, 3, axis=3))
    usual, other = (to_device(color, View(channels_last=last), CPU).batch(torch.arange(5)) for last in (False, True))
    assert usual.is_contiguous()
    assert other.is_contiguous(memory_format=torch.channels_last)
    assert not other.is_contiguous()
    assert usual.equal(other)


def test_shown_images_are_the_pixels_again(task: Task) -> None:
    data = to_device(task, View(HALF), CPU)
    assert data.shown(data.batch(torch.arange(60))).equal(data.images)
    assert data.shown(torch.tensor([-100.0, 100.0]).view(1, 1, 1, 2)).flatten().tolist() == [0, 255]


def test_a_view_says_what_a_network_gets(task: Task) -> None:
    assert View().shape(task) == (1, 4, 4)
    resized = View(resize=Resize(12, 10))
    assert resized.shape(task) == (1, 10, 10)
    data = to_device(task, resized, CPU)
    assert data.batch(torch.arange(3)).shape == (3, 1, 10, 10)
    assert (data.values, to_device(task, View(), CPU).values) == (100, 16)


def test_resizing_keeps_the_centre() -> None:
    pixels = torch.arange(36.0).view(1, 1, 6, 6)
    assert Resize(6, 2)(pixels).flatten().tolist() == [14, 15, 20, 21]
    assert Resize(6, 6)(pixels).equal(pixels)


def test_vectors_are_read_as_they_are() -> None:
    vectors = torch.arange(12.0).view(4, 3)
    data = DeviceVectors(vectors, torch.arange(4), {})
    chosen = torch.tensor([2, 0])
    assert data.batch(chosen).tolist() == [[6, 7, 8], [0, 1, 2]]
    assert data.training_batch(chosen, seeded(0)).equal(data.batch(chosen))
    assert data.values == 3
