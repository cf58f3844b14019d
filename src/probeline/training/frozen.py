"""What a frozen beginning of a network makes of the images, computed once and not in every epoch."""

import torch
from torch import Tensor, nn

from probeline.compute.data import Data, DeviceData, DeviceVectors
from probeline.compute.forward import batch_size, forward
from probeline.pipeline.progress import bar

LIMIT = 1 << 30  # numbers: 4 GiB of activations


class Frozen:
    """Shortens networks whose first layers do not train. Seeds that share those layers share what they computed."""

    def __init__(self) -> None:
        self._weights: dict[str, Tensor] | None = None
        self._values: Tensor | None = None

    def shorten(self, model: nn.Module, data: DeviceData, precision: str, label: str) -> tuple[nn.Module, Data]:
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
        if data.view.augment or not any(True for _ in beginning.parameters()):
            return model, data
        with torch.no_grad():
            one = forward(beginning.eval(), data.batch(data.splits["train"][:1]), precision)
        if one.numel() * len(data.labels) > LIMIT:
            return model, data
        weights = beginning.state_dict()
        known = self._weights
        if known is None or any(not torch.equal(value, known[name]) for name, value in weights.items()):
            self._values = None  # the old ones go before the new ones come
            self._values = _activations(beginning, data, precision, label)
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
    found: Tensor | None = None
    with bar(f"{label}: frozen layers", len(indices), unit="image") as progress:
        for chosen in torch.split(indices, batch_size(data)):
            values = forward(beginning, data.batch(chosen), precision)
            if found is None:
                found = values.new_empty((len(indices), *values.shape[1:]))
            found[chosen] = values
            progress.update(len(chosen))
    assert found is not None
    return found
