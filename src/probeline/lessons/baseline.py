"""D5: what a library gives on the same splits: scikit-learn's logistic regression, to set ours against."""

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from probeline.lessons.spec import Library
from probeline.task import Task


def fit(task: Task, spec: Library) -> dict[str, Any]:
    """Fit on the first draw's training images, pixels from 0 to 1; accuracies by split, and whether it converged."""
    pixels = task.images.reshape(len(task.images), -1)
    splits = {"train": task.train[0], "validation": task.validation[0], "test": task.test}
    model = LogisticRegression(C=spec.c, max_iter=spec.iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # told in the record
        model.fit(pixels[splits["train"]] / 255, task.labels[splits["train"]])
    made = int(np.max(model.n_iter_))
    return {
        **spec.model_dump(),
        "made_iterations": made,
        "converged": made < spec.iterations,
        "images": {split: len(indices) for split, indices in splits.items()},
        "accuracy": {
            split: float(model.score(pixels[indices] / 255, task.labels[indices])) for split, indices in splits.items()
        },
    }
