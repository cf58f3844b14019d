"""Every stage reads and writes what dvc.yaml says that it does, and nothing else.

DVC does not trace what a stage opens or imports: a dependency that is missing in dvc.yaml serves a stale result without
a word. Here each stage runs at the scale of the preset `smoke`, under an audit hook (audit/sitecustomize.py), and what
it did is compared with what its entry in dvc.yaml declares. Three things are declared elsewhere, as dvc.yaml says:

- the frame of a stage, which decides no byte of an output;
- code whose digests a declared file carries (`code` in JSON): it counts as declared while its digest is that one;
- what `check` reads of parts only to look at their specification, which the stage that uses them declares.
"""

import re
import shutil
from pathlib import Path

import pytest

from tests.pipeline.auditing import NAMES, Audited, declared, differences
from tests.pipeline.running import change, stale


@pytest.fixture
def copy(audited: Audited, tmp_path: Path) -> Path:
    """A copy of the clone in which all stages ran, to break."""
    folder = tmp_path.resolve() / "copy"
    shutil.copytree(audited.folder, folder, symlinks=True)
    return folder


def test_every_stage_does_what_it_declares(audited: Audited) -> None:
    assert audited.lines == {name: [] for name in NAMES}


def test_check_declares_what_a_dataset_that_is_downloaded_imports(copy: Path, tmp_path: Path) -> None:
    """Its specification imports what fetches it."""
    params = copy / "params.yaml"
    params.write_text(params.read_text().replace("datasets:\n", "datasets:\n  mnist:\n    kind: mnist\n", 1))
    stages = declared(copy)
    assert set(stages) == {*NAMES, "fetch@mnist"}
    assert differences(copy, stages["check"], tmp_path) == []


@pytest.mark.parametrize(
    ("stage", "file", "sabotage", "line"),
    [
        ("fetch@digits", "stages/fetch.py", 'open("README.md").read()', "reads README.md, not in its deps"),
        (
            "fetch@digits",
            "stages/fetch.py",
            "import probeline.tasks.split",
            "reads src/probeline/tasks/split.py, not in its deps",
        ),
        ("fetch@digits", "stages/fetch.py", 'Path("docs/x.csv").write_text("1")', "writes docs/x.csv, not in its outs"),
        (
            "fetch@digits",
            "stages/fetch.py",
            'from probeline.pipeline.params import section; section("tasks.digits")',
            "reads the section 'tasks.digits', not in its params",
        ),
        ("fetch@digits", "dvc.yaml", "README.md", "never reads README.md of its deps"),
        # A frame that brings in what decides bytes.
        (
            "fetch@digits",
            "src/probeline/pipeline/stage.py",
            "import probeline.metrics.accuracy",
            "reads src/probeline/metrics/accuracy.py, not in its deps",
        ),
        # An augmentation that the run does not name, whose digest nobody carries.
        (
            "train@svm",
            "stages/train.py",
            "import probeline.augmentations.crop",
            "reads src/probeline/augmentations/crop.py, not in its deps",
        ),
        # The code of a network after the model that carries its digest was written.
        (
            "embed@pixels",
            "src/probeline/models/pixels.py",
            "# edited",
            "reads src/probeline/models/pixels.py, not in its deps",
        ),
    ],
)
def test_what_a_stage_does_not_declare_is_found(
    copy: Path, tmp_path: Path, stage: str, file: str, sabotage: str, line: str
) -> None:
    target = copy / file
    if file == "dvc.yaml":
        target.write_text(
            target.read_text().replace("- stages/fetch.py\n", f"- stages/fetch.py\n        - {sabotage}\n")
        )
    elif file.startswith("stages/"):
        target.write_text(
            re.sub(r"(def main.*:\n(?:    \"\"\".*\"\"\"\n)?)", rf"\g<1>    {sabotage}\n", target.read_text())
        )
    else:
        target.write_text(f"{target.read_text()}\n{sabotage}\n")
    assert line in differences(copy, declared(copy)[stage], tmp_path)


# What an edit makes stale: the stages that use the file, and no other. Nothing runs here.


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
    untouched: Path, file: str, stages: set[str]
) -> None:
    path = untouched / file
    path.write_text(f"{path.read_text()}# a comment\n")
    assert stale(untouched) == stages


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
def test_a_new_part_reruns_nothing_that_does_not_use_it(untouched: Path, package: str, stages: set[str]) -> None:
    (untouched / f"src/probeline/{package}/mine.py").write_text('"""Mine."""\n')
    assert stale(untouched) == stages


def test_an_edit_of_the_optimizer_draws_no_map_and_embeds_nothing(untouched: Path) -> None:
    path = untouched / "src/probeline/training/optimizer.py"
    path.write_text(f"{path.read_text()}# a comment\n")
    kinds = {name.partition("@")[0] for name in stale(untouched)}
    assert kinds == {"check", "train", "transfer", "finetune", "sweep"}


@pytest.mark.parametrize(
    ("key", "value", "stage"),
    [
        ("probes.trained.knn", {"neighbors": [3]}, "probe@trained"),
        ("maps.trained.perplexity", 12.0, "tsne@trained"),
        ("finetune.tuned.optimizer.lr", 0.01, "finetune@tuned"),
        ("train.svm.optimizer.lr", 0.01, "train@svm"),
    ],
)
def test_an_edit_of_a_setting_reruns_its_stage(untouched: Path, key: str, value: object, stage: str) -> None:
    change(untouched, key, value)
    assert stale(untouched) == {"check", stage}
