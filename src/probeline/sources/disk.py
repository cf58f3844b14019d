"""The folder of downloads: one fetch at a time, removed when done, an error in one line when the disk is full."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probeline.pipeline import settings
from probeline.pipeline.errors import UserError
from probeline.pipeline.lock import lock

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def folder(name: str) -> Path:
    """Where the archives of a dataset (or of other weights) wait until they have been read."""
    return settings.folder("PROBELINE_DOWNLOADS") / name


@contextmanager
def downloads(name: str) -> Iterator[None]:
    """Hold the downloads of `name` for this process alone; remove them when the block ends well.

    After an error or a kill they stay, so that the next fetch goes on from there.
    """
    archives = folder(name)
    with lock(archives.with_name(f"{name}.lock"), f"another process that fetches {name}"):
        archives.mkdir(parents=True, exist_ok=True)
        yield
        shutil.rmtree(archives, ignore_errors=True)


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turn a full disk into one line that names `path` and the remedy.

    Raises:
        UserError: The disk, the quota or the largest allowed file was reached in the block.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(
            f"{path}: cannot be written whole: {error.strerror}; make room and run again "
            "(PROBELINE_DOWNLOADS names the folder for downloads, which may be on another disk)"
        ) from error
