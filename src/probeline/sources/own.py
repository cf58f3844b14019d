"""The user's own data: where it is, and whether it is still the same."""

import hashlib
from pathlib import Path

from probeline.pipeline import settings
from probeline.pipeline.errors import ParamError


def locate(path: str) -> Path:
    """A user's path, the key `path` of an entry: `~` is expanded, a relative path counts from the clone.

    Raises:
        ParamError: There is no such file or folder.
    """
    try:
        found = settings.root() / Path(path).expanduser()
        there = found.exists()
    except (RuntimeError, OSError, ValueError) as error:
        raise ParamError("path", f"{path!r} is no path of a file or folder ({error})", "give the path of one") from None
    if not there:
        raise ParamError(
            "path", f"{path}: no such file or folder ({found})", "correct it; a relative path counts from the clone"
        )
    return found


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pin(path: str, found: str, expected: str | None) -> None:
    """Compare the SHA-256 of a user's own data with the key `sha256` of its entry.

    DVC watches params.yaml, not the data. Without the digest there, a change would be missed, and an older result would
    come back from the run cache.

    Args:
        path: As the user wrote it, for messages.
        found: In hexadecimal, of the data as it is now.
        expected: In hexadecimal, from params.yaml.

    Raises:
        ParamError: They differ, or there is none in params.yaml yet.
    """
    if expected is None:
        raise ParamError("sha256", "is missing", f"write {found} there: that of {path} as it is now")
    if found != expected:
        raise ParamError(
            "sha256",
            f"{path} has changed: expected {expected}, found {found}",
            "restore the data, or write the new one there",
        )
