"""Folders that are whole or absent."""

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probeline.pipeline import parent

OLD = ".old.tmp"  # the end of the name of what stood there before
_AT_WORKING_FOLDER, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `path` when the block ends well, and is removed when it does not."""
    temporary = path.with_name(f".{path.name}.tmp")
    heal(path)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        parent.insist()
        if not path.exists():
            temporary.rename(path)
        elif not _exchange(temporary, path):
            path.rename(_old(path))
            temporary.rename(path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        heal(path)
        shutil.rmtree(temporary, ignore_errors=True)


def heal(path: Path) -> bool:
    """Put a folder back that a kill left renamed, between the two steps of a swap; drop it where `path` is there.

    Returns:
        Whether it was put back.
    """
    old = _old(path)
    back = old.exists() and not path.exists()
    if back:
        old.rename(path)
    shutil.rmtree(old, ignore_errors=True)
    return back


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}{OLD}")


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step. False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)  # glibc has it since 2.28
    if renameat2 is None:
        return False
    return bool(renameat2(_AT_WORKING_FOLDER, os.fsencode(one), _AT_WORKING_FOLDER, os.fsencode(other), _EXCHANGE) == 0)
