"""What a stage reads and writes, under an audit hook (audit/sitecustomize.py), against what dvc.yaml declares."""

import ast
import hashlib
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dvc.dependency import ParamsDependency
from dvc.repo import Repo

from tests.conftest import surroundings

AUDIT = Path(__file__).parent / "audit"
# Dependencies that only order and carry digests: what `check` leaves for the other stages.
ORDER = "data/checked/"
FRAME, WRITES_BYTES = "src/probeline/pipeline/", "src/probeline/pipeline/files.py"
PARTS = tuple(f"src/probeline/{package}/" for package in ("backbones", "datasets", "metrics", "models", "sources"))
NAMES = ("check", "fetch@digits", "split@digits", "split@digits-three-eight", "train@logistic", "train@svm",
         "train@softmax", "train@diverging", "train@mlp", "train@convnet", "train@triplet", "transfer@fine-tuned",
         "transfer@deeper-head", "weights@raw-pixels", "embed@pixels", "embed@untrained", "embed@trained",
         "embed@convnet-digits", "probe@pixels", "probe@untrained", "probe@trained", "probe@convnet-digits",
         "tsne@untrained", "tsne@trained", "finetune@tuned", "sweep@rates", "sweep@optimizers", "sweep@fractions",
         "lesson@d", "summary")  # fmt: skip


@dataclass
class Declared:
    command: str
    deps: set[str]
    outs: set[str]
    sections: set[str]


@dataclass
class Audited:
    """A clone in which every stage ran once.

    Attributes:
        lines: For each stage, what it did and did not declare, or declared and did not do.
    """

    folder: Path
    lines: dict[str, list[str]]


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


def carried(folder: Path, deps: Iterable[str]) -> set[str]:
    """The code whose digests stand in JSON files among the dependencies of a stage, as far as they are right."""
    files = [folder / dep for dep in deps if dep.endswith(".json")] + [folder / dep / "model.json" for dep in deps]
    code = [json.loads(path.read_text()).get("code", {}) for path in files if path.is_file()]
    return {
        path
        for digests in code
        for path, digest in digests.items()
        if hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest
    }


def is_docstring(path: Path) -> bool:
    body = ast.parse(path.read_text()).body
    return len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)


def differences(folder: Path, stage: Declared, elsewhere: Path) -> list[str]:
    """Run a stage; a line for everything that it did and did not declare, or declared and did not do."""
    report = elsewhere / "report.json"
    audited = f'exec env PYTHONPATH="{AUDIT}:src" "{folder}/.venv/bin/python"'
    command = stage.command.replace("exec sh stages/python.sh", audited)
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
    # params.yaml is compared by section; the frame copies dvc.lock aside; a docstring alone decides nothing.
    read -= {"params.yaml", "dvc.lock"} | {
        path for path in read if path.endswith("__init__.py") and is_docstring(folder / path)
    }
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    elsewhere_declared = carried(folder, stage.deps)
    lines = [
        f"reads {path}, not in its deps"
        for path in read - elsewhere_declared
        if not inside(path, stage.deps | stage.outs)
        and not (path.startswith(FRAME) and path != WRITES_BYTES)
        and not (stage.outs == {"data/checked"} and path.startswith(PARTS))
    ]
    lines += [f"writes {path}, not in its outs" for path in changed if not inside(path, stage.outs)]
    lines += [f"reads the section {name!r}, not in its params" for name in seen["sections"] - stage.sections]
    lines += [f"never reads the section {name!r} of its params" for name in stage.sections - seen["sections"]]
    lines += [
        f"never reads {dep} of its deps"
        for dep in stage.deps
        if not dep.startswith(ORDER) and not any(inside(one, [dep]) for one in read)
    ]
    lines += [f"never writes {out} of its outs" for out in stage.outs if not any(inside(p, [out]) for p in after)]
    return sorted(lines)
