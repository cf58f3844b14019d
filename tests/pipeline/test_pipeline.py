"""The pipeline as its users run it: DVC, at the scale of the preset `smoke`, in a clone."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from tests.conftest import dvc, git, surroundings


@pytest.fixture(scope="module")
def ready(clone: Callable[[], Path]) -> Path:
    """A clone whose pipeline has run and whose results are committed."""
    folder = clone()
    first = dvc(folder, "repro")
    assert first.returncode == 0, first.stdout + first.stderr
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "results")
    return folder


@pytest.fixture
def project(ready: Path) -> Iterator[Path]:
    """The same, left as it was found."""
    yield ready
    git(ready, "checkout", "-q", "--", ".")
    git(ready, "clean", "-qfd")
    shutil.rmtree(ready / ".checkpoints", ignore_errors=True)
    dvc(ready, "checkout", "-q", "--force")


def ran(done: "subprocess.CompletedProcess[str]") -> list[str]:
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


def change(folder: Path, key: str, value: object) -> None:
    """Edit one value of params.yaml, as a user does."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    *path, last = key.split(".")
    entry = params
    for name in path:
        entry = entry[name]
    entry[last] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))


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
    sweeps = {"rates.best", "optimizers.best", "shares.best"}
    assert set(summary) == classifiers | probes | sweeps | {"triplet.test_loss"}  # `diverging` has no number
    assert min(summary[name] for name in probes) > 0.3
    assert "strength" in (project / "metrics/probes.csv").read_text()
    assert min(summary[name] for name in classifiers) > 0.5
    assert 0 < summary["triplet.test_loss"] < 1
    fine_tuned = json.loads((project / "metrics/runs/fine-tuned.json").read_text())
    assert fine_tuned["transfer"]["source"] == "triplet"
    for figure in (
        "augmentation/convnet",
        "classes/B2.digits",
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


def killed_midway(folder: Path, victim: str, *command: str, script: str = "train") -> None:
    """Start DVC, and kill the stage of a script, `dvc` or both once a checkpoint has been written."""
    slow = surroundings(PROBELINE_CHECKPOINT_SECONDS="0")
    started = subprocess.Popen(
        [str(folder / ".venv/bin/dvc"), *command],
        cwd=folder, env=slow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    checkpoints = folder / ".checkpoints"
    wait_for(lambda: any(path.stat().st_size for path in checkpoints.rglob("*.pt")))
    family = psutil.Process(started.pid).children(recursive=True)
    stage = next(child for child in family if f"stages/{script}.py" in child.cmdline())
    if victim in {"stage", "both"}:
        stage.kill()
    if victim in {"dvc", "both"}:
        os.kill(started.pid, signal.SIGKILL)
        for child in family:
            if child != stage and child.is_running():
                child.kill()
    started.communicate()
    wait_for(lambda: not stage.is_running() or stage.status() == psutil.STATUS_ZOMBIE)
    assert started.returncode != 0
    assert list(checkpoints.rglob("*.pt"))


KILLS = ["stage", "dvc", "both"]


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


def test_a_transfer_follows_its_source(project: Path) -> None:
    change(project, "train.triplet.steps", 20)
    assert ran(dvc(project, "repro")) == [
        "check", "train@triplet", "transfer@fine-tuned", "transfer@deeper-head", "embed@untrained", "embed@trained",
        "probe@trained", "tsne@trained", "summary",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "stages"),
    [
        ("probes.trained.knn", {"neighbours": [3]}, ["probe@trained"]),
        ("maps.trained.perplexity", 12.0, ["tsne@trained"]),
        ("finetune.tuned.optimizer.lr", 0.01, ["finetune@tuned"]),
        ("probes.convnet-digits.gradient.epochs", 4, ["probe@convnet-digits", "finetune@tuned"]),
    ],
)
def test_embedding_is_done_once(project: Path, key: str, value: object, stages: list[str]) -> None:
    change(project, key, value)
    assert ran(dvc(project, "repro")) == ["check", *stages, "summary"]


def test_a_layer_that_does_not_fit_is_named(project: Path) -> None:
    change(project, "transfer.fine-tuned.model.widths", [8, 12])
    done = dvc(project, "repro", "transfer@fine-tuned")
    assert done.returncode != 0
    line = (
        "error: params.yaml: transfer.fine-tuned: the layer 'features.conv2_1' is 12x8x3x3 here and 16x8x3x3 in triplet"
    )
    assert line in done.stderr


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


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


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
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["train"]["svm;touch stolen"] = params["train"]["svm"]
    (project / "params.yaml").write_text(yaml.safe_dump(params))
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
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["train"] = {name: params["train"][name] for name in ("triplet", "diverging")}
    params |= {group: {} for group in ("transfer", "backbones", "encoders", "probes", "maps", "finetune", "sweeps")}
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    assert ran(dvc(project, "repro")) == ["check", "summary"]
    assert list(json.loads((project / "metrics/summary.json").read_text())) == ["triplet.test_loss"]


def test_a_removed_run_leaves_the_summary(project: Path) -> None:
    params = yaml.safe_load((project / "params.yaml").read_text())
    del params["train"]["softmax"]
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    assert ran(dvc(project, "repro")) == ["check", "summary"]
    assert "softmax" not in (project / "metrics/summary.csv").read_text()
    assert not (project / "plots/runs/softmax.png").exists()
    assert not (project / "data/results/train/softmax").exists()
    git(project, "add", ".")
    assert ran(dvc(project, "repro")) == []
    git(project, "reset", "-q")
