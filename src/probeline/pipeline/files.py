"""The bytes of files, and writing that is whole or absent: a temporary name beside the target, then a rename."""

import io
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


def write(path: Path, content: bytes | str) -> None:
    """Write a file in one step, and its folder if that is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON that reads well in Git: indented, in the given order. A number that is not finite becomes null."""
    write(path, json.dumps(_finite(content), indent=2, allow_nan=False) + "\n")


def write_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Write a table, floats to six significant digits; what is not finite becomes an empty field."""
    write(
        path,
        frame.replace([math.inf, -math.inf], math.nan).to_csv(index=False, float_format="%.6g", lineterminator="\n"),
    )


def rounded(value: Any) -> Any:
    """Plain data with floats to six significant digits: what a reader can use, and what processors agree on."""
    if isinstance(value, float) and math.isfinite(value):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return value


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array into a folder that is not yet in place (see folders.py): the bytes of np.save.

    np.save itself does not say that a disk is full, for large arrays.
    """
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.reshape(-1).view(np.uint8).data)


def write_npz(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays by their names: the bytes of np.savez, in one step. Equal arrays are equal bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write(path, buffer.getvalue())
