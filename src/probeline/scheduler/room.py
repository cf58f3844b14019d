"""How many stages run at a time, and which of them first."""

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from statistics import median

from probeline.pipeline import numerics, settings
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import STAGES

MEMORY = 3 * 2**30  # bytes a stage: the largest of the default pipeline takes 2.8 GB
DEVICES = Path("/dev")
CGROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may take


def jobs(asked: str | None, mode: object) -> int:
    """How many stages run at a time: as asked, or what cores and memory allow.

    Args:
        asked: What the user gave; None or empty for nothing.
        mode: `numerics` of params.yaml. `portable` gives a stage one thread.

    Raises:
        UserError: What is asked is no number from 1 to 999.
    """
    if asked:
        if not re.fullmatch("[1-9][0-9]{0,2}", asked):
            raise UserError(f"JOBS={asked}: not a number of stages; give 1 to 999, or leave it out")
        return int(asked)
    cores = _cores()
    threads = 1 if mode == numerics.DEFAULT else settings.threads() or cores
    return max(1, min(cores // threads, _memory() // MEMORY))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int:
    """Bytes that are free for stages."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit = CGROUP.read_text().strip() if CGROUP.is_file() else "max"
    return min(free, int(limit)) if limit.isdigit() else free


def one_gpu() -> bool:
    """Whether stages compute on a GPU: as PROBELINE_DEVICE says, or if NVIDIA's driver is there and not hidden.

    It asks files, since PyTorch takes seconds to load. Where PyTorch then finds no GPU, stages wait for each other.
    """
    if device := settings.given("PROBELINE_DEVICE"):
        return not device.startswith("cpu")
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in {"", "-1"}:
        return False
    return any(DEVICES.glob("nvidia[0-9]*")) or (DEVICES / "dxg").exists()  # dxg: the GPU of Windows, in WSL


def on_device(name: str) -> bool:
    """Whether a stage may compute on the GPU."""
    kind = name.partition("@")[0]
    return kind in STAGES and STAGES[kind].device


def startable(ready: Iterable[str], running: Collection[str], jobs: int, *, gpu: bool) -> str | None:
    """The first of the stages that may start now; on a GPU only one computes at a time."""
    if len(running) >= jobs:
        return None
    taken = gpu and any(map(on_device, running))
    return next((name for name in ready if not (taken and on_device(name))), None)


def by_urgency(needs: Mapping[str, Collection[str]], seconds: Mapping[str, float]) -> list[str]:
    """All stages, first those after which most time is still to go, along what depends on them.

    Args:
        needs: What each stage needs, in an order in which they can run one by one.
        seconds: How long stages took; of the others it is assumed that they take as long as most.
    """
    usual = median(seconds.values()) if seconds else 1.0
    left = dict.fromkeys(needs, 0.0)
    for name in reversed(list(needs)):
        left[name] += seconds.get(name, usual)
        for needed in needs[name]:
            left[needed] = max(left[needed], left[name])
    return sorted(needs, key=lambda name: -left[name])


def times() -> dict[str, float]:
    """How long each stage took when it last ran here, in seconds."""
    found: dict[str, float] = {}
    log = settings.folder("PROBELINE_LOGS") / "times.jsonl"
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else ():
        try:
            entry = json.loads(line)
            found[str(entry["stage"])] = float(entry["seconds"])
        except (ValueError, TypeError, KeyError):  # a line that a kill cut short
            continue
    return found
