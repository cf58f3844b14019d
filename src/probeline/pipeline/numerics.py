"""How numbers are computed: `numerics` in params.yaml, a parameter because it decides the last digits.

portable  the same bytes on every x86-64 processor with AVX2: one thread, and no instructions that some do not have
native    whatever is fastest on this machine: all its threads and instructions, and last digits of its own

Both concern the processor. What a GPU computes is its own.
"""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from probeline.pipeline.errors import unknown

DEFAULT = "portable"
MODES = (DEFAULT, "native")

# The instruction sets of oneDNN, PyTorch, MKL, OpenBLAS (NumPy's and SciPy's) and NumPy. MKL_CBWR=AVX2 would be faster,
# and gives other bytes on AMD than on Intel.
PINS = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
# What a user may pin in native mode. Portable takes the last two away: NumPy refuses both of its own at once.
NAMES = (*PINS, "MKL_ENABLE_INSTRUCTIONS", "NPY_ENABLE_CPU_FEATURES")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PROBELINE_THREADS")
# They read the environment once, when they are loaded.
READERS = ("numpy", "torch")


def mode(everything: Mapping[str, Any]) -> str:
    """What params.yaml asks for.

    Raises:
        ValueError: It is none of MODES; says so after the key.
    """
    found = everything.get("numerics", DEFAULT)
    if found not in MODES:
        raise ValueError(unknown("mode", found, MODES))
    return str(found)


def stated(chosen: str) -> dict[str, Any]:
    """What `check` writes down, as part of what all stages that compute depend on."""
    return {"mode": chosen, "pinned": PINS if chosen == DEFAULT else in_force()}


def pin(chosen: str) -> None:
    """Set up the environment of this process, before NumPy and PyTorch read it."""
    if loaded := [name for name in READERS if name in sys.modules]:
        raise RuntimeError(f"a stage has imported {' and '.join(loaded)} before the frame could pin its numerics")
    if chosen == "native":
        return
    for name in NAMES:
        os.environ.pop(name, None)
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if _x86():
        os.environ.update(PINS)


def changes(seen: Mapping[str, Any]) -> list[str]:
    """What a user pins otherwise than when `check` ran, in native mode."""
    if seen.get("mode") != "native":
        return []
    before, now = seen.get("pinned", {}), in_force()
    return [
        f"{name} is {now.get(name, 'not set')} and was {before.get(name, 'not set')}"
        for name in NAMES
        if now.get(name) != before.get(name)
    ]


def in_force() -> dict[str, str]:
    """What is pinned in this process: portable's pins after `pin`, else the user's own."""
    return {name: value for name in NAMES if (value := os.environ.get(name))}


def _x86() -> bool:
    return platform.machine().lower() in {"x86_64", "amd64"}


def outside() -> str | None:
    """Why portable numbers of this machine may have last digits of their own; None where they have not."""
    if not _x86():
        return f"this processor is {platform.machine()}, not x86-64"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file() and " avx2 " not in cpuinfo.read_text(encoding="utf-8", errors="replace"):
        return "this processor has no AVX2"
    return None
