"""Whether bytes are those that were asked for."""

import hashlib
from pathlib import Path

from probeline.pipeline.errors import UserError


class Unavailable(Exception):  # noqa: N818 (an outcome, not an error: the next place is tried)
    """A place did not give the bytes.

    Args:
        reasons: One line a place that was tried: which, and why it failed.
    """

    def __init__(self, *reasons: str) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = reasons


def check(path: Path, digest: str) -> None:
    """Compare a file with its digest, written `md5:<hex>` or `sha256:<hex>`.

    Raises:
        Unavailable: They differ; the reason names both.
    """
    algorithm, _, expected = digest.partition(":")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != expected:
        raise Unavailable(f"wrong digest: expected {digest}, found {algorithm}:{found}")


def check_bytes(content: bytes, digest: str, what: str) -> None:
    """Compare bytes in memory with their digest.

    Raises:
        UserError: They differ; one line names `what` and both digests.
    """
    algorithm, _, expected = digest.partition(":")
    found = hashlib.new(algorithm, content).hexdigest()
    if found != expected:
        raise UserError(f"{what}: wrong digest: expected {digest}, found {algorithm}:{found}; get the file anew")
