"""Digests of code that DVC's templates cannot name: a file in data/ carries them to the stages that need them.

DVC looks one level up in params.yaml: an encoder's entry names its source, but not the source's model. So whoever
writes a model writes the digests of its code beside it, and an edit of that code reaches all that reads the model.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).parent.parent


def digests(package: str, *names: str) -> dict[str, str]:
    """SHA-256 of parts and of all that they import from their own package, by path from the root of the project.

    Args:
        package: A package of parts: models, augmentations, ...
        names: Files in it, without `.py`.
    """
    found = sorted(_closure(package, set(names), set()))
    paths = [LIBRARY / package / f"{name}.py" for name in found]
    return {
        f"src/probeline/{package}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file()
    }


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
