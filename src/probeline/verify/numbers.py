"""Files taken apart: every cell of a table and every leaf of a JSON file, with where it stands."""

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from probeline.pipeline.errors import UserError


class Address(NamedTuple):
    """Where a cell stands in its file.

    Attributes:
        place: The keys of its row; in JSON the keys and indices that lead to it.
        column: Its column; in JSON the keys without the indices, joined by dots.
    """

    place: tuple[str, ...]
    column: str


Cells = dict[Address, str]  # text as it stands in the file; "" for an empty field or null
WHOLE = Address((), "")  # of a file that is compared as a whole


class _Digits(str):
    """A number of a JSON file with its digits as they stand there."""

    __slots__ = ()


def cells(file: str, content: bytes, keys: Sequence[str]) -> Cells:
    """All cells of a file.

    Args:
        file: Its path: what is neither CSV nor JSON is one cell.
        keys: The columns of a CSV that name a row; they are no cells.

    Raises:
        UserError: It is damaged.
    """
    try:
        if file.endswith(".csv"):
            return _table(content.decode(), keys)
        if file.endswith(".json"):
            found = json.loads(content, parse_float=_Digits, parse_int=_Digits)
            return dict(_leaves(found, (), ()))
        return {WHOLE: content.decode("latin-1")}
    except (ValueError, KeyError) as error:
        raise UserError(f"{file}: is damaged; run: dvc repro --force summary") from error


def _table(text: str, keys: Sequence[str]) -> Cells:
    found: Cells = {}
    for row in csv.DictReader(io.StringIO(text), strict=True):
        place = tuple(row.pop(key) for key in keys)
        for column, value in row.items():
            if column is None or value is None:
                raise ValueError("a row with more or fewer fields than the head")
            address = Address(place, column)
            if address in found:
                raise ValueError("two rows with the same key")
            found[address] = value
    return found


def _leaves(found: Any, place: tuple[str, ...], column: tuple[str, ...]) -> Iterator[tuple[Address, str]]:
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _leaves(value, (*place, key), (*column, key))
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from _leaves(value, (*place, str(index)), column)
    else:
        text = found if isinstance(found, _Digits) else "" if found is None else json.dumps(found)
        yield Address(place, ".".join(column)), text


def number(text: str) -> float | None:
    """The number that a text is; None for a word, and for what is not finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
