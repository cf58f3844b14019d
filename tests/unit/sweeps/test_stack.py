"""Linear models side by side: gradients by hand against autograd, steps against torch.optim.SGD."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from probeline.sweeps import stack
from tests.unit.sweeps.made import HINGE, SOFTMAX, run


def layers(number: int) -> list[nn.Linear]:
    torch.manual_seed(0)
    return [nn.Linear(3, 4) for _ in range(number)]


def stacked(models: list[nn.Linear]) -> stack.Stack:
    return stack.Stack.of([{f"head.{name}": value for name, value in one.state_dict().items()} for one in models])


def test_a_stack_holds_its_models_and_gives_their_outputs() -> None:
    models = layers(3)
    made = stacked(models)
    features = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    outputs = made.outputs(features)
    assert outputs.shape == (4, 3, 5)
    for number, layer in enumerate(models):
        assert made.model(number)["head.weight"].equal(layer.weight)
        assert made.model(number)["head.bias"].equal(layer.bias)
        torch.testing.assert_close(outputs[:, number].T, layer(features))


def test_every_model_descends_as_torch_lets_it() -> None:
    models = layers(3)
    made = stacked(models)
    settings = [stack.Sgd(0.1, 0.0, 0.0, 0.5), stack.Sgd(0.01, 0.9, 0.2, 0.0), stack.Sgd(0.3, 0.5, 0.1, 0.3)]
    optimizers = [
        torch.optim.SGD(
            [
                {"params": [layer.weight], "weight_decay": s.weight_decay + s.penalty},
                {"params": [layer.bias], "weight_decay": s.weight_decay},
            ],
            lr=s.lr,
            momentum=s.momentum,
        )
        for layer, s in zip(models, settings, strict=True)
    ]
    descent = stack.Descent(made, settings)
    generator = torch.Generator().manual_seed(0)
    chosen = run().objective
    for _ in range(4):
        features = torch.randn(6, 3, generator=generator)
        labels = torch.randint(0, 4, (6,), generator=generator)
        with torch.no_grad():
            outputs = made.outputs(features)
            descent.step(stack.gradient(chosen, outputs, stack.one_hot(labels, 4)), features)
        for layer, optimizer in zip(models, optimizers, strict=True):
            optimizer.zero_grad()
            functional.cross_entropy(layer(features), labels).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    for number, layer in enumerate(models):
        torch.testing.assert_close(made.model(number)["head.weight"], layer.weight.detach(), rtol=0, atol=1e-6)
        torch.testing.assert_close(made.model(number)["head.bias"], layer.bias.detach(), rtol=0, atol=1e-6)


def test_many_small_decays_add_up() -> None:
    """lr * penalty is 2e-8, and 1 minus that is 1 in float32: yet 4,000 such steps take 8e-5 off a weight of 1."""
    start = {"head.weight": torch.ones(2, 3), "head.bias": torch.ones(2)}
    models = stack.Stack.of([start])
    descent = stack.Descent(models, [stack.Sgd(lr=1e-5, momentum=0.0, weight_decay=0.0, penalty=0.002)])
    generator = torch.Generator().manual_seed(0)
    moved = torch.zeros(2, dtype=torch.float64)
    for _ in range(4000):
        gradient = torch.randn(2, 1, 1, generator=generator)
        moved -= 1e-5 * gradient.view(2).double()
        descent.step(gradient, torch.ones(1, 3))
    decayed = models.model(0)["head.weight"].double() - 1 - moved[:, None]
    assert decayed == pytest.approx(torch.full((2, 3), -8e-5).numpy(), rel=0.1)
    torch.testing.assert_close(models.model(0)["head.bias"].double(), 1 + moved, rtol=0, atol=4e-6)


@pytest.mark.parametrize("objective", [SOFTMAX, HINGE], ids=["softmax", "hinge"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_gradients_by_hand_are_those_of_the_objective(objective: dict[str, Any], scale: float) -> None:
    chosen = run(objective=objective).objective
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(4, 3, 5, generator=generator) * scale  # four classes, three models, five images
    labels = torch.tensor([3, 0, 0, 2, 1])
    hot = stack.one_hot(labels, 4)
    for model in range(3):
        alone = outputs[:, model].T.clone().requires_grad_()
        loss, _ = chosen.loss(alone, labels)
        (expected,) = torch.autograd.grad(loss, alone)
        torch.testing.assert_close(stack.gradient(chosen, outputs, hot)[:, model].T / 5, expected, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(stack.losses(chosen, outputs, hot)[model].mean(), loss, rtol=1e-5, atol=1e-7)
