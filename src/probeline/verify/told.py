"""Verdicts in lines: one for each group, the worst first, and a sentence."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from probeline.verify.case import State
from probeline.verify.judge import FILES, Verdict
from probeline.verify.noise import ROUNDING

LONGEST = 100  # characters of two values in a line

ORDER = (State.OUTSIDE, State.UNKNOWN, State.WITHIN, State.CHOICE, State.WAY, State.SAME)  # the worst first


def lines(found: Sequence[Verdict]) -> list[str]:
    """One line for each group, the worst first."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in found:
        groups.setdefault(verdict.group, []).append(verdict)
    width = max(map(len, groups), default=0)
    ranked = sorted(groups.items(), key=lambda group: (*_rank(worst(group[1])), group[0]))
    return [f"{name:{width}}  {_line(name, verdicts)}" for name, verdicts in ranked]


def worst(found: Sequence[Verdict]) -> Verdict:
    """The one that is farthest off."""
    return min(found, key=_rank)


def each(found: Sequence[Verdict]) -> list[str]:
    """A line for every number that is not the same, the worst first."""
    return [
        f"{one.group}: {one.state.value}: {named(one)}" for one in sorted(found, key=_rank) if one.state != State.SAME
    ]


def answer(found: Sequence[Verdict], revision: str) -> str:
    """The answer to the question whether anyone can get the same answer again."""
    numbers = [one for one in found if one.group != FILES]
    count, total = Counter(one.state for one in numbers), f"{len(numbers):,} numbers at {revision}"
    if outside := sum(one.state is State.OUTSIDE for one in found):
        return f"No: of {total}, {outside:,} did not come out again: outside their intervals, or on one side alone."
    if unknown := sum(one.state is State.UNKNOWN for one in found):
        return f"It cannot be told: of {total}, {unknown:,} differ and have no interval."
    if not numbers:
        return "It cannot be told: nothing was asked as in Git."
    if len(numbers) == count[State.SAME]:
        return f"Yes: all {total} came out the same."
    rest = count[State.CHOICE] + count[State.WAY]
    also = f"; {rest:,} belong to other choices, or to another way to the same" if rest else ""
    apart = f"{count[State.SAME]:,} came out the same, {count[State.WITHIN]:,} within their intervals{also}"
    return f"Yes, but for noise: of {total}, {apart}."


def named(one: Verdict) -> str:
    """A number, both its values, and how far they are apart."""
    path = PurePosixPath(one.file)
    if one.group == FILES:
        where = one.file
    elif path.suffix == ".json":
        where = f"{'/'.join(path.parts[1:])} {'.'.join(one.address.place)}"
    else:
        where = " ".join(filter(None, ("/".join(path.parts[1:]), *one.address.place, one.address.column)))
    if not one.before or not one.now:
        return f"{where}: {'not in Git' if not one.before else 'not here'}"
    if one.group == FILES or len(one.before) + len(one.now) > LONGEST:
        return where
    changed = f"{where} {one.before} -> {one.now}"
    if not one.over or one.over == ROUNDING:
        return changed
    return f"{changed}, {f'{one.errors:.1f}' if one.errors >= 0.1 else 'under 0.1'} standard errors over {one.over}"


def _line(name: str, found: Sequence[Verdict]) -> str:
    count = Counter(one.state for one in found)
    parts = [f"{count[state]:,} {state.value}{_over(found, state)}" for state in reversed(ORDER) if count[state]]
    far = worst(found)
    shown = f" (worst: {named(far)})" if ORDER.index(far.state) <= ORDER.index(State.WITHIN) else ""
    return f"{len(found):,} {FILES if name == FILES else 'numbers'}: {', '.join(parts)}{shown}"


def _over(found: Sequence[Verdict], state: State) -> str:
    """How many of those within their intervals have intervals over what."""
    if state is not State.WITHIN:
        return ""
    sources = Counter(one.over.split()[-1] for one in found if one.state is state)
    parts = [f"{count:,} {'by' if what == ROUNDING else 'over'} {what}" for what, count in sorted(sources.items())]
    return f" ({', '.join(parts)})"


def _rank(one: Verdict) -> tuple[int, float]:
    return ORDER.index(one.state), -one.errors
