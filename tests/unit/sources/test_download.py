"""Downloads over HTTP: they resume, and count only with the right digest."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from probeline.sources import download as http
from probeline.sources.verify import Unavailable
from tests.unit.sources.conftest import CONTENT, DIGEST, Server, dead_url, names, with_source


def test_a_download_is_whole_and_leaves_no_part(server: Server, tmp_path: Path) -> None:
    http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]
    assert server.asked == [None]


def test_a_download_resumes_where_it_stopped(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:4000])
    http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == ["bytes=4000-"]


def test_a_connection_that_breaks_is_taken_up_again(server: Server, tmp_path: Path) -> None:
    server.cut, server.cuts = 3000, 3
    http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=3000-", "bytes=6000-", "bytes=9000-"]


def test_a_server_without_range_begins_again(server: Server, tmp_path: Path) -> None:
    server.knows_range = False
    (tmp_path / "file.part").write_bytes(b"x" * 4000)
    http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_always_cuts_is_given_up_and_the_part_is_kept(server: Server, tmp_path: Path) -> None:
    server.knows_range, server.cut, server.cuts = False, 3000, 99
    with pytest.raises(Unavailable, match="the connection closed after 3000 of 10240 bytes"):
        http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:3000]
    assert len(server.asked) == 2


def test_wrong_bytes_are_named_and_removed(server: Server, tmp_path: Path) -> None:
    server.content = b"<html>log in first</html>"
    found = hashlib.md5(server.content).hexdigest()
    with pytest.raises(Unavailable, match=f"wrong digest: expected {DIGEST}, found md5:{found}"):
        http.download(server.url, tmp_path / "file", DIGEST)
    assert names(tmp_path) == []
    assert len(server.asked) == 1


@pytest.mark.parametrize("left", [b"x" * 4000, b"x" * len(CONTENT), b"x" * 20000])
def test_a_part_of_another_file_is_not_resumed_for_ever(server: Server, tmp_path: Path, left: bytes) -> None:
    (tmp_path / "file.part").write_bytes(left)
    http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(left)}-", None]


def test_a_part_that_was_complete_needs_no_more_bytes(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert len(server.asked) == 1


def test_without_a_length_the_digest_decides(server: Server, tmp_path: Path) -> None:
    server.length = False
    http.download(server.url, tmp_path / "file", DIGEST)
    server.cut, server.cuts = 3000, 99
    with pytest.raises(Unavailable, match="wrong digest"):
        http.download(server.url, tmp_path / "other", DIGEST)
    assert names(tmp_path) == ["file"]


def test_refused_and_missing_are_reasons(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Connection refused"):
        http.download(dead_url(), tmp_path / "file", DIGEST)
    server.status = 404
    with pytest.raises(Unavailable, match="HTTP 404 Not Found"):
        http.download(server.url, tmp_path / "file", DIGEST)


def test_a_silent_server_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert http.TIMEOUT == 15
    monkeypatch.setattr(http, "TIMEOUT", 0.2)
    with Server() as silent, pytest.raises(Unavailable, match="timed out"):  # listens, never answers
        http.download(silent.url, tmp_path / "file", DIGEST)


def test_a_full_disk_is_one_line_and_the_part_stays(server: Server, tmp_path: Path) -> None:
    # A limit on the size of files, in a process of its own, is as good as a small disk.
    script = f"""
import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
from pathlib import Path; from probeline.sources.download import download
from probeline.pipeline.errors import UserError
try: download({server.url!r}, Path({str(tmp_path / "file")!r}), {DIGEST!r})
except UserError as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], env=with_source(), capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith(f"{tmp_path}/file.part: cannot be written whole: File too large; make room")
    assert "PROBELINE_DOWNLOADS" in done.stdout
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:5000]
    http.download(server.url, tmp_path / "file", DIGEST)
    assert server.asked[-1] == "bytes=5000-"


def test_a_stall_loses_no_byte(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", 0.2)
    server.cut, server.cuts, server.stall = 3000, 1, 0.5
    http.download(server.url, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=3000-"]


def test_a_drip_is_given_up_and_kept(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.2)
    server.drip = 0.01
    with pytest.raises(Unavailable, match=r"^it is too slow: \d+ bytes in 0 seconds$"):
        http.download(server.url, tmp_path / "file", DIGEST)
    kept = (tmp_path / "file.part").read_bytes()
    assert 0 < len(kept) < 100
    assert CONTENT.startswith(kept)


def test_a_byte_a_connection_is_given_up(server: Server, tmp_path: Path) -> None:
    server.cut, server.cuts = 1, 99
    with pytest.raises(Unavailable, match="the connection closed after 10 of 10240 bytes"):
        http.download(server.url, tmp_path / "file", DIGEST)
    assert len(server.asked) == http.CONNECTIONS


def test_a_body_without_end_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST", 5000)
    server.length = False
    with pytest.raises(Unavailable, match="it sends more than 5000 bytes, which is not the file that it should be"):
        http.download(server.url, tmp_path / "file", DIGEST)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("location", "line"),
    [
        (None, "^HTTP 302 The HTTP server returned a redirect error that would lead to an infinite loop.$"),
        ("http://[::1", "^.+$"),
        ("http://127.0.0.1:port/x", "^.+$"),
        (f"http://{'x' * 70}.example/", "^.+$"),
        ("ftp://127.0.0.1:1/x", "^.+$"),
        ("file:///etc/passwd", "^HTTP 302 "),
        ("http:///x", "^.+$"),
        ("http://\u00e9 x/", "^.+$"),
    ],
)
def test_a_redirect_to_nowhere_is_one_line(server: Server, tmp_path: Path, location: str | None, line: str) -> None:
    server.location = location or server.url
    with pytest.raises(Unavailable, match=line) as caught:
        http.download(server.url, tmp_path / "file", DIGEST)
    assert len(str(caught.value)) <= 150
    assert "\n" not in str(caught.value)


def test_headers_without_end_are_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PATIENCE", 0.2)
    server.header_drip = 0.01
    with pytest.raises(Unavailable, match=r"^no answer in 0\.2 seconds$"):
        http.download(server.url, tmp_path / "file", DIGEST)
    server.header_drip = 0
    http.download(server.url, tmp_path / "file", DIGEST)
