"""Places in order: a mirror, addresses, packages; whichever works first."""

import os
from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.sources import disk, packages
from probeline.sources.packages import Package
from probeline.sources.places import Archive, obtain
from tests.unit.sources.conftest import CONTENT, DIGEST, Server, dead_url


def archive(*where: str | Package, name: str = "file") -> Archive:
    return Archive(name, DIGEST, where)


def test_the_mirror_comes_first_and_is_left_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/file").write_bytes(CONTENT)
    monkeypatch.setenv("PROBELINE_MIRROR", "mirror")  # relative to the clone
    with disk.downloads("set"):
        assert obtain("set", (archive(server.url),)) == [tmp_path / "mirror/file"]
    assert (tmp_path / "mirror/file").read_bytes() == CONTENT
    assert server.asked == []
    assert capsys.readouterr().out == f"set: file from the mirror {tmp_path}/mirror, digest as expected\n"


def test_a_mirror_with_wrong_bytes_does_not_count(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"other")
    monkeypatch.setenv("PROBELINE_MIRROR", str(tmp_path))
    assert obtain("set", (archive(server.url),))[0].read_bytes() == CONTENT
    assert (tmp_path / "file").read_bytes() == b"other"


def test_the_second_address_is_tried_and_named(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = dead_url()
    found = obtain("set", (archive(dead, server.url),))
    assert found == [tmp_path / ".downloads/set/file"]
    assert capsys.readouterr().out.splitlines() == [
        f"set: getting file from {dead}",
        "set: not from there: Connection refused",
        f"set: getting file from {server.url}",
        f"set: file (0.0 MB) from {server.url}, digest as expected",
    ]


def test_a_choice_is_had_whole_or_the_next_is_tried(server: Server, tmp_path: Path) -> None:
    both = (archive(server.url, name="a"), archive(dead_url(), name="b"))
    assert obtain("set", both, (archive(server.url, name="c"),)) == [tmp_path / ".downloads/set/c"]


def test_when_no_place_works_every_one_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status = 503
    monkeypatch.setenv("PROBELINE_MIRROR", "nowhere")
    monkeypatch.setattr(packages, "NPM", ["no-such-tool"])
    dead = dead_url()
    with pytest.raises(UserError) as caught:
        obtain("set", (archive(dead, server.url),), (archive(Package("npm", "it@1"), name="it-1.tgz"),))
    remedy, *tried = caught.value.lines
    assert remedy == (
        "set: no place gave its files; connect to a network, or put file, or it-1.tgz into a folder "
        "and name that folder in PROBELINE_MIRROR"
    )
    assert tried == [
        f"set: tried {tmp_path}/nowhere/file (PROBELINE_MIRROR): No such file or directory",
        f"set: tried {tmp_path}/nowhere/it-1.tgz (PROBELINE_MIRROR): No such file or directory",
        f"set: tried {dead}: Connection refused",
        f"set: tried {server.url}: HTTP 503 Service Unavailable",
        "set: tried npm package it@1: there is no no-such-tool on this machine",
    ]


def test_what_a_stopped_fetch_left_is_used_once_and_then_removed(server: Server, tmp_path: Path) -> None:
    def stopped() -> None:
        with disk.downloads("set"):
            obtain("set", (archive(server.url),))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with disk.downloads("set"):
        assert obtain("set", (archive(server.url),))[0].read_bytes() == CONTENT
    assert len(server.asked) == 1
    assert not (tmp_path / ".downloads/set").exists()


def test_a_kept_file_with_wrong_bytes_is_got_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".downloads/set").mkdir(parents=True)
    (tmp_path / ".downloads/set/file").write_bytes(b"other")
    assert obtain("set", (archive(server.url),))[0].read_bytes() == CONTENT


def test_a_pipe_in_the_mirror_is_not_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "file")
    monkeypatch.setenv("PROBELINE_MIRROR", str(tmp_path))
    server.status = 404
    with pytest.raises(UserError) as caught:
        obtain("set", (archive(server.url),))
    assert caught.value.lines[1] == f"set: tried {tmp_path}/file (PROBELINE_MIRROR): is no file"
    assert "HTTP 404" in capsys.readouterr().out
