"""`make clean`: remove what stages and experiments that were killed have left."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from probeline.pipeline.folders import OLD, heal
from probeline.pipeline.lock import at_work
from probeline.pipeline.progress import say

FOLDERS = (".checkpoints", ".downloads", ".dvc/tmp/exps/standalone")
NOT_OURS = {".git", ".venv", ".dvc"}


def leftovers(root: Path) -> Iterator[Path]:
    """Half-written files and folders, and the lock files of dead stages, below the root of a clone."""
    yield from (path for name in FOLDERS if (path := root / name).exists())
    yield from sorted((root / "data").glob(".*.lock"))
    yield from sorted((root / ".dvc/cache").rglob("*.tmp"))  # what DVC was copying
    for folder, below, names in os.walk(root):
        data = Path(folder).is_relative_to(root / "data")  # DVC's, which puts names of its own before `.tmp`
        found = [name for name in (*below, *names) if name.endswith(".tmp") and (data or name.startswith("."))]
        below[:] = [name for name in below if name not in found and name not in NOT_OURS]
        yield from (Path(folder) / name for name in sorted(found))


def clean(root: Path) -> tuple[int, int]:
    """Remove leftovers; but put a folder back that a kill left renamed. How many of each."""
    removed = restored = 0
    for path in list(leftovers(root)):
        if path.name.endswith(OLD) and heal(path.with_name(path.name[1 : -len(OLD)])):
            say(f"{path.with_name(path.name[1 : -len(OLD)])}: put back")
            restored += 1
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        removed += 1
    return removed, restored


def main() -> None:
    """Clean the working folder, if no stage is at work in it."""
    if running := at_work(Path("data")):
        sys.exit(f"error: {running[0]} is still running; wait for its end, or stop it, and run: make clean")
    removed, _ = clean(Path())
    say(f"removed {removed} leftovers")


if __name__ == "__main__":
    main()
