"""The table of groups says what the pipeline does."""

from importlib import import_module
from typing import Any

import pytest
import yaml

from probeline.pipeline.groups import GROUPS, MODELS, RUNS, STAGES, Group, force
from probeline.pipeline.params import Spec
from tests.conftest import ROOT

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
each = pytest.mark.parametrize("group", GROUPS.values(), ids=list(GROUPS))


@each
def test_its_specification_is_there(group: Group) -> None:
    path, _, name = group.spec.partition(":")
    found = import_module(f"probeline.{path}")
    if name:
        assert issubclass(getattr(found, name), Spec)
    else:
        assert len([*(ROOT / "src/probeline" / path).glob("[a-z]*.py")]) > 1


@each
def test_its_stage_is_one_script_and_one_stage_of_dvc(group: Group) -> None:
    stage = PIPELINE[group.stage]
    assert stage["foreach"] == f"${{{group.section}}}"
    script = f"stages/{group.stage}.py"
    assert (ROOT / script).is_file()
    assert stage["do"]["cmd"].endswith(f" {script} ${{key}}")
    assert script in stage["do"]["deps"]
    assert f"{group.section}.${{key}}" in stage["do"]["params"]


@each
def test_what_it_writes_and_reads_is_declared(group: Group) -> None:
    outputs, reads = (PIPELINE[group.stage]["do"][key] for key in ("outs", "deps"))
    assert ("data/models/${key}" in outputs) == group.model == (group.section in MODELS)
    for key, _ in group.refers:
        wanted = f"${{item.{key}}}" if key else "${key}"
        assert any(read.endswith(f"/{wanted}") for read in reads), key


@each
def test_a_stage_that_computes_on_the_device_reads_the_code_that_chooses_it(group: Group) -> None:
    assert ("src/probeline/compute" in PIPELINE[group.stage]["do"]["deps"]) == group.device


def test_dvc_has_no_other_stage() -> None:
    assert set(PIPELINE) == set(STAGES) | {"check", "summary"}
    assert len(STAGES) == len(GROUPS)


def test_entries_refer_to_sections_that_are_there() -> None:
    for group in GROUPS.values():
        for _, targets in group.refers:
            assert set(targets) <= set(GROUPS)
    assert set(RUNS) < set(MODELS) < set(GROUPS)


def test_the_command_that_makes_something_again() -> None:
    assert force("probe", "mine") == "dvc repro --force probe@mine --single-item"
