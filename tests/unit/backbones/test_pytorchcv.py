"""pytorchcv's weights give pytorchcv's network."""

import hashlib
import zipfile
from pathlib import Path

import pytest
import torch
from pytorchcv.models.common import model_store
from pytorchcv.models.resnet import get_resnet

from probeline.pipeline.errors import UserError
from tests.unit.backbones.conftest import network, read, saved, stirred


@pytest.mark.parametrize("packed", [True, False])
def test_pytorchcvs_file_gives_pytorchcvs_network(packed: bool, mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    theirs = stirred(get_resnet(blocks=10, num_classes=200))
    content = saved(theirs.state_dict())
    sha1 = hashlib.sha1(content).hexdigest()
    monkeypatch.setattr(model_store, "get_model_name_suffix_data", lambda _: ("2777", sha1, "v0"))
    file = f"resnet10_cub-2777-{sha1[:8]}.pth"
    if packed:
        with zipfile.ZipFile(mirror / f"{file}.zip", "w") as archive:
            archive.writestr(file, content)
    else:
        (mirror / file).write_bytes(content)
    found = read(kind="pytorchcv", model="resnet10_cub")
    assert (found.outputs, found.source, found.top1, found.model.model) == (200, "CUB-200-2011", 0.7223, "resnet10")
    images = torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(network(found, 224)(images), theirs(images), rtol=1e-4, atol=1e-4)
    (mirror / file).write_bytes(content + b"x")
    (mirror / f"{file}.zip").unlink(missing_ok=True)
    with pytest.raises(UserError, match=f"wrong digest: expected sha1:{sha1}, found sha1:"):
        read(kind="pytorchcv", model="resnet10_cub")
