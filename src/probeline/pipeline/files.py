"""The bytes of files. Writing is whole or absent: a temporary name beside the target, then a rename.

NumPy is imported where it is used: the frame of a stage writes files too, before it has pinned the numerics.
"""

import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from probeline.pipeline.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Kind = tuple[type["np.generic"], int]  # of an array: the type of its numbers, and how many dimensions
_DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile)  # what NumPy raises at a damaged file


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


def write_array(path: Path, array: "NDArray[Any]") -> None:
    """Write an array into a folder that is not yet in place (see folders.py): the bytes of np.save.

    np.save itself does not say that a disk is full, for large arrays.
    """
    import numpy as np

    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.reshape(-1).view(np.uint8).data)


def write_npz(path: Path, **arrays: "NDArray[Any]") -> None:
    """Write arrays by their names: the bytes of np.savez, in one step. Equal arrays are equal bytes."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write(path, buffer.getvalue())


def read_array(path: Path, kind: Kind, remedy: str, mode: Literal["r"] | None = None) -> "NDArray[Any]":
    """What `write_array` wrote.

    Args:
        remedy: The end of the line of an error: which stage to run.
        mode: "r" leaves it on the disk until it is indexed.

    Raises:
        UserError: It is missing, damaged or of another kind.
    """
    import numpy as np

    try:
        found: NDArray[Any] = np.load(path, mmap_mode=mode, allow_pickle=False)
        return _insist(found, kind)
    except _DAMAGED as error:
        raise UserError(f"{path}: is missing or damaged; {remedy}") from error


def read_npz(path: Path, remedy: str, kinds: Mapping[str, Kind] | None = None) -> "dict[str, NDArray[Any]]":
    """What `write_npz` wrote, by name.

    Args:
        remedy: The end of the line of an error: which stage to run.
        kinds: The arrays to read; None: all, of any kind.

    Raises:
        UserError: It is missing or damaged, or an array is missing or of another kind.
    """
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as found:
            if kinds is None:
                return dict(found)
            return {name: _insist(found[name], kind) for name, kind in kinds.items()}
    except _DAMAGED as error:
        raise UserError(f"{path}: is missing or damaged; {remedy}") from error


def _insist(array: "NDArray[Any]", kind: Kind) -> "NDArray[Any]":
    dtype, dimensions = kind
    if array.dtype != dtype or array.ndim != dimensions:
        raise ValueError(f"an array of {array.dtype} with {array.ndim} dimensions")
    return array
