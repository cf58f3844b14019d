"""Presets: an overlay and the same as overrides of DVC."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from probeline.check import check
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import load_yaml
from probeline.presets import load, overlay, overrides
from tests.conftest import ROOT

BASE: dict[str, Any] = {"train": {"a": {"steps": 5, "optimizer": {"lr": 0.1}}, "b": {"steps": 6}}}


def test_an_overlay_changes_adds_and_removes() -> None:
    base = {"train": {"a": {"steps": 5, "clip": 1.0, "optimizer": {"lr": 0.1}}, "b": {"steps": 6}}}
    overlay(base, {"train": {"a": {"steps": 7, "clip": None}, "b": None, "c": {"steps": 8}}})
    assert base == {"train": {"a": {"steps": 7, "clip": None, "optimizer": {"lr": 0.1}}, "c": {"steps": 8}}}


@pytest.mark.parametrize("name", ["smoke", "paper"])
def test_a_preset_is_valid_and_is_the_same_as_overrides(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    params, preset = load_yaml(ROOT / "params.yaml"), load(name)
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(params))
    settings = list(overrides(params, preset))
    apply_overrides(file, settings)
    overlay(params, preset)
    assert load_yaml(file) == params
    check(params)


@pytest.mark.parametrize("name", ["smoke", "paper"])
def test_a_preset_says_only_what_differs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    params = load_yaml(ROOT / "params.yaml")

    def same(base: Any, preset: Any, path: str = "") -> list[str]:
        if isinstance(preset, dict) and isinstance(base, dict):
            return [line for key in preset for line in same(base.get(key, KeyError), preset[key], f"{path}.{key}")]
        return [path] if base == preset else []

    assert same(params, load(name)) == []


def test_a_preset_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match="unknown preset 'smoek'; did you mean 'smoke'"):
        load("smoek")
