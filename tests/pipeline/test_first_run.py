"""A first run and first mistakes, as users meet them: DVC, at the scale of the preset `smoke`, in a clone."""

import json
from copy import deepcopy
from pathlib import Path

from tests.conftest import dvc, git
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
