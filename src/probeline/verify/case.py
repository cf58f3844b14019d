"""A number that differs, what can become of it, and what a rule is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from probeline.verify.evidence import At, Evidence
from probeline.verify.noise import Noise
from probeline.verify.numbers import Address, Cells


class State(Enum):
    """What becomes of a number."""

    SAME = "the same"
    WITHIN = "within their interval"
    CHOICE = "of other choices"
    WAY = "not judged by themselves"
    OUTSIDE = "not the same"
    UNKNOWN = "that cannot be judged"


@dataclass(frozen=True)
class Case:
    """A number that differs.

    Attributes:
        file, address: Where it stands.
        at: The same by name: its run, or its encoder and probe, and so on.
        before, now: As text, in Git and here.
        cells, cells_here: Of its file.
        numbers: How many are judged together with it.
    """

    file: str
    address: Address
    at: At
    before: str
    now: str
    cells: Cells
    cells_here: Cells
    numbers: int
    evidence: Evidence

    @property
    def value(self) -> float:
        """The number in Git."""
        return float(self.before)

    @property
    def of(self) -> tuple[str, str]:
        """Its split and metric."""
        split, _, metric = self.at.get("value", "test_accuracy").partition("_")
        return split, metric

    def beside(self, column: str) -> tuple[str, str]:
        """Another column of its row, in Git and here."""
        address = Address(self.address.place, column)
        return self.cells.get(address, ""), self.cells_here.get(address, "")


class Rule(NamedTuple):
    """A rule.

    Attributes:
        what: It, in a sentence.
        judge: The noise of a number, or what becomes of it whatever it is; None where it cannot be had.
        empty: Whether a number may also be there on one side alone.
    """

    what: str
    judge: Callable[[Case], Noise | State | None]
    empty: bool = False
