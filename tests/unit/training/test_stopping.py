"""Early stopping as the reports write it."""

import math

import pytest
from pydantic import ValidationError

from probeline.training.stopping import EarlyStopping, Stopper


def values(stopper: Stopper, *seen: float) -> list[tuple[bool, bool]]:
    return [(stopper.update(value), stopper.stop(step)) for step, value in enumerate(seen, 1)]


def test_patience_counts_evaluations_without_improvement() -> None:
    stopper = Stopper(EarlyStopping(metric="loss", patience=2))
    improved = values(stopper, 1.0, 1.0, 0.9, 0.95, 0.9)
    assert improved == [(True, False), (False, False), (True, False), (False, False), (False, True)]
    assert stopper.best == 0.9


def test_with_a_threshold_counting_starts_past_it() -> None:
    stopper = Stopper(EarlyStopping(metric="accuracy", patience=0, threshold=0.3))
    assert values(stopper, 0.2, 0.1, 0.3, 0.31) == [(True, False), (False, False), (True, False), (True, True)]
    patient = Stopper(EarlyStopping(metric="accuracy", patience=1, threshold=0.3))
    assert values(patient, 0.2, 0.1, 0.4, 0.35) == [(True, False), (False, False), (True, False), (False, True)]


def test_a_value_that_is_no_number_is_no_improvement() -> None:
    stopper = Stopper(EarlyStopping(metric="loss", patience=2))
    assert values(stopper, math.nan, 1.0, math.nan) == [(False, False), (True, False), (False, False)]
    assert stopper.best == 1.0


def test_the_plateau_stops_after_its_time() -> None:
    rule = EarlyStopping.model_validate(
        {"metric": "loss", "patience": None, "plateau": {"after": 2, "difference": 0.01}}
    )
    assert [stop for _, stop in values(Stopper(rule), 1.0, 1.0, 0.5, 0.495)] == [False, False, False, True]
    epochs = Stopper(rule, unit=10)
    assert not any(stop for _, stop in values(epochs, *[1.0] * 20))
    assert epochs.update(1.0) is False
    assert epochs.stop(21)


def test_the_minimum_holds_back_every_reason() -> None:
    rule = EarlyStopping.model_validate(
        {"metric": "loss", "patience": 1, "minimum": 4, "plateau": {"after": 0, "difference": 0.01}}
    )
    assert [stop for _, stop in values(Stopper(rule), 1.0, 1.0, 1.0, 1.0)] == [False, False, False, True]


def test_what_a_checkpoint_holds_is_all_that_changes() -> None:
    stopper = Stopper(EarlyStopping(metric="loss", patience=3))
    values(stopper, 1.0, 2.0)
    other = Stopper(stopper.spec, **stopper.state())
    assert other == stopper
    assert values(other, 2.0, 2.0) == values(stopper, 2.0, 2.0) == [(False, False), (False, True)]


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ({"metric": "loss", "patience": 0}, "patience 0 stops at the first evaluation; give a threshold too"),
        ({"metric": "accuracy", "patience": 1, "threshold": 1.0}, "threshold 1.0 is no accuracy; give a fraction"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(rule: dict[str, object], line: str) -> None:
    with pytest.raises(ValidationError, match=line):
        EarlyStopping.model_validate(rule)
