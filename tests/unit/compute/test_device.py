"""The device, and what determines the last digits."""

import subprocess
import sys

import pytest
import torch

from probeline.compute import device
from tests.conftest import ROOT


def test_the_threads_are_those_of_numpy_too() -> None:
    """The last digits of its products depend on them."""
    code = """
import os, numpy, scipy.linalg, threadpoolctl
from probeline.compute import device
for threads in "12":
    os.environ["PROBELINE_THREADS"] = threads
    device.choose()
    print({pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"})
"""
    found = {"PYTHONPATH": "src", "PROBELINE_DEVICE": "cpu"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=found, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["{1}", "{2}"]


def test_computation_is_deterministic_on_the_device_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBELINE_DEVICE", "cpu")
    assert device.choose() == torch.device("cpu")
    assert torch.are_deterministic_algorithms_enabled()
    facts = device.describe(torch.device("cpu"))
    assert facts["threads"] == torch.get_num_threads()
    assert list(facts) == ["device", "threads", "python", "torch", "numpy"]
    assert device.peak_memory(torch.device("cpu")) > 10
