"""Figures as files: a figure is drawn again only when what it shows, or how it is drawn, has changed."""

import ast
import dataclasses
import hashlib
import io
from collections.abc import Callable, Mapping
from functools import cache, singledispatch
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import BaseModel

from probeline.pipeline import files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

FORMAT = 2  # of the digest and of the PNG
PACKAGE = __name__.rpartition(".")[0]
KEY = "Probeline"  # of the digest among the texts of the PNG
DPI = 110
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError)  # what Pillow raises for a missing or damaged PNG


def draw(path: Path, old: Path, make: "Callable[..., Figure]", *arguments: Any) -> bool:
    """Write the figure `make(*arguments)` as a PNG, or copy the old file where that shows the same.

    Args:
        path: Where the PNG is written.
        old: The PNG of an earlier time; it need not exist. It may be `path`.
        make: A function of a module of this package.
        arguments: Data frames, arrays, records, data classes, and plain data of these.

    Returns:
        Whether it was drawn.

    Raises:
        TypeError: An argument is of a type that has no digest.
    """
    wanted = digest(make, *arguments)
    if (before := _read(old, wanted)) is not None:
        files.write(path, before)
        return False
    files.write(path, render(make(*arguments), wanted))
    return True


def render(figure: "Figure", digest: str) -> bytes:
    """The figure as a PNG without date or version: an equal figure is equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI, format="png", metadata={"Software": None, KEY: digest})
    return buffer.getvalue()


def digest(make: "Callable[..., Figure]", *arguments: Any) -> str:
    """SHA-256 of all that decides a figure: its function, its arguments, its code, the version of matplotlib.

    Floats count to six significant digits: more are not seen, and differ between processors.
    """
    content = hashlib.sha256()
    code = _source(make.__module__)
    _add(content, [FORMAT, _matplotlib(), code, make.__module__, make.__qualname__, arguments])
    return content.hexdigest()


def _read(path: Path, digest: str) -> bytes | None:
    """A PNG of this digest; None if it is another, missing or damaged."""
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content)) as image:
            image.verify()  # the checksums of all parts: a file that was cut short is drawn again
            return content if image.info.get(KEY) == digest else None
    except UNREADABLE:
        return None


@cache
def _matplotlib() -> str:
    """Its version, which takes milliseconds to read."""
    return version("matplotlib")


@cache
def _source(module: str) -> dict[str, str]:
    """The code of a module and of all that it imports from this package, by name."""
    found: dict[str, str] = {}
    wanted = [module]
    while wanted:
        if (name := wanted.pop()) not in found:
            found[name] = Path(str(import_module(name).__file__)).read_text(encoding="utf-8")
            wanted += _imports(found[name])
    return dict(sorted(found.items()))


def _imports(code: str) -> "Iterator[str]":
    """The modules of this package that code imports, all by `from probeline.report.figures import ...`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            yield from (f"{PACKAGE}.{alias.name}" for alias in node.names)


def _add(content: "hashlib._Hash", value: Any) -> None:
    """Add a value: two values have the same digest only if they are equal, floats as rounded, and of equal types.

    The order of a mapping counts, since it is the order of what is drawn. A tuple is as a list.
    """
    if value is None or isinstance(value, bool | int | float | str):
        content.update(_plain(value).encode())
    elif isinstance(value, bytes):
        content.update(f"bytes {len(value)} ".encode() + value)
    else:
        parts = _parts(value)
        kind = "list" if isinstance(value, tuple) else type(value).__name__
        content.update(f"{kind} {len(parts)} ".encode())
        if {type(part) for part in parts} <= {float, int, str}:  # most of all: the columns of tables, each at once
            content.update("".join(map(_plain, parts)).encode())
        else:
            for part in parts:
                _add(content, part)


def _plain(value: bool | float | str | None) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    size = len(text) if text.isascii() else len(text.encode())
    return f"{type(value).__name__} {size} {text}"


@singledispatch
def _parts(value: Any) -> list[Any]:
    """What a value is made of."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [part for field in dataclasses.fields(value) for part in (field.name, getattr(value, field.name))]
    raise TypeError(f"a figure cannot be drawn from a {type(value).__name__}: it has no digest")


@_parts.register(list)
@_parts.register(tuple)
def _(value: "Sequence[Any]") -> list[Any]:
    return list(value)


@_parts.register
def _(value: Mapping) -> list[Any]:  # type: ignore[type-arg]  # singledispatch takes plain classes
    return [part for item in value.items() for part in item]


@_parts.register
def _(value: BaseModel) -> list[Any]:
    return [part for item in value for part in item]


@_parts.register
def _(value: np.generic) -> list[Any]:
    return [value.dtype.str, value.item()]


@_parts.register
def _(value: np.ndarray) -> list[Any]:
    values = value.tolist() if value.dtype.kind in "fO" else np.ascontiguousarray(value).tobytes()
    return [value.dtype.str, value.shape, values]


@_parts.register
def _(value: pd.Index) -> list[Any]:
    return [str(value.dtype), value.name, value.tolist()]


@_parts.register
def _(value: pd.Series) -> list[Any]:
    return [str(value.dtype), value.name, value.tolist(), value.index]


@_parts.register
def _(value: pd.DataFrame) -> list[Any]:
    return [value.index, *(value.iloc[:, place] for place in range(value.shape[1]))]
