"""`python -m probeline.verify [REVISION] [--each]`: see the package.

Status: 0 if every number came out again, the same or within its interval; 1 if one did not; 2 if it cannot be told.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from probeline.pipeline import settings
from probeline.pipeline.errors import UserError, listed
from probeline.pipeline.groups import RUNS, STAGES
from probeline.pipeline.progress import say
from probeline.verify import asked, git, told
from probeline.verify.case import State
from probeline.verify.evidence import Evidence
from probeline.verify.judge import verdicts

LOCK, PARAMS = "dvc.lock", "params.yaml"
SAME, DIFFERENT, UNKNOWN = 0, 1, 2


def verify(root: Path, revision: str, *, each: bool = False) -> int:
    """Compare and say; the exit status.

    Args:
        root: The clone.
        revision: Of Git.
        each: Whether to name every number that is not the same.

    Raises:
        UserError: There is nothing to compare.
    """
    committed = git.committed(revision, LOCK, PARAMS)
    before, _ = _stages(committed.pop(LOCK, b""), committed.pop(PARAMS, b""), revision)
    now, params = _stages(_read(root / LOCK), _read(root / PARAMS), "here")
    asked.current(now, params)
    cached = asked.elsewhere(settings.folder("PROBELINE_LOGS") / "times.jsonl", now)
    changed = asked.otherwise(before, now)
    left_out = frozenset(map(_entry, changed))
    sections = {name: section for section, name in map(_entry, (*before, *now)) if section in RUNS}
    results, embeddings = root / "data/results", root / "data/embeddings"
    found = list(verdicts(Evidence(committed, git.here(root), results, embeddings, sections), left_out))
    for line in told.lines(found):
        say(line)
    if each:
        for line in told.each(found):
            say(line)
    for line in _notes(changed, cached, asked.surroundings(before, now), revision):
        say(line)
    say(told.answer(found, revision))
    states = {one.state for one in found}
    if State.OUTSIDE in states:
        return DIFFERENT
    return UNKNOWN if changed or State.UNKNOWN in states or not found else SAME


def _notes(changed: Mapping[str, str], cached: list[str], surroundings: int, revision: str) -> Iterator[str]:
    """What a reader must know to judge the lines above."""
    if changed:
        words = [f"{name} {what}" for name, what in changed.items()]
        yield f"Not judged, for {revision} asked something else: {listed(words)}."
    if surroundings:
        what = "packages, settings or formats of files"
        yield f"{surroundings} stages ran with other {what} than at {revision} (data/checked/code)."
    if cached:
        yield f"Not from this machine, but from DVC's cache: {listed(cached)}."


def _stages(lock: bytes, params: bytes, at: str) -> tuple[asked.Stages, Any]:
    """The stages of all entries, and params.yaml."""
    entries = asked.plain(params, f"{PARAMS} at {at}")
    return asked.stages(asked.plain(lock, f"{LOCK} at {at}"), entries), entries


def _entry(stage: str) -> tuple[str, str]:
    """The section and name of an entry, of its stage."""
    kind, _, name = stage.partition("@")
    return STAGES[kind].section, name


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path.name}: {error.strerror}; run from the clone, after dvc repro") from None


def main() -> None:
    """Verify this folder."""
    asked_for = argparse.ArgumentParser(prog="make verify", description=__doc__)
    asked_for.add_argument("revision", nargs="?", default="HEAD")
    asked_for.add_argument("--each", action="store_true", help="name every number that is not the same")
    given = asked_for.parse_args()
    try:
        sys.exit(verify(Path(), given.revision, each=given.each))
    except UserError as error:
        print("\n".join(f"error: {line}" for line in error.lines), file=sys.stderr)
        sys.exit(UNKNOWN)


if __name__ == "__main__":
    main()
