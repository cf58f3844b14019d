"""An encoder's network, and the vectors that it makes of images."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from probeline.compute.data import to_device
from probeline.compute.forward import batch_size, forward
from probeline.compute.view import Resize, View
from probeline.encoders.spec import Encoder
from probeline.pipeline.errors import ParamError, listed
from probeline.pipeline.progress import bar
from probeline.tasks.task import Task
from probeline.training.model import Model, load_weights


def network(source: Model, spec: Encoder, shape: tuple[int, int, int], folder: Path) -> nn.Sequential:
    """The source's network without its head, with the weights that the entry asks for.

    Args:
        shape: (C, H, W) of the images.
        folder: `data/models/<source>`.

    Raises:
        ParamError: The source has no such seed, or its network cannot read images of this shape.
    """
    if spec.seed not in source.seeds:
        raise ParamError("seed", f"{spec.source} has no seed {spec.seed}", f"it has {listed(source.seeds)}")
    torch.manual_seed(spec.seed)
    try:
        whole = source.build(shape, source.outputs)
    except ValueError as error:
        raise ParamError.of("", error) from None
    if spec.weights == "trained":
        try:
            whole.load_state_dict(load_weights(folder, spec.seed))
        except RuntimeError:  # layers of other shapes
            raise ParamError(
                "resize",
                f"the network of {spec.source} is another one for images of {shape[1]}x{shape[2]}",
                "leave resize out",
            ) from None
    return nn.Sequential(*(part for name, part in whole.named_children() if name != "head"))


@torch.no_grad()
def embed(
    trunk: nn.Module, source: Model, task: Task, resize: Resize | None, device: torch.device
) -> NDArray[np.float32]:
    """The vectors of all images of a task, float32 (N, D), in its order, in batches, in evaluation mode.

    Raises:
        ParamError: The network cannot read these images, or gives numbers that are not finite.
    """
    # Convolutions on a CPU are fastest with the channels of a pixel together.
    data = to_device(task, View(source.normalize, resize, channels_last=True), device)
    trunk.eval().to(device).to(memory_format=data.layout)
    vectors = []
    with bar("embedding", len(data.images), unit="image") as progress:
        for indices in torch.split(torch.arange(len(data.images), device=device), batch_size(data)):
            try:
                found = forward(trunk, data.batch(indices), source.precision).flatten(1)
            except (RuntimeError, AssertionError) as error:
                if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
                    raise ParamError(
                        "", "this machine's memory is too small for it", "embed smaller images or fewer"
                    ) from error
                reason = str(error).splitlines()[0]
                raise ParamError(
                    "resize", f"the network cannot read images of this size ({reason})", "leave resize out"
                ) from error
            vectors.append(found.cpu().numpy())
            progress.update(len(indices))
    whole = np.concatenate(vectors)
    if not np.isfinite(whole).all():
        raise ParamError("source", "its vectors are not finite: that run diverged", "embed another")
    return whole
