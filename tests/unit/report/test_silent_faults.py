"""Results that are not those of their task: read without a word, or with a traceback, before."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from probeline.pipeline.errors import UserError
from probeline.report.load import load
from probeline.tasks.task import Task
from tests.unit.report import made

ENTRIES, RESULTS = Path("data/checked/entries.json"), Path("data/results")
Arrays = dict[str, Any]


@pytest.fixture(autouse=True)
def _left(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made.leave(task, ["accuracy"])


def refusal() -> str:
    with pytest.raises(UserError) as error:
        load(ENTRIES, RESULTS)
    (line,) = error.value.lines
    return line


def _without(arrays: Arrays, name: str) -> Arrays:
    return {key: values for key, values in arrays.items() if key != name}


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda a: a | {"test_predicted": a["test_predicted"][:-1]}, "is not of the images and classes of its task"),
        (lambda a: a | {"test_scores": a["test_scores"][:-1]}, "is not of the images and classes of its task"),
        (lambda a: a | {"test_scores": a["test_scores"][:, :2]}, "is not of the images and classes of its task"),
        (lambda a: a | {"test_predicted": a["test_predicted"] + 1}, "is not of the images and classes of its task"),
        (lambda a: _without(a, "test_predicted"), "is not of the images and classes of its task"),
        (lambda a: a | {"test_predicted": a["test_predicted"].astype(float)}, "is missing or damaged"),
        (lambda a: a | {"test_scores": a["test_scores"].astype(float)}, "is missing or damaged"),
        (lambda a: a | {"kind": "odds"}, "is missing or damaged"),
        (lambda a: a | {"later_predicted": a["test_predicted"]}, "is missing or damaged"),
    ],
)
def test_outputs_of_another_kind_or_shape_are_refused(edit: Callable[[Arrays], Arrays], what: str) -> None:
    path = RESULTS / "train/mine/seed-1.npz"
    with np.load(path) as found:
        arrays = edit(dict(found))
    np.savez(path, **arrays)
    assert refusal() == f"{path}: {what}; run: dvc repro --force train@mine --single-item"


@pytest.mark.parametrize(
    ("file", "edit", "what"),
    [
        ("train/mine/run.json", {"task": "gone"}, "is of the task gone, which params.yaml does not name"),
        ("train/mine/run.json", {"classes": ["a", "b"]}, "is of other images or classes than the task made has by now"),
        ("train/mine/run.json", {"seeds": []}, "is missing or damaged"),
        ("train/mine/run.json", {"images": {"train": 30}}, "is missing or damaged"),
        ("probe/mine-made/probe.json", {"resamples": []}, "is missing or damaged"),
        ("sweep/rates/sweep.json", {"task": "gone"}, "is of the task gone, which params.yaml does not name"),
        ("sweep/rates/sweep.json", {"rows": []}, "is missing or damaged"),
    ],
)
def test_a_record_that_does_not_fit_is_one_line_with_its_stage(file: str, edit: dict[str, Any], what: str) -> None:
    path = RESULTS / file
    path.write_text(json.dumps(json.loads(path.read_text()) | edit))
    stage, name = path.parts[2:4]
    assert refusal() == f"{path}: {what}; run: dvc repro --force {stage}@{name} --single-item"


@pytest.mark.parametrize(
    "edit", [lambda text: text[: len(text) // 2], lambda text: text.replace(",0,cat", ",7,cat", 1)]
)
def test_a_map_that_was_cut_or_changed_is_refused(edit: Callable[[str], str]) -> None:
    path = RESULTS / "tsne/mine-made/map.csv"
    path.write_text(edit(path.read_text()))
    assert refusal() == f"{path.parent}: is missing or damaged; run: dvc repro --force tsne@mine-made --single-item"


def test_labels_beyond_the_classes_are_refused() -> None:
    path = RESULTS / "split/made/labels.npz"
    with np.load(path) as found:
        arrays = dict(found)
    np.savez(path, **arrays | {"labels": arrays["labels"] + 1})
    assert refusal() == f"{path}: is missing or damaged; run: dvc repro --force split@made --single-item"


def test_a_class_name_that_is_no_text_is_escaped(task: Task) -> None:
    # As it was: half a surrogate pair passed all stages, and stopped the summary after them.
    for file in ("split/made/task.json", "train/mine/run.json", "probe/mine-made/probe.json"):
        path = RESULTS / file
        names = ["\udc80", *task.classes[1:]]
        path.write_text(json.dumps(json.loads(path.read_text()) | {"classes": names}))
    assert load(ENTRIES, RESULTS).tasks["made"].classes[0] == "\\udc80"
