"""What an entry of `lessons` may not hold."""

from typing import Any

import pytest

from probeline.lessons.spec import Lessons
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import validate
from tests.unit.lessons.conftest import SECTION


@pytest.mark.parametrize(
    ("keys", "value", "line"),
    [
        (("d12", "kernel_size"), 4, "lessons.d.d12.kernel_size: 4 has no center; give an odd number"),
        (("d7", "points"), [[1, 2, 0]], "lessons.d.d7.points.0: .* z 0.001 from 0"),
        (("d14", "seeds"), [1, 1], "lessons.d.d14.seeds: names 1 twice"),
        (("d14", "batch_sizes"), [4, 4], "lessons.d.d14.batch_sizes: names 4 twice"),
        (("mlp", "runs", "d8", "early_stopping", "metric"), "accuracy", "lessons.d.mlp.runs.d8: .* let it be loss"),
        (("mlp", "runs"), {"d5": SECTION["mlp"]["runs"]["d8"]}, "lessons.d.mlp.runs.d5: 'd5' names a file; .* not d5"),
        (("mlp", "runs"), {"a/b": SECTION["mlp"]["runs"]["d8"]}, "lessons.d.mlp.runs: 'a/b' names a file; use small"),
        (("mlp", "runs", "d8", "l2", "layers"), "last", "lessons.d.mlp.runs.d8: .* penalize all weights"),
    ],
)
def test_a_mistake_in_an_entry_is_named(keys: tuple[str, ...], value: Any, line: str) -> None:
    def changed(section: Any, keys: tuple[str, ...]) -> Any:
        return (
            {**section, keys[0]: changed(section[keys[0]], keys[1:])} if len(keys) > 1 else {**section, keys[0]: value}
        )

    with pytest.raises(UserError, match=line):
        validate("lessons.d", changed(SECTION, keys), Lessons)
