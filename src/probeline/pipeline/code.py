"""Digests of code that DVC's templates cannot name: a file in data/ carries them to the stages that need them.

DVC looks one level up in params.yaml: an encoder's entry names its source, but not the source's model. So whoever
writes a model writes the digests of its code beside it, and an edit of that code reaches all that reads the model.

The formats of files are carried too, though dvc.yaml could name them: named there, for each stage anew, they were a
quarter of dvc.lock, which DVC reads and writes after every stage.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).parent.parent

_ALWAYS = ("pipeline/files", "results/record")
_RUN = ("pipeline/code", "results/outputs", "results/runs", "results/splits", "tasks/task")
_MODEL = ("training/model", "training/seen", "training/weights")
# The modules that say how the stages of a section read and write their files; whole packages stand in dvc.yaml.
FORMATS = {
    "tasks": (*_ALWAYS, "results/splits", "results/tasks"),
    "train": (*_ALWAYS, *_RUN),
    "transfer": (*_ALWAYS, *_RUN),
    "backbones": (*_ALWAYS, *_MODEL, "pipeline/code"),
    "encoders": (*_ALWAYS, *_MODEL, "results/embeddings", "results/splits", "tasks/task"),
    "probes": (
        *_ALWAYS,
        "results/embeddings",
        "results/outputs",
        "results/probes",
        "results/splits",
        "training/weights",
    ),
    "maps": (*_ALWAYS, "results/embeddings", "results/maps", "results/splits"),
    "finetune": (*_ALWAYS, *_RUN, "results/embeddings"),
    "sweeps": (*_ALWAYS, "results/outputs", "results/runs", "results/splits", "results/sweeps", "tasks/task"),
    "lessons": (*_ALWAYS, "results/lessons", "results/outputs", "results/splits", "tasks/task"),
}


def formats(section: str) -> dict[str, str]:
    """SHA-256 of the modules that say how a section's files are read and written, by path as in `digests`."""
    return _digests(LIBRARY / f"{name}.py" for name in sorted(FORMATS[section]))


def _digests(paths: Iterator[Path]) -> dict[str, str]:
    return {
        f"src/probeline/{path.relative_to(LIBRARY).as_posix()}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
    }


def digests(package: str, *names: str) -> dict[str, str]:
    """SHA-256 of parts and of all that they import from their own package, by path from the root of the project.

    Args:
        package: A package of parts: models, augmentations, ...
        names: Files in it, without `.py`.
    """
    found = sorted(_closure(package, set(names), set()))
    return _digests(path for name in found if (path := LIBRARY / package / f"{name}.py").is_file())


def _closure(package: str, names: set[str], known: set[str]) -> set[str]:
    for name in names - known:
        known |= {name}
        path = LIBRARY / package / f"{name}.py"
        if path.is_file():
            known |= _closure(package, set(_imports(package, ast.parse(path.read_bytes()))), known)
    return known


def _imports(package: str, tree: ast.AST) -> Iterator[str]:
    own = f"probeline.{package}"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, (own, node.module))) if node.level == 1 else str(node.module)
            if module == own:
                yield from (alias.name for alias in node.names)
            elif module.startswith(f"{own}."):
                yield module.removeprefix(f"{own}.")
        elif isinstance(node, ast.Import):
            yield from (alias.name.removeprefix(f"{own}.") for alias in node.names if alias.name.startswith(f"{own}."))
