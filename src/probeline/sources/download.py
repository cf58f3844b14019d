"""Downloads over HTTP that resume, and that count only with the right digest."""

import time
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from probeline.pipeline.progress import bar
from probeline.sources.disk import room_for
from probeline.sources.verify import Unavailable, check

TIMEOUT = 15  # seconds without a byte
PATIENCE, LEAST = 60, 1 << 16  # seconds in which fewer bytes than that are too few
CONNECTIONS = 10  # that each bring fewer bytes than that: then the address is given up
LARGEST = 8 << 30  # bytes; the largest file had from here holds 2.6e9
CHUNK = 1 << 18  # the most that one read gives; what has arrived is written at once
RANGE_NOT_SATISFIABLE = 416
PARTIAL = 206


def download(url: str, target: Path, digest: str) -> None:
    """Download to `target`, by way of `<target>.part`, from where an earlier attempt stopped.

    Raises:
        Unavailable: The address gave nothing more, or too slowly, or more than LARGEST, or other bytes than the digest
            says.
        UserError: The disk is full.
    """
    part = target.with_name(f"{target.name}.part")
    resumed, poor = part.exists(), 0
    while True:
        before = _size(part)
        try:
            with room_for(part):
                _stream(url, part)
        except (OSError, HTTPException, ValueError) as error:  # ValueError: of a redirect to what is no address
            brought = _size(part) - before
            poor += brought < LEAST
            if brought > 0 and poor < CONNECTIONS:  # a connection that broke: as long as it brings bytes, go on
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
        response = _open(Request(url, headers=headers))  # noqa: S310 (addresses are constants)
    except HTTPError as error:
        if error.code == RANGE_NOT_SATISFIABLE and have:
            return  # nothing is left to send: the digest decides
        raise
    with response:
        if not isinstance(response, HTTPResponse):
            raise ConnectionError(f"it redirects to {response.url[:100]}, which is not HTTP")
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
            for chunk in _chunks(response):
                file.write(chunk)
                progress.update(len(chunk))
                if file.tell() > LARGEST:
                    part.unlink()
                    raise Unavailable(f"it sends more than {LARGEST} bytes, which is not the file that it should be")
    if total is not None and _size(part) < total:
        raise ConnectionError(f"the connection closed after {_size(part)} of {total} bytes")


def _open(request: Request) -> Any:
    """The answer to a request, once all its headers are there. A thread waits for them, for they may come by the byte.

    Raises:
        TimeoutError: They are not there in PATIENCE.
        OSError, HTTPException, ValueError: Of urlopen.
    """
    answers: Queue[Any] = Queue()

    def ask() -> None:
        try:
            answers.put(urlopen(request, timeout=TIMEOUT))  # noqa: S310 (addresses are constants)
        except Exception as error:  # noqa: BLE001 (raised again below)
            answers.put(error)

    Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE)
    except Empty:
        raise TimeoutError(f"no answer in {PATIENCE} seconds") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    """What arrives, as it arrives, so that a stall loses none of it.

    Raises:
        Unavailable: It arrives too slowly.
    """
    since, count = time.monotonic(), 0
    while chunk := response.read1(CHUNK):
        yield chunk
        count += len(chunk)
        if (seconds := time.monotonic() - since) >= PATIENCE:
            if count < LEAST:
                raise Unavailable(f"it is too slow: {count} bytes in {seconds:.0f} seconds")
            since, count = time.monotonic(), 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: Exception) -> str:
    """Why, in one short line: servers and urllib write several."""
    if isinstance(error, HTTPError):
        why = f"HTTP {error.code} {error.reason}"
    elif isinstance(error, URLError):
        why = str(getattr(error.reason, "strerror", None) or error.reason)
    else:
        why = str(error) or type(error).__name__
    return why.strip().partition("\n")[0][:150]
