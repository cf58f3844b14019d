"""STL-10, from an archive in its official format that is made here, value by value."""

from pathlib import Path

import numpy as np
import pytest

from probeline.datasets import stl10
from tests.unit.datasets.conftest import publish


def test_stl10(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.zeros((2, 3, 96, 96), np.uint8)  # image, channel, x, y
    columns[1, 2, 10, 3] = 77
    members = {
        "stl10_binary/test_X.bin": columns[:1].tobytes(),
        "stl10_binary/test_y.bin": bytes([10]),
        "stl10_binary/train_X.bin": columns.tobytes(),
        "stl10_binary/train_y.bin": bytes([1, 4]),
        "stl10_binary/unlabeled_X.bin": bytes(50_000),
        "stl10_binary/class_names.txt": b"airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n",
    }
    monkeypatch.setattr(stl10, "OFFICIAL", publish(mirror, stl10.OFFICIAL, members))
    found = stl10.read(stl10.Spec(kind="stl10"), "stl10")
    assert found.classes[0] == "airplane"
    assert found.labels["train"].tolist() == [0, 3]
    assert found.labels["test"].tolist() == [9]
    assert np.argwhere(found.images("train", [0, 1], None)).tolist() == [[1, 3, 10, 2]]  # row y, column x
