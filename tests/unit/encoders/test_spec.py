"""An encoder in params.yaml, and how the images of its task become those that its network reads."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from probeline.compute.view import Normalize, Resize
from probeline.encoders.spec import Encoder, view, view_of
from probeline.pipeline.errors import ParamError
from probeline.tasks.task import Task
from tests.unit.encoders.made import source, spec
from tests.unit.report.made import embedded

BACKBONE = source((1, 6, 6), normalize=Normalize(mean=[0.5], std=[0.5]), resize=7, interpolation="bicubic")


def test_an_encoder_is_trained_and_of_seed_0_unless_it_says_otherwise() -> None:
    short = Encoder.model_validate({"source": "mine", "task": "made"})
    assert short == spec()
    assert short.resize is None


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"weights": "fresh"}, "weights"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"resize": 3}, "resize"),
        ({"resize": 2000}, "resize"),
        ({"size": 32}, ""),
        ({"task": None}, "task"),
    ],
)
def test_a_mistake_in_an_encoder_is_told_with_its_key(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError) as error:
        spec(**changes)
    assert [".".join(map(str, found["loc"])) for found in error.value.errors()] == [key]


def test_images_of_the_size_of_a_run_are_taken_as_they_are(task: Task) -> None:
    assert view(source(), spec(), task) is None


def test_a_model_that_takes_any_image_takes_the_task_as_it_is(task: Task) -> None:
    assert view(source(None), spec(), task) is None
    assert view(source(None), spec(), replace(task, images=task.images[:, :, ::2])) is None
    assert view(source(None), spec(resize=5), task) == Resize(5, 5)


def test_a_backbone_sees_the_center_of_the_size_it_was_published_for(task: Task) -> None:
    assert view(BACKBONE, spec(), task) == Resize(7, 6, "bicubic")
    assert view(BACKBONE, spec(resize=9), task) == Resize(9, 6, "bicubic")
    assert view(BACKBONE, spec(resize=5), task) == Resize(5, 5, "bicubic")


def test_images_of_another_size_are_resized_where_the_entry_says_so(task: Task) -> None:
    large = replace(task, images=task.images.repeat(2, 1).repeat(2, 2))
    assert view(source(), spec(resize=8), large) == Resize(8, 8)


@pytest.mark.parametrize(
    ("shape", "changes", "key", "line"),
    [
        (
            (8, 4, 1),
            {"resize": 8},
            "",
            "the images of made are 8x4, and only square ones are resized; give tasks.made a number of pixels",
        ),
        (
            (8, 8, 3),
            {},
            "",
            "mine reads images of 1 channel(s) and made has 3; embed a task with 1",
        ),
        (
            (4, 4, 1),
            {},
            "",
            "mine reads images of 8x8 and those of made are 4x4; embed a task of that size, or set resize: 8",
        ),
        (
            (8, 8, 1),
            {"resize": 6},
            "",
            "mine reads images of 8x8 and those of made are 6x6; embed a task of that size, or set resize: 8",
        ),
    ],
)
def test_images_that_do_not_fit_are_told_in_one_line(
    task: Task, shape: tuple[int, int, int], changes: dict[str, Any], key: str, line: str
) -> None:
    other = replace(task, images=np.zeros((60, *shape), np.uint8))
    with pytest.raises(ParamError) as error:
        view(source(), spec(**changes), other)
    assert error.value.key == key
    assert error.value.lines == (f"params.yaml: {line}",)


def test_what_was_embedded_tells_how_its_images_were_resized() -> None:
    assert view_of(BACKBONE, embedded(resize=7, shape=(1, 6, 6))) == Resize(7, 6, "bicubic")
    assert view_of(source(), embedded(resize=None, shape=(1, 8, 8))) is None
