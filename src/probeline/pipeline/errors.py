"""Errors that a user can cause and mend: one line each, naming what, where and what to do."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches

FILE = "params.yaml"


class UserError(Exception):
    """A mistake in the user's parameters, data or surroundings.

    Args:
        lines: One complete message each. The frame of a stage prints them and exits with status 1.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(line.replace("\n", "\\n") for line in lines)  # one line each, whatever a name holds
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
    """Say that a name is unknown, with the nearest known name, or all of them where none is near."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    remedy = f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(names) or 'none'}"
    return f"unknown {what} '{name}'; {remedy}"
