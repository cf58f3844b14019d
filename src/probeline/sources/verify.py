"""Whether bytes are those that were asked for."""

import hashlib
import zipfile
from pathlib import Path
from typing import IO, Any

from probeline.pipeline.errors import UserError

SHORTEST = 8  # hexadecimal digits of a digest of which only the beginning is published


class Unavailable(Exception):  # noqa: N818 (an outcome, not an error: the next place is tried)
    """A place did not give the bytes.

    Args:
        reasons: One line for each place that was tried: which, and why it failed.
    """

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


def check(path: Path, digest: str) -> None:
    """Compare a file with its digest.

    Args:
        digest: `<algorithm>:<hex>`, as `md5:`, `sha1:` or `sha256:`; at least the first eight digits. With a third
            part, `<algorithm>:<hex>:<member>`, that of a member of a zip file whose own digest nobody publishes.

    Raises:
        Unavailable: They differ; the reason names both. Or there is no such member.
    """
    algorithm, expected, *member = digest.split(":", 2)
    with path.open("rb") as file:
        found = _of_member(file, member[0], algorithm) if member else _of(file, algorithm)
    if not _is(found, expected):
        raise Unavailable(f"wrong digest: expected {digest}, found {algorithm}:{found}")


def _of(file: Any, algorithm: str) -> str:
    return hashlib.file_digest(file, algorithm).hexdigest()


def _of_member(file: IO[bytes], member: str, algorithm: str) -> str:
    try:
        with zipfile.ZipFile(file) as archive, archive.open(member) as content:
            return _of(content, algorithm)
    except Exception as error:  # noqa: BLE001 (zipfile raises errors of many types for damaged bytes)
        raise Unavailable(f"not a zip file with a member {member} ({str(error)[:100]})") from None


def check_bytes(content: bytes, digest: str, what: str) -> None:
    """Compare bytes in memory with their digest, written `<algorithm>:<hex>`, at least the first eight digits.

    Raises:
        UserError: They differ; one line names `what` and both digests.
    """
    algorithm, _, expected = digest.partition(":")
    found = hashlib.new(algorithm, content).hexdigest()
    if not _is(found, expected):
        raise UserError(f"{what}: wrong digest: expected {digest}, found {algorithm}:{found}; get the file anew")


def _is(found: str, expected: str) -> bool:
    return len(expected) >= SHORTEST and found.startswith(expected)
