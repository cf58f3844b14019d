"""Downloads over HTTP that resume, and that count only with the right digest."""

from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from probeline.pipeline.progress import bar
from probeline.sources.disk import room_for
from probeline.sources.verify import Unavailable, check

TIMEOUT = 15  # seconds without a byte
CHUNK = 1 << 18
RANGE_NOT_SATISFIABLE = 416
PARTIAL = 206


def download(url: str, target: Path, digest: str) -> None:
    """Download to `target`, by way of `<target>.part`, from where an earlier attempt stopped.

    Raises:
        Unavailable: The address gave nothing more, or other bytes than the digest says.
        UserError: The disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    resumed = part.exists()
    while True:
        before = _size(part)
        try:
            with room_for(part):
                _stream(url, part)
        except (OSError, HTTPException) as error:
            if _size(part) > before:  # a connection that broke: as long as it brings bytes, go on
                continue
            raise Unavailable(_reason(error)) from None
        try:
            check(part, digest)
        except Unavailable:
            part.unlink()
            if not resumed:
                raise
            resumed = False  # the beginning may have been another file: once more, from byte 0
        else:
            part.replace(target)
            return


def _stream(url: str, part: Path) -> None:
    have = _size(part)
    headers = {"User-Agent": "probeline"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = urlopen(Request(url, headers=headers), timeout=TIMEOUT)  # noqa: S310 (addresses are constants)
    except HTTPError as error:
        if error.code == RANGE_NOT_SATISFIABLE and have:
            return  # nothing is left to send: the digest decides
        raise
    with response:
        if response.status != PARTIAL:
            have = 0  # the server ignores Range and begins at the beginning
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise ConnectionError("the server sent another range than the one asked for")
        total = None if response.length is None else have + response.length
        name = part.name.removesuffix(".part")
        with (
            part.open("ab" if have else "wb") as file,
            bar(name, total, initial=have, unit="B", unit_scale=True) as progress,
        ):
            while chunk := response.read(CHUNK):
                file.write(chunk)
                progress.update(len(chunk))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"the connection closed after {_size(part)} of {total} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f"HTTP {error.code} {error.reason}"
    if isinstance(error, URLError):
        return str(getattr(error.reason, "strerror", None) or error.reason)
    return str(error) or type(error).__name__
