"""What a frozen beginning of a network makes of the images, computed once and not in every epoch."""

import sys

import torch
from torch import Tensor, nn
from tqdm import tqdm

from probeline.training.data import Data, DeviceData, DeviceVectors
from probeline.training.evaluation import VALUES
from probeline.training.forward import forward
from probeline.training.spec import Run

LIMIT = 1 << 30  # numbers: 4 GiB of activations


class Frozen:
    """Shortens networks whose first layers do not train. Seeds that share those layers share what they computed."""

    def __init__(self) -> None:
        self._weights: dict[str, Tensor] | None = None
        self._values: Tensor | None = None

    def shorten(self, model: nn.Module, data: DeviceData, run: Run, label: str) -> tuple[nn.Module, Data]:
        """The layers from the first that trains on, and what they get; or all of it, where nothing is to be gained.

        The layers are those of the model itself: training them trains the model. Augmented images differ in every
        epoch, so a run with augmentation is left as it is.

        Args:
            label: For the progress bar.
        """
        layers = _chain(model)
        trains = [any(parameter.requires_grad for parameter in layer.parameters()) for layer in layers]
        cut = trains.index(True) if True in trains else 0
        beginning, rest = nn.Sequential(*layers[:cut]), nn.Sequential(*layers[cut:])
        if run.augment or not any(True for _ in beginning.parameters()):
            return model, data
        with torch.no_grad():
            one = forward(beginning.eval(), data.batch(data.splits["train"][:1]), run.precision)
        if one.numel() * len(data.labels) > LIMIT:
            return model, data
        weights = beginning.state_dict()
        known = self._weights
        if known is None or any(not torch.equal(value, known[name]) for name, value in weights.items()):
            self._values = None  # the old ones go before the new ones come
            self._values = _activations(beginning, data, run.precision, label)
            self._weights = {name: value.clone() for name, value in weights.items()}
        assert self._values is not None
        return rest, DeviceVectors(self._values, data.labels, data.splits)


def _chain(model: nn.Module) -> list[nn.Module]:
    """The layers of a network in a row, as far as it is one: what is inside of a block stays together."""
    if type(model).forward is not nn.Sequential.forward:
        return [model]
    return [layer for child in model.children() for layer in _chain(child)]


@torch.no_grad()
def _activations(beginning: nn.Module, data: DeviceData, precision: str, label: str) -> Tensor:
    indices = torch.arange(len(data.labels), device=data.labels.device)
    size = max(1, min(1024, VALUES // data.values))
    found: Tensor | None = None
    with tqdm(
        desc=f"{label}: frozen layers", total=len(indices), unit="image", disable=None, leave=False, file=sys.stderr
    ) as progress:
        for chosen in torch.split(indices, size):
            values = forward(beginning, data.batch(chosen), precision)
            if found is None:
                found = values.new_empty((len(indices), *values.shape[1:]))
            found[chosen] = values
            progress.update(len(chosen))
    assert found is not None
    return found
