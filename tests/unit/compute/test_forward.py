"""One pass through a network."""

from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from probeline.compute.data import Data, DeviceVectors
from probeline.compute.forward import batch_size, forward
from probeline.pipeline.checkpoint import Checkpoint
from probeline.tasks.task import Task
from probeline.training import engine
from tests.unit.training.made import on_device, spec


def test_16_bits_are_those_of_the_products_alone() -> None:
    torch.manual_seed(0)
    layer, images = nn.Linear(64, 3), torch.rand(5, 64)
    full, half = (forward(layer, images, precision) for precision in ("float32", "bfloat16"))
    assert full.equal(layer(images))
    assert half.dtype == torch.float32
    expected = layer.weight.bfloat16() @ images.bfloat16().T + layer.bias.bfloat16()[:, None]
    torch.testing.assert_close(half, expected.T.float(), rtol=0.02, atol=0.02)
    assert not half.equal(full)
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize(("isa", "precision", "used"), [
    ("AVX2", "bfloat16", False), ("AVX2", "float32", True), ("", "bfloat16", True),
])  # fmt: skip
def test_onednn_is_left_out_of_16_bits_where_it_is_limited_to_avx2(
    monkeypatch: pytest.MonkeyPatch, task: Task, tmp_path: Path, isa: str, precision: str, used: bool
) -> None:
    """A processor with AVX-512 would call it, and it knows no such product: forward, backward and evaluation."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
    seen: list[bool] = []

    def look(*_: object) -> None:
        seen.append(bool(torch.backends.mkldnn.enabled))

    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    model.register_forward_hook(look)
    model.register_full_backward_hook(look)
    run = spec(precision=precision, epochs=1)
    engine.fit(model, on_device(task, run), run, 0, Checkpoint(tmp_path / "c.pt"))
    assert set(seen) == {used}
    assert torch.backends.mkldnn.enabled


def test_large_images_go_through_in_smaller_batches() -> None:
    def of(values: int) -> Data:
        return cast("Data", DeviceVectors(torch.zeros(1, 1).expand(1, values), torch.zeros(1), {}))

    assert [batch_size(of(values)) for values in (16, 3 * 32 * 32, 3 * 64 * 64, 10**9)] == [1024, 1024, 256, 1]
