"""An encoder's network and its vectors: against the network that they come from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from probeline.compute.view import Resize
from probeline.encoders.embed import embed, network
from probeline.pipeline.errors import ParamError
from probeline.tasks.task import Task
from probeline.training import model
from probeline.training.model import Model
from tests.unit.encoders.made import source, spec

CPU = torch.device("cpu")
FOLDER = Path("data/models/mine")
SHAPE = (1, 8, 8)


def whole(source: Model, seed: int) -> nn.Module:
    """The network of the run `mine`, as a seed began."""
    torch.manual_seed(seed)
    return source.build(SHAPE, source.outputs).eval()


def pixels(task: Task) -> Tensor:
    raw = torch.from_numpy(np.array(task.images)).permute(0, 3, 1, 2).float() / 255
    return (raw - 0.4) / 0.3


@pytest.mark.usefixtures("project")
def test_vectors_are_what_the_head_of_the_network_gets(task: Task) -> None:
    mine = model.load(FOLDER)
    vectors = embed(network(mine, spec(seed=1), SHAPE, FOLDER), mine, task, None, CPU)
    expected = whole(mine, 0)
    expected.load_state_dict(model.load_weights(FOLDER, 1))
    with torch.no_grad():
        logits = expected(pixels(task))
        found = expected.get_submodule("head")(torch.from_numpy(vectors))
    assert torch.allclose(found, logits, atol=1e-5)
    assert vectors.shape == (60, 5)
    assert vectors.dtype == np.float32


@pytest.mark.usefixtures("project")
def test_initial_weights_are_those_before_the_training(task: Task) -> None:
    mine = model.load(FOLDER)
    for seed in (0, 1):
        trunk = network(mine, spec(weights="initial", seed=seed), SHAPE, Path("none"))
        expected = whole(mine, seed)
        assert isinstance(expected, nn.Sequential)
        with torch.no_grad():
            wanted = expected[:-1](pixels(task))
        found = embed(trunk, mine, task, None, CPU)
        assert np.allclose(found, wanted.numpy(), atol=1e-6)
        trained = embed(network(mine, spec(seed=seed), SHAPE, FOLDER), mine, task, None, CPU)
        assert not np.allclose(found, trained, atol=1e-3)


def test_raw_pixels_are_numbers_from_0_to_1(task: Task) -> None:
    anything = source(None)
    trunk = network(anything, spec(weights="initial"), SHAPE, Path("none"))
    assert np.allclose(embed(trunk, anything, task, None, CPU), task.images.reshape(60, -1) / 255)


@pytest.mark.usefixtures("project")
def test_images_of_another_size_are_resized(task: Task) -> None:
    mine = model.load(FOLDER)
    trunk = network(mine, spec(), SHAPE, FOLDER)
    large = replace(task, images=np.kron(task.images, np.ones((1, 2, 2, 1), dtype=np.uint8)))
    small, resized = (embed(trunk, mine, of, how, CPU) for of, how in ((task, None), (large, Resize(8, 8))))
    assert np.allclose(resized, small, atol=0.03)


@pytest.mark.usefixtures("project")
def test_a_seed_that_was_not_trained_is_told_with_those_there_are() -> None:
    with pytest.raises(ParamError) as error:
        network(model.load(FOLDER), spec(seed=7), SHAPE, FOLDER)
    assert error.value.lines == ("params.yaml: seed: mine has no seed 7; it has 0, 1",)


@pytest.mark.usefixtures("project")
def test_a_network_that_is_another_one_for_other_images_is_told_at_resize() -> None:
    with pytest.raises(ParamError) as error:
        network(model.load(FOLDER), spec(), (1, 6, 6), FOLDER)
    assert error.value.lines == (
        "params.yaml: resize: the network of mine is another one for images of 6x6; leave resize out",
    )


@pytest.mark.usefixtures("project")
def test_a_network_that_cannot_be_built_for_small_images_is_told() -> None:
    with pytest.raises(ParamError, match=r"^params.yaml: images of 1x1 are too small for 2 stages of convnet; "):
        network(model.load(FOLDER), spec(weights="initial"), (1, 1, 1), FOLDER)


def test_a_network_that_cannot_read_images_of_a_size_is_told_at_resize(task: Task) -> None:
    with pytest.raises(ParamError) as error:
        embed(nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), source(None), task, None, CPU)
    assert error.value.key == "resize"
    assert error.value.what.startswith("the network cannot read images of this size (mat1 and mat2 shapes")
    assert error.value.remedy == "leave resize out"


def test_a_memory_that_is_too_small_is_told(task: Task) -> None:
    class Full(nn.Module):
        def forward(self, _: Tensor) -> Tensor:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4398046511104 bytes")

    with pytest.raises(ParamError, match=r"^params.yaml: this machine's memory is too small for it; embed smaller"):
        embed(Full(), source(None), task, None, CPU)


def test_vectors_that_are_not_finite_are_refused(task: Task) -> None:
    layer = nn.Linear(64, 2)
    nn.init.constant_(layer.bias, torch.nan)
    with pytest.raises(ParamError, match=r"source: its vectors are not finite: that run diverged; embed another$"):
        embed(nn.Sequential(nn.Flatten(), layer), source(None), task, None, CPU)
