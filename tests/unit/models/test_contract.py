"""A network of the user's own keeps to the contract, or one line says how it does not."""

import re
from collections import OrderedDict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from probeline.models import _contract
from probeline.models.convnet import Spec
from tests.unit.models.conftest import WIDE, build

SHAPE = (3, 8, 8)


def built(make: Callable[[], nn.Module], outputs: int | None = 5) -> nn.Module:
    return _contract.build(SimpleNamespace(name="mine", build=lambda *_: make()), SHAPE, outputs)


def row(**layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(layers))


class Forward(nn.Module):
    """A network that says in `forward` what its layers would say in order, or something else."""

    def __init__(self, forward: Callable[[Any, Tensor], Any], **layers: nn.Module) -> None:
        super().__init__()
        self.how = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.how(self, x)
        return found


def convolutions() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(), nn.Flatten())


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(
    ("make", "outputs"),
    [
        (lambda: row(features=convolutions(), head=nn.Linear(72, 5)), 5),
        (lambda: row(features=convolutions(), head=nn.Sequential(nn.Linear(72, 4), nn.ReLU(), nn.Linear(4, 5))), 5),
        (lambda: row(features=convolutions(), embedding=nn.Linear(72, 7)), None),
        (lambda: Forward(lambda net, x: net.head(net.trunk(x)), trunk=convolutions(), head=nn.Linear(72, 5)), 5),
        (nn.Flatten, 5),  # the pixels have no head, whatever the outputs
    ],
)
def test_a_network_that_keeps_to_it(make: Callable[[], nn.Module], outputs: int | None, device: str) -> None:
    with torch.device(device):
        assert isinstance(built(make, outputs), nn.Module)


@pytest.mark.parametrize(
    ("make", "outputs", "line"),
    [
        (
            lambda: row(features=nn.Flatten(), classifier=nn.Linear(192, 5)),
            5,
            "its last layer is 'classifier', not 'head'; name the last layer head",
        ),
        (
            lambda: row(flatten=nn.Flatten(), head=nn.Linear(192, 5), softmax=nn.Softmax(1)),
            5,
            "its last layer is 'softmax', not 'head'; name the last layer head",
        ),
        (
            lambda: row(flatten=nn.Flatten(), head=nn.Linear(192, 5)),
            None,
            "has a layer 'head' where outputs is None; build no head then",
        ),
        (
            lambda: row(flatten=nn.Flatten(), head=nn.Linear(192, 3)),
            5,
            "maps one image to 1x3 numbers, not to 1x5; let its head give 5",
        ),
        (
            lambda: row(features=nn.Conv2d(3, 2, 3)),
            None,
            "maps one image to 1x2x6x6 numbers, not to a vector; end it with nn.Flatten()",
        ),
        (lambda: row(flatten=nn.Flatten(), head=nn.Linear(99, 5)), 5, "does not take images of 3x8x8: "),
        (
            lambda: Forward(lambda net, x: net.head(x.flatten(1)), head=nn.Linear(192, 5)),
            5,
            "its layers, applied in order, do not take images of 3x8x8: ",
        ),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_network_that_does_not(make: Callable[[], nn.Module], outputs: int | None, line: str, device: str) -> None:
    with torch.device(device), pytest.raises(ValueError, match=f"^models/mine.py: {re.escape(line)}") as caught:
        built(make, outputs)
    assert "\n" not in str(caught.value)


def test_a_step_of_forward_that_is_no_layer_is_found() -> None:
    layers = {"flatten": nn.Flatten(), "fc": nn.Linear(192, 9), "head": nn.Linear(9, 5)}
    with pytest.raises(ValueError, match=r"^models/mine.py: its layers, applied in order, give other numbers than its"):
        built(lambda: Forward(lambda net, x: net.head(functional.relu(net.fc(net.flatten(x)))), **layers))


def test_a_layer_that_stands_twice_in_a_row_is_found() -> None:
    # An encoder, which takes the children one by one, would apply it once.
    same = nn.Linear(192, 192)
    with pytest.raises(ValueError, match="its layers, applied in order, give other numbers than its forward"):
        built(lambda: row(flatten=nn.Flatten(), one=same, again=same, head=nn.Linear(192, 5)))


def test_weights_outside_of_the_layers_are_found() -> None:
    def make() -> nn.Module:
        network = row(flatten=nn.Flatten(), head=nn.Linear(192, 5))
        network.scale = nn.Parameter(torch.ones(1))
        return network

    with pytest.raises(ValueError, match=r"^models/mine.py: 'scale' belongs to none of its layers; put it into one$"):
        built(make)


def test_a_forward_that_gives_two_tensors_is_found() -> None:
    with pytest.raises(
        ValueError, match=r"^models/mine.py: its forward gives a tuple, not a tensor; return one tensor$"
    ):
        built(lambda: Forward(lambda net, x: (net.head(x.flatten(1)), x), head=nn.Linear(192, 5)))


def test_a_forward_that_needs_values_is_not_checked_where_there_are_none() -> None:
    def make() -> nn.Module:
        return Forward(lambda net, x: net.head(x if x.sum() > 0 else -x), head=row(a=nn.Flatten(), b=nn.Linear(192, 5)))

    with torch.device("meta"):
        assert isinstance(built(make), nn.Module)
    assert isinstance(built(make), nn.Module)


def test_the_check_draws_nothing_and_changes_nothing() -> None:
    def make() -> nn.Module:
        noisy = Forward(lambda _, x: x + 0 * torch.rand_like(x))
        norm = nn.BatchNorm1d(192).eval()
        return row(flatten=nn.Flatten(), norm=norm, noise=noisy, head=nn.Linear(192, 5))

    torch.manual_seed(3)
    plain = make()
    state = torch.get_rng_state()
    torch.manual_seed(3)
    checked = built(make)
    assert torch.equal(torch.get_rng_state(), state)
    assert [layer.training for layer in checked.modules()] == [layer.training for layer in plain.modules()]
    for name, value in checked.state_dict().items():
        assert torch.equal(value, plain.state_dict()[name]), name


def test_a_model_of_ours_starts_with_the_weights_that_it_would_have_without_the_check() -> None:
    checked = build(WIDE)
    torch.manual_seed(0)
    plain = Spec.model_validate(WIDE).build((3, 32, 32), 10)
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in checked.state_dict().items())
