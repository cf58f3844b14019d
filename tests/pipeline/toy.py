"""A pipeline of toy stages, which use the frame of the real ones and take a moment: to try the scheduler on."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, git, surroundings

DVC_YAML = """
stages:
  check:
    cmd: exec "$PYTHON" stages/toy.py check
    deps: [params.yaml]
    outs:
      - data/check: {persist: true}
  one:
    foreach: [a, b, c]
    do:
      cmd: exec "$PYTHON" stages/toy.py one-${item}
      deps: [data/check]
      params: ["parts.${item}"]
      outs: ["data/one-${item}"]
  two:
    foreach: [a, b, c]
    do:
      cmd: exec "$PYTHON" stages/toy.py two-${item}
      deps: ["data/one-${item}", ours]
      outs: ["data/two-${item}"]
  summary:
    cmd: exec "$PYTHON" stages/toy.py summary
    deps: [data/two-a, data/two-b, data/two-c]
    outs:
      - out: {cache: false, persist: true}
"""
# A stage fails for a negative number, and forgets its output for 0.
STAGE = """
import time
from pathlib import Path

from probeline.pipeline.errors import UserError
from probeline.pipeline.folders import new_folder
from probeline.pipeline.params import load_yaml
from probeline.pipeline.stage import stage


def main(name):
    kind, _, part = name.partition("-")
    inputs = {
        "check": [],
        "one": [],
        "two": [f"data/one-{part}/text"],
        "summary": ["data/two-a/text", "data/two-b/text", "data/two-c/text"],
    }[kind]
    parts = load_yaml(Path("params.yaml"))["parts"]
    text = "".join(Path(path).read_text() for path in inputs) + f"{name} {parts.get(part) if kind == 'one' else ''}"
    print(f"{name} begins\\nand sleeps", flush=True)
    time.sleep(0 if kind in {"check", "summary"} else 0.2)
    if kind == "one" and parts[part] < 0:
        raise UserError(f"parts.{part}: is negative", "and a second line")
    if kind == "one" and parts[part] == 0:
        return
    with new_folder(Path("out" if name == "summary" else f"data/{name}")) as folder:
        (folder / "text").write_text(text)


stage(main)
"""


def make(folder: Path) -> Path:
    """Make the pipeline in a new folder, in which nothing has run."""
    (folder / "stages").mkdir(parents=True)
    (folder / "stages/toy.py").write_text(STAGE)
    (folder / "dvc.yaml").write_text(DVC_YAML)
    (folder / "ours").write_text("a file of Git\n")
    (folder / ".gitignore").write_text("/data/\n/logs/\n")
    write_parts(folder)
    git(folder, "init", "-q", "-b", "main")
    assert run(folder, "-m", "dvc", "init", "-q").returncode == 0
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "toy")
    return folder


def write_parts(folder: Path, a: int = 1, b: int = 2, c: int = 3) -> None:
    (folder / "params.yaml").write_text(f"parts:\n  a: {a}\n  b: {b}\n  c: {c}\n")


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in the folder, to the end."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start Python in the folder, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def environment() -> dict[str, str]:
    return surroundings(PYTHONPATH=str(ROOT / "src"), PYTHON=sys.executable, SHELL="/bin/sh")


def left(folder: Path) -> dict[str, bytes]:
    """What the pipeline leaves: dvc.lock, and all outputs."""
    files = [folder / "dvc.lock", *(path for top in ("data", "out") for path in (folder / top).rglob("[!.]*"))]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file()}
