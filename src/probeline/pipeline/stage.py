"""The frame of every stage: its errors, its exit status, its line in the log."""

import atexit
import errno
import gc
import json
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from pathlib import Path
from typing import Any

from probeline.pipeline import numerics, repair, versions
from probeline.pipeline.errors import UserError, at
from probeline.pipeline.groups import STAGES
from probeline.pipeline.lock import lock
from probeline.pipeline.settings import folder

UNWRITABLE = {
    getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "ENOTDIR", "EEXIST")
}


def stage(main: Callable[..., Mapping[str, Any] | None]) -> None:
    """Run a stage: `python stages/train.py NAME` calls `main(NAME)`, at work on the entry `train.NAME` of params.yaml.

    What `main` returns (throughput, memory, device) goes to the log with the time it took. A mistake of the user ends
    in one line a mistake and exit status 1; anything else is a bug, and shows its traceback.
    """
    script, *arguments = sys.argv
    wanted = " ".join(signature(main).parameters).upper()
    if len(arguments) != len(wanted.split()):
        sys.exit(f"error: {script}: takes {wanted or 'no argument'}, not {' '.join(arguments) or 'nothing'}")
    if not Path("params.yaml").exists():
        sys.exit(f"error: params.yaml: is not in this folder; run {script} from the folder that holds it")
    for argument in arguments:
        if not re.fullmatch("[a-z0-9-]+", argument):
            sys.exit(f"error: {script}: {argument!r} is no name; names have small letters, digits and hyphens")
    kind = Path(script).stem
    name = "@".join([kind, *arguments])
    entry = ".".join([STAGES[kind].section, *arguments]) if kind in STAGES else ""
    started = time.perf_counter()
    atexit.register(gc.freeze)  # else Python looks through all of PyTorch for garbage before it ends: a second or so
    try:
        # A stage whose dvc was killed may still be at work on the same outputs.
        with lock(Path("data") / f".{name}.lock", f"an earlier {name} to end"), at(entry):
            repair.keep()
            numerics.pin(versions.insist(entry or kind))
            facts = main(*arguments)
    except UserError as error:
        sys.exit("\n".join(f"error: {line}" for line in error.lines))
    except KeyboardInterrupt:
        print(f"error: {name}: interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = error.filename or "the working folder"
        sys.exit(f"error: {name}: cannot write {where}: {error.strerror}; make room or allow it, and run again")
    try:
        _log(name, time.perf_counter() - started, facts or {})
    except (OSError, UserError) as error:
        print(f"warning: {name}: its time is not in the log: {error}", file=sys.stderr)


def _log(name: str, seconds: float, facts: Mapping[str, Any]) -> None:
    line = {
        "stage": name,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        **facts,
        "python": platform.python_version(),
        **{package: _version(package) for package in ("torch", "numpy", "dvc")},
    }
    path = folder("PROBELINE_LOGS") / "times.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
