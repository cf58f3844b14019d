"""The user's own data: where it is, and whether it is still the same."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

from probeline.pipeline import settings
from probeline.pipeline.errors import ParamError, printable


def locate(path: str) -> Path:
    """A user's path, the key `path` of an entry: `~` is expanded, a relative path counts from the clone.

    Raises:
        ParamError: There is no such file or folder, or it may not be read, or it is a pipe or a device.
    """
    try:
        given = settings.root() / Path(path).expanduser()
        # A Mac writes accents as characters of their own (NFD), most keyboards do not (NFC).
        forms = [given, *(Path(normalize(form, str(given))) for form in ("NFC", "NFD"))]
        found = next((form for form in forms if form.exists()), None)
    except (RuntimeError, OSError, ValueError) as error:
        raise ParamError("path", f"{path!r} is no path of a file or folder ({error})", "give the path of one") from None
    if found is None:
        raise ParamError(
            "path", f"{path}: no such file or folder ({given})", "correct it; a relative path counts from the clone"
        )
    if not (found.is_file() or found.is_dir()):  # reading a pipe would wait for ever
        raise ParamError("path", f"{path} is a pipe or a device", "give the path of a file or folder")
    if not os.access(found, os.R_OK):
        raise ParamError("path", f"{path} may not be read", "allow it")
    return found


def some(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, for a message of one line that print can write, whatever they hold."""
    shown = [name[:60] + "..." * (len(name) > 60) for name in names[:most]]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return printable(", ".join(shown) + more)


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
