"""Layers that do not train are computed once, and the training is the same."""

import pytest
import torch
from torch import nn

from probeline.compute.data import DeviceVectors
from probeline.tasks.task import Task
from probeline.training.evaluation import evaluate
from probeline.training.frozen import Frozen
from probeline.training.mode import train_mode
from probeline.training.spec import Run
from tests.unit.encoders.made import MODEL, larger
from tests.unit.training.made import network, on_device, spec


@pytest.fixture
def task(task: Task) -> Task:
    """Images of 8x8."""
    return larger(task)


@pytest.fixture
def run() -> Run:
    return spec(model=MODEL, normalize={"mean": [0.4], "std": [0.3]})


def test_what_is_frozen_is_seen_once(task: Task, run: Run) -> None:
    drawn, model = on_device(task, run), network(task, run)
    frozen = Frozen()
    assert frozen.shorten(model, drawn, "float32", "x") == (model, drawn)  # all of it trains
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("head"))
    rest, inner = frozen.shorten(model, drawn, "float32", "x")
    assert [type(layer) for layer in rest.children()] == [nn.Linear]
    assert isinstance(inner, DeviceVectors)
    again = frozen.shorten(model, drawn, "float32", "x")[1]
    assert isinstance(again, DeviceVectors)
    assert again.vectors is inner.vectors
    assert evaluate(rest, inner, "test", run).loss == pytest.approx(evaluate(model, drawn, "test", run).loss, rel=1e-5)


def test_augmented_images_are_never_computed_once(task: Task, run: Run) -> None:
    augmented = on_device(task, run.model_copy(update={"augment": [object()]}))
    model = network(task, run)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("head"))
    assert Frozen().shorten(model, augmented, "float32", "x") == (model, augmented)


def test_dropout_before_the_first_layer_that_trains_is_off(task: Task, run: Run) -> None:
    drawn = on_device(task, run)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.5), nn.Linear(8, 4), nn.Dropout(0.5), nn.Linear(4, 3)
    )
    model[1].requires_grad_(requires_grad=False)
    train_mode(model, freeze_batch_norm=False)
    assert [layer.training for layer in model] == [False, False, False, True, True, True]
    rest, inner = Frozen().shorten(model, drawn, "float32", "x")
    train_mode(rest, freeze_batch_norm=False)
    torch.manual_seed(0)
    short = rest(inner.batch(torch.arange(5)))
    train_mode(model, freeze_batch_norm=False)
    torch.manual_seed(0)
    assert torch.allclose(short, model(drawn.batch(torch.arange(5))), atol=1e-6)
