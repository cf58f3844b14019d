"""What the documentation says, against what there is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from sklearn.metrics import brier_score_loss
from sklearn.neighbors import NearestCentroid

from probeline.entries.check import check, typed
from probeline.metrics._scored import Scored
from probeline.models import _contract
from probeline.pipeline import params
from probeline.pipeline.groups import GROUPS
from probeline.pipeline.params import load_yaml
from probeline.pipeline.settings import SETTINGS
from probeline.tasks.task import Task
from stages import summary
from tests.conftest import ROOT
from tests.unit.probes.made import clouds, probe_data
from tests.unit.report import made

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
TABLES = ("summary", "probes", "sweeps", "maps")
METRIC = "top_5"
# What a placeholder of docs/outputs.md stands for in the names of columns.
PLACEHOLDERS = {"<metric>": METRIC, "<probe>": "(?:logistic|gradient|knn)"}
PUBLISHED = ("metrics/", "plots/")
PARTS = ("models", "objectives", "augmentations", "probes", "metrics", "datasets", "backbones")
EXAMPLES = ("models/mine.py", "probes/centroid.py", "metrics/brier.py")  # the code of the guide, in its order


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(text: str) -> Iterator[str]:
    """What stands in backquotes on one line."""
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def published() -> list[re.Pattern[str]]:
    """The files below metrics and plots that docs/outputs.md describes; a placeholder is a part of a name."""
    described = [word for word in code(read("docs/outputs.md")) if re.fullmatch(r"(metrics|plots)/\S+\.\w+", word)]
    return [re.compile(re.sub(r"<\w+>", "[^/]+", re.escape(word))) for word in described]


def columns(table: str) -> list[re.Pattern[str]]:
    """The columns that docs/outputs.md describes of `metrics/<table>.csv`: the first cells of its table."""
    _, _, part = read("docs/outputs.md").partition(f"### `metrics/{table}.csv`\n")
    part = part.partition("\n### ")[0]
    cells = re.findall(r"^\| (`.+?`) \|", part, re.MULTILINE)
    names = [name for cell in cells for name in code(cell)]
    for placeholder, meaning in PLACEHOLDERS.items():
        names = [name.replace(placeholder, meaning) for name in names]
    return [re.compile(name) for name in names]


@pytest.fixture
def results(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the summary has published made-up results of every kind."""
    monkeypatch.chdir(tmp_path)
    made.leave(task, ["accuracy", METRIC])
    Path("claims.yaml").write_text("B2.x: {of: train.mine, value: test_accuracy, reported: 0.5}\n")
    summary.main()
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_in_the_text_exist(page: Path) -> None:
    for word in code(page.read_text(encoding="utf-8")):
        if re.fullmatch(r"(src|docs|stages|tests|presets|benchmarks)/[\w./-]+", word):
            assert (ROOT / word).exists(), f"{page.name}: {word}"
        elif word.startswith(PUBLISHED) and word not in EXAMPLES and re.fullmatch(r"[\w./-]+", word):
            of_a_file = any(pattern.fullmatch(word) for pattern in published())
            of_a_folder = any(pattern.pattern.startswith(re.escape(word)) for pattern in published())
            assert of_a_file or of_a_folder, f"{page.name}: {word}"


def test_the_guide_has_the_table_of_settings() -> None:
    rows = re.findall(r"^\| `(PROBELINE_\w+)` \| (.+) \| (.+) \|$", read("docs/guide.md"), re.MULTILINE)
    assert {name: (default, what) for name, default, what in rows} == {
        name: (setting.default or setting.otherwise, setting.what) for name, setting in SETTINGS.items()
    }


def test_no_page_names_a_setting_that_is_not_there() -> None:
    for page in PAGES:
        assert set(re.findall(r"PROBELINE_[A-Z_]+", page.read_text(encoding="utf-8"))) <= set(SETTINGS), page.name


def test_the_guide_describes_every_section() -> None:
    _, _, part = read("docs/guide.md").partition("## Add an entry\n")
    rows = re.findall(r"^\| `(\w+)` \| ", part.partition("\n## ")[0], re.MULTILINE)
    assert rows == list(dict.fromkeys(rows))
    assert set(rows) == set(GROUPS)


@pytest.mark.parametrize("package", PARTS)
def test_every_part_that_the_guide_names_is_there(package: str) -> None:
    _, _, part = read("docs/guide.md").partition("## Add a part\n")
    (row,) = [line for line in part.partition("\n### ")[0].splitlines() if f"[{package}/]" in line]
    named = set(code(row.split(" | ")[1]))
    there = {path.stem for path in (ROOT / "src/probeline" / package).glob("[a-z]*.py")}
    assert named
    assert named <= there, f"{package}: {named - there}"


def test_the_pages_name_no_target_that_make_does_not_have_and_the_scoreboard_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {
        word.split()[1] for page in PAGES for word in code(page.read_text("utf-8")) if re.match(r"make [a-z]", word)
    }
    assert named <= targets
    assert "scoreboard" in named


def test_every_published_file_is_described(results: Path) -> None:
    roots = [results] + [ROOT] * (ROOT / "metrics/scoreboard.md").exists()
    for root in roots:
        for folder in PUBLISHED:
            for path in (root / folder).rglob("*.*"):
                name = path.relative_to(root).as_posix()
                assert any(pattern.fullmatch(name) for pattern in published()), name


def test_every_column_is_described_and_every_described_column_is_there(results: Path) -> None:
    for table in TABLES:
        found = list(pd.read_csv(results / f"metrics/{table}.csv").columns)
        described = columns(table)
        missing = [name for name in found if not any(known.fullmatch(name) for known in described)]
        gone = [known.pattern for known in described if not any(known.fullmatch(name) for name in found)]
        assert (table, missing, gone) == (table, [], [])


def test_entries_in_the_pages_are_valid() -> None:
    checked = 0
    for page in PAGES:
        for block in blocks(page.read_text(encoding="utf-8"), "yaml"):
            if "..." in block:  # not the whole of an entry
                continue
            everything: dict[str, dict[str, Any]] = yaml.safe_load(block)
            for section, entries in everything.items():
                for name, entry in entries.items():
                    typed(GROUPS[section], name, entry)
                    checked += 1
    assert checked > 5


def test_every_change_of_a_parameter_in_the_pages_is_accepted(tmp_path: Path) -> None:
    pages = read("README.md") + read("docs/guide.md")
    changes = set(re.findall(r"-S '?([~+]*\w[^'`\n]*?)(?:'|`| --|  +#)", pages))
    one_value = sorted(change for change in changes if not re.search(r"=[^\[]*,", change))  # not a queue of several
    assert len(one_value) > 4
    changed = tmp_path / "params.yaml"
    for change in one_value:
        changed.write_text(read("params.yaml"))
        apply_overrides(changed, [change])
        assert changed.read_text() != read("params.yaml"), change
    changed.write_text(read("params.yaml"))
    apply_overrides(changed, one_value)
    check(load_yaml(changed))


def example(name: str) -> dict[str, Any]:
    """What one of the guide's files defines."""
    names: dict[str, Any] = {}
    exec(blocks(read("docs/guide.md"), "python")[EXAMPLES.index(name)], names)
    return names


def test_the_guide_names_the_files_of_its_examples_in_their_order() -> None:
    assert tuple(re.findall(r"^The whole of a file `(.+?)`", read("docs/guide.md"), re.MULTILINE)) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("command", [["check", "--no-cache"], ["format", "--check", "--no-cache"]], ids=" ".join)
def test_ruff_finds_nothing_in_the_examples_of_the_guide(name: str, command: list[str]) -> None:
    file = f"src/probeline/{name}"
    block = blocks(read("docs/guide.md"), "python")[EXAMPLES.index(name)]
    ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", file, "-"]
    done = subprocess.run(ruff, input=block, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_network_in_the_guide_keeps_the_contract() -> None:
    spec = example("models/mine.py")["Spec"](name="mine", width=8)
    for outputs, width in ((3, 3), (None, 8)):
        network = _contract.build(spec, (1, 4, 4), outputs)
        assert [*network.parameters()][-1].shape == (width,)


def test_the_probe_in_the_guide_is_the_nearest_centroid() -> None:
    names = example("probes/centroid.py")
    train, validation, test = (clouds(n, 4, 3, seed=n) for n in (40, 30, 20))
    found = names["fit"](names["Spec"](), probe_data(train, validation, test, 4))  # a class has no training image
    other = NearestCentroid().fit(*train)
    for split, (vectors, labels) in {"train": train, "validation": validation, "test": test}.items():
        np.testing.assert_array_equal(found.outputs.predicted[split], other.predict(vectors))
        if split != "train":
            scores = found.outputs.scores[split]
            assert (scores.dtype, scores.shape) == (np.float32, (len(labels), 4))
            assert (scores.argmax(axis=1) == found.outputs.predicted[split]).all()
    assert set(found.outputs.scores) == {"validation", "test"}
    assert found.record.chosen == {"validation_accuracy": other.score(*validation)}
    assert found.record.rows == [found.record.chosen]


def test_the_metric_in_the_guide_is_the_brier_score() -> None:
    measure = example("metrics/brier.py")["measure"]
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]], np.float32))
    labels = np.array([0, 0])
    assert measure(Scored("logits", None, logits), labels) == pytest.approx((0.375 + 1.46) / 2)
    one = np.array([[1.5], [-0.5], [0.25]], np.float32)  # binary cross-entropy
    right = np.array([1, 1, 0])
    expected = 2 * brier_score_loss(right, 1 / (1 + np.exp(-one[:, 0])))
    assert measure(Scored("logits", None, one), right) == pytest.approx(expected)
    assert measure(Scored("votes", labels, logits), labels) is None
    assert measure(Scored("losses"), labels) is None


def test_the_table_of_metrics_and_scores_is_true() -> None:
    _, _, part = read("docs/outputs.md").partition("### Metrics and kinds of scores\n")
    rows = re.findall(r"^\| `(\w+)`.*?((?: \| (?:yes|empty)){4}) \|$", part.partition("\n### ")[0], re.MULTILINE)
    labels = np.arange(12) % 6
    scores = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    fits = [*(Scored(kind, labels, scores) for kind in ("logits", "margins", "votes")), Scored("losses")]
    assert len(rows) > 4
    for metric, cells in rows:
        found = [params.module("metrics", metric).measure(fit, labels) for fit in fits]
        assert ["empty" if value is None else "yes" for value in found] == re.findall("yes|empty", cells), metric


def test_the_numbers_by_hand_are_the_published_ones(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = blocks(read("docs/outputs.md"), "python")
    capsys.readouterr()
    exec(block.replace("c1-svm", "mine").replace("mnist-150", "made"), {})
    published = json.loads((results / "metrics/runs/mine.json").read_text())["seeds"][0]
    by_hand = [float(line) for line in capsys.readouterr().out.split()]
    assert by_hand == pytest.approx([published["test_accuracy"], published["validation_accuracy"]], rel=1e-5)
