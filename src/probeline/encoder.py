"""An encoder: a network without its head, and what it makes of the images of a task."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import nn

from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import bar
from probeline.task import Task
from probeline.training.data import Resize, to_device
from probeline.training.evaluation import VALUES
from probeline.training.forward import forward
from probeline.training.spec import Images, Normalise, Seed
from probeline.transfer import load_weights


class Spec(params.Spec):
    """An entry of `encoders`: a network and the task whose images it embeds.

    Attributes:
        source: An entry of `train`, `transfer`, `finetune` or `backbones`.
        weights: trained, or initial: fresh ones from the same seed, those of a run before its training; not of a
            transfer, which began with trained ones.
        seed: Of the source's, whose weights it takes; a backbone has 0.
        resize: Side to which the images are resized first; null is the source's own. A backbone then sees the centre
            of the size it was published for, or all where `resize` is no larger.
    """

    source: str
    weights: Literal["trained", "initial"]
    seed: Seed
    task: str
    resize: int | None = Field(default=None, ge=4, le=1024)


@dataclass(frozen=True)
class Plan:
    """What `model.json` beside a source's weights says: how to build its network and to feed it."""

    model: Any
    shape: tuple[int, int, int] | None
    outputs: int | None
    precision: str
    normalise: Normalise | None
    resize: int | None
    interpolation: str
    dataset: str | None
    seeds: list[int]
    top1: float | None

    def build(self, shape: tuple[int, int, int], outputs: int | None) -> nn.Module:
        """The network for float images (B, *shape), with fresh weights from PyTorch's random state."""
        model: nn.Module = self.model.build(shape, outputs)
        return model


def plan(folder: Path) -> Plan:
    """Read what a source is.

    Raises:
        UserError: It is missing or damaged.
    """
    try:
        facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        named = facts["model"]
        return Plan(
            model=params.module("models", named["name"]).Spec.model_validate(named),
            shape=tuple(facts["shape"]) if facts["shape"] else None,
            normalise=Normalise.model_validate(facts["normalise"]) if facts["normalise"] else None,
            **{
                key: facts[key]
                for key in ("outputs", "precision", "resize", "interpolation", "dataset", "seeds", "top1")
            },
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder}: missing or damaged; run again the stage that writes it: dvc repro") from error


def view(source: Plan, spec: Spec, task: Task, where: str) -> Resize | None:
    """How the images of a task become those that the source's network reads.

    Raises:
        UserError: They have another number of channels, or another size.
    """
    height, width, channels = task.images.shape[1:]
    side = spec.resize or source.resize
    published = source.shape[1] if source.shape and source.resize else None
    resize = Resize(side, min(side, published or side), source.interpolation) if side else None
    found = (channels, *((resize.crop,) * 2 if resize else (height, width)))
    if resize and height != width:
        raise UserError(
            f"params.yaml: {where}: the images of {spec.task} are {height}x{width}, and only square ones are "
            f"resized; give tasks.{spec.task} a number of pixels"
        )
    if source.shape is None:
        return resize
    if channels != source.shape[0]:
        raise UserError(
            f"params.yaml: {where}: {spec.source} reads images of {source.shape[0]} channel(s) and {spec.task} has "
            f"{channels}; embed a task with {source.shape[0]}"
        )
    if published is None and found != source.shape:
        raise UserError(
            f"params.yaml: {where}: {spec.source} reads images of {source.shape[1]}x{source.shape[2]} and those of "
            f"{spec.task} are {found[1]}x{found[2]}; embed a task of that size, or set resize: {source.shape[1]}"
        )
    return resize


def network(source: Plan, spec: Spec, shape: tuple[int, int, int], folder: Path, where: str) -> nn.Sequential:
    """The source's network without its head, with the weights that the entry asks for.

    Raises:
        UserError: The source has no such seed, or its network cannot read images of this shape.
    """
    if spec.seed not in source.seeds:
        raise UserError(
            f"params.yaml: {where}.seed: {spec.source} has no seed {spec.seed}; it has "
            f"{', '.join(map(str, source.seeds))}"
        )
    torch.manual_seed(spec.seed)
    try:
        whole = source.build(shape, source.outputs)
    except ValueError as error:
        raise UserError(f"params.yaml: {where}: {error}") from None
    if spec.weights == "trained":
        try:
            whole.load_state_dict(load_weights(folder / f"seed-{spec.seed}.pt"))
        except RuntimeError:  # layers of other shapes
            raise UserError(
                f"params.yaml: {where}.resize: the network of {spec.source} is another one for images of "
                f"{shape[1]}x{shape[2]}; leave resize out"
            ) from None
    return nn.Sequential(*(part for name, part in whole.named_children() if name != "head"))


@torch.no_grad()
def embed(
    trunk: nn.Module, source: Plan, task: Task, resize: Resize | None, where: str, device: torch.device
) -> NDArray[np.float32]:
    """The vectors of all images of a task, float32 (N, D), in its order, in batches, in evaluation mode.

    Raises:
        UserError: The network cannot read these images, or gives numbers that are not finite.
    """
    # Convolutions on a CPU are fastest with the channels of a pixel together.
    images = Images(normalise=source.normalise, channels_last=True)
    data = to_device(task, images, where, device, resize)
    trunk.eval().to(device).to(memory_format=data.layout)
    size = max(1, min(1024, VALUES // data.values))
    vectors = []
    with bar(where, len(data.images), unit="image") as progress:
        for indices in torch.split(torch.arange(len(data.images), device=device), size):
            try:
                found = forward(trunk, data.batch(indices), source.precision).flatten(1)
            except (RuntimeError, AssertionError) as error:
                if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
                    raise UserError(f"params.yaml: {where}: this machine's memory is too small for it") from error
                reason = str(error).splitlines()[0]
                raise UserError(
                    f"params.yaml: {where}.resize: the network cannot read images of this size ({reason}); "
                    "leave resize out"
                ) from error
            vectors.append(found.cpu().numpy())
            progress.update(len(indices))
    whole = np.concatenate(vectors)
    if not np.isfinite(whole).all():
        raise UserError(f"params.yaml: {where}.source: its vectors are not finite: that run diverged; embed another")
    return whole
