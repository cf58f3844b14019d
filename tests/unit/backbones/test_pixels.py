"""The pixels as a backbone."""

import torch

from probeline.backbones._weights import blueprint, parameters
from probeline.models import _contract
from tests.unit.backbones.conftest import read


def test_pixels_are_the_images_themselves() -> None:
    found = read(kind="pixels")
    images = torch.rand(2, 1, 3, 5)
    assert torch.equal(_contract.build(found.model, (1, 3, 5), None)(images), images.reshape(2, 15))
    assert parameters(found) == 0
    assert dict(found.weights) == {}


def test_pixels_read_images_of_every_size() -> None:
    record = blueprint(read(kind="pixels"))
    assert (record.model, record.precision, record.seeds) == ({"name": "pixels"}, "float32", [0])
    absent = ["shape", "outputs", "normalize", "resize", "task", "dataset", "classes", "top1"]
    assert [getattr(record, name) for name in absent] == [None] * len(absent)
