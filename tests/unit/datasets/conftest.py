"""What the tests of several kinds share: archives in a mirror folder, and the error that names a digest."""

import hashlib
import io
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from probeline.datasets._raw import Raw
from probeline.pipeline.errors import UserError
from probeline.sources.places import Archive


@pytest.fixture(autouse=True)
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("PROBELINE_MIRROR", "mirror")
    yield folder
    assert not (tmp_path / ".downloads").exists()  # no test may ask a network


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content).hexdigest()}"


def publish(folder: Path, archive: Archive, contents: Mapping[str, bytes]) -> Archive:
    """Write an archive into the mirror; the archive with its digest, and no places beside the mirror."""
    stream = io.BytesIO()
    if archive.name.endswith(".whl"):
        with zipfile.ZipFile(stream, "w") as packed:
            for name, content in contents.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(fileobj=stream, mode="w:gz") as packed:
            for name, content in contents.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                packed.addfile(member, io.BytesIO(content))
    (folder / archive.name).write_bytes(stream.getvalue())
    return replace(archive, digest=md5(stream.getvalue()), places=())


def pinned(read: Callable[[str | None], Raw]) -> Raw:
    """Read the user's own data as a user does: the error of the first time names the digest to write down."""
    with pytest.raises(UserError) as caught:
        read(None)
    said = re.search("sha256: is missing; write ([0-9a-f]{64}) there", str(caught.value))
    if said is None:
        raise caught.value
    return read(said[1])


# A red ramp along the first row: pixel (row 0, column 1) is (1, 0, 0); green 50 at (1, 0); blue 70 at the last pixel.
PLANES = np.zeros((3, 32, 32), np.uint8)
PLANES[0, 0] = np.arange(32)
PLANES[1, 1, 0] = 50
PLANES[2, 31, 31] = 70


def check_cifar(image: np.ndarray) -> None:
    assert image.shape == (32, 32, 3)
    assert image[0, 1].tolist() == [1, 0, 0]
    assert image[0, 31].tolist() == [31, 0, 0]
    assert image[1, 0].tolist() == [0, 50, 0]
    assert image[31, 31].tolist() == [0, 0, 70]
    assert int(image.astype(int).sum()) == 496 + 50 + 70
