"""`make repair`: mend what a killed `dvc` leaves half-written.

DVC rewrites dvc.lock after every stage, and .dvc/tmp/rwlock around it, in place: killed in between, it leaves half of
the file, and every later command refuses. So each stage first copies a whole dvc.lock aside; docs/upstream.md is the
report of the fault. `make repro` asks for a repair by itself.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from probeline.pipeline import files, versions
from probeline.pipeline.errors import UserError
from probeline.pipeline.lock import at_work
from probeline.pipeline.progress import say

LOCK, DVC = Path("dvc.lock"), Path(".dvc/tmp")
KEPT, BROKEN, RWLOCK = DVC / "dvc.lock.whole", DVC / "dvc.lock.broken", DVC / "rwlock"
SHOWN = 5  # names of stages in a line
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def keep() -> None:
    """Copy dvc.lock aside, at the start of a stage, if it is whole and new."""
    with suppress(OSError, UserError):  # a stage can do without
        if DVC.is_dir() and LOCK.is_file():
            content = LOCK.read_bytes()
            if not (KEPT.is_file() and KEPT.read_bytes() == content) and whole(content):
                files.write(KEPT, content)


def whole(content: bytes) -> bool:
    """Whether this is all of a dvc.lock: every stage in it has a command, and the digest of each of its outputs."""
    if not content.endswith(b"\n"):
        return False
    try:
        found = yaml.load(content, Loader=_Loader)  # noqa: S506 (the loader makes nothing but text, lists and mappings)
        stages = found["stages"].values()
        return all(one["cmd"] and one["outs"] and all(out["md5"] for out in one["outs"]) for one in stages)
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError):
        return False


def repair() -> bool:
    """Mend dvc.lock and .dvc/tmp/rwlock; let `check` run again after an upgrade of packages. False: all was well.

    Raises:
        UserError: A stage or a dvc is at work, or a merge is under way.
    """
    if not (_lock_is_broken() or _rwlock_is_broken() or versions.upgrades()):
        return False
    with _alone():
        cut, lines = _lock_is_broken(), []  # again: what looked half-written may have been being written
        if _rwlock_is_broken():
            RWLOCK.unlink()
            lines.append(f"{RWLOCK}: was half-written by a dvc that was killed; removed, nobody is at work")
        if cut:
            lines.append(_mend())
        if upgrades := versions.upgrades():
            shutil.rmtree(versions.SEEN.parent)  # DVC then runs `check`
            lines.append(f"{', '.join(upgrades)} when `check` ran; what depends on that will run again")
    for line in lines:
        say(line)
    if cut:
        say(_what_follows())
    return bool(lines)


def _lock_is_broken() -> bool:
    return LOCK.is_file() and not whole(LOCK.read_bytes())


def _rwlock_is_broken() -> bool:
    try:
        return not isinstance(json.loads(RWLOCK.read_bytes()), dict)
    except FileNotFoundError:
        return False
    except ValueError:
        return True


@contextmanager
def _alone() -> Iterator[None]:
    """Hold DVC's own locks, so that no dvc writes meanwhile."""
    from dvc.lock import LockError, make_lock

    if running := at_work(Path("data")):
        raise UserError(f"{running[0]} is still running; wait for its end, and run: make repair")
    try:
        with (
            make_lock(str(DVC / "lock"), tmp_dir=str(DVC)),
            make_lock(str(DVC / "rwlock.lock"), tmp_dir=str(DVC)),
        ):
            yield
    except LockError:
        raise UserError("another dvc is at work in this folder; wait for its end, and run: make repair") from None


def _mend() -> str:
    """Put a whole dvc.lock in the place of a broken one; say which."""
    content = LOCK.read_bytes()
    if b"\n<<<<<<< " in content:
        raise UserError(f"{LOCK}: a merge is under way; run: git checkout --ours {LOCK}; then dvc repro")
    files.write(BROKEN, content)
    what = f"{LOCK}: was half-written by a dvc that was killed"
    if KEPT.is_file() and whole(kept := KEPT.read_bytes()):
        files.write(LOCK, kept)
        return f"{what}; put back the copy from the start of the last stage"
    shown = subprocess.run(["git", "show", f"HEAD:./{LOCK}"], capture_output=True, check=False)
    if shown.returncode == 0 and whole(shown.stdout):
        files.write(LOCK, shown.stdout)
        return f"{what}; put back the one of the last commit in Git"
    LOCK.unlink()
    return f"{what}; removed, for there is no copy and none in Git"


def _what_follows() -> str:
    """What `dvc repro` will do: a line."""
    status = subprocess.run([sys.executable, "-m", "dvc", "status", "--json"], capture_output=True, check=False)
    try:
        stages = [name.rpartition(":")[2] for name in json.loads(status.stdout)]
    except ValueError:
        return "run: dvc repro"
    if not stages:
        return "nothing has to run again"
    more = f" and {len(stages) - SHOWN} more" if len(stages) > SHOWN else ""
    return (
        f"dvc repro runs again, or takes from its cache: {', '.join(stages[:SHOWN])}{more}, and what follows from them"
    )


def main() -> None:
    """Repair; `--quiet`: say nothing where all is well."""
    try:
        if not repair() and "--quiet" not in sys.argv[1:]:
            say(f"{LOCK} and {RWLOCK} are whole: nothing to repair")
    except UserError as error:
        sys.exit("\n".join(f"error: {line}" for line in error.lines))


if __name__ == "__main__":
    main()
