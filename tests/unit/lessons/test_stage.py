"""The stage `lesson`, stopped and started again, and its mistakes."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from probeline.lessons import mlp
from probeline.pipeline.errors import ParamError
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from stages import lesson as stage
from tests.unit.lessons.conftest import SECTION


def test_a_run_that_was_done_before_a_stop_is_not_done_again(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/tasks/digits").mkdir(parents=True)
    tasks.save(task, Path("data/tasks/digits"))
    runs = {name: deepcopy(SECTION["mlp"]["runs"]["d8"]) for name in ("d8", "d10")}  # YAML would alias an equal one
    section = SECTION | {"mlp": SECTION["mlp"] | {"runs": runs}}
    for key in ("d12", "d13", "d14"):
        section |= {key: section[key] | {"images": 2}}
    Path("params.yaml").write_text(yaml.safe_dump({"lessons": {"d": section}}, sort_keys=False))
    plain, calls = mlp.train, []

    def stopped(*arguments: Any) -> Any:
        calls.append(arguments[2])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(mlp, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        stage.main("d")
    assert not Path("data/results/lesson/d").exists()
    stage.main("d")
    assert calls == ["d8", "d10", "d10"]
    first = Path("data/results/lesson/d/lesson.json").read_bytes()
    stage.main("d")
    assert calls[3:] == ["d8", "d10"]  # what a stage that ended kept for a restart is gone
    assert Path("data/results/lesson/d/lesson.json").read_bytes() == first


@pytest.mark.parametrize("key", ["d12", "d14"])
def test_too_many_images_are_refused_by_their_key(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/tasks/digits").mkdir(parents=True)
    tasks.save(replace(task, train=task.train[:, :15]), Path("data/tasks/digits"))
    section = {**SECTION, key: {**SECTION[key], "images": 16}}
    Path("params.yaml").write_text(yaml.safe_dump({"lessons": {"d": section}}))
    with pytest.raises(ParamError, match=rf"^params.yaml: {key}\.images: 16 are asked for, and the task has 15"):
        stage.main("d")
