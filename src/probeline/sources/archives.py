"""Reading zip, tar and gzip files: wanted members only, into memory, nothing unpacked to the disk."""

import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from tqdm.utils import CallbackIOWrapper

from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import bar, say
from probeline.sources.own import some

LIMIT = 8 << 30  # bytes of all members together; the largest archive read here holds 3.1e9
PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}  # what zipfile unpacks
OTHERS = {b"Rar!": "a RAR archive", b"7z\xbc\xaf": "a 7z archive", b"\x28\xb5\x2f\xfd": "packed with Zstandard"}
UTF_8, ENCRYPTED = 1 << 11, 1  # flags of a zip's member


def extract(path: Path, names: Sequence[str]) -> list[bytes]:
    """The contents of the named members of a zip or tar archive, in the order asked for.

    Raises:
        UserError: A member is missing, or as `members` says.
    """
    found = members(path, set(names).__contains__)
    if missing := [name for name in names if found.get(name) is None]:
        raise UserError(f"{path}: has no member {missing[0]}; get the file anew")
    return [found[name] or b"" for name in names]


def members(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes | None]:
    """All members of a zip or tar archive: the content of those wanted, None for others; folders end in `/`.

    Names in a zip that do not say that they are UTF-8 are taken for it where they are; else as zip has it, in code page
    437, with a warning.

    Raises:
        UserError: The archive is damaged, encrypted, larger than `LIMIT` or than the memory, or packed as Python cannot
            unpack; a member's path leaves the archive; a wanted member is a link or a device.
    """
    with _named(path):
        with path.open("rb") as file:
            if other := OTHERS.get(file.read(4)):
                raise UserError(f"{path}: is {other}, which is not read; unpack it, and give the folder")
        if zipfile.is_zipfile(path):
            return _zip(path, wanted)
        return _tar(path, wanted)


def gunzip(content: bytes, what: str, limit: int) -> bytes:
    """Decompress gzip.

    Raises:
        UserError: It is damaged or cut short, or holds more than `limit` bytes; the line names `what`.
    """
    stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        found = stream.decompress(content, limit)
    except zlib.error as error:
        raise UserError(_damaged(what, error)) from error
    if stream.unconsumed_tail:
        raise UserError(f"{what}: holds more than {limit} bytes; this is not the file it should be")
    if not stream.eof:
        raise UserError(_damaged(what, "it ends too early"))
    return found


def _zip(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    twice: list[str] = []
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        _admit(path, [(entry.filename, entry.file_size) for entry in entries])
        names = _names(path, entries)
        for entry, name in zip(bar(path.name, iterable=entries), names, strict=True):
            take = not name.endswith("/") and wanted(name)
            if take:
                _admit_member(path, entry, name)
            twice += [name] if take and name in found else []
            found[name] = archive.read(entry) if take else None
    _say_twice(path, twice)
    return found


def _names(path: Path, entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The names of a zip's members as they were meant."""
    names = [entry.filename for entry in entries]
    if not any("/" in name for name in names):  # some programs for Windows write its own separator
        names = [name.replace("\\", "/") for name in names]
    unclear = [
        index for index, entry in enumerate(entries) if not entry.flag_bits & UTF_8 and not names[index].isascii()
    ]
    try:
        meant = [names[index].encode("cp437").decode() for index in unclear]
    except UnicodeError:
        say(
            f"warning: {path}: {len(unclear)} names are not UTF-8 and read as code page 437: "
            f"{some([names[index] for index in unclear], 2)}; if that looks wrong, unpack it with the right one "
            "(unzip -O cp932, say) and give the folder"
        )
    else:
        for index, name in zip(unclear, meant, strict=True):
            names[index] = name
    return names


def _admit_member(path: Path, entry: zipfile.ZipInfo, name: str) -> None:
    name = some([name])
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise UserError(f"{path}: {name} is a link or a device; archives may hold files only")
    if entry.flag_bits & ENCRYPTED:
        raise UserError(f"{path}: {name} is encrypted; make an archive without a password")
    if entry.compress_type not in PACKED:
        kind = {9: "Deflate64"}.get(entry.compress_type, f"method {entry.compress_type}")
        raise UserError(f"{path}: {name} is packed with {kind}, which Python cannot unpack; give the unpacked folder")


def _tar(path: Path, wanted: Callable[[str], bool]) -> dict[str, bytes | None]:
    # One pass over the stream: seeking in a compressed file would decompress it again.
    found: dict[str, bytes | None] = {}
    twice: list[str] = []
    total = 0
    with path.open("rb") as file, bar(path.name, path.stat().st_size, unit="B", unit_scale=True) as progress:
        stream = CallbackIOWrapper(progress.update, file, "read")
        with tarfile.open(fileobj=stream, mode="r|*", bufsize=1 << 20) as archive:
            for member in archive:
                total += member.size
                _admit(path, [(member.name, total)])
                name = f"{member.name}/" if member.isdir() else member.name
                take = not member.isdir() and wanted(name)
                if take and not member.isreg():
                    raise UserError(f"{path}: {some([name])} is a link or a device; archives may hold files only")
                twice += [name] if take and name in found else []
                content = archive.extractfile(member) if take else None
                found[name] = content.read() if content else None
            if archive.fileobj and archive.fileobj.tell() < archive.offset + tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it has no end mark")  # tarfile takes a cut between two members for the end
    _say_twice(path, twice)
    return found


def _say_twice(path: Path, names: Sequence[str]) -> None:
    if names:
        say(f"warning: {path}: holds {len(names)} files more than once, and the last of each counts: {some(names)}")


def _admit(path: Path, entries: Iterable[tuple[str, int]]) -> None:
    total = 0
    for name, size in entries:
        total += size
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or PureWindowsPath(name).drive:
            raise UserError(f"{path}: the member {some([name])} would leave the archive's folder; do not use this file")
    if total > LIMIT:
        raise UserError(f"{path}: holds more than {LIMIT} bytes; unpack it, if it should, and give the folder")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(f"{path}: needs more memory than there is; unpack it, and give the folder") from error
    except Exception as error:  # for damaged bytes, the modules of Python raise errors of many types
        if isinstance(error, OSError) and error.errno is not None:
            raise UserError(f"{path}: cannot be read: {error.strerror}; allow it, or give another") from error
        raise UserError(_damaged(str(path), error)) from error


def _damaged(what: str, why: object) -> str:
    short = str(why).partition("\n")[0][:100] or "it ends too early"
    return f"{what}: damaged or cut short ({short}); get the file anew"
