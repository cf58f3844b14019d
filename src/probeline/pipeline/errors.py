"""Errors that a user can cause and mend: one line each, naming what, where and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in the user's parameters, data or surroundings.

    Args:
        lines: One complete message each. The frame of a stage prints them and exits with status 1.
    """

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(line.replace("\n", "\\n") for line in lines)  # one line each, whatever a name holds
        super().__init__("\n".join(self.lines))


def unknown(what: str, name: object, known: Iterable[str]) -> str:
    """Say that a name is unknown, with the nearest known name, or all of them where none is near."""
    names = sorted(known)
    near = get_close_matches(str(name), names, n=1)
    remedy = f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(names) or 'none'}"
    return f"unknown {what} '{name}'; {remedy}"
