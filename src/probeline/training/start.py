"""How the networks of a run begin."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from probeline.results.runs import Begun
from probeline.training.seen import Seen


class Start(Protocol):
    """What stands before the first step of every seed."""

    @property
    def folders(self) -> Sequence[Path]:
        """What is read: of the weights that networks begin with."""

    @property
    def key(self) -> Any:
        """What its entry in params.yaml says beside the recipe, for the name of a checkpoint."""

    def begin(self, model: nn.Module, seed: int) -> Begun | None:
        """Change a network with fresh weights, and say what was done; None for nothing."""

    def freeze(self, model: nn.Module) -> None:
        """Mark what does not train, in a network that is only looked at."""

    def seen(self, seed: int) -> Seen:
        """The images that the weights of a seed were trained on before."""


class Fresh:
    """With PyTorch's own random weights."""

    folders: Sequence[Path] = ()
    key = None

    def begin(self, model: nn.Module, seed: int) -> Begun | None:  # noqa: ARG002 (nothing to change)
        """Leave it as it is."""
        return None

    def freeze(self, model: nn.Module) -> None:
        """Let all of it train."""

    def seen(self, seed: int) -> Seen:  # noqa: ARG002 (of no seed)
        """None."""
        return {}
