"""Other processors, by Debian's qemu-user: slow, and right in every bit."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.conftest import surroundings

PROCESSORS = ("EPYC-Rome", "Haswell")  # AMD's and Intel's, with AVX2 and without AVX-512
QEMU = "qemu-x86_64"


def python(processor: str | None, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run this Python on a processor, None for this one, with the code and the tests of a folder.

    qemu runs programs and no scripts, and a venv's interpreter is a link: so it gets the interpreter that is meant, and
    the packages by the path.
    """
    packages = dict.fromkeys(sysconfig.get_paths()[kind] for kind in ("purelib", "platlib"))
    command = [str(Path(sys.executable).resolve()), *arguments]
    if processor is not None:
        command = ["nice", str(shutil.which(QEMU)), "-cpu", processor, *command]
    environment = surroundings(PYTHONPATH=os.pathsep.join(["src", ".", *packages]), PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
