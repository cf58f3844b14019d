"""The optimizers are PyTorch's, with the options of the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from probeline.tasks.task import Task
from probeline.training.optimizer import Optimizer
from tests.unit.training.made import fit, spec

THEIRS: dict[str, Any] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


@pytest.mark.parametrize(
    "optimizer",
    [
        {"name": "sgd", "lr": 0.1, "weight_decay": 0.5},
        {"name": "sgd", "lr": 0.1, "momentum": 0.9},
        {"name": "adam", "lr": 0.01, "weight_decay": 0.1},
        {"name": "rmsprop", "lr": 0.01, "momentum": 0.5},
        {"name": "adagrad", "lr": 0.1, "weight_decay": 0.2},
    ],
)
def test_the_optimizer_is_pytorchs_with_the_options_of_the_run(
    task: Task, tmp_path: Path, optimizer: dict[str, Any]
) -> None:
    found = fit(task, spec(optimizer=optimizer, batch_size=30, epochs=3), tmp_path).weights
    torch.manual_seed(0)
    layer = nn.Linear(16, 3)
    options = {key: value for key, value in optimizer.items() if key != "name"}
    theirs = THEIRS[optimizer["name"]](layer.parameters(), **options)
    images = torch.tensor(task.images[task.train[0]].reshape(-1, 16) / 255, dtype=torch.float32)
    for _ in range(3):
        theirs.zero_grad()
        loss = nn.functional.cross_entropy(layer(images), torch.tensor(task.labels[task.train[0]]))
        torch.autograd.backward(loss)
        theirs.step()
    torch.testing.assert_close(found["head.weight"], layer.weight.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["head.bias"], layer.bias.detach(), rtol=1e-4, atol=1e-5)


def test_there_is_no_other_optimizer() -> None:
    assert Optimizer(name="sgd", lr=0.1).model_dump() == {
        "name": "sgd",
        "lr": 0.1,
        "momentum": 0.0,
        "weight_decay": 0.0,
    }
    for name, kind in THEIRS.items():
        made = Optimizer.model_validate({"name": name, "lr": 0.5}).of([nn.Parameter(torch.zeros(1))])
        assert isinstance(made, kind)
        assert made.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("name", ["adam", "rmsprop", "adagrad"])
def test_no_optimizer_takes_the_root_of_mkl_whose_last_digit_depends_on_the_processor(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots: list[torch.dtype] = []

    def seen(theirs: Callable[..., Any]) -> Callable[..., Any]:
        def root(x: Any) -> Any:
            roots.append(x.dtype if isinstance(x, torch.Tensor) else x[0].dtype)
            return theirs(x)

        return root

    for owner, function in (
        (torch.Tensor, "sqrt"), (torch.Tensor, "sqrt_"), (torch, "_foreach_sqrt"), (torch, "_foreach_sqrt_"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, function, seen(getattr(owner, function)))
    layer = nn.Linear(40, 30)
    layer(torch.rand(8, 40)).square().sum().backward()
    Optimizer.model_validate({"name": name, "lr": 0.1}).of(layer.parameters()).step()
    assert torch.float32 not in roots


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_with_the_same_roots_rmsprop_gives_the_bits_of_pytorch(
    momentum: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "sqrt", lambda x, theirs=torch.Tensor.sqrt: theirs(x.double()).to(x.dtype))
    ours, theirs = nn.Linear(40, 30), nn.Linear(40, 30)
    theirs.load_state_dict(ours.state_dict())
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1, "momentum": momentum}
    steps = [
        (ours, Optimizer(name="rmsprop", **options).of(ours.parameters())),
        (theirs, torch.optim.RMSprop(theirs.parameters(), foreach=False, **options)),
    ]
    for layer, optimizer in steps:
        for _ in range(5):
            optimizer.zero_grad()
            layer(torch.arange(320.0).reshape(8, 40).sin()).square().sum().backward()
            optimizer.step()
    assert torch.equal(ours.weight, theirs.weight)
    assert torch.equal(ours.bias, theirs.bias)


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_the_greatest_numbers_that_params_yaml_takes_are_numbers_for_pytorch(
    name: str, task: Task, tmp_path: Path
) -> None:
    most = 1e35
    changes = {"optimizer": {"name": name, "lr": most, "weight_decay": most}, "clip_norm": most}
    run = spec(**changes, l2={"lambda": most, "form": "sum"}, epochs=2, may_diverge=True)
    assert fit(task, run, tmp_path).diverged_at is not None
