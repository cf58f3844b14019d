"""A run as the training needs it."""

from typing import Any

import pytest
import torch

from probeline.pipeline.errors import ParamError, at
from probeline.tasks.task import Task
from probeline.training.job import Job
from probeline.training.spec import Recipe
from tests.unit.training.made import AUGMENT, CONVNET, HALF, VGG, network, spec


def test_a_job_has_what_the_entry_says() -> None:
    run = spec(seeds=2, augment=AUGMENT, normalize=HALF, channels_last=True)
    job = Job.of(run)
    assert (job.report_id, job.task, job.seeds, job.model) == ("D1", "made", [0, 1], run.model)
    assert type(job.recipe) is Recipe
    assert all(getattr(job.recipe, key) == getattr(run, key) for key in Recipe.model_fields)
    assert (job.view.normalize, job.view.augment, job.view.channels_last) == (run.normalize, run.augment, True)
    assert job.view.resize is None
    assert (job.start.folders, job.start.key, job.start.seen(0)) == ((), None, {})


def test_fresh_weights_are_those_of_pytorchs_seed(task: Task) -> None:
    run = spec(model=CONVNET)
    one, same, other = (network(task, run, seed).state_dict()["head.weight"] for seed in (0, 0, 1))
    assert one.equal(same)
    assert not one.equal(other)
    assert Job.of(run).start.begin(network(task, run), 0) is None


def test_an_embedding_has_no_head(task: Task) -> None:
    run = spec(model=VGG, objective={"name": "triplet"})
    assert network(task, run)(torch.zeros(5, 1, 4, 4)).shape == (5, 2)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"objective": {"name": "binary_cross_entropy"}}, "binary_cross_entropy needs a task of 2 classes, not 3; use"),
        ({"model": CONVNET | {"channels": [4, 4, 4]}}, "images of 4x4 are too small for 3 stages of convnet; give few"),
        ({"objective": {"name": "triplet"}}, "the network has no layer to train with this objective; set model.embed"),
        ({"model": {"name": "pixels"}}, "pixels has no layer to train; name another model"),
    ],
)
def test_what_does_not_fit_the_task_is_one_line(task: Task, changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ParamError) as error, at("train.mine"):
        network(task, spec(**changes))
    key = "train.mine.model" if "pixels" in line else "train.mine"
    assert str(error.value).startswith(f"params.yaml: {key}: {line}")
