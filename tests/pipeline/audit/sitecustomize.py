"""Record what a Python process reads, writes and asks for: loaded at its start, because of its name.

Writes JSON to the file named by AUDIT_REPORT: the files opened for reading and writing, the files of all imported
modules, and the sections of params.yaml that were asked for.
"""

import atexit
import json
import os
import sys

_seen: dict[str, set[str]] = {"read": set(), "written": set(), "sections": set()}


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, str | bytes | os.PathLike):
            writing = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            writing = writing or (isinstance(mode, str) and any(letter in mode for letter in "wax+"))
            _seen["written" if writing else "read"].add(os.path.realpath(os.fsdecode(path)))
    elif event == "probeline.params":
        _seen["sections"].add(str(arguments[0]))


def _report(path: str) -> None:
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    modules = {os.path.realpath(file) for file in files if isinstance(file, str)}
    with open(path, "w") as report:  # noqa: PTH123 (pathlib would be one more module)
        json.dump({key: sorted(value) for key, value in {**_seen, "modules": modules}.items()}, report)


if report := os.environ.get("AUDIT_REPORT"):
    sys.addaudithook(_hook)
    atexit.register(_report, report)
