"""The format of data/models: what is read is what was written, and all else is refused with the stage to run."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from probeline.compute.view import Resize, View
from probeline.pipeline.errors import UserError
from probeline.tasks.task import Task
from probeline.training import model
from probeline.training.evaluation import evaluate
from probeline.training.model import Model
from tests.unit.training.made import HALF, VGG, network, on_device, spec, train_all

RUN = spec(model=VGG, normalize=HALF, epochs=1)


def made(**changes: Any) -> Model:
    facts = model.blueprint(RUN.model, RUN.view(), RUN.precision)
    about = {"shape": (1, 4, 4), "outputs": 3, "task": "made", "dataset": "made", "classes": ["a", "b", "c"]}
    return Model(**{**facts, **about, "seeds": [0], **changes})


def saved(folder: Path, about: Model, **weights: torch.Tensor) -> Path:
    path = folder / "mine"
    path.mkdir()
    model.save(path, about, {0: weights})
    return path


@pytest.mark.parametrize(
    "changes", [{}, {"shape": None, "outputs": None, "task": None, "top1": 0.76, "normalize": None}]
)
def test_what_is_read_is_what_was_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    about = made(**changes)
    folder = saved(tmp_path, about, w=torch.arange(3))
    assert model.load(folder) == about
    assert model.load_weights(folder, 0)["w"].tolist() == [0, 1, 2]
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "seed-0.pt"]


def test_a_network_is_built_again_from_what_a_run_leaves(task: Task, tmp_path: Path) -> None:
    (result,) = train_all(task, RUN, tmp_path / "c")
    folder = saved(tmp_path, made(), **result.fit.weights)
    about = model.load(folder)
    assert about.shape is not None
    again = about.build(about.shape, about.outputs)
    again.load_state_dict(model.load_weights(folder, 0))
    assert evaluate(again, on_device(task, RUN), "test", RUN).loss == result.scores["test"].loss


def test_fresh_weights_are_those_of_the_seed(task: Task) -> None:
    torch.manual_seed(4)
    built = made().build((1, 4, 4), 3).state_dict()
    assert all(value.equal(built[name]) for name, value in network(task, RUN, seed=4).state_dict().items())


def test_the_view_of_a_run_is_in_it() -> None:
    plain = model.blueprint(RUN.model, View(), "float32")
    assert (plain["normalize"], plain["resize"], plain["interpolation"]) == (None, None, "bilinear")
    resized = model.blueprint(RUN.model, View(RUN.normalize, Resize(9, 8, "bicubic")), "bfloat16")
    assert (resized["resize"], resized["interpolation"], resized["precision"]) == (9, "bicubic", "bfloat16")
    assert Model(**{**made().model_dump(), **resized}).normalize == RUN.normalize


def test_the_digests_are_of_the_network_and_what_it_imports() -> None:
    found = {path.removeprefix("src/probeline/models/") for path in made().code}
    assert found == {"_contract.py", "_parts.py", "vgg.py"}


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda facts: facts | {"version": 99}, "has version 99 of its format, and version 2 is read"),
        (lambda facts: {key: value for key, value in facts.items() if key != "version"}, "is missing or damaged"),
        (lambda facts: facts | {"surplus": 1}, "is missing or damaged"),
        (lambda facts: {key: value for key, value in facts.items() if key != "seeds"}, "is missing or damaged"),
        (lambda _: [1], "is missing or damaged"),
        (lambda _: None, "is missing or damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_stage_to_run(tmp_path: Path, edit: Any, line: str) -> None:
    folder = saved(tmp_path, made())
    path = folder / "model.json"
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    with pytest.raises(UserError) as error:
        model.load(folder)
    remedy = "run: dvc repro --force train@mine --single-item (or transfer@, finetune@, weights@)"
    assert error.value.lines == (f"{path}: {line}; {remedy}",)


@pytest.mark.parametrize("content", [None, "", "{", "\xff"])
def test_a_file_that_is_missing_or_damaged(tmp_path: Path, content: str | None) -> None:
    folder = saved(tmp_path, made())
    for name in ("model.json", "seed-0.pt"):
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content.encode("latin-1"))
    for read, name in ((model.load, "model.json"), (lambda path: model.load_weights(path, 0), "seed-0.pt")):
        with pytest.raises(UserError, match=rf"mine/{name}: is missing or damaged; run: dvc repro --force train@mine"):
            read(folder)


@pytest.mark.parametrize("network", [{"name": "gone"}, VGG | {"surplus": 1}, {}])
def test_a_network_that_is_no_more_is_said(network: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=r"models/\w+.py: cannot build a trained network any more; run: dvc repro"):
        made(model=network).spec()
