"""The training mode of a network whose batch norm may be frozen."""

from pathlib import Path

import pytest
from torch import nn

from probeline.pipeline.checkpoint import Checkpoint
from probeline.tasks.task import Task
from probeline.training import engine
from tests.unit.training.made import on_device, spec


@pytest.mark.parametrize("freeze", [False, True])
def test_the_statistics_of_batch_norm_follow_or_stay(freeze: bool, task: Task, tmp_path: Path) -> None:
    run = spec(freeze_batch_norm=freeze)
    drawn = on_device(task, run)
    norm = nn.BatchNorm1d(8)
    model = nn.Sequential(nn.Flatten(), nn.Linear(drawn.values, 8), norm, nn.Linear(8, 3))
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    engine.fit(model, drawn, run, 0, Checkpoint(tmp_path / "c.pt"), lambda *_: None)
    moved = {name for name, value in norm.state_dict().items() if not value.equal(before[name])}
    assert {"weight", "bias"} <= moved
    assert ("running_mean" in moved) == (not freeze)
    assert norm.training == (not freeze)
