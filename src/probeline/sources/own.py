"""The user's own data: where it is, and whether it is still the same."""

import hashlib
from pathlib import Path

from probeline.pipeline.errors import UserError
from probeline.pipeline.stage import root


def locate(path: str, key: str) -> Path:
    """A user's path: `~` expanded, a relative one counted from the clone.

    Args:
        key: Of params.yaml, that names it.

    Raises:
        UserError: There is nothing.
    """
    try:
        found = root() / Path(path).expanduser()
        there = found.exists()
    except (RuntimeError, OSError, ValueError) as error:
        raise UserError(f"params.yaml: {key}: {path!r} is no path of a file or folder ({error})") from None
    if not there:
        raise UserError(
            f"params.yaml: {key}: {path}: no such file or folder ({found}); a relative path counts from the clone"
        )
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pin(name: str, path: str, found: str, expected: str | None) -> None:
    """Compare the SHA-256 of a user's own data with the one in params.yaml.

    Raises:
        UserError: They differ, or there is none yet. DVC does not watch the data, only params.yaml: without the digest
            there, a change would be missed, and an older result come back from the run cache.
    """
    if expected is None:
        raise UserError(f"datasets.{name}.sha256: is null; write {found} there: that of {path} as it is now")
    if found != expected:
        raise UserError(
            f"{path}: has changed: sha256 expected {expected}, found {found}; "
            f"restore the data, or write the new one at datasets.{name}.sha256"
        )
