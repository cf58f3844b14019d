"""State dicts on the disk."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from probeline.pipeline import files
from probeline.pipeline.errors import UserError


def save(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write a state_dict, so that equal weights are equal bytes."""
    # torch.save puts a file's name into the archive; a buffer has none.
    buffer = io.BytesIO()
    torch.save({name: value.cpu() for name, value in state.items()}, buffer)
    files.write(path, buffer.getvalue())


def load(path: Path, remedy: str) -> dict[str, Tensor]:
    """Read a state_dict onto the CPU.

    Raises:
        UserError: It is missing, damaged or no state_dict; the line ends in the remedy.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickle protocols, in damaged bytes
            state: dict[str, Tensor] = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
    except Exception as error:  # PyTorch raises errors of many types for a damaged file
        raise UserError(f"{path}: is missing or damaged; {remedy}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: is no state_dict; {remedy}")
    return state
