"""Small lessons."""

from typing import Any

from probeline.lessons.spec import Lessons
from probeline.pipeline.params import validate

SECTION: dict[str, Any] = {
    "tasks": {"mlp": "digits", "convolution": "digits"},
    "d5": {"c": 1.0, "iterations": 100},
    "d7": {"points": [[2, 4, 1], [0.3, 0.7, -0.9]]},
    "mlp": {
        "hidden": 5,
        "seed": 0,
        "runs": {
            "d8": {
                "lr": 0.1,
                "batch_size": 8,
                "epochs": 80,
                "l2": {"lambda": 0.01, "form": "sum"},
                "early_stopping": {"metric": "loss", "patience": None},
            }
        },
    },
    "d12": {"images": 2, "channels": 3, "kernel_size": 5, "sigma": 0.8},
    "d13": {
        "images": 10, "largest_pixel": 255.0, "channels": 2, "kernel_size": 3, "outputs": "mean", "lr": 1e-5,
        "l2": 1e-3, "clip": None, "batch_sizes": [4], "epochs": 3, "seeds": [0],
    },
    "d14": {
        "images": 10, "largest_pixel": 1.0, "channels": 2, "kernel_size": 3, "outputs": "sum", "lr": 0.01, "l2": 1e-3,
        "clip": 1.0, "batch_sizes": [1, 4], "epochs": 20, "seeds": [0, 1],
    },
}  # fmt: skip
LESSONS = validate("lessons.d", SECTION, Lessons)
