"""The device that trains and embeds. Environment variables name it, so that no cache depends on it."""

import ctypes
import os
import platform
import resource
import sys
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from probeline.pipeline import settings
from probeline.pipeline.errors import UserError

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def choose() -> torch.device:
    """Set up deterministic computation, and give the device.

    PROBELINE_DEVICE names it (default: cuda where there is one, else cpu); PROBELINE_THREADS sets the CPU's threads
    (default: PyTorch's own, one a core).
    """
    _keep_memory()
    # cuBLAS is deterministic only with a fixed workspace, and reads this when CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if (threads := settings.threads()) is not None:
        torch.set_num_threads(threads)
    # NumPy's and SciPy's products too: their last digits depend on the number.
    threadpool_limits(torch.get_num_threads(), "blas")
    name = settings.given("PROBELINE_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in {"cpu", "cuda"}:
            raise RuntimeError(f"{device.type} is not supported")  # noqa: TRY301 (one message for all)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"PROBELINE_DEVICE={name}: cannot be used ({reason}); use cpu or cuda, or unset it") from None
    return device


def _keep_memory() -> None:
    """Let glibc keep large blocks that were freed.

    Else every activation of every step is fetched from the system anew, page by page.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def describe(device: torch.device) -> dict[str, Any]:
    """What determines the last digits of a result, beside parameters, data and code."""
    cpu = platform.machine() + " " + torch.backends.cpu.get_cpu_capability()
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else cpu,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }


def peak_memory(device: torch.device) -> float:
    """The most memory used so far, in MiB: of the GPU where there is one, else of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
