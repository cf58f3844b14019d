"""The 36 points of D3 in one pass, against loops over in-memory slices and over an image DataLoader.

    PYTHONPATH=src python benchmarks/sweep.py       # from the root of the repository, after `dvc repro split@mnist`

D3 is lr {1e-1, 1e-2, 1e-3} x L2 {1e-1, 1e-2, 1e-3} x epochs {50, 100} x batch {32, 64}: softmax regression on MNIST. A
constant learning rate makes the 50 epochs a part of the 100, so the 36 points are 18 trajectories, nine of each batch
size. Each of the three trains all 18 for the same first minibatches, in turn, several rounds; then their weights must
agree. What is timed is training alone: no evaluation, no loading of the data, no conversion made once.
"""

import argparse
import itertools
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from probeline.compute.data import DeviceData, of_resample, to_device
from probeline.sweeps.linear import train_epoch
from probeline.sweeps.stack import Descent, Sgd, Stack
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from probeline.training.engine import epoch_order
from probeline.training.optimizer import Optimizer
from probeline.training.spec import Run

GRID = list(itertools.product((1e-1, 1e-2, 1e-3), (1e-1, 1e-2, 1e-3)))  # lr, lambda of L2
BATCH_SIZES = (32, 64)
EPOCHS = (50, 100)
TOLERANCE = 1e-5
SEED = 0
BASE = Run(
    report_id="D3",
    task="mnist",
    seeds=[SEED],
    model={"name": "linear"},
    objective={"name": "cross_entropy"},
    optimizer=Optimizer(name="sgd", lr=0.1),
    batch_size=32,
    epochs=1,
    evaluate_every=1,
)


class Seconds(NamedTuple):
    """For nine trajectories of one batch size and so many steps."""

    one_pass: float
    slices: float
    loader: float


def new_layer() -> nn.Linear:
    """The start of every trajectory."""
    torch.manual_seed(SEED)
    return nn.Linear(28 * 28, 10)


def one_pass(data: DeviceData, order: Tensor, batch_size: int) -> list[Tensor]:
    """This project: all points at once. Returns their weights (10, 784)."""
    start = {f"head.{name}": value for name, value in new_layer().state_dict().items()}
    stack = Stack.of([start] * len(GRID))
    descent = Descent(stack, [Sgd(lr, 0.0, 0.0, 2 * l2) for lr, l2 in GRID])
    train_epoch(stack, descent, data, BASE.objective, order, batch_size)
    return [stack.model(number)["head.weight"] for number in range(len(GRID))]


def optimizer_of(layer: nn.Linear, lr: float, l2: float) -> torch.optim.Optimizer:
    """SGD with the penalty l2 * sum(w^2), the fast way: as weight decay, of the weights alone."""
    groups: list[dict[str, Any]] = [{"params": [layer.weight], "weight_decay": 2 * l2}, {"params": [layer.bias]}]
    return torch.optim.SGD(groups, lr=lr)


def slices(images: Tensor, labels: Tensor, order: Tensor, batch_size: int) -> list[Tensor]:
    """(a) A loop over points; the images lie in memory as float32 vectors and are taken by index."""
    trained = []
    for lr, l2 in GRID:
        layer = new_layer()
        optimizer = optimizer_of(layer, lr, l2)
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            optimizer.zero_grad()
            loss = functional.cross_entropy(layer(images[chosen]), labels[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        trained.append(layer.weight.detach())
    return trained


class Pictures(Dataset[tuple[Tensor, int]]):
    """As torchvision.datasets.MNIST with ToTensor: a PIL image is made and converted for each access."""

    def __init__(self, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self.images, self.labels, self.transform = images, labels.tolist(), ToTensor()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), self.labels[index]


def loader(pictures: Pictures, order: Tensor, batch_size: int, workers: int) -> list[Tensor]:
    """(b) The same loop over a DataLoader of images. A sampler stands in for shuffle=True: the order is everyone's."""
    trained = []
    for lr, l2 in GRID:
        layer = new_layer()
        optimizer = optimizer_of(layer, lr, l2)
        batches = DataLoader(pictures, batch_size, sampler=order.tolist(), num_workers=workers)
        for images, labels in batches:
            optimizer.zero_grad()
            loss = functional.cross_entropy(layer(images.flatten(1)), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        trained.append(layer.weight.detach())
    return trained


def timed(work: Callable[..., list[Tensor]], *arguments: Any) -> tuple[float, Tensor]:
    """Seconds and result."""
    started = time.perf_counter()
    trained = work(*arguments)
    return time.perf_counter() - started, torch.stack(trained)


def measure(task: Task, steps: int, rounds: int, workers: int) -> list[dict[int, Seconds]]:
    """Seconds by round and batch size.

    Raises:
        AssertionError: The weights of the three differ.
    """
    data = of_resample(to_device(task, BASE.view(), torch.device("cpu")), task, 0)
    train = data.splits["train"]
    vectors = data.batch(torch.arange(len(data.labels))).flatten(1)
    pictures = Pictures(np.array(task.images[..., 0]), task.labels)
    found: list[dict[int, Seconds]] = []
    for number in range(rounds + 1):  # the first, a short one, warms up and is not counted
        seconds = {}
        for size in BATCH_SIZES:
            order = train[epoch_order(SEED, number, len(train))][: size * (steps if number else 5)]
            ours, expected = timed(one_pass, data, order, size)
            by_slices, one = timed(slices, vectors, data.labels, order, size)
            by_loader, two = timed(loader, pictures, order, size, workers)
            for other in (one, two):
                torch.testing.assert_close(other, expected, rtol=0, atol=TOLERANCE)
            seconds[size] = Seconds(ours, by_slices, by_loader)
        if number:
            found.append(seconds)
            print(f"round {number}: " + "; ".join(f"batch {size}: {_listed(seconds[size])} s" for size in seconds))
    return found


def _listed(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def report(found: list[dict[int, Seconds]], images: int, steps: int) -> None:
    """Print medians over the rounds, and what they mean for the whole grid."""
    print("\nmilliseconds a step of nine trajectories: one pass, (a), (b)")
    for size in BATCH_SIZES:
        medians = [statistics.median(ways) for ways in zip(*(turn[size] for turn in found), strict=True)]
        print(f"  batch {size}: {_listed(median / steps * 1e3 for median in medians)}")
    longest = max(EPOCHS)

    def grid(way: int) -> list[float]:
        """Seconds for all trajectories, by round."""
        return [sum(longest * images / size / steps * turn[size][way] for size in BATCH_SIZES) for turn in found]

    apart = sum(EPOCHS) / longest  # as separate runs, though 100 epochs hold the first 50
    print(f"\nthe whole grid, from {steps} steps of each trajectory; and how many times one pass (least and most)")
    print(f"  one pass, 18 trajectories of {longest} epochs: {statistics.median(grid(0)):.0f} s")
    for name, way in (("(a) slices", 1), ("(b) DataLoader", 2)):
        seconds = statistics.median(grid(way))
        ratios = [theirs / ours for theirs, ours in zip(grid(way), grid(0), strict=True)]
        ratio, spread = statistics.median(ratios), f"{min(ratios):.1f} to {max(ratios):.1f}"
        print(f"  {name}, 18 trajectories of {longest} epochs: {seconds:.0f} s, {ratio:.1f} times ({spread})")
        print(f"  {name}, 36 runs of 50 or 100 epochs: {seconds * apart:.0f} s, {ratio * apart:.1f} times")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description="The 36 points of D3 in one pass, against two loops.")
    parser.add_argument("--steps", type=int, default=300, help="minibatches of each trajectory and round (300)")
    parser.add_argument("--rounds", type=int, default=5, help="(5)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of PyTorch (one a core)")
    parser.add_argument("--workers", type=int, default=0, help="processes of the DataLoader (0, its own default)")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    task = tasks.load(Path("data/tasks/mnist"))
    capability = torch.backends.cpu.get_cpu_capability()
    print(
        f"{platform.machine()} {capability}, {given.threads} threads, torch {torch.__version__}, DataLoader with "
        f"{given.workers} workers"
    )
    found = measure(task, given.steps, given.rounds, given.workers)
    report(found, task.train.shape[1], given.steps)
    print(f"\nthe weights of all three agree to {TOLERANCE}")


if __name__ == "__main__":
    main()
