"""Killed at any moment, a stage goes on to the same bytes: SIGKILL to the stage, to DVC, or to both."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import dvc, git, surroundings
from tests.pipeline.running import KILLS, change, contents, killed_midway, ran

pytestmark = pytest.mark.slow  # minutes: `make test-slow`


def test_forcing_a_stage_gives_the_same_bytes(project: Path) -> None:
    for stage in (
        "fetch@digits",
        "split@digits",
        "train@svm",
        "train@logistic",
        "embed@trained",
        "probe@trained",
        "tsne@trained",
        "finetune@tuned",
        "summary",
    ):
        assert ran(dvc(project, "repro", "--force", "--single-item", stage)) == [stage]
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.parametrize("victim", KILLS)
def test_a_run_killed_with_sigkill_goes_on_to_the_same_bytes(project: Path, victim: str) -> None:
    change(project, "train.svm.epochs", 30 + KILLS.index(victim))
    killed_midway(project, victim, "repro", "train@svm")
    assert not (project / "data/models/svm").exists()

    continued = dvc(project, "repro", "train@svm")
    assert ran(continued) == ["train@svm"]
    assert "goes on from step" in continued.stdout + continued.stderr
    assert not list((project / ".checkpoints").iterdir())
    found = contents(project / "data/models/svm") | contents(project / "data/results/train/svm")

    undisturbed = dvc(project, "repro", "--force", "--single-item", "train@svm")
    assert ran(undisturbed) == ["train@svm"]
    assert "goes on from step" not in undisturbed.stdout + undisturbed.stderr
    assert contents(project / "data/models/svm") | contents(project / "data/results/train/svm") == found


@pytest.mark.parametrize(("run", "length"), [("convnet", {"epochs": 25}), ("triplet", {"steps": 150})])
def test_augmentation_and_sampling_go_on_after_a_kill_too(project: Path, run: str, length: dict[str, int]) -> None:
    for key, value in length.items():
        change(project, f"train.{run}.{key}", value)
    killed_midway(project, "both", "repro", f"train@{run}")
    continued = dvc(project, "repro", f"train@{run}")
    assert "goes on from step" in continued.stdout + continued.stderr
    found = contents(project / f"data/models/{run}") | contents(project / f"data/results/train/{run}")
    undisturbed = dvc(project, "repro", "--force", "--single-item", f"train@{run}")
    assert "goes on from step" not in undisturbed.stdout + undisturbed.stderr
    assert contents(project / f"data/models/{run}") | contents(project / f"data/results/train/{run}") == found


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("probe@convnet-digits", {"probes.convnet-digits.gradient.epochs": 60}),
        ("finetune@tuned", {"finetune.tuned.epochs": 60, "finetune.tuned.early_stopping.patience": 60}),
        ("sweep@optimizers", {"sweeps.optimizers.run.epochs": 30}),
    ],
)
def test_probes_fine_tunings_and_sweeps_go_on_after_a_kill_too(
    project: Path, stage: str, changes: dict[str, object]
) -> None:
    for key, value in changes.items():
        change(project, key, value)
    script, _, name = stage.partition("@")
    results = project / "data/results" / script / name
    killed_midway(project, "both", "repro", stage, script=script)
    assert not results.exists()
    continued = dvc(project, "repro", stage)
    assert ran(continued) == [stage]
    assert script == "probe" or "goes on from step" in continued.stdout + continued.stderr
    assert not list((project / ".checkpoints").iterdir())
    found = contents(results)
    assert ran(dvc(project, "repro", "--force", "--single-item", stage)) == [stage]
    assert contents(results) == found


def test_a_killed_experiment_in_a_folder_of_its_own_goes_on_too(project: Path) -> None:
    command = ("exp", "run", "--temp", "-S", "train.svm.epochs=40")
    killed_midway(project, "both", *command)
    again = dvc(project, *command, "-n", "forty")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "goes on from step" in again.stdout + again.stderr
    assert git(project, "status", "--porcelain") == ""
    assert dvc(project, "exp", "apply", "forty").returncode == 0
    found = contents(project / "data/models/svm") | contents(project / "data/results/train/svm")
    assert ran(dvc(project, "repro", "--force", "--single-item", "train@svm")) == ["train@svm"]
    assert contents(project / "data/models/svm") | contents(project / "data/results/train/svm") == found


def test_what_a_killed_dvc_leaves_running_writes_nothing(project: Path) -> None:
    """Its stage would put old results where the next dvc has put new ones."""
    change(project, "train.svm.epochs", 50)
    killed_midway(project, "dvc", "repro", "train@svm")
    assert not (project / "data/models/svm").exists()
    change(project, "train.svm.epochs", 3)
    assert ran(dvc(project, "repro", "train@svm")) == ["check", "train@svm"]
    record = json.loads((project / "data/results/train/svm/run.json").read_text())
    assert [seed["last_step"] for seed in record["seeds"]] == [54, 54]
    assert "up to date" in dvc(project, "status", "train@svm").stdout


def test_half_of_a_dvc_lock_and_of_an_rwlock_are_mended_by_one_command(project: Path) -> None:
    change(project, "train.svm.epochs", 4)
    assert ran(dvc(project, "repro", "train@svm")) == ["check", "train@svm"]
    whole = (project / "dvc.lock").read_bytes()
    half = whole[: whole.index(b" size", len(whole) // 2) + 3]  # a cut within a digest is none to DVC
    for name, content in (("dvc.lock", half), ("dvc.lock", b""), (".dvc/tmp/rwlock", b"")):
        (project / name).write_bytes(content)
        refused = dvc(project, "repro", "train@svm")
        assert refused.returncode != 0
        assert re.search("dvc.lock' (is invalid|validation failed)|Unable to read RWLock-file", refused.stderr)
        mended = repair(project)
        assert mended.startswith(f"{name}: was half-written by a dvc that was killed; ")
        continued = dvc(project, "repro", "train@svm")
        assert ran(continued) == []
        if name == "dvc.lock":  # the copy is from the start of train@svm
            assert "train@svm" in mended.splitlines()[1]
            assert "Stage 'train@svm' is cached - skipping run" in continued.stdout
        assert (project / "dvc.lock").read_bytes() == whole
    assert repair(project).endswith("are whole: nothing to repair\n")


def test_an_upgrade_of_a_package_reruns_what_it_decides(project: Path) -> None:
    """An older version in the records of `check` is as good as a newer package."""
    record = project / "data/checked/code/maps.json"
    before = json.loads(record.read_text())
    before["versions"]["opentsne"] = "0.1"
    record.unlink()  # it is a link into DVC's cache
    record.write_text(json.dumps(before))
    refused = dvc(project, "repro", "--force", "--single-item", "tsne@trained")
    assert "error: opentsne is" in refused.stderr
    assert "and was 0.1 when `check` ran; run: dvc repro --force check; then the same command again" in refused.stderr
    assert dvc(project, "repro", "--force", "check").returncode == 0
    assert dvc(project, "repro", "tsne@trained").returncode == 0
    assert git(project, "status", "--porcelain") == ""
    record.unlink()
    record.write_text(json.dumps(before))
    assert "when `check` ran; what depends on that will run again" in repair(project)
    assert ran(dvc(project, "repro", "tsne@trained")) == ["check"]
    assert git(project, "status", "--porcelain") == ""


def repair(folder: Path) -> str:
    """What `make repair` runs, and says."""
    command = [str(folder / ".venv/bin/python"), "-m", "probeline.pipeline.repair"]
    return subprocess.run(command, cwd=folder, env=surroundings(), capture_output=True, text=True, check=True).stdout
