"""Portable numerics are pinned before anything reads them, and native ones are the user's own."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from probeline.pipeline import numerics
from tests.conftest import ROOT, surroundings

SHOW = """
import json, sys
from probeline.pipeline import numerics
numerics.pin(sys.argv[1])
import numpy, torch
from threadpoolctl import threadpool_info
from numpy._core._multiarray_umath import __cpu_features__
print(json.dumps([torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(), __cpu_features__["X86_V4"],
      {one["internal_api"]: [one["num_threads"], one.get("architecture")] for one in threadpool_info()}]))
"""


def test_what_is_loaded_after_the_pins_heeds_them() -> None:
    settings = {"OMP_NUM_THREADS": "2", "NPY_ENABLE_CPU_FEATURES": "AVX2", "PROBELINE_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", SHOW, "portable"],
        cwd=ROOT, env=surroundings(**settings), capture_output=True, text=True, check=True,
    )  # fmt: skip
    capability, threads, avx512, libraries = json.loads(done.stdout)
    assert threads == 1
    assert all(found[0] == 1 for found in libraries.values())
    if numerics.outside() is None:
        assert (capability, avx512) == ("AVX2", False)
        assert libraries["openblas"][1] == "Haswell"


def test_native_leaves_all_to_the_user() -> None:
    before = dict(os.environ)
    numerics.pin("native")
    assert dict(os.environ) == before


def test_a_stage_that_has_loaded_them_too_early_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(RuntimeError, match="has imported numpy and torch before the frame could pin its numerics"):
        numerics.pin("portable")


@pytest.mark.parametrize("script", sorted(ROOT.glob("stages/*.py")), ids=lambda path: path.stem)
def test_no_stage_loads_them_before_its_frame(script: Path) -> None:
    """Its own imports, and those of the frame, are all that runs before."""
    code = f"import runpy, sys; runpy.run_path({str(script)!r}); assert not {{'numpy', 'torch'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=surroundings(), check=True)


def test_where_the_promise_does_not_hold_it_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert numerics.outside() == "this processor is arm64, not x86-64"
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for flags, why in (("flags : sse4_2 avx f16c", "this processor has no AVX2"), ("flags : avx avx2 bmi1", None)):
        (tmp_path / "cpuinfo").write_text(f"{flags}\n")
        monkeypatch.setattr(numerics, "Path", lambda _, found=tmp_path / "cpuinfo": found)
        assert numerics.outside() == why


def test_the_mode_is_one_of_two() -> None:
    assert [numerics.mode({}), numerics.mode({"numerics": "native"})] == ["portable", "native"]
    for odd in ("nativ", None, 3, ["native"]):
        with pytest.raises(ValueError, match="unknown mode"):
            numerics.mode({"numerics": odd})
