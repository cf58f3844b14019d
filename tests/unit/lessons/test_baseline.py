"""D5 against the convex probe, which minimizes the same loss."""

from dataclasses import replace

import numpy as np
import pytest

from probeline.lessons import baseline
from probeline.lessons.layers import cross_entropies
from probeline.lessons.spec import Library
from probeline.probes import logistic
from probeline.tasks.task import Task


def test_the_library_is_the_convex_probe_where_both_are_at_the_optimum(task: Task) -> None:
    found, outputs = baseline.fit(task, Library(c=2.0, iterations=5000))
    assert found.converged
    pixels = (task.images.reshape(len(task.images), -1) / 255).astype(np.float32)
    *_, ours = logistic.fit_path(pixels[task.train[0]], task.labels[task.train[0]], 3, [0.25])  # C is 1 / (2 lambda)
    for split, chosen in (("train", task.train[0]), ("validation", task.validation[0]), ("test", task.test)):
        logits = ours.logits(pixels[chosen]).T
        assert outputs.predicted[split].tolist() == logits.argmax(1).tolist()
        if split == "train":
            losses = cross_entropies(logits, task.labels[chosen])
            np.testing.assert_allclose(outputs.losses["train"], losses, atol=1e-3)
        else:
            np.testing.assert_allclose(outputs.scores[split], logits, atol=1e-2)
            assert outputs.scores[split].dtype == np.float32
    assert found.images == {"train": 30, "validation": 10, "test": 15}


def test_too_few_iterations_are_recorded(task: Task) -> None:
    found, _ = baseline.fit(task, Library(c=2.0, iterations=2))
    assert not found.converged
    assert found.made_iterations == 2


@pytest.mark.parametrize("trained", [(0, 2), (0, 1, 2)])
def test_logits_stand_at_their_class_even_where_training_images_lack_one(task: Task, trained: tuple[int, ...]) -> None:
    train = task.train[:, np.isin(task.labels[task.train[0]], trained)]
    _, outputs = baseline.fit(replace(task, train=train), Library(c=2.0, iterations=500))
    scores = outputs.scores["test"]
    assert scores.shape == (15, 3)
    assert np.isfinite(scores).all(axis=0).tolist() == [label in trained for label in range(3)]
    assert scores.argmax(axis=1).tolist() == outputs.predicted["test"].tolist()
