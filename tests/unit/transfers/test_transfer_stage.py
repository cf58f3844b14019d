"""transfer@run from the weights of a run: with layers that are frozen, and with test images that were seen."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from probeline.pipeline.errors import ParamError
from probeline.tasks.task import Task
from probeline.training import model
from probeline.training.frozen import Frozen
from stages import transfer
from tests.unit.encoders.made import RUN, save_task, write_params

TRANSFER = RUN | {"source": "mine", "load": ["features"], "new": ["head"], "trainable": {"last": 2}}


@pytest.mark.usefixtures("project")
def test_frozen_layers_computed_once_train_to_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(shorten: Callable[..., Any] | None) -> dict[str, Tensor]:
        if shorten is not None:
            monkeypatch.setattr(Frozen, "shorten", shorten)
        write_params(transfer={"second": TRANSFER})
        transfer.main("second")
        return model.load_weights(Path("data/models/second"), 1)

    fast = trained(None)
    plain = trained(lambda _, model, data, *__: (model, data))
    assert list(fast) == list(plain)
    for name, value in fast.items():
        assert torch.allclose(value.float(), plain[name].float(), atol=1e-5), name
    source = model.load_weights(Path("data/models/mine"), 1)
    assert not fast["features.fc1.weight"].equal(source["features.fc1.weight"])
    assert fast["features.conv1.weight"].equal(source["features.conv1.weight"])


@pytest.mark.usefixtures("project")
def test_weights_that_saw_its_test_images_are_refused(task: Task) -> None:
    save_task("other", replace(task, train=task.test[None], validation=task.validation[:1], test=task.train[0]))
    write_params(transfer={"second": TRANSFER | {"trainable": "all", "task": "other", "seeds": [0]}})
    with pytest.raises(ParamError, match=r"^params.yaml: the weights that it starts from were trained on 30 of the"):
        transfer.main("second")
