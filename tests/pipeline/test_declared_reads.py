"""Every stage reads and writes what dvc.yaml says that it does, and nothing else.

DVC does not trace what a stage opens or imports: a dependency that is missing in dvc.yaml serves a stale result without
a word. Here each stage runs at the scale of the preset `smoke`, under an audit hook (audit/sitecustomize.py), and what
it did is compared with what its entry in dvc.yaml declares.
"""

import ast
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from tests.conftest import surroundings

AUDIT = Path(__file__).parent / "audit"
# A dependency that only orders: `check` before all that looks a name up.
ORDER = {"data/checked"}
# One that only some entries of a group read: a probe without a gradient part has no objective.
SOME = {"src/probeline/objectives"}
NAMES = ("check", "fetch@digits", "split@digits", "split@digits-three-eight", "train@logistic", "train@svm",
         "train@softmax", "train@diverging", "train@mlp", "train@convnet", "train@triplet", "transfer@fine-tuned",
         "transfer@deeper-head", "weights@raw-pixels", "embed@pixels", "embed@untrained", "embed@trained",
         "embed@convnet-digits", "probe@pixels", "probe@untrained", "probe@trained", "probe@convnet-digits",
         "tsne@untrained", "tsne@trained", "finetune@tuned", "sweep@rates", "sweep@optimizers", "sweep@shares",
         "lessons", "summary")  # fmt: skip


@dataclass
class Declared:
    command: str
    deps: set[str]
    outs: set[str]
    sections: set[str]


def declared(folder: Path) -> dict[str, Declared]:
    """What dvc.yaml says of every stage, in an order in which they can run."""
    found = {}
    with Repo(str(folder)) as repo:
        for stage in repo.index.stages:
            params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
            found[stage.name] = Declared(
                command=str(stage.cmd),
                deps={dep.def_path for dep in stage.deps if dep not in params} - {"params.yaml"},
                outs={out.def_path for out in stage.outs},
                sections={name for dep in params for name in (dep.params or [""])}
                | {"" for dep in stage.deps if dep.def_path == "params.yaml" and dep not in params},  # all of it
            )
    return found


def snapshot(folder: Path) -> dict[str, str]:
    """The digest of every file of a clone, but for Git's, DVC's and the environment's."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in folder.iterdir()
        if top.name not in {".git", ".dvc", ".venv"}
        for path in ([top] if top.is_file() else top.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def inside(path: str, declared_paths: Iterable[str]) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in declared_paths)


def is_docstring(path: Path) -> bool:
    body = ast.parse(path.read_text()).body
    return len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)


def differences(folder: Path, stage: Declared, elsewhere: Path) -> list[str]:
    """Run a stage; a line for everything that it did and did not declare, or declared and did not do."""
    report = elsewhere / "report.json"
    command = stage.command.replace("PYTHONPATH=src", f'PYTHONPATH="{AUDIT}:src"')
    assert command != stage.command
    machine = {f"PROBELINE_{name}": str(elsewhere / name) for name in ("LOGS", "CHECKPOINTS", "DOWNLOADS")}
    before = snapshot(folder)
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=surroundings(DVC_ROOT=str(folder), AUDIT_REPORT=str(report), PYTHONDONTWRITEBYTECODE="1", **machine),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    after = snapshot(folder)
    seen = {key: set(values) for key, values in json.loads(report.read_text()).items()}

    def relative(paths: set[str]) -> set[str]:
        project = {Path(path).relative_to(folder).as_posix() for path in paths if path.startswith(f"{folder}/")}
        return {path for path in project if not path.startswith((".venv/", ".git/", ".dvc/"))}

    read = {path for path in relative(seen["read"] | seen["modules"]) if path in before}
    # params.yaml is compared by section; a package that is a docstring decides nothing.
    read -= {"params.yaml"} | {path for path in read if path.endswith("__init__.py") and is_docstring(folder / path)}
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    lines = [f"reads {path}, not in its deps" for path in read if not inside(path, stage.deps | stage.outs)]
    lines += [f"writes {path}, not in its outs" for path in changed if not inside(path, stage.outs)]
    lines += [f"reads the section {name!r}, not in its params" for name in seen["sections"] - stage.sections]
    lines += [f"never reads the section {name!r} of its params" for name in stage.sections - seen["sections"]]
    lines += [
        f"never reads {dep} of its deps" for dep in stage.deps - ORDER - SOME if not any(inside(r, [dep]) for r in read)
    ]
    lines += [f"never writes {out} of its outs" for out in stage.outs if not any(inside(p, [out]) for p in after)]
    return sorted(lines)


def test_every_stage_does_what_it_declares(clone: Callable[[], Path], tmp_path: Path) -> None:
    folder = Path(os.path.realpath(clone()))
    # A data set that is downloaded, for `check` alone: its specification imports what fetches it.
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("datasets:\n", "datasets:\n  mnist: {kind: mnist}\n", 1))
    stages = declared(folder)
    assert set(stages) == {*NAMES, "fetch@mnist"}
    found = {name: differences(folder, stages[name], tmp_path) for name in NAMES}
    assert found == {name: [] for name in NAMES}


@pytest.mark.parametrize(
    ("file", "sabotage", "line"),
    [
        ("stages/fetch.py", 'open("README.md").read()', "reads README.md, not in its deps"),
        ("stages/fetch.py", "import probeline.check", "reads src/probeline/check.py, not in its deps"),
        ("stages/fetch.py", 'Path("docs/x.csv").write_text("1")', "writes docs/x.csv, not in its outs"),
        ("stages/fetch.py", 'params.section("tasks.digits")', "reads the section 'tasks.digits', not in its params"),
        ("dvc.yaml", "README.md", "never reads README.md of its deps"),
    ],
)
def test_what_a_stage_does_not_declare_is_found(
    clone: Callable[[], Path], tmp_path: Path, file: str, sabotage: str, line: str
) -> None:
    folder = Path(os.path.realpath(clone()))
    target = folder / file
    if file == "dvc.yaml":
        target.write_text(
            target.read_text().replace("- stages/fetch.py\n", f"- stages/fetch.py\n        - {sabotage}\n")
        )
    else:
        target.write_text(target.read_text().replace("    where =", f"    {sabotage}\n    where =", 1))
    assert line in differences(folder, declared(folder)["fetch@digits"], tmp_path)
