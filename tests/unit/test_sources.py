"""Where bytes come from: a server of our own on this machine plays the good, the cut, the wrong and the absent one."""

import errno
import gzip
import hashlib
import io
import os
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.sources import archives, disk, own, packages
from probeline.sources import download as http
from probeline.sources.packages import Package
from probeline.sources.places import Archive, obtain
from probeline.sources.verify import Unavailable, check, check_bytes

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
        self.wfile.write(body)

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


# Downloads


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


def with_source() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No space left on device"), disk.room_for(tmp_path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), disk.room_for(tmp_path):
        raise PermissionError(errno.EACCES, "no")


# Places


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


def test_two_fetches_of_one_data_set_wait_for_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = """
import sys, time; from probeline.sources.disk import downloads
with downloads("set"): print("held", flush=True); time.sleep(0.5)
"""
    other = subprocess.Popen([sys.executable, "-c", script], env=with_source(), stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    started = time.monotonic()
    with disk.downloads("set"):
        assert time.monotonic() - started > 0.3
        assert other.wait() == 0
    other.stdout.close()
    assert "waiting for another process that fetches set" in capsys.readouterr().out
    assert not (tmp_path / ".downloads/set").exists()


def test_a_users_path_counts_from_the_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir("/")
    for path in ("photos", "~/photos", str(tmp_path / "photos")):
        assert own.locate(path, "datasets.mine.path") == tmp_path / "photos"
    with pytest.raises(UserError, match=r"^params.yaml: datasets.mine.path: fotos: no such file or folder"):
        own.locate("fotos", "datasets.mine.path")


# Packages, with a tool of our own in place of the registries' tools


def tool(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    head = "import sys, os\nout = next(a for a in sys.argv if 'dest' in a).split('=')[1]\n"
    for name in ("PIP", "NPM"):
        monkeypatch.setattr(packages, name, [sys.executable, "-c", head + script])


@pytest.mark.parametrize("package", [Package("pip", "it==1"), Package("npm", "it@1")])
def test_a_package_is_taken_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: Package) -> None:
    tool(monkeypatch, "assert sys.argv[-1] in ('it==1', 'it@1')\nopen(out + '/x', 'wb').write(bytes(range(256)) * 40)")
    packages.get(package, tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("open(out + '/x', 'w').write('evil')", "wrong digest"),
        ("pass", "wrote 0 files, not one"),
        ("sys.exit('Looking\\nERROR: No matching distribution\\nnotice')", "ERROR: No matching distribution"),
        ("sys.exit('npm error code E404\\nnpm error 404 Not Found\\nnpm error A complete log is in')", "404 Not Found"),
        ("sys.exit('No module named pip')", "No module named pip"),
    ],
)
def test_why_a_package_did_not_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str) -> None:
    tool(monkeypatch, script)
    with pytest.raises(Unavailable, match=reason):
        packages.get(Package("pip", "it==1"), tmp_path / "file", DIGEST)
    assert names(tmp_path) == []


def test_a_package_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(monkeypatch, "sys.exit('OSError: [Errno 28] No space left on device')")
    with pytest.raises(UserError, match="No space left on device; make room"):
        packages.get(Package("pip", "it==1"), tmp_path / "file", DIGEST)


def test_the_tools_may_run_nothing_and_install_nothing() -> None:
    assert packages.PIP[:6] == [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    assert packages.NPM[:3] == ["npm", "pack", "--ignore-scripts"]


# Digests


def test_digests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    check(path, f"sha256:{sha256}")
    check(path, "md5:900150983cd24fb0d6963f7d28e17f72")  # RFC 1321, appendix A.5
    with pytest.raises(UserError, match=r"^batch: wrong digest: expected md5:0, found md5:9001"):
        check_bytes(b"abc", "md5:0", "batch")
    # The beginning of a digest will do, but not less than eight digits of it.
    check(path, f"sha256:{sha256[:8]}")
    check_bytes(b"abc", f"sha256:{sha256[:8]}", "batch")
    for wrong in (sha256[:7], f"{sha256[:7]}e", ""):
        with pytest.raises(Unavailable, match="wrong digest"):
            check(path, f"sha256:{wrong}")
    own.pin("mine", "abc", sha256, sha256)
    assert capsys.readouterr().out == ""
    with pytest.raises(UserError, match=f"^datasets.mine.sha256: is null; write {sha256} there: that of abc"):
        own.pin("mine", "abc", sha256, None)
    with pytest.raises(UserError, match=f"^abc: has changed: sha256 expected 00, found {sha256}; restore"):
        own.pin("mine", "abc", sha256, "00")


def test_the_digest_of_a_member(tmp_path: Path) -> None:
    packed = write_zip(tmp_path / "weights.zip", {"abc.pth": b"abc", "other": b"x"})
    sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d"  # FIPS 180-2, appendix A.1
    check(packed, f"sha1:{sha1}:abc.pth")
    with pytest.raises(Unavailable, match=f"wrong digest: expected sha1:{sha1}:other, found sha1:11f6"):
        check(packed, f"sha1:{sha1}:other")
    with pytest.raises(Unavailable, match=r"not a zip file with a member none\.pth"):
        check(packed, f"sha1:{sha1}:none.pth")
    (tmp_path / "page.zip").write_text("<html>log in first</html>")
    with pytest.raises(Unavailable, match=r"not a zip file with a member abc\.pth"):
        check(tmp_path / "page.zip", f"sha1:{sha1}:abc.pth")


# Archives

Write = Callable[[Path, dict[str, bytes]], Path]


def write_zip(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in contents.items():
            packed.writestr(name, content)
    return path


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
