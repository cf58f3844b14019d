"""A server of our own on this machine: it plays the good, the cut, the wrong and the absent one."""

import hashlib
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import ROOT

CONTENT = bytes(range(256)) * 40  # 10,240 bytes
DIGEST = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


class Server(ThreadingHTTPServer):
    """Serves `content` at every path; knows Range unless told otherwise; may cut its answers."""

    content = CONTENT
    knows_range = True
    length = True
    cut: int | None = None
    cuts = 0  # how many answers are cut
    status = 200
    location: str | None = None  # where it redirects to
    header_drip = 0.0  # seconds between two bytes of an endless header
    drip = 0.0  # seconds between two bytes
    stall = 0.0  # seconds without a byte, after `cut` of them

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers["Range"]
        server.asked.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        while server.header_drip:
            self.wfile.write(b"x")
            time.sleep(server.header_drip)
        if server.location:
            self.send_response(302)
            self.send_header("Location", server.location)
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.knows_range else 0
        if start >= len(server.content):
            self.send_error(416)
            return
        body = server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}")
        if server.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.cuts:
            server.cuts -= 1
            body = body[: server.cut]
        for byte in body if server.drip else b"":
            self.wfile.write(bytes([byte]))
            time.sleep(server.drip)
        if not server.drip:
            self.wfile.write(body)
            self.wfile.flush()
            time.sleep(server.stall)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def _clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for variable in ("PROBELINE_MIRROR", "PROBELINE_DOWNLOADS"):
        monkeypatch.delenv(variable, raising=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def dead_url() -> str:
    with Server() as gone:
        return gone.url  # nobody listens there any more


def with_source() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "src")}


def write_zip(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    return path
