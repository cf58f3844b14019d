"""What a user sees while bytes arrive: bars on a terminal, plain lines always."""

from typing import Any

from tqdm import tqdm


def say(line: str) -> None:
    """Print one line at once, also where the output is a pipe."""
    print(line, flush=True)


def bar(what: str, total: int | None = None, **options: Any) -> "tqdm[Any]":
    """A progress bar on a terminal; nothing elsewhere."""
    return tqdm(desc=what, total=total, disable=None, leave=False, **options)
