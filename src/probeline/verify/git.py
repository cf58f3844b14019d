"""The files of a revision in Git, and those of the working tree."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from probeline.pipeline.errors import UserError

FOLDERS = ("metrics", "plots")
Files = Mapping[str, bytes]  # by path from the root of the clone


def committed(revision: str, *more: str) -> dict[str, bytes]:
    """The files in `metrics` and `plots` at a revision.

    Args:
        more: Paths of further files.

    Raises:
        UserError: This is no clone, or there is no such revision.
    """
    if revision.startswith("-"):
        raise UserError(f"REV={revision}: no revision of Git; give a commit, a branch or a tag")
    listed = _git("ls-tree", "-r", "-z", revision, "--", *FOLDERS, *more)
    if listed is None:
        raise UserError(f"REV={revision}: no revision of Git here; give a commit, a branch or a tag")
    entries = [entry.partition(b"\t") for entry in listed.split(b"\0") if entry]
    digests = [about.split()[2] for about, _, _ in entries]
    contents = _git("cat-file", "--batch", given=b"".join(digest + b"\n" for digest in digests)) or b""
    found, at = {}, 0
    for _, _, name in entries:
        line = contents.index(b"\n", at)  # <digest> blob <size>
        end = line + 1 + int(contents[at:line].split()[2])
        found[name.decode()] = contents[line + 1 : end]
        at = end + 1
    return found


def here(root: Path) -> dict[str, bytes]:
    """The same files of the working tree, those that are not in Git too."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _git(*arguments: str, given: bytes | None = None) -> bytes | None:
    """What git prints; None where it fails."""
    try:
        done = subprocess.run(["git", *arguments], input=given, capture_output=True, check=False)
    except FileNotFoundError:
        raise UserError("git is not installed; install it") from None
    return None if done.returncode else done.stdout
