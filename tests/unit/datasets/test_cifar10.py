"""CIFAR-10, from archives in its official format that are made here, value by value."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from probeline.datasets import cifar10
from probeline.datasets._raw import Raw
from probeline.pipeline.errors import UserError
from tests.unit.datasets.conftest import PLANES, check_cifar, md5, publish


def cifar10_batches() -> dict[str, bytes]:
    """Two images a batch: label k is the number of the batch; the second image is one brighter everywhere."""
    return {
        name: bytes([k]) + PLANES.tobytes() + bytes([9 - k]) + (PLANES + 1).tobytes()
        for k, name in enumerate(cifar10.BATCHES)
    }


def check_cifar10(found: Raw) -> None:
    assert found.classes[:3] == ("airplane", "automobile", "bird")
    assert found.labels["train"].tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    assert found.labels["test"].tolist() == [5, 4]
    check_cifar(found.images("train", [8], None)[0])
    check_cifar(found.images("train", [9], None)[0] - 1)
    check_cifar(found.images("test", [0], None)[0])


@pytest.fixture
def own_cifar10(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    batches = cifar10_batches()
    monkeypatch.setattr(cifar10, "BATCHES", {name: md5(content) for name, content in batches.items()})
    monkeypatch.setattr(cifar10, "PACKAGE", replace(cifar10.PACKAGE, places=()))
    monkeypatch.setattr(cifar10, "OFFICIAL", replace(cifar10.OFFICIAL, places=()))
    return batches


def test_cifar10_from_its_archive(mirror: Path, own_cifar10: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"cifar-10-batches-bin/{name}.bin": content for name, content in own_cifar10.items()}
    monkeypatch.setattr(cifar10, "OFFICIAL", publish(mirror, cifar10.OFFICIAL, members))
    check_cifar10(cifar10.read(cifar10.Spec(kind="cifar10"), "cifar10"))


def test_cifar10_from_the_package(mirror: Path, own_cifar10: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    members: dict[str, bytes] = {}
    labels = []
    for name, content in own_cifar10.items():
        records = np.frombuffer(content, np.uint8).reshape(2, 3073)
        labels.append(records[:, 0].tolist())
        pixels = np.stack([records[:, 1 + 1024 * plane :][:, :1024] for plane in range(3)], axis=-1)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")  # 1024 x 2: one row per image
        members[f"package/{name}.png"] = stream.getvalue()
    members["package/train_lables.json"] = json.dumps([label for batch in labels[:5] for label in batch]).encode()
    members["package/test_lables.json"] = json.dumps(labels[5]).encode()
    monkeypatch.setattr(cifar10, "PACKAGE", publish(mirror, cifar10.PACKAGE, members))
    check_cifar10(cifar10.read(cifar10.Spec(kind="cifar10"), "cifar10"))


def test_a_batch_of_cifar10_with_other_bytes_is_named(
    mirror: Path, own_cifar10: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = own_cifar10 | {"data_batch_3": bytes(2 * 3073)}
    members = {f"cifar-10-batches-bin/{name}.bin": content for name, content in other.items()}
    monkeypatch.setattr(cifar10, "OFFICIAL", publish(mirror, cifar10.OFFICIAL, members))
    with pytest.raises(UserError, match=r"cifar-10-binary\.tar\.gz: data_batch_3: wrong digest: expected md5:"):
        cifar10.read(cifar10.Spec(kind="cifar10"), "cifar10")
