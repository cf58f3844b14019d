"""A lock between processes, which the system drops when its holder dies, however it dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say


@contextmanager
def lock(path: Path, holder: str) -> Iterator[None]:
    """Hold a lock file for the length of a block; wait while another process holds it.

    Args:
        path: The lock file. It is removed afterwards.
        holder: Who may hold it, for the line that says what is waited for.

    Raises:
        UserError: The file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for {holder}")
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError as error:
                raise UserError(f"{path}: {error.strerror}; this folder needs file locks: use a local disk") from None
            try:
                current = path.stat().st_ino
            except FileNotFoundError:
                current = None
            # The holder before us removed the file that we waited for: take the new one.
            if os.fstat(handle.fileno()).st_ino != current:
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def at_work(folder: Path) -> list[str]:
    """The stages that hold their lock files `.<stage>.lock` in a folder."""
    return [path.name[1 : -len(".lock")] for path in sorted(folder.glob(".*.lock")) if _held(path)]


def _held(path: Path) -> bool:
    try:
        with path.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
