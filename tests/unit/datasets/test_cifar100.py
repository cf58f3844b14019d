"""CIFAR-100, from an archive in its official format that is made here, value by value."""

from pathlib import Path

import pytest

from probeline.datasets import cifar100
from tests.unit.datasets.conftest import PLANES, check_cifar, publish


@pytest.mark.parametrize(
    ("labels", "expected", "classes"),
    [("fine", [3, 0], ("apple", "bee", "can", "dog")), ("coarse", [1, 0], ("food", "pets"))],
)
def test_cifar100(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, labels: str, expected: list[int], classes: tuple[str, ...]
) -> None:
    record = PLANES.tobytes()
    members = {
        "cifar-100-binary/train.bin": bytes([1, 3]) + record + bytes([0, 0]) + record,
        "cifar-100-binary/test.bin": bytes([1, 2]) + record,
        "cifar-100-binary/fine_label_names.txt": b"apple\nbee\ncan\ndog\n\n",
        "cifar-100-binary/coarse_label_names.txt": b"food\npets\n",
    }
    monkeypatch.setattr(cifar100, "OFFICIAL", publish(mirror, cifar100.OFFICIAL, members))
    found = cifar100.read(cifar100.Spec.model_validate({"kind": "cifar100", "labels": labels}), "cifar100")
    assert found.classes == classes
    assert found.labels["train"].tolist() == expected
    check_cifar(found.images("train", [1], None)[0])
    check_cifar(found.images("test", [0], None)[0])
