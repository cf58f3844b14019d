"""Roots are correctly rounded, whatever the processor."""

import math

import numpy as np
import torch

from probeline.compute.root import root


def test_every_root_is_the_nearest_float() -> None:
    values = torch.from_numpy(np.random.default_rng(0).integers(0, 0x7F000000, 20_000).astype(np.int32)).view(
        torch.float32
    )
    exact = np.array([np.float32(math.sqrt(value)) for value in values.tolist()])
    assert np.array_equal(root(values).numpy(), exact)


def test_other_types_stay() -> None:
    assert root(torch.tensor([2.0], dtype=torch.float64)).item() == math.sqrt(2)
    assert root(torch.tensor([4.0], dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert root(torch.tensor([0.0, torch.inf])).tolist() == [0, math.inf]
