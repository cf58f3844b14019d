"""The format of data/models/<name>: what a run or a backbone leaves for all that starts from it or embeds with it.

model.json                      Model: what is needed to build the network again and to feed it
seed-<seed>.pt                  its weights: a state_dict; a backbone has seed 0
seed-<seed>.seen.npz            the training images that these weights have seen (seen.py)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError
from torch import Tensor, nn

from probeline.compute.view import Normalize, View
from probeline.models import _contract
from probeline.pipeline import code, params
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import GROUPS, MODELS, force
from probeline.results.record import Record
from probeline.training import weights

FILE = "model.json"


class Model(Record):
    """A network and how its images are prepared.

    Attributes:
        model: The specification of its network, a file of models/.
        shape: (C, H, W) of the images that it was trained on; None for a network that reads every size.
        outputs: Of its head; None for none.
        precision: Of its products.
        normalize: Of its images.
        resize: Side to which images are resized before the center of `shape` is kept; None leaves them as they are.
        interpolation: bilinear or bicubic.
        task: It was trained on; None for published weights, as for `classes`.
        dataset: It was trained on; None for none.
        seeds: That there are weights of.
        top1: Published accuracy on its own dataset, from 0 to 1.
        code: SHA-256 of the code of its network, so that an edit of it reaches all that reads this model.
    """

    VERSION: ClassVar[int] = 2

    model: dict[str, Any]
    shape: tuple[int, int, int] | None
    outputs: int | None
    precision: str
    normalize: Normalize | None
    resize: int | None
    interpolation: str
    task: str | None
    dataset: str | None
    classes: list[str] | None
    seeds: list[int]
    top1: float | None
    code: dict[str, str]

    def spec(self) -> Any:
        """The typed specification of the network.

        Raises:
            UserError: There is no such model any more.
        """
        try:
            return params.module("models", self.model["name"]).Spec.model_validate(self.model)
        except (ValueError, KeyError, ValidationError) as error:
            raise UserError(
                f"models/{self.model.get('name')}.py: cannot build a trained network any more; run: dvc repro"
            ) from error

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """The network for float images (B, *shape), with fresh weights from PyTorch's random state."""
        return _contract.build(self.spec(), shape, outputs)


def network_code(name: str) -> dict[str, str]:
    """The digests of a network's code: a file of models/, what it imports from there, and the contract of all."""
    return code.digests("models", name, "_contract")


def save(folder: Path, model: Model, states: Mapping[int, Mapping[str, Tensor]]) -> None:
    """Write a model into a folder that exists.

    Args:
        states: A state_dict per seed.
    """
    for seed, state in states.items():
        weights.save(folder / f"seed-{seed}.pt", state)
    model.save(folder / FILE)


def load(folder: Path) -> Model:
    """Read what a model is.

    Raises:
        UserError: It is missing or damaged.
    """
    return Model.load(folder / FILE, remedy(folder.name))


def load_weights(folder: Path, seed: int) -> dict[str, Tensor]:
    """Read the weights of a seed.

    Raises:
        UserError: They are missing or damaged.
    """
    return weights.load(folder / f"seed-{seed}.pt", remedy(folder.name))


def remedy(name: str) -> str:
    """The command that makes a model again: its name does not say which stage wrote it."""
    first, *others = (GROUPS[section].stage for section in MODELS)
    return f"run: {force(first, name)} (or {'@, '.join(others)}@)"


def blueprint(spec: Any, view: View, precision: str) -> dict[str, Any]:
    """The part of a Model that says how a run's network is built and fed."""
    return {
        "model": spec.model_dump(),
        "precision": precision,
        "normalize": view.normalize,
        "resize": view.resize.side if view.resize else None,
        "interpolation": view.resize.interpolation if view.resize else "bilinear",
        "top1": None,
        "code": network_code(spec.name),
    }
