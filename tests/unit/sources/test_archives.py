"""Zip, tar and gzip files: the good, the damaged and the hostile."""

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.sources import archives
from tests.unit.sources.conftest import write_zip

Write = Callable[[Path, dict[str, bytes]], Path]


def write_tar(path: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as packed:
        for name, content in contents.items():
            member = tarfile.TarInfo(name.rstrip("/"))
            member.size = len(content)
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            packed.addfile(member, io.BytesIO(content))
    return path


def write_tgz(path: Path, contents: dict[str, bytes]) -> Path:
    return write_tar(path.with_suffix(".gz"), contents)


every = pytest.mark.parametrize("write", [write_zip, write_tar, write_tgz])


@every
def test_members_are_read_by_name(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "a", {"d/": b"", "d/x": b"1", "unwanted": b"2" * 5000, "d/y": b""})
    assert archives.members(path, lambda name: name.startswith("d")) == {
        "d/": None, "d/x": b"1", "unwanted": None, "d/y": b"",
    }  # fmt: skip
    assert archives.extract(path, ["d/y", "d/x"]) == [b"", b"1"]
    with pytest.raises(UserError, match="has no member d/z"):
        archives.extract(path, ["d/x", "d/z"])
    assert [each.name for each in tmp_path.iterdir()] == [path.name]  # nothing unpacked


@every
@pytest.mark.parametrize("name", ["../../x", "a/../../x", "/etc/x", "..\\x", "C:\\x", "C:/x"])
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, write: Write, name: str) -> None:
    path = write(tmp_path / "a", {"good": b"1", name: b"2"})
    with pytest.raises(UserError, match="would leave the archive's folder"):
        archives.extract(path, ["good"])


@every
def test_an_absurd_size_is_refused(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a", {"good": b"1", "b": b"2" * 600, "c": b"3" * 600})
    monkeypatch.setattr(archives, "LIMIT", 1000)
    with pytest.raises(UserError, match="holds more than 1000 bytes"):
        archives.extract(path, ["good"])


def test_a_zip_that_lies_about_a_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("big", b"0" * 100_000)
    content = path.read_bytes()
    path.write_bytes(content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    with pytest.raises(UserError, match="damaged or cut short"):
        archives.extract(path, ["big"])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as packed:
        member = tarfile.TarInfo("x")
        member.type, member.linkname = kind, "/etc/passwd"
        packed.addfile(member)
    with pytest.raises(UserError, match="x is a link or a device"):
        archives.extract(path, ["x"])


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("x")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(entry, "/etc/passwd")
    with pytest.raises(UserError, match="x is a link or a device"):
        archives.extract(tmp_path / "a.zip", ["x"])


@every
@pytest.mark.parametrize("part", [0, 0.3, 0.7])
def test_a_cut_archive_is_named(tmp_path: Path, write: Write, part: float) -> None:
    path = write(tmp_path / "a", {"x": os.urandom(20_000), "y": os.urandom(20_000)})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(UserError, match=rf"^{path}: (damaged or cut short|has no member)[^\n]*; get the file anew$"):
        archives.extract(path, ["x", "y"])


@pytest.mark.parametrize("size", [1024, 1100, 1536])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_tar_cut_between_two_members_is_not_taken_for_whole(
    tmp_path: Path, size: int, pack: Callable[[bytes], bytes]
) -> None:
    path = write_tar(tmp_path / "a.tar", {"x": b"1", "y": b"2"})  # a member: 512 bytes of header, 512 of content
    path.write_bytes(pack(path.read_bytes()[:size]))
    with pytest.raises(UserError, match="damaged or cut short"):
        archives.extract(path, ["x"])


def test_what_is_no_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello " * 500)
    with pytest.raises(UserError, match=rf"^{tmp_path}/a: damaged or cut short[^\n]*$"):
        archives.extract(tmp_path / "a", ["x"])


def test_gunzip() -> None:
    packed = gzip.compress(b"0123456789" * 100)
    assert archives.gunzip(packed, "a.gz", 1000) == b"0123456789" * 100
    with pytest.raises(UserError, match=r"^a.gz: holds more than 999 bytes"):
        archives.gunzip(packed, "a.gz", 999)
    for damaged in (packed[:-9], packed[:-1], packed[:-5] + b"x" + packed[-4:], b"", b"no gzip at all"):
        with pytest.raises(UserError, match=r"^a.gz: damaged or cut short"):
            archives.gunzip(damaged, "a.gz", 1000)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_flipped_byte_anywhere_in_a_zip_is_one_line(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as packed:
        packed.writestr("x", bytes(range(64)))
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 0xFF]) + sound[place + 1 :])
        with suppress(UserError):  # or it is read right; another name, or a byte that says nothing
            assert archives.members(path, lambda name: name == "x").get("x") in {None, bytes(range(64))}


def test_a_packing_that_python_does_not_know_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"x": b"1"})
    path.write_bytes(path.read_bytes().replace(b"PK\1\2\x14\3\x14\0\0\0\0\0", b"PK\1\2\x14\3\x14\0\0\0\x09\0"))
    with pytest.raises(UserError, match=r"x is packed with Deflate64, which Python cannot unpack; give the unpacked f"):
        archives.extract(path, ["x"])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "needs more memory than there is; unpack it, and give the folder"),
        (PermissionError(13, "Permission denied"), "cannot be read: Permission denied; allow it, or give another"),
    ],
)
def test_what_is_no_damage_is_not_called_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    def fails(*_: object) -> None:
        raise error

    path = write_zip(tmp_path / "a.zip", {"x": b"1"})
    monkeypatch.setattr(zipfile.ZipFile, "read", fails)
    with pytest.raises(UserError, match=f"^{path}: {line}$"):
        archives.extract(path, ["x"])


@pytest.mark.parametrize(
    ("start", "what"),
    [(b"Rar!\x1a\7", "a RAR archive"), (b"7z\xbc\xaf\x27", "a 7z archive"), (b"\x28\xb5\x2f\xfd", "packed with Zsta")],
)
def test_other_archives_are_not_called_damaged(tmp_path: Path, start: bytes, what: str) -> None:
    (tmp_path / "a").write_bytes(start + bytes(600))
    with pytest.raises(UserError, match=rf"^{tmp_path}/a: is {what}.*; unpack it, and give the folder$"):
        archives.extract(tmp_path / "a", ["x"])
