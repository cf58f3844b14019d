"""A params.yaml that is right, and what is wrong with a changed one."""

from typing import Any

import pytest

from probeline.entries.check import check
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import load_yaml
from tests.conftest import ROOT

TASK: dict[str, Any] = {"dataset": "digits", "validation": 0.2, "test": 0.2}
RUN: dict[str, Any] = {
    "report_id": "D1", "task": "small", "model": {"name": "linear"}, "objective": {"name": "cross_entropy"},
    "optimizer": {"name": "sgd", "lr": 0.1}, "batch_size": 32, "epochs": 2,
}  # fmt: skip
MLP = {"name": "mlp", "hidden": [8], "embedding": 4}
TRANSFER: dict[str, Any] = RUN | {"source": "narrow", "model": MLP, "load": ["features", "embedding"], "new": ["head"]}
ENCODER: dict[str, Any] = {"source": "mine", "task": "small"}
ENCODED: dict[str, dict[str, dict[str, Any]]] = {
    "backbones": {"raw": {"kind": "pixels"}},
    "encoders": {
        "pixels": ENCODER | {"source": "raw"}, "untrained": ENCODER | {"weights": "initial"}, "trained": ENCODER,
    },
    "probes": {"pixels": {"report_id": "E2"}, "untrained": {"report_id": "E2"}, "trained": {"report_id": "E2"}},
    "maps": {"trained": {"report_id": "A5"}},
}  # fmt: skip
FINETUNE: dict[str, Any] = {
    "report_id": "E3", "encoder": "trained", "head": "logistic", "source": "mine", "task": "small",
    "trainable": {"last": 1}, "objective": {"name": "cross_entropy"}, "optimizer": {"name": "adam", "lr": 0.1},
    "batch_size": 32, "epochs": 2,
}  # fmt: skip
SWEEP: dict[str, Any] = {"run": RUN, "grid": {"optimizer": {"lr": [0.1, 0.01]}}}
LESSONS = load_yaml(ROOT / "params.yaml")["lessons"]["d"] | {"tasks": {"mlp": "small", "convolution": "small"}}
OPTIONAL = ("transfer", "backbones", "encoders", "probes", "maps", "finetune", "sweeps", "lessons")


def everything(**changes: Any) -> dict[str, Any]:
    groups = {"datasets": {"digits": {"kind": "digits"}}, "tasks": {"small": TASK}, "train": {"mine": RUN}}
    return groups | {name: {} for name in OPTIONAL} | {"metrics": ["accuracy"]} | changes


def refusal(data: object) -> str:
    with pytest.raises(UserError) as error:
        check(data)
    return "\n".join(error.value.lines)
