"""`make verify`: what is said of numbers that came out the same, within their intervals, or not."""

import json
import math
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats

from probeline.metrics import accuracy
from probeline.metrics._scored import Scored
from probeline.pipeline.errors import UserError
from probeline.report import intervals
from probeline.report.figures import drawing
from probeline.results.outputs import Outputs
from probeline.tasks.task import Task
from probeline.verify import asked, git, noise, rules, told
from probeline.verify.__main__ import DIFFERENT, SAME, UNKNOWN, verify
from probeline.verify.case import Rule, State
from probeline.verify.evidence import Evidence
from probeline.verify.judge import Verdict, verdicts
from probeline.verify.numbers import cells
from probeline.verify.tables import rule_of, table_of
from stages import summary
from tests.conftest import ROOT
from tests.conftest import git as run_git
from tests.unit.report import made

PARAMS: dict[str, Any] = {
    "tasks": {"made": {"dataset": "made"}},
    "train": {"mine": {"lr": 0.0000001}},
    "probes": {"mine-made": {"report_id": "E1"}},
    "maps": {"mine-made": {"report_id": "A5"}},
    "sweeps": {"rates": {"grid": None}},
}
STAGES = {"split@made": "tasks.made", "train@mine": "train.mine", "probe@mine-made": "probes.mine-made",
          "tsne@mine-made": "maps.mine-made", "sweep@rates": "sweeps.rates"}  # fmt: skip


def lock(**changes: dict[str, Any]) -> dict[str, Any]:
    """A dvc.lock; `train` and so on change a stage of it."""
    found = {}
    for name, key in STAGES.items():
        section, _, entry = key.partition(".")
        source = "data/models/mine" if name.startswith("probe") else "data/tasks/made"
        found[name] = {
            "cmd": "run",
            "deps": [{"path": "src/one.py", "md5": "1"}, {"path": source, "md5": "2"}],
            "params": {"params.yaml": {key: PARAMS[section][entry]}},
            "outs": [{"path": f"data/results/{name}", "md5": "3"}],
        } | changes.get(name.partition("@")[0], {})
    found["train@mine"]["outs"].append({"path": "data/models/mine", "md5": "4"})
    return {"schema": "2.0", "stages": found}


@pytest.fixture
def clone(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in which everything has run, and whose results are committed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drawing, "draw", lambda path, *_: (path.parent.mkdir(exist_ok=True), path.write_bytes(b"png")))
    made.leave(task, ["accuracy", "calibration_error"])
    Path("claims.yaml").write_text("B2.test_accuracy: {of: train.mine, value: test_accuracy, reported: 0.5}\n")
    summary.main()
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS))
    Path("dvc.lock").write_text(json.dumps(lock()))
    Path("logs").mkdir()
    Path("logs/times.jsonl").write_text("".join(json.dumps({"stage": name}) + "\n" for name in STAGES))
    run_git(tmp_path, "init", "-q")
    run_git(tmp_path, "add", "metrics", "plots", "params.yaml", "dvc.lock")
    run_git(tmp_path, "commit", "-qm", "all")
    return tmp_path


def differing() -> list[Verdict]:
    """The verdicts on all that is not the same as in Git."""
    evidence = Evidence(
        git.committed("HEAD"), git.here(Path()), Path("data/results"), Path("data/embeddings"), {"mine": "train"}
    )
    return [one for one in verdicts(evidence, frozenset()) if one.state is not State.SAME]


def edit(file: str, change: Callable[[str], str]) -> None:
    before = Path(file).read_text()
    after = change(before)
    assert after != before, "the edit changes nothing"
    Path(file).write_text(after)


def cell(file: str, row: int, column: str, value: str) -> None:
    """Change one cell of a table; rows count from 0."""
    lines = [line.split(",") for line in Path(file).read_text().splitlines()]
    lines[row + 1][lines[0].index(column)] = value
    edit(file, lambda _: "".join(",".join(line) + "\n" for line in lines))


def leaf(file: str, *keys: str | int, value: Any) -> None:
    """Change one value in JSON."""
    found = json.loads(Path(file).read_text())
    at = found
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    edit(file, lambda _: json.dumps(found, indent=2) + "\n")


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_same_bytes(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert verify(clone, "HEAD") == SAME
    lines = said(capsys)
    assert [line.split()[0] for line in lines[:-1]] == ["files", "maps", "probes", "sweeps", "train"]
    assert re.fullmatch(r"Yes: all \d+ numbers at HEAD came out the same\.", lines[-1])
    assert differing() == []


@pytest.mark.usefixtures("clone")
def test_an_accuracy_of_one_seed_is_judged_over_its_test_images() -> None:
    """12 of 15 right: Wilson's interval is 0.5481 to 0.9295, half of it 1.96 standard errors of 0.0973."""
    place = ("metrics/runs/mine.json", "seeds", 0, "test_accuracy")
    leaf(*place, value=0.933333)
    (one,) = differing()
    assert (one.state, one.group) == (State.OUTSIDE, "train")
    leaf(*place, value=0.6)
    (one,) = differing()
    assert (one.state, one.over) == (State.WITHIN, "15 images")
    assert one.errors == pytest.approx(0.2 / 0.0973, rel=1e-3)


@pytest.mark.usefixtures("clone")
def test_a_mean_is_judged_over_seeds() -> None:
    """Accuracies of 0.8 and 0.6: a standard error of 0.1, and an interval of 12.7 of them."""
    cell("metrics/summary.csv", 0, "test_accuracy", "0.95")
    leaf("metrics/summary.json", "mine", value=0.95)
    found = differing()
    assert [(one.state, one.over) for one in found] == [(State.WITHIN, "2 seeds")] * 2
    assert [one.errors for one in found] == pytest.approx([2.5, 2.5])


@pytest.mark.usefixtures("clone")
def test_a_metric_is_judged_by_the_outputs() -> None:
    """Without outputs it has no interval. Here they have no losses of training images: those of validation serve."""
    before = json.loads(Path("metrics/runs/mine.json").read_text())["seeds"][0]
    leaf("metrics/runs/mine.json", "seeds", 0, "test_calibration_error", value=before["test_calibration_error"] + 0.001)
    (one,) = differing()
    assert (one.state, one.over) == (State.WITHIN, "15 images")
    leaf("metrics/runs/mine.json", "seeds", 0, "train_loss", value=0.26)
    assert [one.state for one in differing()] == [State.WITHIN, State.WITHIN]
    Path("data/results/train/mine/seed-0.npz").unlink()
    assert [one.state for one in differing()] == [State.UNKNOWN, State.UNKNOWN]


@pytest.mark.usefixtures("clone")
def test_a_confusion_matrix_is_judged_by_class() -> None:
    rows = Path("plots/confusion/mine.csv").read_text().splitlines()
    images = [int(row.rpartition(",")[2]) for row in rows[1:]]
    cell("plots/confusion/mine.csv", 0, "images", str(images[0] + 1))
    (one,) = differing()
    assert (one.state, one.over) == (State.WITHIN, "5 images")


@pytest.mark.parametrize(
    ("column", "value", "state"),
    [
        ("parameters", "52", State.OUTSIDE),
        ("report_id", "B3", State.OUTSIDE),
        ("test_accuracy", "", State.OUTSIDE),
        ("test_accuracy", "nan", State.OUTSIDE),
        ("diverged", "1", State.OUTSIDE),
        ("last_step", "21", State.CHOICE),
        ("source", "more", State.OUTSIDE),
    ],
)
@pytest.mark.usefixtures("clone")
def test_what_must_be_equal(column: str, value: str, state: State) -> None:
    cell("metrics/summary.csv", 0, column, value)
    (one,) = differing()
    assert (one.state, one.address.column) == (state, column)


@pytest.mark.usefixtures("clone")
def test_another_choice_is_judged_by_its_accuracy() -> None:
    file, chosen = "metrics/probes/mine-made.json", ("resamples", 0, "logistic", "chosen", "l2")
    leaf(file, *chosen, value=0.501)  # 0.5 and last digits
    assert [one.state for one in differing()] == [State.WITHIN]
    leaf(file, *chosen, value=5.0)
    leaf(file, "resamples", 0, "logistic", "scores", "test", "loss", value=9.0)
    leaf(file, "resamples", 0, "logistic", "scores", "test", "accuracy", value=0.1)
    found = {one.address.place[-1]: one.state for one in differing()}
    assert found == {"l2": State.CHOICE, "loss": State.CHOICE, "accuracy": State.OUTSIDE}


@pytest.mark.usefixtures("clone")
def test_another_best_point_of_a_sweep_is_a_choice() -> None:
    file = "plots/sweeps/rates.csv"
    for row, best, test in ((0, "False", ""), (1, "True", "0.6")):
        cell(file, row, "best", best)
        cell(file, row, "test_accuracy", test)
    assert [one.state for one in differing()] == [State.CHOICE] * 4
    cell(file, 1, "optimizer.lr", "0.3")
    assert [one.address.column for one in differing() if one.state is State.OUTSIDE] == ["optimizer.lr"]


@pytest.mark.usefixtures("clone")
def test_a_curve_that_ends_elsewhere_belongs_to_another_end_of_the_training() -> None:
    for file in ("plots/curves/mine.csv", "plots/history/mine.csv"):
        edit(file, lambda text: "\n".join(text.splitlines()[:-1]) + "\n")
    assert {one.state for one in differing()} == {State.OUTSIDE}
    leaf("metrics/runs/mine.json", "seeds", 1, "last_step", value=10)
    assert {one.state for one in differing()} == {State.CHOICE}


def test_points_of_a_curve_are_judged_together(clone: Path) -> None:
    """0.5 of 10 validation images: alone, 0.8 is outside (0.237 to 0.763); as one of four points it is not."""
    del clone
    cell("plots/history/mine.csv", 0, "validation_accuracy", "0.8")
    (one,) = differing()
    assert (one.state, one.over) == (State.WITHIN, "10 images")
    cell("plots/history/mine.csv", 0, "validation_accuracy", "0.95")
    (one,) = differing()
    assert one.state is State.OUTSIDE


@pytest.mark.usefixtures("clone")
def test_places_on_a_map_are_not_judged_but_its_quality_is() -> None:
    cell("plots/maps/mine-made.csv", 0, "x", "77")
    cell("metrics/maps.csv", 0, "kl", "0.6")
    cell("metrics/maps.csv", 1, "silhouette_map", "-0.9")
    found = {one.address.column: one.state for one in differing()}
    assert found == {"x": State.WAY, "kl": State.WITHIN, "silhouette_map": State.OUTSIDE}


@pytest.mark.usefixtures("clone")
def test_rows_columns_and_files_that_only_one_side_has() -> None:
    edit("plots/maps/mine-made.csv", lambda text: "\n".join(text.splitlines()[:-1]) + "\n")
    edit("metrics/sweeps.csv", lambda text: "".join(f"{line},7\n" for line in text.splitlines()))
    Path("metrics/mine.csv").write_text("a\n1\n")
    Path("plots/runs/mine.png").unlink()
    Path("metrics/runs/mine.json").rename("metrics/runs/other.json")
    found = {(one.file, one.before, one.now) for one in differing() if one.state is State.OUTSIDE}
    assert ("metrics/mine.csv", "", "file") in found
    assert ("plots/runs/mine.png", "file", "") in found
    assert {name for name, *_ in found} >= {"metrics/runs/mine.json", "metrics/runs/other.json"}
    assert [now for file, before, now in found if file == "plots/maps/mine-made.csv" and not now]
    assert "metrics/sweeps.csv" in {one.file for one in differing() if one.state is State.UNKNOWN}


def test_a_figure_that_is_drawn_otherwise_is_told_and_not_judged(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("plots/runs/mine.png").write_bytes(b"other")
    assert verify(clone, "HEAD") == SAME
    assert "1 not judged by themselves" in "".join(said(capsys))


def test_the_worst_comes_first_and_decides(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell("metrics/summary.csv", 0, "test_accuracy", "0.75")
    leaf("metrics/probes/mine-made.json", "resamples", 0, "knn", "scores", "test", "accuracy", value=0.1)
    capsys.readouterr()
    assert verify(clone, "HEAD") == DIFFERENT
    lines = said(capsys)
    assert [line.split()[0] for line in lines[:3]] == ["probes", "train", "files"]
    assert (
        "(worst: probes/mine-made.json resamples.0.knn.scores.test.accuracy 0.8 -> 0.1, 7.2 standard errors" in lines[0]
    )
    assert (
        "1 within their interval (1 over seeds) (worst: summary.csv mine test_accuracy 0.7 -> 0.75, 0.5 st" in lines[1]
    )
    assert lines[-1].startswith("No: ")
    run_git(clone, "checkout", "-q", "metrics/probes")
    assert verify(clone, "HEAD") == SAME
    assert said(capsys)[-1].startswith("Yes, but for noise: ")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"train": {"params": {"params.yaml": {"train.mine": {"lr": 0.5}}}}}, "has other parameters"),
        ({"train": {"deps": [{"path": "src/one.py", "md5": "9"}]}}, "has other code"),
    ],
)
def test_what_was_asked_something_else_is_not_judged(
    clone: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], what: str
) -> None:
    """A run with other parameters: neither it nor the probe of its network is; the sweep is."""
    if "params" in changes["train"]:
        Path("params.yaml").write_text(yaml.safe_dump(PARAMS | {"train": {"mine": {"lr": 0.5}}}))
    Path("dvc.lock").write_text(json.dumps(lock(**changes)))
    cell("metrics/summary.csv", 0, "test_accuracy", "0.1")
    cell("metrics/probes.csv", 0, "knn_test_accuracy", "0.1")
    capsys.readouterr()
    assert verify(clone, "HEAD") == UNKNOWN
    lines = said(capsys)
    assert [line.split()[0] for line in lines[:3]] == ["files", "maps", "sweeps"]
    assert f"train@mine {what}, probe@mine-made follows train@mine" in lines[3]


def test_other_packages_are_told(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deps = [{"path": "src/one.py", "md5": "1"}, {"path": "data/checked/code/train/mine.json", "md5": "9"}]
    Path("dvc.lock").write_text(json.dumps(lock(train={"deps": deps})))
    assert verify(clone, "HEAD") == SAME
    assert "1 stages ran with other packages, settings or formats of files than at HEAD (data/checked/code)." in said(
        capsys
    )


def test_what_came_from_the_cache_is_told(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit("logs/times.jsonl", lambda text: text.replace('{"stage": "train@mine"}', '{"stage'))
    assert verify(clone, "HEAD") == SAME
    assert "Not from this machine, but from DVC's cache: train@mine." in said(capsys)


def test_nothing_to_verify_is_one_line(clone: Path) -> None:
    with pytest.raises(UserError, match=r"^REV=v9: no revision of Git here; give a commit, a branch or a tag$"):
        verify(clone, "v9")
    edit("metrics/summary.csv", lambda text: text + "cut,")
    with pytest.raises(UserError, match=r"^metrics/summary\.csv: is damaged; run: dvc repro --force summary$"):
        verify(clone, "HEAD")
    shutil.rmtree("logs")
    with pytest.raises(UserError, match=r"no stage has run on this machine, so there is nothing to verify; run: make"):
        verify(clone, "HEAD")
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS | {"train": {"mine": {"lr": 0.5}, "new": {}}}))
    with pytest.raises(UserError, match=r"^params.yaml: has not run as it stands: train@mine, train@new; run: dvc"):
        verify(clone, "HEAD")
    os.truncate("dvc.lock", 5)
    with pytest.raises(UserError, match=r"^dvc.lock at here: is missing or damaged"):
        verify(clone, "HEAD")


def test_every_number_in_git_has_a_rule() -> None:
    """Of the default params.yaml. A new column needs one in verify/tables.py; a new metric or probe does not."""
    without = set()
    for folder in git.FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.*")):
            file = path.relative_to(ROOT).as_posix()
            found = table_of(file)
            assert found is not None, file
            table, _ = found
            if table.group != "files":
                addresses = cells(file, path.read_bytes(), list(table.keys))
                without |= {(file, one.column) for one in addresses if rule_of(table, one)[0] is None}
    assert not without


@pytest.mark.parametrize("column", ["test_brightness", "brightness", "logistic_brightness_accuracies"])
def test_a_number_of_a_new_kind_has_no_rule(column: str) -> None:
    table, _ = table_of("metrics/summary.csv") or pytest.fail("no table")
    (address,) = cells("metrics/summary.csv", f"run,{column}\nmine,1\n".encode(), ["run"])
    assert rule_of(table, address)[0] is None


def test_each_rule_is_a_sentence() -> None:
    found = [value for value in vars(rules).values() if isinstance(value, Rule)]
    assert len({rule.what for rule in found}) == len(found)
    assert all(re.fullmatch(r"[A-Z].+: .+\.", rule.what) for rule in found)


def test_intervals_are_those_of_the_tables() -> None:
    assert noise.LEVEL == intervals.LEVEL
    found = noise.of_share(0.8, 15)
    assert (found.low, found.high) == pytest.approx(intervals.of_share(12, 15))
    of_seeds = noise.of_mean([0.8, 0.6, 0.75])
    assert of_seeds is not None
    assert of_seeds[1:3] == pytest.approx(intervals.of_accuracy([0.8, 0.6, 0.75], 15)[:2])
    spread = noise.of_spread(2.0, 5)
    assert spread is not None
    assert spread[1:3] == pytest.approx([2 * math.sqrt(4 / stats.chi2.ppf(share, 4)) for share in (0.975, 0.025)])


def test_equal_seeds_have_no_interval_of_their_own() -> None:
    assert noise.of_mean([0.5, 0.5]) is None
    assert noise.of_mean([0.5]) is None
    assert noise.of_one(0.5, [0.5]) is None
    assert noise.of_spread(0.1, 1) is None


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    """Of a share of 2000 images: sqrt(p (1 - p) / n), as far as twenty groups can tell."""
    labels = np.random.default_rng(3).integers(0, 2, 2000)
    found = Outputs("logits", {"test": np.zeros(2000, np.int64)}, {"test": np.zeros((2000, 2), np.float32)})
    right = accuracy.measure(Scored.of(found, "test"), labels)
    assert right is not None
    error = noise.relative_error(found, labels, "test", "accuracy")
    assert error == pytest.approx(math.sqrt(right * (1 - right) / 2000) / right, rel=0.4)
    losses = replace(found, losses={"test": np.array([1, 2, 3, np.nan], np.float32)})
    assert noise.relative_error(losses, labels[:4], "test", "loss") == pytest.approx(1 / math.sqrt(3) / 2)


def test_the_loss_of_logits_is_cross_entropy() -> None:
    """Logits 0 against 0 or log 3: losses log 2 and log 4, or log 4/3."""
    scores = np.log(np.array([[1, 1], [1, 3], [1, 3]], np.float32))
    found = Outputs("logits", {"test": np.ones(3, np.int64)}, {"test": scores})
    losses = np.log([2, 4, 4 / 3])
    error = noise.relative_error(found, np.array([0, 0, 1]), "test", "loss")
    assert error == pytest.approx(losses.std(ddof=1) / math.sqrt(3) / losses.mean(), rel=1e-6)


def test_stages_that_dvc_keeps_of_entries_that_are_gone_do_not_count() -> None:
    old = asked.plain(json.dumps(lock()).encode(), "dvc.lock")
    assert set(asked.stages(old, {"train": {"mine": {}}, "sweeps": None})) == {"train@mine"}


def test_lines_name_a_number_by_its_file_and_place() -> None:
    address = next(iter(cells("metrics/a.json", b'{"seeds": [{"loss": 0.25}]}', [])))
    one = Verdict("train", "metrics/a.json", address, "0.25", "0.5", State.WITHIN, 0.01, "15 images")
    assert told.named(one) == "a.json seeds.0.loss 0.25 -> 0.5, under 0.1 standard errors over 15 images"
