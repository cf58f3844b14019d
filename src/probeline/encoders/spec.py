"""What an encoder is in params.yaml, and how the images of its task become those that its network reads."""

from typing import Literal, Protocol

from pydantic import Field

from probeline.compute.view import Resize, View
from probeline.pipeline.errors import ParamError
from probeline.pipeline.params import Spec
from probeline.pipeline.types import Seed
from probeline.results.embeddings import Embedded
from probeline.tasks.task import Task
from probeline.training.model import Model


class Encoder(Spec):
    """An entry of `encoders`: a network and the task whose images it embeds.

    Attributes:
        source: An entry of `train`, `transfer`, `finetune` or `backbones`.
        weights: trained, or initial: fresh ones from the same seed, those of a run before its training; not of a
            transfer, which began with trained ones.
        seed: Of the source's, whose weights it takes; a backbone has 0.
        resize: Side to which the images are resized first; null is the source's own. A backbone then sees the center
            of the size it was published for, or all where `resize` is no larger.
    """

    source: str
    weights: Literal["trained", "initial"] = "trained"
    seed: Seed = 0
    task: str
    resize: int | None = Field(default=None, ge=4, le=1024)


class Reads(Protocol):
    """What is known of the images that a network reads: of a Model, or of one that is not trained yet."""

    @property
    def shape(self) -> tuple[int, int, int] | None: ...
    @property
    def resize(self) -> int | None: ...
    @property
    def interpolation(self) -> str: ...


def view(source: Model, spec: Encoder, task: Task) -> Resize | None:
    """How the images of a task become those that the source's network reads.

    Raises:
        ParamError: They have another number of channels, or another size.
    """
    return fitting(source, spec, View().shape(task))


def fitting(source: Reads, spec: Encoder, shape: tuple[int, int, int]) -> Resize | None:
    """The same for images of a shape (C, H, W)."""
    channels, height, width = shape
    side = spec.resize or source.resize
    published = source.shape[1] if source.shape and source.resize else None
    resize = Resize(side, min(side, published or side), source.interpolation) if side else None
    found = (channels, *((resize.crop,) * 2 if resize else (height, width)))
    if resize and height != width:
        raise ParamError(
            "",
            f"the images of {spec.task} are {height}x{width}, and only square ones are resized",
            f"give tasks.{spec.task} a number of pixels",
        )
    if source.shape is None:
        return resize
    if channels != source.shape[0]:
        raise ParamError(
            "",
            f"{spec.source} reads images of {source.shape[0]} channel(s) and {spec.task} has {channels}",
            f"embed a task with {source.shape[0]}",
        )
    if published is None and found != source.shape:
        raise ParamError(
            "",
            f"{spec.source} reads images of {source.shape[1]}x{source.shape[2]} and those of {spec.task} are "
            f"{found[1]}x{found[2]}",
            f"embed a task of that size, or set resize: {source.shape[1]}",
        )
    return resize


def view_of(source: Model, embedded: Embedded) -> Resize | None:
    """The same of an embedding that was made."""
    side = embedded.resize
    return Resize(side, embedded.shape[1], source.interpolation) if side else None
