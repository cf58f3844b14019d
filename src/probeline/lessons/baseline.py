"""D5: scikit-learn's logistic regression on the same splits, as a baseline for the networks by hand."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from probeline.lessons import spec
from probeline.lessons.layers import Array, cross_entropies
from probeline.results.lessons import Library
from probeline.results.outputs import Outputs
from probeline.tasks.task import Task


def fit(task: Task, wanted: spec.Library) -> tuple[Library, Outputs]:
    """Fit on the training images of the first resample, with pixels from 0 to 1.

    Returns:
        The settings with how the fit ended, and the outputs of all splits.
    """
    splits = {"train": task.train[0], "validation": task.validation[0], "test": task.test}
    pixels = {split: task.images[chosen].reshape(len(chosen), -1) / 255 for split, chosen in splits.items()}
    model = LogisticRegression(C=wanted.c, max_iter=wanted.iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the record says it
        model.fit(pixels["train"], task.labels[splits["train"]])
    made = int(np.max(model.n_iter_))
    record = Library(
        c=wanted.c,
        iterations=wanted.iterations,
        made_iterations=made,
        converged=made < wanted.iterations,
        images={split: len(chosen) for split, chosen in splits.items()},
    )
    logits = {split: _logits(model, x, len(task.classes)) for split, x in pixels.items()}
    losses = cross_entropies(logits["train"], task.labels[splits["train"]])
    return record, Outputs(
        "logits",
        predicted={split: model.predict(x).astype(np.int64) for split, x in pixels.items()},
        scores={split: logits[split].astype(np.float32) for split in ("validation", "test")},
        losses={"train": losses.astype(np.float32)},
    )


def _logits(model: LogisticRegression, x: Array, classes: int) -> Array:
    """float64 (n, classes); -inf for a class without training images."""
    found = model.decision_function(x)
    if found.ndim == 1:  # of two classes scikit-learn gives the second's logit, with the first's at 0
        found = np.stack([np.zeros(len(found)), found], axis=1)
    logits = np.full((len(x), classes), -np.inf)
    logits[:, model.classes_] = found
    return logits
