"""The frame of a stage: one line for each mistake, the exit status, the log."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from probeline.pipeline.errors import ParamError, UserError
from probeline.pipeline.stage import stage
from tests.conftest import ROOT

Main = Callable[..., dict[str, Any] | None]


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("{}")


def run(monkeypatch: pytest.MonkeyPatch, main: Main, *arguments: str, script: str = "stages/train.py") -> object:
    """Run a stage, and give what it exits with; None where it ends well."""
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    try:
        stage(main)
    except SystemExit as end:
        return end.code
    return None


def raising(error: BaseException) -> Main:
    def main(name: str) -> None:  # noqa: ARG001 (its signature says how many arguments the stage takes)
        raise error

    return main


def test_a_mistake_has_the_entry_at_work_in_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    mistake = ParamError("optimizer.lr", "is high", "lower it")
    line = "error: params.yaml: train.mine.optimizer.lr: is high; lower it"
    assert run(monkeypatch, raising(mistake), "mine") == line
    embed = run(monkeypatch, raising(ParamError("", "is odd", "mend it")), "mine", script="stages/embed.py")
    assert embed == "error: params.yaml: encoders.mine: is odd; mend it"


def test_every_line_of_an_error_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, raising(UserError("one", "two")), "mine") == "error: one\nerror: two"


def test_a_bug_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, raising(ZeroDivisionError()), "mine")


def test_an_interruption_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, raising(KeyboardInterrupt()), "mine") == 130
    assert capsys.readouterr().err == "error: train@mine: interrupted; the same command goes on from here\n"


def test_a_full_disk_is_one_line_and_other_errors_are_bugs(monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(28, "No space left on device", "data/models/mine")
    line = "error: train@mine: cannot write data/models/mine: No space left on device; make room or allow it, and run"
    assert str(run(monkeypatch, raising(full), "mine")).startswith(line)
    with pytest.raises(ConnectionError):
        run(monkeypatch, raising(ConnectionError(111, "refused")), "mine")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "error: stages/train.py: takes NAME, not nothing"),
        (("a", "b"), "error: stages/train.py: takes NAME, not a b"),
        (("a;b",), "error: stages/train.py: 'a;b' is no name; names have small letters, digits and hyphens"),
    ],
)
def test_what_is_no_name_runs_nothing(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], line: str) -> None:
    assert run(monkeypatch, raising(AssertionError()), *arguments) == line


def test_another_folder_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("params.yaml").unlink()
    line = "error: params.yaml: is not in this folder; run stages/train.py from the folder that holds it"
    assert run(monkeypatch, raising(AssertionError()), "mine") == line


def test_what_it_cost_is_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def main(name: str) -> dict[str, Any]:
        assert Path("data/.train@mine.lock").exists()
        return {"device": f"of {name}"}

    assert run(monkeypatch, main, "mine") is None
    assert run(monkeypatch, raising(UserError("odd")), "mine") == "error: odd"
    (line,) = Path("logs/times.jsonl").read_text().splitlines()
    found = json.loads(line)
    assert (found["stage"], found["device"]) == ("train@mine", "of mine")
    assert found["seconds"] >= 0
    assert {"date", "python", "torch", "numpy", "dvc"} < set(found)
    assert not list(Path("data").iterdir())


def test_a_log_that_cannot_be_written_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("logs").write_text("a file")
    assert run(monkeypatch, lambda name: None, "mine") is None  # noqa: ARG005
    assert capsys.readouterr().err.startswith("warning: train@mine: its time is not in the log: ")


@pytest.mark.parametrize(
    ("clone", "line"),
    [
        (None, "error: .venv: is not in this folder; run this from the root of the clone, or let DVC do it: dvc repro"),
        ("elsewhere", "error: .venv: is missing or incomplete in this clone or worktree; run: make .venv/.ready"),
    ],
)
def test_a_stage_without_its_environment_says_what_is_true(clone: str | None, line: str) -> None:
    surroundings = {"DVC_ROOT": clone} if clone else {}
    command = ["sh", str(ROOT / "stages/python.sh"), "stages/check.py"]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(line)


def test_a_stage_by_hand_runs_with_the_environment_of_its_folder() -> None:
    Path(".venv/bin").mkdir(parents=True)
    Path(".venv/bin/python").symlink_to(sys.executable)
    command = ["sh", str(ROOT / "stages/python.sh"), "-c", "print('at work')"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "at work\n"), done.stderr
