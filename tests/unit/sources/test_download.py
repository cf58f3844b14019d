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
