"""What PyTorch says of a user's mistake, in words that help."""

import subprocess
import sys
from pathlib import Path

import pytest

from probeline.compute.explained import explained
from probeline.pipeline.errors import ParamError, at
from tests.conftest import ROOT


def test_what_a_gpu_cannot_do_deterministically_is_one_line() -> None:
    message = "adaptive_avg_pool2d_backward_cuda does not have a deterministic implementation, but you"
    with pytest.raises(ParamError) as error, at("finetune.mine"):
        raise explained(RuntimeError(message))
    assert str(error.value).startswith(
        "params.yaml: finetune.mine: a GPU cannot train this network to the same bytes each time (adapt"
    )


def test_anything_else_stays_as_it_is() -> None:
    other = RuntimeError("something else")
    assert explained(other) is other


def test_without_a_compiler_the_line_says_so(tmp_path: Path) -> None:
    code = (
        "import torch; from probeline.compute.explained import explained\n"
        "try:\n  torch.compile(torch.nn.Linear(2, 2))(torch.ones(1, 2))\n"
        "except RuntimeError as error:\n  print(explained(error))"
    )
    surroundings = {
        "PATH": "",
        "CXX": str(tmp_path / "none"),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": "src",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("params.yaml: compile: torch.compile cannot work here (")
    assert "No working C++ compiler found" in done.stdout
