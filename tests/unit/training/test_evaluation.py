"""Scores of a split, and the outputs for every image of it, in its order."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from probeline.results.record import SPLITS
from probeline.tasks.task import Task
from probeline.training.evaluation import evaluate, measure
from probeline.training.spec import Run
from tests.unit.training.made import CONVNET, HALF, TRIPLET, VGG, network, on_device, spec

CLASSIFIERS: dict[str, dict[str, Any]] = {
    "cross_entropy": {},
    "hinge": {"objective": {"name": "hinge", "margin": 0.7}},
    "binary_cross_entropy": {"objective": {"name": "binary_cross_entropy"}},
    "16 bits": {"model": CONVNET, "precision": "bfloat16", "normalize": HALF},
}
EMBEDDINGS: dict[str, dict[str, Any]] = {
    "triplet": TRIPLET,
    "batch_hard": TRIPLET | {"objective": {"name": "triplet", "mining": "batch_hard"}},
    "supervised_contrastive": {"model": VGG, "objective": {"name": "supervised_contrastive"}},
}


def images_for(task: Task, name: str) -> Task:
    """A task that suits an objective."""
    if name != "binary_cross_entropy":
        return task
    return replace(task, labels=task.labels % 2, classes=("even", "odd"))


def labels_of(task: Task, split: str) -> Any:
    return task.labels[task.test if split == "test" else getattr(task, split)[0]]


def embeddings(model: nn.Module, task: Task, run: Run, split: str) -> Any:
    data = on_device(task, run)
    with torch.no_grad():
        return model.eval()(data.batch(data.splits[split]))


def test_a_score_is_the_mean_over_all_images(task: Task) -> None:
    run = spec()
    model = network(task, run)
    score = evaluate(model, on_device(task, run), "test", run)
    images = torch.tensor(task.images[task.test][:, :, :, 0][:, None] / 255, dtype=torch.float32)
    labels = torch.tensor(task.labels[task.test])
    assert score.loss == pytest.approx(nn.functional.cross_entropy(model(images), labels).item(), rel=1e-5)
    assert score.accuracy == pytest.approx((model(images).argmax(1) == labels).float().mean().item())


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_outputs_of_a_classifier_are_in_the_order_of_the_split(task: Task, name: str) -> None:
    task, run = images_for(task, name), spec(**CLASSIFIERS[name])
    model = network(task, run, seed=3)
    scores, outputs = measure(model, on_device(task, run), run)
    assert outputs.kind == ("margins" if name == "hinge" else "logits")
    assert list(outputs.predicted) == list(SPLITS)
    assert list(outputs.scores) == ["validation", "test"]
    assert list(outputs.losses) == ["train"]
    for split in SPLITS:
        found, labels = embeddings(model, task, run, split), labels_of(task, split)
        predicted = (found[:, 0] > 0).long() if name == "binary_cross_entropy" else found.argmax(1)
        assert outputs.predicted[split].dtype == np.int64
        assert outputs.predicted[split].tolist() == predicted.tolist()
        assert scores[split].accuracy == np.mean(outputs.predicted[split] == labels)
        if split == "train":
            assert outputs.losses[split].dtype == np.float32
            assert outputs.losses[split].shape == labels.shape
            assert outputs.losses[split].mean() == pytest.approx(scores[split].loss, rel=1e-6)
            each = [run.objective.loss(row[None], torch.tensor([y]))[0] for row, y in zip(found, labels, strict=True)]
            np.testing.assert_allclose(outputs.losses[split], each, rtol=0.05 if "bits" in name else 1e-5, atol=1e-6)
        else:
            assert outputs.scores[split].dtype == np.float32
            tolerance = 0.05 if "bits" in name else 1e-6
            np.testing.assert_allclose(outputs.scores[split], found.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", EMBEDDINGS)
@pytest.mark.parametrize("batch_size", [4, 7, 30])
def test_the_losses_of_an_embedding_are_in_the_order_of_the_split(task: Task, name: str, batch_size: int) -> None:
    run = spec(**EMBEDDINGS[name], batch_size=batch_size)
    model = network(task, run)
    scores, outputs = measure(model, on_device(task, run), run)
    assert (outputs.kind, outputs.predicted, outputs.scores) == ("losses", {}, {})
    assert list(outputs.losses) == list(SPLITS)
    for split in SPLITS:
        found = outputs.losses[split]
        vectors, labels = embeddings(model, task, run, split), torch.tensor(labels_of(task, split))
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
        generator = torch.Generator().manual_seed(0)
        expected = torch.full((len(labels),), torch.inf)
        for chosen in torch.split(order, batch_size):
            expected[chosen] = run.objective.losses(vectors[chosen], labels[chosen], generator)
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)
        assert np.nanmean(found) == pytest.approx(scores[split].loss, rel=1e-6)
        left_out = [
            place
            for chosen in torch.split(order, batch_size)
            for place in chosen.tolist()
            if (same := (labels[chosen] == labels[place]).sum()) == 1 or same == len(chosen)
        ]
        assert np.flatnonzero(np.isnan(found)).tolist() == sorted(left_out)
    if batch_size == 4:
        assert np.isnan(np.concatenate(list(outputs.losses.values()))).any()


@pytest.mark.parametrize("name", [*CLASSIFIERS, *EMBEDDINGS])
def test_keeping_outputs_changes_no_bit_of_a_score(task: Task, name: str) -> None:
    task, run = images_for(task, name), spec(**(CLASSIFIERS | EMBEDDINGS)[name])
    model, data = network(task, run), on_device(task, run)
    for split in SPLITS:
        plain, kept = evaluate(model, data, split, run), measure(model, data, run, (split,))[0][split]
        assert (plain.loss, plain.accuracy) == (kept.loss, kept.accuracy)
        assert (plain.predicted is None) == (kept.predicted is None) == (name in EMBEDDINGS)


def test_only_the_splits_that_are_asked_for_are_scored(task: Task) -> None:
    run = spec()
    scores, outputs = measure(network(task, run), on_device(task, run), run, ("train", "validation"))
    assert list(scores) == list(outputs.predicted) == ["train", "validation"]


def test_a_score_of_weights_that_are_not_numbers_is_not_one(task: Task) -> None:
    run = spec(objective={"name": "hinge"})
    model = network(task, run)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(math.nan)
    assert math.isnan(evaluate(model, on_device(task, run), "validation", run).loss)


def test_the_score_of_a_triplet_run_is_the_same_each_time_whatever_the_order_of_classes(task: Task) -> None:
    run = spec(**TRIPLET, batch_size=8)
    by_class = replace(task, test=task.test[np.argsort(task.labels[task.test], kind="stable")])
    model, data = network(task, run), on_device(by_class, run)
    first, again = (evaluate(model, data, "test", run) for _ in range(2))
    assert first.loss == again.loss  # and not refused: sorted, batches of one class would have no negative
    assert (first.accuracy, first.predicted) == (None, None)


def test_evaluation_neither_drops_nor_learns(task: Task) -> None:
    run = spec(model=CONVNET)
    model, data = network(task, run), on_device(task, run)
    noisy = nn.Sequential(*model.children(), nn.Dropout(0.5))
    before = {name: value.clone() for name, value in noisy.state_dict().items()}
    noisy.train()
    assert evaluate(noisy, data, "test", run).loss == evaluate(noisy, data, "test", run).loss
    for name, value in noisy.state_dict().items():
        assert value.equal(before[name])
