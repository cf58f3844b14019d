"""The scripts in stages/: each reads its own section before it touches anything, and imports within its frame."""

import ast
import sys
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from probeline.pipeline.groups import STAGES
from probeline.pipeline.stage import stage
from tests.conftest import ROOT


@pytest.mark.parametrize("name", STAGES)
def test_a_mistake_in_its_section_is_one_line_and_touches_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `dvc repro -s train@mine`, which asks no `check`."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump({STAGES[name].section: {"mine": {"oops": 1}}}))
    monkeypatch.setattr(sys, "argv", [f"stages/{name}.py", "mine"])
    with pytest.raises(SystemExit) as end:
        stage(import_module(f"stages.{name}").main)
    line = str(end.value.code).splitlines()[0]
    assert line.startswith(f"error: params.yaml: {STAGES[name].section}.mine: ")
    assert "unknown key 'oops'" in line or "needs the key 'kind'" in line
    assert not list(Path("data").iterdir())


@pytest.mark.parametrize("script", sorted(ROOT.glob("stages/*.py")), ids=lambda path: path.stem)
def test_imports_that_take_long_come_within_the_frame(script: Path) -> None:
    """Ctrl-C while PyTorch is imported is one line as at any other time."""
    body = ast.parse(script.read_text()).body
    imported = [node.module for node in body if isinstance(node, ast.ImportFrom) and "probeline" in str(node.module)]
    assert imported == ["probeline.pipeline.stage"]
