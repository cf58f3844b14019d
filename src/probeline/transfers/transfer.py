"""Transfer: what a run takes over from its source, what is new in it, and what trains."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from torch import Tensor, nn

from probeline.models._contract import size
from probeline.pipeline.errors import ParamError, listed, unknown
from probeline.results.runs import Begun
from probeline.training import seen
from probeline.training.model import load_weights
from probeline.training.seen import Seen
from probeline.training.spec import Run


def _trainable(value: object) -> object:
    last = value.get("last") if isinstance(value, Mapping) and len(value) == 1 else None
    if value in ("all", "head") or (isinstance(last, int) and not isinstance(last, bool) and last > 0):
        return value
    raise ValueError(f"is {value!r}; give all, head, or a number of layers from the end: {{last: 3}}")


Trainable = Annotated[Literal["all", "head"] | dict[Literal["last"], int], BeforeValidator(_trainable)]


class Transfer(Run):
    """An entry of `transfer`: a run that starts from the weights of another.

    Every layer of the model is named in `load` or `new`, by its name or by that of a part it belongs to; where both
    name it, the longer name counts. `plots/layers/<run>.txt` shows the layers of a run by name. A part that is loaded
    is loaded whole: where the source has more layers in it than the model, the layers in both are named one by one.

    Attributes:
        source: An entry of `train`, `transfer`, `finetune` or `backbones`. Each seed starts from what the same seed of
            the source kept, so that both see the same resample of a task.
        load: Layers that start with the weights that the source kept.
        new: Layers that start with fresh weights.
        trainable: What trains: all, the head alone, or so many layers that have parameters, from the end. The rest
            stays as it was loaded, the running statistics of batch norm too.
    """

    source: str
    load: Annotated[list[str], Field(min_length=1)]
    new: list[str] = []
    trainable: Trainable = "all"

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if both := sorted(set(self.load) & set(self.new)):
            raise ValueError(f"{listed(both)} is in load and in new; name a layer in one of them")
        return self

    def layers(self) -> "Layers":
        """What it says of layers."""
        return Layers(self.source, tuple(self.load), tuple(self.new), self.trainable)


class Layers:
    """Which layers of a network are loaded, which are new and which train.

    Args:
        source: Whose weights are loaded, for messages.
    """

    def __init__(self, source: str, load: Sequence[str], new: Sequence[str], trainable: Any) -> None:
        self.source, self.load, self.new, self.trainable = source, list(load), list(new), trainable

    def prepare(self, model: nn.Module, weights: Mapping[str, Tensor]) -> Begun:
        """Load what is loaded into a network with fresh weights, leave what is new, and freeze what does not train.

        Args:
            weights: Of the source.

        Raises:
            ParamError: A layer that does not fit, that nobody names, that only the source has, or that is new and does
                not train; a name of no layer; weights that are not finite.
        """
        loaded = {name: weights[name] for name in self.fit(model, weights)}
        for name, value in loaded.items():
            if not value.isfinite().all():
                raise ParamError(
                    "source",
                    f"the layer '{layer_of(name)}' of {self.source} has values that are not finite: that run diverged",
                    "start from another",
                )
        model.load_state_dict({**model.state_dict(), **loaded})
        return self._count(model)

    def fit(self, model: nn.Module, weights: Mapping[str, Tensor], *, sizes: bool = True) -> list[str]:
        """Freeze what does not train, and see that the weights of the source fit. Values do not matter.

        Args:
            sizes: Whether sizes do.

        Returns:
            The names of the tensors that are to be loaded.

        Raises:
            ParamError: See `prepare`.
        """
        own = model.state_dict()
        loaded = self.loaded(own)
        for name in loaded:
            layer = layer_of(name)
            if name not in weights:
                raise ParamError(
                    "", f"the layer '{layer}' is not in {self.source}", "name it in new, or change the model"
                )
            here, there = own[name].shape, weights[name].shape
            if sizes and here != there:
                raise ParamError(
                    "",
                    f"the layer '{layer}' is {size(here)} here and {size(there)} in {self.source}",
                    "name it in new, or change the model or the size of the images",
                )
        if left := list(dict.fromkeys(layer_of(name) for name in weights if name not in own and self._names(name))):
            raise ParamError(
                "load",
                f"{self.source} has layers that this model has not, and their weights would be dropped: {listed(left)}",
                "let the model be that of the source, or name in load the layers that are in both",
            )
        self.freeze(model)
        for name, parameter in model.named_parameters():
            if name not in loaded and not parameter.requires_grad:
                raise ParamError(
                    "",
                    f"the layer '{layer_of(name)}' is new and does not train, so it would stay random",
                    "load it, or let trainable cover it",
                )
        return loaded

    def loaded(self, own: Mapping[str, Tensor]) -> list[str]:
        """The names of the tensors that are loaded; every name that the run gives is that of a layer.

        Raises:
            ParamError: A name of no layer, or a layer that nobody names.
        """
        layers = {part for name in own for part in _parts(name)}
        for key, names in (("load", self.load), ("new", self.new)):
            for name in names:
                if name not in layers:
                    what, _, remedy = unknown("layer", name, layers).partition("; ")
                    raise ParamError(key, what, remedy)
        found = [name for name in own if self._is_loaded(name)]
        for name in self.load:
            if not any(_covers(name, one) for one in found):
                raise ParamError(
                    "load", f"nothing of '{name}' is loaded, since new names all its layers", "leave it out of one"
                )
        return found

    def freeze(self, model: nn.Module) -> None:
        """Let only these layers train: all, the head, or the last ones that have parameters.

        Raises:
            ParamError: There are fewer layers, or no head.
        """
        if self.trainable == "all":
            return
        layers = [(name, layer) for name, layer in model.named_modules() if list(layer.parameters(recurse=False))]
        if isinstance(self.trainable, Mapping):
            last = self.trainable["last"]
            if last > len(layers):
                raise ParamError("trainable.last", f"{last} of {len(layers)} layers", "ask for fewer")
            free = {name for name, _ in layers[-last:]}
        else:
            free = {name for name, _ in layers if _covers("head", name)}
            if not free:
                raise ParamError("trainable", "this objective's network has no head", "use all, or {last: 1}")
        for name, layer in layers:
            for parameter in layer.parameters(recurse=False):
                parameter.requires_grad_(name in free)

    def _count(self, model: nn.Module) -> Begun:
        """What was loaded, what was new and what trains, in numbers of parameters."""
        parameters = {"loaded": 0, "new": 0, "trained": 0}
        for name, parameter in model.named_parameters():
            parameters["loaded" if self._is_loaded(name) else "new"] += parameter.numel()
            parameters["trained"] += parameter.numel() * parameter.requires_grad
        return Begun(
            source=self.source,
            load=self.load,
            new=self.new,
            trainable=self.trainable,
            **{f"{what}_parameters": number for what, number in parameters.items()},
        )

    def _is_loaded(self, tensor: str) -> bool:
        """Whether the longest name that covers a tensor stands in `load` rather than `new`."""
        loaded = self._names(tensor)
        if loaded is None:
            raise ParamError(
                "", f"the layer '{layer_of(tensor)}' is neither in load nor in new", "name it in one of them"
            )
        return loaded

    def _names(self, tensor: str) -> bool | None:
        """The same; None for a tensor that no name covers."""
        names = [
            (len(name), key == "load")
            for key, found in (("load", self.load), ("new", self.new))
            for name in found
            if _covers(name, tensor)
        ]
        return max(names)[1] if names else None


class FromRun:
    """Each seed starts from the weights that the same seed of the source kept."""

    def __init__(self, run: Transfer, folder: Path) -> None:
        self.layers = run.layers()
        self.key = {"load": run.load, "new": run.new, "trainable": run.trainable}
        self.folders: Sequence[Path] = (folder,)

    def begin(self, model: nn.Module, seed: int) -> Begun:
        """Prepare a network with fresh weights; see `Layers.prepare`."""
        return self.layers.prepare(model, load_weights(self.folders[0], seed))

    def freeze(self, model: nn.Module) -> None:
        """Mark what does not train, in a network that is only looked at."""
        self.layers.freeze(model)

    def seen(self, seed: int) -> Seen:
        """The images that the source's weights of a seed were trained on."""
        return seen.load(self.folders[0], seed)


def layer_of(tensor: str) -> str:
    """The layer that a tensor of a state_dict belongs to."""
    return tensor.rpartition(".")[0]


def _covers(name: str, tensor: str) -> bool:
    return tensor == name or tensor.startswith(f"{name}.")


def _parts(tensor: str) -> Iterator[str]:
    """The layers that a tensor belongs to: features.conv1.weight is in features and in features.conv1."""
    names = tensor.split(".")[:-1]
    return (".".join(names[: end + 1]) for end in range(len(names)))
