"""What a transfer takes over from its source, what is new in it, and what trains."""

import io
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from probeline import seen
from probeline.pipeline.errors import UserError, unknown
from probeline.pipeline.progress import say
from probeline.seen import Seen
from probeline.training.spec import Transfer

if TYPE_CHECKING:
    from probeline.training.data import Resize


class Start:
    """How each seed of a transfer begins: from the weights that the same seed of its source kept.

    Attributes:
        folders: `data/models/<source>`.
        resize: None: its images have the task's size.
        facts: What the last network took over, for the metrics; empty before the first.
        entry: Empty: the run itself says all.
    """

    def __init__(self, run: Transfer, folder: Path, where: str) -> None:
        self.run, self.where = run, where
        self.folders: tuple[Path, ...] = (folder,)
        self.resize: Resize | None = None
        self.facts: Mapping[str, Any] = {}
        self.entry: Mapping[str, Any] = {}

    def __call__(self, model: nn.Module, seed: int) -> None:
        """Prepare a new network.

        Raises:
            UserError: The source has no such weights, or they do not fit.
        """
        prepare(model, self.run, self._weights(seed), self.where)
        first = not self.facts
        self.facts = count(model, self.run)
        if first:
            say(sentence(self.facts))

    def seen(self, seed: int) -> Seen:
        """The images that the source's weights of a seed were trained on."""
        return seen.load(self.folders[0], seed)

    def freeze(self, model: nn.Module) -> None:
        """Mark what does not train, in a network that is only looked at."""
        freeze(model, self.run.trainable, self.where)

    def _weights(self, seed: int) -> dict[str, Tensor]:
        return load_weights(self.folders[0] / f"seed-{seed}.pt")


def load_weights(path: Path) -> dict[str, Tensor]:
    """Read a state_dict of data/models/.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        weights: dict[str, Tensor] = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError) as error:
        raise UserError(
            f"{path}: missing or damaged; make it again: dvc repro --force train@{path.parent.name} "
            "(or transfer@, finetune@, weights@)"
        ) from error
    return weights


def prepare(model: nn.Module, run: Transfer, weights: Mapping[str, Tensor], where: str) -> None:
    """Load what the run loads into a new model, leave what is new, and freeze what does not train.

    Args:
        weights: Of the source.
        where: Key of the run in params.yaml, for messages.

    Raises:
        UserError: A layer that does not fit, that nobody names, or that is new and does not train; a name of no layer;
            weights that are not finite.
    """
    own = model.state_dict()
    loaded = {tensor: weights.get(tensor) for tensor in _loaded(own, run, where)}
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
        if not value.isfinite().all():
            raise UserError(
                f"params.yaml: {where}.source: the layer '{layer}' of {run.source} has values that are not finite: "
                "that run diverged; start from another"
            )
    model.load_state_dict({**own, **loaded})
    freeze(model, run.trainable, where)
    for name, parameter in model.named_parameters():
        if name not in loaded and not parameter.requires_grad:
            raise UserError(
                f"params.yaml: {where}: the layer '{name.rpartition('.')[0]}' is new and does not train, so it would "
                "stay random; load it, or let trainable cover it"
            )


def _loaded(own: Mapping[str, Tensor], run: Transfer, where: str) -> list[str]:
    """The names of the tensors that are loaded; every name that the run gives is that of a layer."""
    layers = {part for tensor in own for part in _parts(tensor)}
    for key, names in (("load", run.load), ("new", run.new)):
        for name in names:
            if name not in layers:
                raise UserError(f"params.yaml: {where}.{key}: {unknown('layer', name, layers)}")
    loaded = [tensor for tensor in own if _is_loaded(run, tensor, where)]
    for name in run.load:
        if not any(_covers(name, tensor) for tensor in loaded):
            raise UserError(f"params.yaml: {where}.load: nothing of '{name}' is loaded, since new names all its layers")
    return loaded


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


def count(model: nn.Module, run: Transfer) -> dict[str, Any]:
    """What was loaded, what was new and what trains, in numbers of parameters: for the metrics."""
    parameters = {"loaded": 0, "new": 0, "trained": 0}
    for name, parameter in model.named_parameters():
        parameters["loaded" if _is_loaded(run, name, "") else "new"] += parameter.numel()
        parameters["trained"] += parameter.numel() * parameter.requires_grad
    return {
        "source": run.source,
        "load": run.load,
        "new": run.new,
        "trainable": run.trainable,
        **{f"{what}_parameters": number for what, number in parameters.items()},
    }


def sentence(facts: Mapping[str, Any]) -> str:
    """The same in words, for the one who watches."""
    new = f", {', '.join(facts['new'])} new ({facts['new_parameters']:,})" if facts["new"] else ""
    return (
        f"from {facts['source']}: {', '.join(facts['load'])} loaded ({facts['loaded_parameters']:,} parameters){new}; "
        f"{facts['trained_parameters']:,} parameters train"
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
