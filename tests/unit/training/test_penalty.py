"""The penalty on the squared weights, and its gradient."""

from typing import Any

import pytest
import torch
from torch import nn

from probeline.training.engine import add_penalty_gradient
from probeline.training.penalty import L2

IMAGES = 10


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    for parameter in layers.parameters():
        parameter.grad = torch.zeros_like(parameter)
    return layers


@pytest.mark.parametrize("form", ["sum", "half", "per_image"])
@pytest.mark.parametrize("which", ["all", "last"])
def test_the_gradient_is_that_of_the_penalty_and_leaves_biases_alone(form: Any, which: Any) -> None:
    layers = network()
    add_penalty_gradient(L2.model_validate({"lambda": 0.3, "form": form, "layers": which}), layers.parameters(), IMAGES)
    weights = {name: p for name, p in layers.named_parameters() if name in {"0.weight", "2.weight"}}
    penalized = weights if which == "all" else {"2.weight": weights["2.weight"]}
    factor = {"sum": 0.3, "half": 0.3 / 2, "per_image": 0.3 / IMAGES}[form]
    added = factor * torch.stack([weight.square().sum() for weight in penalized.values()]).sum()
    expected = dict(zip(penalized, torch.autograd.grad(added, list(penalized.values())), strict=True))
    for name, parameter in layers.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, expected.get(name, torch.zeros_like(parameter)))


def test_frozen_weights_have_no_penalty() -> None:
    layers = network()
    first, *_, last = (weight for name, weight in layers.named_parameters() if name in {"0.weight", "2.weight"})
    last.grad = None
    add_penalty_gradient(
        L2.model_validate({"lambda": 1.0, "form": "half", "layers": "last"}), layers.parameters(), IMAGES
    )
    assert last.grad is None
    assert first.grad is not None
    assert first.grad.equal(first)


def test_its_key_is_lambda() -> None:
    l2 = L2.model_validate({"lambda": 0.5, "form": "sum"})
    assert l2.lambda_ == 0.5
    assert l2.model_dump() == {"lambda": 0.5, "form": "sum", "layers": "all"}
