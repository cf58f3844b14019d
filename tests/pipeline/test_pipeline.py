"""The pipeline as its users run it: DVC, at the scale of the preset `smoke`, in a clone."""

import json
import subprocess
import time
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import dvc, git, surroundings
from tests.pipeline.running import change, parameters, ran, stale, write

pytestmark = pytest.mark.slow


def test_a_first_run_leaves_a_clean_folder_and_a_second_runs_nothing(project: Path) -> None:
    assert git(project, "status", "--porcelain") == ""
    assert ran(dvc(project, "repro")) == []
    tracked = set(git(project, "ls-files").split("\n"))
    assert {"dvc.lock", "metrics/summary.json", "metrics/runs/svm.json", "plots/runs/svm.png"} <= tracked
    assert not any(path.startswith(("data/", "logs/", ".checkpoints/")) for path in tracked)
    summary = json.loads((project / "metrics/summary.json").read_text())
    classifiers = {"logistic", "svm", "softmax", "mlp", "convnet", "fine-tuned", "deeper-head", "tuned"}
    encoders = {"pixels", "untrained", "trained", "convnet-digits"}
    probes = {f"{encoder}.{probe}" for encoder in encoders for probe in ("logistic", "knn")}
    probes |= {"trained.gradient", "convnet-digits.gradient"}
    sweeps = {"rates.best", "optimizers.best", "fractions.best"}
    assert set(summary) == classifiers | probes | sweeps | {"triplet.test_loss"}  # `diverging` has no number
    assert min(summary[name] for name in probes) > 0.3
    assert "logistic_l2" in (project / "metrics/probes.csv").read_text()
    assert min(summary[name] for name in classifiers) > 0.5
    assert 0 < summary["triplet.test_loss"] < 1
    fine_tuned = json.loads((project / "metrics/runs/fine-tuned.json").read_text())
    assert fine_tuned["start"]["source"] == "triplet"
    for figure in (
        "augmentation/convnet",
        "classes/B2.digits",
        "overview/digits",
        "tasks/digits",
        "runs/triplet",
        "probes/digits",
        "maps/trained",
        "phases/trained",
        "phases/tuned.after",
    ):
        assert (project / f"plots/{figure}.png").read_bytes().startswith(b"\x89PNG")
    assert "Total params: 1,876" in (project / "plots/layers/triplet.txt").read_text()
    assert (project / "plots/runs/diverging.png").read_bytes().startswith(b"\x89PNG")


def test_every_mistake_is_one_line_and_nothing_is_lost(project: Path) -> None:
    change(project, "train.svm.stepz", 3)
    change(project, "train.softmax.model", {"name": "liner"})
    change(project, "train.logistic.task", "digit")
    change(project, "tasks.digits.dataset", "digit")
    done = dvc(project, "repro")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    for line in (
        "error: params.yaml: train.svm: unknown key 'stepz'; did you mean 'steps'?",
        "error: params.yaml: train.softmax.model: unknown model 'liner'; did you mean 'linear'?",
        "error: params.yaml: train.logistic.task: unknown entry of tasks 'digit'; did you mean",
        "error: params.yaml: tasks.digits.dataset: unknown entry of datasets 'digit'; did you mean 'digits'?",
    ):
        assert line in said
    assert "Traceback" not in said
    assert "Running stage 'train" not in said
    assert git(project, "ls-files", "--deleted") == ""


def test_a_name_that_would_be_a_command_runs_nothing(project: Path) -> None:
    params = parameters(project)
    params["train"]["svm;touch stolen"] = deepcopy(params["train"]["svm"])
    write(project, params)
    done = dvc(project, "repro")
    assert done.returncode != 0
    assert "the name 'svm;touch stolen' goes into a command line" in done.stdout + done.stderr
    assert not (project / "stolen").exists()


def test_an_experiment_reruns_its_run_and_comes_back_from_the_cache(project: Path) -> None:
    first = ran(dvc(project, "exp", "run", "-S", "train.svm.optimizer.lr=0.02"))
    assert first == ["check", "train@svm", "summary"]
    changed = json.loads((project / "metrics/runs/svm.json").read_text())["mean"]
    git(project, "checkout", "-q", "--", ".")
    dvc(project, "checkout", "-q")
    assert ran(dvc(project, "repro")) == []
    assert json.loads((project / "metrics/runs/svm.json").read_text())["mean"] != changed
    again = dvc(project, "exp", "run", "-S", "train.svm.optimizer.lr=0.02")
    assert ran(again) == ["check", "summary"]  # one looks at packages, one writes what is in Git; both are quick
    assert "Stage 'train@svm' is cached - skipping run" in again.stdout
    assert json.loads((project / "metrics/runs/svm.json").read_text())["mean"] == changed


def test_a_queue_of_experiments_is_compared(project: Path) -> None:
    queued = dvc(project, "exp", "run", "--queue", "-S", "train.svm.optimizer.lr=0.1,0.01", "-n", "lr")
    assert queued.returncode == 0, queued.stderr
    assert dvc(project, "queue", "start", "-j", "2").returncode == 0
    deadline = time.monotonic() + 120
    while (status := dvc(project, "queue", "status").stdout).count("Success") < 2 and time.monotonic() < deadline:
        assert "Failed" not in status, dvc(project, "queue", "logs", "lr-1").stdout
        time.sleep(1)
    shown = json.loads(dvc(project, "exp", "show", "--json").stdout)
    experiments = [exp["revs"][0] for commit in shown for exp in commit.get("experiments") or []]
    rates = {
        exp["name"]: exp["data"]["params"]["params.yaml"]["data"]["train"]["svm"]["optimizer"]["lr"]
        for exp in experiments
    }
    accuracy = {exp["name"]: exp["data"]["metrics"]["metrics/summary.json"]["data"]["svm"] for exp in experiments}
    assert sorted(value for name, value in rates.items() if name.startswith("lr-")) == [0.01, 0.1]
    assert len({accuracy[name] for name in accuracy if name.startswith("lr-")}) == 2
    assert git(project, "status", "--porcelain") == ""


def test_a_transfer_follows_its_source(project: Path) -> None:
    change(project, "train.triplet.steps", 20)
    assert ran(dvc(project, "repro")) == [
        "check", "train@triplet", "transfer@fine-tuned", "transfer@deeper-head", "embed@untrained", "embed@trained",
        "probe@trained", "tsne@trained", "summary",
    ]  # fmt: skip


def test_a_probe_is_fitted_again_without_embedding_again(project: Path) -> None:
    change(project, "probes.convnet-digits.gradient.epochs", 4)
    assert ran(dvc(project, "repro")) == ["check", "probe@convnet-digits", "finetune@tuned", "summary"]


def test_a_layer_that_does_not_fit_is_named(project: Path) -> None:
    """Before anything is trained."""
    change(project, "train.triplet.steps", 30)
    change(project, "transfer.fine-tuned.model.widths", [8, 12])
    done = dvc(project, "repro", "transfer@fine-tuned")
    assert done.returncode != 0
    assert "train@triplet" not in done.stdout
    line = (
        "error: params.yaml: transfer.fine-tuned: the layer 'features.conv2_1' is 12x8x3x3 here and 16x8x3x3 in triplet"
    )
    assert line in done.stderr


def test_a_class_that_is_not_there_names_the_nearest(project: Path) -> None:
    change(project, "tasks.digits.classes", ["3", "88"])
    done = dvc(project, "repro", "split@digits")
    assert "error: params.yaml: tasks.digits.classes: unknown class of digits '88'; did you mean '8'?" in done.stderr
    assert done.returncode != 0
    assert (project / "metrics/runs/svm.json").exists()


def test_a_summary_that_fails_loses_nothing(project: Path) -> None:
    before = {
        path: path.read_bytes() for top in ("metrics", "plots") for path in (project / top).rglob("*") if path.is_file()
    }
    (project / "data/results/train/svm/run.json").write_text("{")
    done = dvc(project, "repro", "--force", "--single-item", "summary")
    assert done.returncode != 0
    assert (
        "error: data/results/train/svm/run.json: is missing or damaged; run: dvc repro --force train@svm" in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in before if path.exists()} == before


def test_a_summary_that_fails_at_its_end_loses_nothing_either(project: Path) -> None:
    before = {
        path: path.read_bytes() for top in ("metrics", "plots") for path in (project / top).rglob("*") if path.is_file()
    }
    (project / "data/results/transfer/deeper-head/run.json").write_text('{"seeds": []}')
    assert dvc(project, "repro", "--force", "--single-item", "summary").returncode != 0
    (project / "data/results/transfer/deeper-head/layers.txt").unlink()
    assert dvc(project, "repro", "--force", "--single-item", "summary").returncode != 0
    assert {path: path.read_bytes() for path in before if path.exists()} == before


def test_encoders_alone_have_a_summary_too(project: Path) -> None:
    params = parameters(project)
    params["train"] = {name: params["train"][name] for name in ("triplet", "diverging")}
    optional = ("transfer", "backbones", "encoders", "probes", "maps", "finetune", "sweeps", "lessons")
    params |= {group: {} for group in optional}
    write(project, params)
    assert ran(dvc(project, "repro")) == ["check", "summary"]
    assert list(json.loads((project / "metrics/summary.json").read_text())) == ["triplet.test_loss"]


def test_the_trained_probes_follow_the_optimizer_by_way_of_check(project: Path) -> None:
    path = project / "src/probeline/training/optimizer.py"
    path.write_text(f"{path.read_text()}# a comment\n")
    for package in ("objectives", "augmentations", "probes"):  # new parts, which nobody uses
        (project / f"src/probeline/{package}/mine.py").write_text('"""Mine."""\n')
    assert ran(dvc(project, "repro", "check")) == ["check"]
    probes = {name for name in stale(project) if name.startswith("probe@")}
    assert probes == {"probe@trained", "probe@convnet-digits"}


def test_an_edited_augmentation_reruns_the_runs_that_name_it(project: Path) -> None:
    path = project / "src/probeline/augmentations/rotation.py"
    path.write_text(f"{path.read_text()}# a comment\n")
    assert ran(dvc(project, "repro")) == ["check", "train@convnet"]


def test_a_metric_is_one_file_and_one_name(project: Path) -> None:
    (project / "src/probeline/metrics/errors.py").write_text(
        '"""How many images are classified wrongly."""\n\n\n'
        "def measure(found, labels):\n"
        "    return None if found.predicted is None else float((found.predicted != labels).sum())\n"
    )
    params = parameters(project)
    change(project, "metrics", [*params["metrics"], "errors"])
    assert ran(dvc(project, "repro")) == ["check", "summary"]
    summary = pd.read_csv(project / "metrics/summary.csv").set_index("run")
    wrong = summary["test_images"] * (1 - summary["test_accuracy"])
    assert summary["test_errors"].dropna().tolist() == pytest.approx(wrong.dropna().tolist(), abs=0.01)
    probes = pd.read_csv(project / "metrics/probes.csv").set_index("encoder")
    assert probes[["logistic_test_errors", "knn_test_errors"]].notna().all(axis=None)


def test_a_worktree_without_an_environment_says_what_to_do(project: Path, tmp_path: Path) -> None:
    git(project, "worktree", "add", "-q", str(tmp_path / "tree"))
    command = [str(project / ".venv/bin/dvc"), "repro", "check"]
    done = subprocess.run(
        command, cwd=tmp_path / "tree", env=surroundings(), capture_output=True, text=True, check=False
    )
    git(project, "worktree", "remove", "--force", str(tmp_path / "tree"))
    assert "error: .venv: is missing or incomplete in this clone or worktree; run: make .venv/.ready" in done.stderr


def test_a_removed_run_leaves_the_summary(project: Path) -> None:
    params = parameters(project)
    del params["train"]["softmax"]
    write(project, params)
    assert ran(dvc(project, "repro")) == ["check", "summary"]
    assert "softmax" not in (project / "metrics/summary.csv").read_text()
    assert not (project / "plots/runs/softmax.png").exists()
    assert not (project / "data/results/train/softmax").exists()
    git(project, "add", ".")
    assert ran(dvc(project, "repro")) == []
    git(project, "reset", "-q")


def test_one_setting_is_one_line_of_params(project: Path) -> None:
    assert dvc(project, "exp", "run", "-S", "train.svm.optimizer.lr=0.03").returncode == 0
    assert git(project, "diff", "--numstat", "params.yaml").split() == ["1", "1", "params.yaml"]
