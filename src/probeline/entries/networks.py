"""Networks that do not fit, found before anything is deleted or trained: one line for each mistake.

They are built on PyTorch's meta device, where layers have shapes and no values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from probeline.compute import data
from probeline.entries.images import Groups, Images, of_task
from probeline.models import _contract
from probeline.pipeline.errors import ParamError
from probeline.sweeps.spec import told
from probeline.transfers.transfer import Layers

NORMS = (nn.modules.batchnorm._BatchNorm,)  # noqa: SLF001 (PyTorch has no public name for all of them)


@dataclass(frozen=True)
class Built:
    """A network.

    Attributes:
        exact: Whether it is the one that will be trained; else the data may change the sizes of its layers.
    """

    network: nn.Module
    exact: bool


def networks(groups: Groups) -> Iterator[str]:
    """Networks that cannot be built for their task or trained, and images that cannot be prepared as they ask."""
    built: dict[str, Built] = {}
    for where, run in _runs(groups):
        if (images := of_task(run.task, groups)) is None:
            continue
        try:
            found = _build(run.model, run.objective, images)
            _view(run, images)
        except ValueError as error:
            yield f"{where}: {error}"
            continue
        except ParamError as error:
            yield f"{where}: {error.said}" if " " in where else f"{where}.{error.said}"
            continue
        if found is None:
            continue
        if not any(True for _ in found.network.parameters()):
            yield f"{where}.model: {run.model.name} has no layer to train; name another model"
            continue
        built[where.partition(".")[2]] = found
        if where.startswith("transfer.") and run.freeze_batch_norm and not _normalizes(found):
            yield f"{where}.freeze_batch_norm: {run.model.name} has no batch norm here; leave it out"
    yield from _fine_tuned(groups, built)
    yield from _transferred(groups, built)


def _runs(groups: Groups) -> Iterator[tuple[str, Any]]:
    """The runs of train and transfer and all points of sweeps, by key; of a sweep those that see or build another."""
    for section in ("train", "transfer"):
        yield from ((f"{section}.{name}", run) for name, run in groups[section].items())
    for name, sweep in groups["sweeps"].items():
        yield f"sweeps.{name}.run", sweep.run
        for point in sweep.all_points():
            if any(getattr(point.run, key) != getattr(sweep.run, key) for key in ("model", "normalize", "augment")):
                yield f"sweeps.{name}: the point {told(point.values)}", point.run


def _build(model: Any, objective: Any, images: Images) -> Built | None:
    """A network; None where it cannot be built and that may be because the images are not those.

    Raises:
        ValueError: It cannot be built for its images.
    """
    shape, classes = images.likely()
    try:
        with torch.device("meta"):
            return Built(_contract.build(model, shape, objective.outputs(classes)), images.known)
    except ValueError:
        if images.known:
            raise
        return None


def _view(run: Any, images: Images) -> None:
    """Try normalization and augmentation.

    Raises:
        ParamError: They do not fit the images.
    """
    if images.shape is not None:
        data.insist(run.view(), images.shape)


def _normalizes(found: Built) -> bool:
    return any(isinstance(layer, NORMS) for layer in found.network.modules())


def _fine_tuned(groups: Groups, built: dict[str, Built]) -> Iterator[str]:
    """Fine-tunings of a network without a head that a probe can replace, or with fewer layers than are to train."""
    runs = {**groups["train"], **groups["transfer"]}
    for name, run in groups["finetune"].items():
        images = of_task(run.task, groups)
        if run.source not in runs or run.source not in built or images is None:
            continue
        try:
            found = _build(runs[run.source].model, run.objective, images)
        except ValueError:
            continue  # told of the encoder
        if found is None:
            continue
        if not isinstance(getattr(found.network, "head", None), nn.Linear):
            yield (
                f"finetune.{name}.source: the head of {run.source} is no single linear layer, as a probe is; "
                "fine-tune another"
            )
            continue
        try:
            Layers(run.source, [], [], run.trainable).freeze(found.network)
        except ParamError as error:
            yield f"finetune.{name}.{error.said}"
            continue
        built[name] = found
        if run.freeze_batch_norm and not _normalizes(found):
            yield f"finetune.{name}.freeze_batch_norm: {run.source} has no batch norm; leave it out"


def _transferred(groups: Groups, built: dict[str, Built]) -> Iterator[str]:
    """Transfers whose layers do not fit those of their source, as far as the source is known."""
    for name, run in groups["transfer"].items():
        if getattr(groups["backbones"].get(run.source), "kind", None) == "pixels":
            yield f"transfer.{name}.source: {run.source} has no layers to load; start from another"
        elif name in built:
            own, source = built[name], built.get(run.source)
            layers = run.layers()
            try:
                if source is not None:
                    layers.fit(own.network, source.network.state_dict(), sizes=own.exact and source.exact)
                else:
                    layers.loaded(own.network.state_dict())
                    layers.freeze(own.network)
            except ParamError as error:
                yield f"transfer.{name}{'.' * bool(error.key)}{': ' * (not error.key)}{error.said}"
