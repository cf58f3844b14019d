"""embed@encoder, from its entry in params.yaml to data/embeddings."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from probeline.pipeline.errors import UserError
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from probeline.training import model
from tests.conftest import ROOT
from tests.unit.encoders.made import embedded, save_task


@pytest.mark.usefixtures("project")
def test_an_embedding_has_the_vectors_and_splits_of_its_task_and_says_where_they_come_from(task: Task) -> None:
    found = embedded(seed=1)
    assert found.classes == task.classes
    assert found.vectors.shape == (60, 5)
    for name in ("labels", "train", "validation", "test"):
        np.testing.assert_array_equal(getattr(found, name), getattr(task, name))
    facts = found.facts
    assert (facts.source, facts.weights, facts.seed, facts.task) == ("mine", "trained", 1, "made")
    assert (facts.dataset, facts.source_dataset, facts.model) == ("made", "made", "convnet")
    assert (facts.resize, facts.shape, facts.dimensions) == (None, (1, 8, 8), 5)
    convolutions = (9 * 1 + 1) * 4 + 2 * 4 + (9 * 4 + 1) * 6 + 2 * 6
    assert facts.parameters == convolutions + (6 * 2 * 2 + 1) * 5
    # Resample 1 of the task, that of seed 1, was trained on.
    assert facts.seen == {"train": 30, "validation": 0, "test": 0}


@pytest.mark.usefixtures("project")
def test_initial_weights_have_seen_nothing() -> None:
    assert embedded(weights="initial").facts.seen == {"train": 0, "validation": 0, "test": 0}


@pytest.mark.usefixtures("project")
def test_embedding_twice_gives_the_same_bytes() -> None:
    embedded()
    files = sorted(Path("data/embeddings/mine-made").iterdir())
    first = [path.read_bytes() for path in files]
    embedded()
    assert [path.read_bytes() for path in files] == first


@pytest.mark.usefixtures("project")
def test_test_images_that_were_trained_on_are_refused(task: Task) -> None:
    swapped = {"train": task.test[None], "validation": task.validation[:1], "test": task.train[0]}
    save_task("other", replace(task, **swapped))
    with pytest.raises(UserError, match=r"mine was trained on 30 of the 30 test images of other, which would"):
        embedded(task="other")
    assert embedded(task="other", weights="initial").facts.seen["test"] == 0
    another = replace(task, dataset="another", **swapped)
    tasks.save(another, Path("data/tasks/other"))
    with pytest.raises(UserError, match=r"mine was trained on 30 of the 30 test images of other"):
        embedded(task="other")  # the same images under another name


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"seed": 7}, "params.yaml: seed: mine has no seed 7; it has 0, 1"),
        ({"task": "small"}, "params.yaml: mine reads images of 8x8 and those of small are 4x4; embed a task of that"),
        ({"task": "color"}, "params.yaml: mine reads images of 1 channel(s) and color has 3; embed a task with 1"),
        ({"task": "wide", "resize": 8}, "params.yaml: the images of wide are 8x4, and only square ones are resized"),
        ({"task": "gone"}, "data/tasks/gone/task.json: is missing or damaged; run: dvc repro --force split@gone"),
        (
            {"source": "gone"},
            "data/models/gone/model.json: is missing or damaged; run: dvc repro --force train@gone --single-item",
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_what_does_not_fit_is_one_line_and_leaves_nothing(task: Task, changes: dict[str, Any], line: str) -> None:
    for name, images in (
        ("small", task.images[:, ::2, ::2]),
        ("color", np.repeat(task.images, 3, axis=3)),
        ("wide", task.images[:, :, ::2]),
    ):
        save_task(name, replace(task, images=images))
    with pytest.raises(UserError) as error:
        embedded(**changes)
    assert len(error.value.lines) == 1
    assert error.value.lines[0].startswith(line)
    assert not Path("data/embeddings/mine-made").exists()


@pytest.mark.usefixtures("project")
def test_a_diverged_encoder_is_refused() -> None:
    path = Path("data/models/mine/seed-0.pt")
    weights = torch.load(path, weights_only=True)
    weights["features.fc1.weight"][0, 0] = torch.nan
    torch.save(weights, path)
    with pytest.raises(UserError, match="source: its vectors are not finite: that run diverged; embed another"):
        embedded()


@pytest.mark.usefixtures("project")
def test_the_model_of_an_encoder_carries_the_digests_of_its_code() -> None:
    """DVC runs embed again when they change: the entry of an encoder does not say which network it is."""
    code = model.load(Path("data/models/mine")).code
    assert {"src/probeline/models/convnet.py", "src/probeline/models/_contract.py"} <= set(code)
    assert not any(name.endswith(("vgg.py", "resnet.py")) for name in code)
    for path, digest in code.items():
        assert hashlib.sha256((ROOT / path).read_bytes()).hexdigest() == digest


@pytest.mark.usefixtures("project")
def test_a_model_that_was_removed_from_the_code_is_one_line() -> None:
    path = Path("data/models/mine/model.json")
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"model": facts["model"] | {"name": "gone"}}))
    with pytest.raises(UserError, match=r"models/\w+.py: cannot build a trained network any more; run: dvc repro"):
        embedded()
