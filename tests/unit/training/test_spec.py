"""What a run may say in params.yaml, beyond what check's tests show."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.training.made import AUGMENT, CROP, HALF, spec


def test_what_a_run_need_not_say() -> None:
    run = spec()
    found = (run.seeds, run.evaluate_every, run.evaluate_start, run.l2, run.clip_norm, run.early_stopping)
    assert found == ([0], 1, False, None, None, None)
    assert (run.freeze_batch_norm, run.precision, run.compile, run.may_diverge) == (False, "float32", False, False)
    assert (run.normalize, run.augment, run.channels_last) == (None, [], False)


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": None},
        {"steps": 5},
        {"augment": AUGMENT},
        {"augment": [*AUGMENT, {"name": "normalize"}], "normalize": HALF},
        {"augment": [CROP | {"padding": 0}]},
        {"normalize": {"mean": [0.5], "std": [0.0]}},
        {"normalize": {"mean": [], "std": [1.0]}},
        {"clip_norm": 0.0},
        {"evaluate_every": 0},
        {"running_statistics": "kept"},
    ],
)
def test_what_a_run_may_not_say(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**changes)


def test_the_mark_among_the_augmentations_needs_the_normalization_once() -> None:
    assert [step.name for step in spec(augment=AUGMENT, normalize=HALF).augment] == ["crop", "normalize", "sharpness"]
    assert spec(augment=[CROP]).view().normalize is None
