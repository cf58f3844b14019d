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
            "import probeline.report.claims",
            "reads src/probeline/report/claims.py, not in its deps",
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
