"""params.yaml in the layout that DVC's own writer gives: `dvc exp run -S key=value` changes one line of it."""

import difflib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml

from probeline.pipeline.params import load_yaml
from tests.conftest import ROOT

TEXT = (ROOT / "params.yaml").read_text()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path))


def numbers(params: dict[str, Any], path: str = "") -> Iterator[str]:
    """The dotted keys of all numbers."""
    for key, value in params.items():
        if isinstance(value, dict):
            yield from numbers(value, f"{path}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{path}{key}"


def test_dvc_writes_it_as_it_is(copy: Path) -> None:
    with modify_yaml(copy):
        pass
    assert copy.read_text() == TEXT


def test_one_changed_number_changes_one_line(copy: Path) -> None:
    keys = list(numbers(load_yaml(copy)))
    for key in (keys[0], keys[len(keys) // 2], "train.d4-softmax.optimizer.lr", keys[-1]):
        copy.write_text(TEXT)
        apply_overrides(copy, [f"{key}=77"])
        changed = [line for line in difflib.ndiff(TEXT.splitlines(), copy.read_text().splitlines()) if line[0] in "+-"]
        assert [line[0] for line in changed] == ["-", "+"], key
        assert "77" in changed[1], key


def test_no_alias_ties_two_entries_together() -> None:
    tokens = list(yaml.scan(TEXT))
    assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]


def test_null_is_not_written_out() -> None:
    """DVC's writer leaves the value empty."""
    assert not [line for line in TEXT.splitlines() if line.endswith(": null")]


def test_a_line_that_dvc_would_break_is_a_comment() -> None:
    assert not [line for line in TEXT.splitlines() if len(line) > 80 and not line.lstrip().startswith("#")]
