"""One pass through a network."""

from typing import cast

import torch
from torch import nn

from probeline.compute.data import Data, DeviceVectors
from probeline.compute.forward import batch_size, forward


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


def test_large_images_go_through_in_smaller_batches() -> None:
    def of(values: int) -> Data:
        return cast("Data", DeviceVectors(torch.zeros(1, 1).expand(1, values), torch.zeros(1), {}))

    assert [batch_size(of(values)) for values in (16, 3 * 32 * 32, 3 * 64 * 64, 10**9)] == [1024, 1024, 256, 1]
