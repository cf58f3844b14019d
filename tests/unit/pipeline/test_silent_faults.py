"""params.yaml that DVC would change in other places than the one that is named."""

from pathlib import Path

import pytest

from probeline.pipeline.errors import UserError
from probeline.pipeline.params import load_yaml


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: &s {lr: 0.1}\nb: *s\n", "line 1: cannot be read: &s shares a value, and -S on one place would change all"),
        ("a: &s 3\n", "line 1: cannot be read: &s shares a value, and -S on one place would change all; write it out"),
        ("a: {lr: 0.1}\nb:\n  <<: {lr: 1}\n", "line 3: cannot be read: << takes keys over from another place; write"),
    ],
)
def test_a_value_that_stands_in_two_places_is_refused(tmp_path: Path, text: str, line: str) -> None:
    # As it was: `dvc exp run -S b.lr=1` changed a.lr too, without a word.
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        load_yaml(tmp_path / "params.yaml")
    assert line in error.value.lines[0]
    assert len(error.value.lines) == 1
