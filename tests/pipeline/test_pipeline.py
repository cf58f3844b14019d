"""The pipeline as its users run it: DVC, at the scale of the preset `smoke`, in a clone."""

import json
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import dvc, git, surroundings
from tests.pipeline.running import change, parameters, ran, write


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


def test_an_experiment_reruns_its_run_and_comes_back_from_the_cache(project: Path) -> None:
    first = ran(dvc(project, "exp", "run", "-S", "train.svm.optimizer.lr=0.02"))
    assert first == ["check", "train@svm", "summary"]
    changed = json.loads((project / "metrics/runs/svm.json").read_text())["mean"]
    git(project, "checkout", "-q", "--", ".")
    dvc(project, "checkout", "-q")
    assert ran(dvc(project, "repro")) == []
    assert json.loads((project / "metrics/runs/svm.json").read_text())["mean"] != changed
    again = dvc(project, "exp", "run", "-S", "train.svm.optimizer.lr=0.02")
    assert ran(again) == ["summary"]  # it writes what is in Git, and is quick
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


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        ("probes.trained.knn", {"neighbors": [3]}, ["probe@trained"]),
        ("maps.trained.perplexity", 12.0, ["tsne@trained"]),
        ("finetune.tuned.optimizer.lr", 0.01, ["finetune@tuned"]),
        ("probes.convnet-digits.gradient.epochs", 4, ["probe@convnet-digits", "finetune@tuned"]),
    ],
)
def test_embedding_is_done_once(project: Path, key: str, value: object, stages: list[str]) -> None:
    change(project, key, value)
    assert ran(dvc(project, "repro")) == ["check", *stages, "summary"]


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


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("train.svm.stepz", 3, "error: params.yaml: train.svm: unknown key 'stepz'; did you mean 'steps'?"),
        (
            "train.svm.model",
            {"name": "liner"},
            "error: params.yaml: train.svm.model: unknown model 'liner'; did you mean",
        ),
        ("train.svm.task", "digit", "error: params.yaml: train.svm.task: unknown entry of tasks 'digit'; did you mean"),
        (
            "tasks.digits.dataset",
            "digit",
            "error: params.yaml: tasks.digits.dataset: unknown entry of datasets 'digit'",
        ),
    ],
)
def test_a_mistake_is_one_line_and_loses_nothing(project: Path, key: str, value: object, line: str) -> None:
    change(project, key, value)
    done = dvc(project, "repro")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert line in said
    assert "Traceback" not in said
    assert "Running stage 'train" not in said
    deleted = git(project, "ls-files", "--deleted").split()
    assert deleted == []


def test_a_name_that_would_be_a_command_runs_nothing(project: Path) -> None:
    params = parameters(project)
    params["train"]["svm;touch stolen"] = params["train"]["svm"]
    write(project, params)
    done = dvc(project, "repro")
    assert done.returncode != 0
    assert "the name 'svm;touch stolen' goes into a command line" in done.stdout + done.stderr
    assert not (project / "stolen").exists()


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


def stale(folder: Path) -> set[str]:
    """The stages that DVC would run again, by their own dependencies."""
    found = json.loads(dvc(folder, "status", "--json").stdout)
    return {stage for stage, changes in found.items() if any("changed deps" in change for change in changes)}


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("src/probeline/report/figures/run.py", {"summary"}),
        ("src/probeline/metrics/accuracy.py", {"summary"}),
        ("src/probeline/pipeline/errors.py", {"check"}),
        ("src/probeline/sources/download.py", {"fetch@digits", "weights@raw-pixels"}),
        ("src/probeline/maps/quality.py", {"tsne@untrained", "tsne@trained"}),
        ("src/probeline/models/convnet.py", {"train@convnet"}),
        ("src/probeline/transfers/finetune.py", {"check", "finetune@tuned"}),
        ("src/probeline/sweeps/stack.py", {"sweep@rates", "sweep@optimizers", "sweep@fractions"}),
        ("src/probeline/lessons/layers.py", {"lesson@d"}),
    ],
)
def test_an_edit_of_a_comment_reruns_what_uses_the_file_and_nothing_else(
    project: Path, file: str, stages: set[str]
) -> None:
    path = project / file
    path.write_text(f"{path.read_text()}# a comment\n")
    assert stale(project) == stages


def test_an_edit_of_the_optimizer_draws_no_map_and_embeds_nothing(project: Path) -> None:
    path = project / "src/probeline/training/optimizer.py"
    path.write_text(f"{path.read_text()}# a comment\n")
    found = stale(project)
    assert "train@svm" in found
    assert {name.partition("@")[0] for name in found} == {"check", "train", "transfer", "finetune", "sweep"}
    # The probes that are trained follow by way of `check`.
    assert ran(dvc(project, "repro", "probe@pixels", "probe@trained"))[0] == "check"
    assert {"probe@trained", "probe@convnet-digits"} <= stale(project) | {"probe@trained"}
    assert "probe@pixels" not in stale(project)


@pytest.mark.parametrize(
    ("package", "stages"),
    [
        ("models", set()),
        ("datasets", set()),
        ("backbones", set()),
        ("metrics", {"summary"}),
        ("objectives", {"check"}),
        ("augmentations", {"check"}),
        ("probes", {"check"}),
    ],
)
def test_a_new_part_reruns_nothing_that_does_not_use_it(project: Path, package: str, stages: set[str]) -> None:
    (project / f"src/probeline/{package}/mine.py").write_text('"""Mine."""\n')
    assert stale(project) == stages
    if stages == {"check"}:
        assert ran(dvc(project, "repro")) == ["check"]


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


def test_one_setting_is_one_line_of_params(project: Path) -> None:
    assert dvc(project, "exp", "run", "-S", "train.svm.optimizer.lr=0.03").returncode == 0
    assert git(project, "diff", "--numstat", "params.yaml").split() == ["1", "1", "params.yaml"]


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
