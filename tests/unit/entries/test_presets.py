"""Presets: an overlay, the entries of one report, the same as overrides of DVC, and params.yaml in DVC's layout."""

import difflib
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from probeline.entries import presets
from probeline.entries.check import check
from probeline.entries.presets import load, overlay, overrides, reduced
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import load_yaml
from tests.conftest import ROOT

REPORTS = ["a", "b", "c", "d", "e"]


@pytest.fixture(autouse=True)
def _in_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    monkeypatch.chdir(tmp_path)


def params() -> dict[str, Any]:
    return load_yaml(Path("params.yaml"))  # type: ignore[no-any-return]


def overlaid(name: str) -> dict[str, Any]:
    everything = params()
    overlay(everything, load(name))
    return everything


@cache
def alone(report: str) -> dict[str, Any]:
    """The parameters that `make paper` runs; nobody changes them."""
    return reduced(overlaid(report), report)


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


def test_an_overlay_changes_adds_and_removes() -> None:
    base = {"train": {"a": {"steps": 5, "clip": 1.0, "optimizer": {"lr": 0.1}}, "b": {"steps": 6}}}
    overlay(base, {"train": {"a": {"steps": 7, "clip": None}, "b": None, "c": {"steps": 8}}})
    assert base == {"train": {"a": {"steps": 7, "clip": None, "optimizer": {"lr": 0.1}}, "c": {"steps": 8}}}


def test_a_star_removes_the_entries_that_the_preset_does_not_name() -> None:
    base = {"train": {"a": {"steps": 5}, "b": {"steps": 6}}, "maps": {"a": {}}}
    overlay(base, {"train": {"*": None, "b": {"steps": 7}}, "maps": {"*": None}})
    assert base == {"train": {"b": {"steps": 7}}, "maps": {}}


def test_there_is_a_preset_for_each_report_and_one_for_tests() -> None:
    assert sorted(path.name for path in Path("presets").iterdir()) == [f"{n}.yaml" for n in [*REPORTS, "smoke"]]


@pytest.mark.parametrize("name", [*REPORTS, "smoke"])
def test_a_preset_is_valid(name: str) -> None:
    check(overlaid(name))


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_alone_is_valid(name: str) -> None:
    check(alone(name))


@pytest.mark.parametrize("name", [*REPORTS, "smoke"])
def test_a_preset_says_only_what_differs(name: str) -> None:
    def same(base: Any, preset: Any, path: str = "") -> list[str]:
        if isinstance(preset, dict) and isinstance(base, dict):
            return [line for key in preset for line in same(base.get(key, KeyError), preset[key], f"{path}.{key}")]
        return [path] if base == preset else []

    assert same(params(), load(name)) == []


@pytest.mark.parametrize("name", REPORTS)
def test_a_preset_of_a_report_has_the_entries_of_that_report_only(name: str) -> None:
    """And what these need: nothing that the reduction would take away."""
    named = {(section, key) for section, entries in load(name).items() for key, value in entries.items() if value}
    assert named <= {(section, key) for section, entries in alone(name).items() for key in entries}


@pytest.mark.parametrize("name", [*REPORTS, "smoke"])
def test_a_preset_has_no_aliases(name: str) -> None:
    tokens = list(yaml.scan(Path(f"presets/{name}.yaml").read_text()))
    assert not [token for token in tokens if isinstance(token, yaml.AnchorToken | yaml.AliasToken)]


def test_a_report_keeps_its_entries_and_what_they_need() -> None:
    kept = reduced(params(), "e")
    # E2 embeds with encoders of A and B: these are trained, and so are the runs from which they start.
    assert set(kept["train"]) == {"a4-triplet-z32", "a4-triplet-z64", "b2-convnet", "b4-convnet"}
    assert set(kept["transfer"]) == {"a8-deeper-head"}
    assert set(kept["finetune"]) == {"e3-resnet18"}
    assert set(kept["tasks"]) == {"cifar10-10k", "cifar10-50-a-class"}
    assert set(kept["datasets"]) == {"cifar10"}
    assert all(name.startswith("e2-") for name in [*kept["encoders"], *kept["probes"], *kept["maps"]])
    assert kept["sweeps"] == kept["lessons"] == {}
    assert kept["metrics"] == params()["metrics"]


def test_the_lessons_and_sweeps_of_report_d_are_its_own() -> None:
    kept = reduced(params(), "d")
    assert set(kept["lessons"]) == {"d"}
    assert set(kept["sweeps"]) == {name for name in params()["sweeps"] if name.startswith("d")}
    assert set(kept["datasets"]) == {"mnist", "cifar10"}


def test_a_probe_keeps_the_controls_of_its_task() -> None:
    everything = params()
    for probe, entry in everything["probes"].items():
        entry["report_id"] = "E1" if probe == "e2-resnet18" else "Z9"
    kept = reduced(everything, "e")
    assert set(kept["probes"]) == {"e2-resnet18", "e2-pixels", "e2-untrained-triplet"}
    assert set(kept["encoders"]) == {"e2-resnet18", "e2-pixels", "e2-untrained-triplet"}
    assert set(kept["backbones"]) == {"resnet18", "pixels"}
    assert set(kept["train"]) == {"a4-triplet-z32"}


def test_a_word_as_report_id_is_of_no_report() -> None:
    everything = params()
    everything["train"]["a1-logistic"]["report_id"] = "ablation"
    assert "a1-logistic" not in reduced(everything, "a")["train"]


def test_overrides_remove_change_and_add_whole_entries() -> None:
    before = {"train": {"a": {"steps": 5, "clip": 1.0}, "b": {"steps": 6}, "d": {"augment": []}}}
    after = {"train": {"a": {"steps": 7}, "c": {"at": "x", "means": [0.5], "stop": None}, "d": {"augment": []}}}
    assert sorted(overrides(before, after)) == [
        "++train.a.steps=7",
        '++train.c={at: "x", means: [0.5], stop: null}',
        "~train.a.clip",
        "~train.b",
    ]  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_overrides_make_params_into_those_of_the_report(name: str) -> None:
    apply_overrides("params.yaml", list(overrides(params(), alone(name))))
    assert params() == alone(name)


def test_a_report_runs_as_the_experiment_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended:
        stdout, returncode = "other\n", 0

    commands: list[list[str]] = []

    def note(command: list[str], **_: Any) -> Ended:
        commands.append(command)
        return Ended()

    monkeypatch.setattr("subprocess.run", note)
    assert presets.run("c") == 0
    _, (_, *started) = commands
    assert started[:5] == ["exp", "run", "--temp", "--name", "c"]
    assert started[5::2] == ["-S"] * len(started[6::2])
    apply_overrides("params.yaml", started[6::2])
    assert params() == alone("c")


def test_a_second_experiment_of_a_report_says_how_to_drop_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended:
        stdout, returncode = "c\n", 0

    monkeypatch.setattr("subprocess.run", lambda *_, **__: Ended())
    with pytest.raises(UserError, match=r"an experiment named c exists; .*`dvc exp remove c`"):
        presets.run("c")


@pytest.mark.parametrize("first", ["\n  # Here.", " # Here.", "\n"])
def test_a_section_that_dvc_cannot_empty_is_refused(first: str) -> None:
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("\nsweeps:\n", f"\nsweeps:{first}\n"))
    with pytest.raises(UserError, match=r"params.yaml: sweeps: .* cannot empty such a section; move it .* `sweeps:`"):
        presets.run("a")


@pytest.mark.parametrize("name", ["smoke", "e"])
def test_after_a_preset_an_override_changes_one_line(name: str) -> None:
    expected = overlaid(name)
    presets.write(name)
    written = Path("params.yaml").read_text()
    assert params() == expected
    assert written.startswith(f"# params.yaml with the preset {name}; ")
    steps = next(run for run, entry in expected["train"].items() if "steps" in entry)
    apply_overrides("params.yaml", [f"train.{steps}.steps=123"])
    removed, added = changed_lines(written, Path("params.yaml").read_text())
    assert removed.strip("- ") == f"steps: {expected['train'][steps]['steps']}"
    assert added.strip("+ ") == "steps: 123"


def test_a_mistake_in_a_preset_leaves_params_as_they_are() -> None:
    Path("presets/smoke.yaml").write_text("train: {c1-svm: {epoch: 3}}")
    mistake = r"presets/smoke.yaml: train.c1-svm: unknown key 'epoch'; did you mean 'epochs'"
    with pytest.raises(UserError, match=mistake) as error:
        presets.write("smoke")
    assert len(error.value.lines) == 1
    assert Path("params.yaml").read_text() == (ROOT / "params.yaml").read_text()


def test_a_mistake_that_params_has_without_the_preset_is_not_the_presets() -> None:
    Path("presets/smoke.yaml").write_text("train: {c1-svm: {epochs: 3}}")
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("c1-svm:\n", "c1-svm:\n    oops: 1\n", 1))
    with pytest.raises(UserError, match=r"^params.yaml: train.c1-svm: unknown key 'oops'"):
        presets.write("smoke")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["smoek"], "error: presets: unknown preset 'smoek'; did you mean 'smoke'?"),
        (["smoke", "--experiment"], "error: presets: unknown report 'smoke'; there is: a, b, c, d, e"),
        (["", "--experiment"], "error: presets: unknown report ''; there is: a, b, c, d, e"),
    ],
)
def test_an_unknown_name_is_one_line(arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["presets", *arguments])
    with pytest.raises(SystemExit) as ended:
        presets.main()
    assert ended.value.code == line
