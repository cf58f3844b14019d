"""What a transfer takes over from its source, what is new in it, and what trains."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.progress import say
from probeline.training.spec import Transfer


@dataclass(frozen=True)
class Source:
    """The kept weights of a run.

    Attributes:
        name: Of the run.
        seeds: Its seeds, in the order of params.yaml.
        folder: `data/models/<name>`.
    """

    name: str
    seeds: list[int]
    folder: Path

    def weights(self, place: int) -> tuple[int, dict[str, Tensor]]:
        """The seed at this place among the source's (the first ones again where it has fewer), and its weights."""
        seed = self.seeds[place % len(self.seeds)]
        path = self.folder / f"seed-{seed}.pt"
        try:
            return seed, torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, UnpicklingError, EOFError) as error:
            raise _damaged(path, self.name) from error


def source(name: str, folder: Path) -> Source:
    """Find the weights of a run.

    Raises:
        UserError: They are missing or damaged.
    """
    path = folder / "model.json"
    try:
        return Source(name, json.loads(path.read_text(encoding="utf-8"))["seeds"], folder)
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, name) from error


def _damaged(path: Path, name: str) -> UserError:
    return UserError(f"{path}: missing or damaged; make it again: dvc repro --force train@{name} (or transfer@{name})")


class Start:
    """How each seed of a transfer begins."""

    def __init__(self, run: Transfer, source: Source, where: str) -> None:
        self.run, self.source, self.where = run, source, where
        self.facts: Mapping[str, Any] = {}

    def __call__(self, model: nn.Module, place: int) -> None:
        """Prepare the network of the seed at this place; what was done is in `facts` then."""
        seed, weights = self.source.weights(place)
        start(model, self.run, weights, self.where)
        self.facts = facts(model, self.run, [*self.facts.get("source_seeds", []), seed])
        if place == 0:
            say(sentence(self.facts))

    def freeze(self, model: nn.Module) -> None:
        """Mark what does not train, in a network that is only looked at."""
        freeze(model, self.run.trainable, self.where)


def start(model: nn.Module, run: Transfer, weights: Mapping[str, Tensor], where: str) -> None:
    """Load what the run loads into a new model, leave what is new, and freeze what does not train.

    Args:
        weights: Of the source.
        where: Key of the run in params.yaml, for messages.

    Raises:
        UserError: A layer that does not fit, that nobody names, or a name of no layer.
    """
    own = model.state_dict()
    for key, names in (("load", run.load), ("new", run.new)):
        for name in names:
            if not any(_covers(name, tensor) for tensor in own):
                layers = dict.fromkeys(part for tensor in own for part in _parts(tensor))
                raise UserError(f"params.yaml: {where}.{key}: {unknown('layer', name, layers)}")
    loaded = {tensor: weights.get(tensor) for tensor in own if _is_loaded(run, tensor, where)}
    for tensor, value in loaded.items():
        layer = tensor.rpartition(".")[0]
        if value is None:
            raise UserError(
                f"params.yaml: {where}: the layer '{layer}' is not in {run.source}; name it in new, or change the model"
            )
        if value.shape != own[tensor].shape:
            raise UserError(
                f"params.yaml: {where}: the layer '{layer}' is {_size(own[tensor])} here and {_size(value)} in "
                f"{run.source}; name it in new, or change the model or the size of the images"
            )
    model.load_state_dict({**own, **loaded})
    freeze(model, run.trainable, where)


def freeze(model: nn.Module, trainable: Any, where: str) -> None:
    """Let only these layers train: all, the head, or the last ones that have parameters."""
    if trainable == "all":
        return
    layers = [(name, layer) for name, layer in model.named_modules() if list(layer.parameters(recurse=False))]
    if isinstance(trainable, Mapping):
        last = trainable["last"]
        if last > len(layers):
            raise UserError(f"params.yaml: {where}.trainable.last: {last} of {len(layers)} layers; ask for fewer")
        free = {name for name, _ in layers[-last:]}
    else:
        free = {name for name, _ in layers if _covers("head", name)}
        if not free:
            raise UserError(
                f"params.yaml: {where}.trainable: this objective's network has no head; use all, or {{last: 1}}"
            )
    for name, layer in layers:
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(name in free)


def facts(model: nn.Module, run: Transfer, seeds: Iterable[int]) -> dict[str, Any]:
    """What was loaded, what was new and what trained, in numbers: for the metrics."""
    count = {"loaded": 0, "new": 0, "trained": 0}
    for name, parameter in model.named_parameters():
        count["loaded" if _is_loaded(run, name, "") else "new"] += parameter.numel()
        count["trained"] += parameter.numel() * parameter.requires_grad
    return {
        "source": run.source,
        "source_seeds": list(seeds),
        "load": run.load,
        "new": run.new,
        "trainable": run.model_dump()["trainable"],
        **{f"{what}_parameters": number for what, number in count.items()},
    }


def sentence(facts: Mapping[str, Any]) -> str:
    """The same in words, for the one who watches."""
    new = f", {', '.join(facts['new'])} new ({facts['new_parameters']:,})" if facts["new"] else ""
    return (
        f"from {facts['source']}: {', '.join(facts['load'])} loaded ({facts['loaded_parameters']:,} parameters){new}; "
        f"{facts['trained_parameters']:,} train"
    )


def _is_loaded(run: Transfer, tensor: str, where: str) -> bool:
    """Whether the longest name that covers a tensor stands in `load` rather than `new`."""
    names = [
        (len(name), key == "load") for key in ("load", "new") for name in getattr(run, key) if _covers(name, tensor)
    ]
    if not names:
        layer = tensor.rpartition(".")[0]
        raise UserError(
            f"params.yaml: {where}: the layer '{layer}' is neither in load nor in new; name it in one of them"
        )
    return max(names)[1]


def _covers(name: str, tensor: str) -> bool:
    return tensor == name or tensor.startswith(f"{name}.")


def _parts(tensor: str) -> list[str]:
    """The layers that a tensor belongs to: features.conv1.weight is in features and in features.conv1."""
    names = tensor.split(".")[:-1]
    return [".".join(names[: end + 1]) for end in range(len(names))]


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
