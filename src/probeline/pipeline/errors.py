"""Errors that a user can cause and mend: one line each, naming what, where and what to do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

FILE = "params.yaml"
LONGEST = 290  # characters of a line, without the word "error" before it
SHOWN = 60  # characters of a name of the user's in a line
LISTED = 100  # characters of a list of names in a line


class UserError(Exception):
    """A mistake in the user's parameters, data or surroundings.

    Args:
        lines: One complete message each. The frame of a stage prints them and exits with status 1.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(map(_one_line, lines))
        super().__init__("\n".join(self.lines))


class ParamError(UserError):
    """A mistake at one key of params.yaml.

    Args:
        key: Dotted, counted from what is at work: an entry, or a part of it. Empty: all of that. `at` adds the rest.
        what: What is wrong.
        remedy: What to do.
    """

    def __init__(self, key: str, what: str, remedy: str) -> None:
        self.key, self.what, self.remedy = key, what, remedy
        super().__init__(f"{FILE}: {f'{key}: ' * bool(key)}{what}{f'; {remedy}' * bool(remedy)}")

    @property
    def said(self) -> str:
        """Its line without the name of the file, for a line that begins with more of the key."""
        return self.lines[0].removeprefix(f"{FILE}: ")

    @classmethod
    def of(cls, key: str, error: ValueError) -> "ParamError":
        """A mistake that a part has found: `what is wrong; what to do`."""
        what, _, remedy = str(error).rpartition("; ")
        return cls(key, what, remedy) if what else cls(key, remedy, "")


@contextmanager
def at(place: str) -> Iterator[None]:
    """Say where in params.yaml a block works: the keys of the errors that leave it begin with `place`."""
    try:
        yield
    except ParamError as error:
        key = ".".join(filter(None, (place, error.key)))
        raise ParamError(key, error.what, error.remedy) from error


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that a name is unknown, with the nearest known name, or what there is where none is near."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    remedy = f"did you mean '{near[0]}'?" if near else f"there is: {listed(names) or 'none'}"
    return f"unknown {what} '{short(name)}'; {remedy}"


def listed(names: Iterable[object], between: str = ", ") -> str:
    """Names in a row; of many the first, and how many more there are."""
    words = list(map(short, names))
    count, length = 0, 0
    while count < len(words) and (not count or length + len(words[count]) <= LISTED):
        length += len(words[count]) + len(between)
        count += 1
    more = len(words) - count
    return between.join(words[:count]) + (f" and {more} more" if more else "")


def short(value: object) -> str:
    """A value of the user's as it can stand in a line."""
    text = printable(str(value))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def printable(text: str) -> str:
    """A text of one line: line ends, other control characters and what else no terminal shows are escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _one_line(text: str) -> str:
    """A message on one line of bounded length, whatever a name holds: the middle goes, since the end is the remedy."""
    line = printable(text)
    half = (LONGEST - len(" ... ")) // 2
    return line if len(line) <= LONGEST else f"{line[:half]} ... {line[-half:]}"
