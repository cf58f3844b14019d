"""Every number in Git against that of this machine's run."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from probeline.verify.case import Case, Rule, State
from probeline.verify.evidence import At, Evidence
from probeline.verify.numbers import WHOLE, Address, cells, number
from probeline.verify.rules import TOGETHER
from probeline.verify.tables import Table, kind_of, rule_of, table_of

FILES = "files"  # the group of those that are compared as a whole


class Verdict(NamedTuple):
    """What is said of a number.

    Attributes:
        group: Of the lines that are told.
        file, address: Where it stands.
        before, now: In Git and here, as text; "" where it is not there.
        errors: How many standard errors lie between; inf for none to measure it with.
        over: What its noise is over, in words.
    """

    group: str
    file: str
    address: Address
    before: str
    now: str
    state: State
    errors: float = 0.0
    over: str = ""


def verdicts(evidence: Evidence, left_out: frozenset[tuple[str, str]]) -> Iterator[Verdict]:
    """A verdict on every number, and on every word and file that differs.

    Args:
        left_out: Entries that are not to be judged, (section, name).

    Raises:
        UserError: A file, or a result that is needed, is damaged.
    """
    for file in sorted({*evidence.committed, *evidence.here}):
        yield from _file(file, evidence, left_out)


def _file(file: str, evidence: Evidence, left_out: frozenset[tuple[str, str]]) -> Iterator[Verdict]:
    found = table_of(file)
    if found is None or found[0].group == FILES:
        if file.rpartition("/")[2].partition(".")[0] not in {name for _, name in left_out}:
            yield _whole(file, evidence, State.UNKNOWN if found is None else State.WAY)
        return
    table, at = found
    sides, keys = (evidence.committed, evidence.here), list(table.keys)
    committed, here = (cells(file, side[file], keys) if file in side else {} for side in sides)
    kinds = Counter[str | None]()  # how many numbers of each kind are judged together
    if committed != here:
        kinds.update(kind_of(table, one.column) for one, text in committed.items() if number(text) is not None)
    for address in dict.fromkeys((*committed, *here)):
        before, now = committed.get(address, ""), here.get(address, "")
        if before == now and number(before) is None:
            continue
        rule, where = rule_of(table, address)
        where = at | where
        group, name = _entry(table, where, evidence.sections)
        if (group, name) in left_out:
            continue
        if before == now:
            yield Verdict(group, file, address, before, now, State.SAME)
        elif rule is None:
            yield Verdict(group, file, address, before, now, State.UNKNOWN, math.inf)
        else:
            numbers = kinds[kind_of(table, address.column)] if rule in TOGETHER else 1
            case = Case(file, address, where, before, now, committed, here, numbers, evidence)
            yield Verdict(group, file, address, before, now, *_judged(case, rule, ends=table.ends))


def _whole(file: str, evidence: Evidence, otherwise: State) -> Verdict:
    """A file that is compared as a whole."""
    sides = [evidence.committed.get(file), evidence.here.get(file)]
    state = State.OUTSIDE if None in sides else State.SAME if sides[0] == sides[1] else otherwise
    before, now = ("" if side is None else "file" for side in sides)
    return Verdict(FILES, file, WHOLE, before, now, state, math.inf if state is State.OUTSIDE else 0.0)


def _entry(table: Table, at: At, sections: Mapping[str, str]) -> tuple[str, str]:
    """The section and name of the entry that a number is of."""
    for key, section in (("entry", "lessons"), ("sweep", "sweeps"), ("encoder", "probes")):
        if key in at:
            return ("maps" if table.group == "maps" else section), at[key]
    run = at.get("run", "")
    return sections.get(run, "train"), run


def _judged(case: Case, rule: Rule, *, ends: bool) -> tuple[State, float, str]:
    """The state of a number that differs, how many standard errors it is off, and what the noise is over."""
    there = case.address in case.cells, case.address in case.cells_here
    if not all(there):
        state = State.CHOICE if ends and _ended_otherwise(case) else State.OUTSIDE
        return state, math.inf, ""
    numbers = number(case.before) is not None and number(case.now) is not None
    found = rule.judge(case) if numbers or rule.empty else State.OUTSIDE
    if found is None:
        return State.UNKNOWN, math.inf, ""
    if isinstance(found, State):
        return found, math.inf, ""
    now = float(case.now)
    errors = abs(now - case.value) / found.error if found.error else math.inf
    return (State.WITHIN if found.low <= now <= found.high else State.OUTSIDE), errors, found.over


def _ended_otherwise(case: Case) -> bool:
    """Whether a training ended at another step, so that its curve has other points."""
    sides = [
        {str(fit.values["seed"]): fit.chosen["last_step"] for fit in case.evidence.fits(case.at, here=here)}
        for here in (False, True)
    ]
    seed = case.at.get("seed")
    return sides[0] != sides[1] if seed is None else sides[0].get(seed) != sides[1].get(seed)
