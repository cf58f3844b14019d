"""What the reports state: claims.yaml."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from probeline.pipeline.errors import UserError, short, unknown
from probeline.pipeline.params import Spec, load_yaml, validate

if TYPE_CHECKING:
    import pandas as pd

RUN = "(?:train|transfer|finetune)"


def _entry(of: str) -> str:
    if not re.fullmatch(rf"(?:{RUN}|probes)\.[a-z0-9-]+", of):
        raise ValueError(f"is {of!r}; name an entry of train, transfer, finetune or probes: train.d4-softmax")
    return of


def _value(value: str) -> str:
    if not re.fullmatch("(?:[a-z0-9_]+_)?(?:validation|test)_accuracy", value):
        raise ValueError(
            f"is {value!r}; give validation_accuracy or test_accuracy, "
            "and for an entry of probes the probe before it: logistic_test_accuracy"
        )
    return value


class Claim(Spec):
    """A number that a report states.

    Attributes:
        of: The entry of params.yaml that measures it.
        value: The column of metrics/summary.csv, or of metrics/probes.csv, that has our number.
        reported: The number of the report, from 0 to 1.
    """

    of: Annotated[str, AfterValidator(_entry)]
    value: Annotated[str, AfterValidator(_value)]
    reported: Annotated[float, Field(ge=0, le=1)]


Claims = dict[str, Claim]  # by id: the experiment, a dot, and what it is about
ID = r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*(\.[A-Za-z0-9_]+)+"


def load(path: Path) -> Claims:
    """Read claims.yaml.

    Raises:
        UserError: It is missing, or not what it should be; one line for each mistake.
    """
    found = load_yaml(path)
    if not isinstance(found, Mapping):
        raise UserError(f"{path}: is not a mapping of ids to claims; write A1.val_accuracy: {{of: ..., ...}}")
    claims: Claims = {}
    lines: list[str] = []
    for name, entry in found.items():
        if not re.fullmatch(ID, str(name)):
            lines.append(
                f"{path}: the id '{short(name)}' is not that of an experiment, a dot and a word; write A1.test_accuracy"
            )
            continue
        try:
            claims[str(name)] = validate(str(name), entry, Claim, path)
        except UserError as error:
            lines += error.lines
    if lines:
        raise UserError(*lines)
    return claims


def reported(claims: Claims, of: str, value: str) -> float | None:
    """What a report states of a value of an entry; the first where there are several."""
    return next((claim.reported for claim in claims.values() if (claim.of, claim.value) == (of, value)), None)


def insist(claims: Claims, groups: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Refuse a claim on a value that its entry will not have.

    Args:
        groups: The typed entries of params.yaml by section.

    Returns:
        The ids of claims on entries that params.yaml does not have: presets leave out many.

    Raises:
        UserError: One line for each claim that cannot be judged.
    """
    passed_over, lines = [], []
    for name, claim in claims.items():
        section, _, entry = claim.of.partition(".")
        if (found := groups[section].get(entry)) is None:
            passed_over.append(name)
            continue
        probes = [f"{probe}_" for probe in getattr(found, "probes", ())]
        if section != "probes" and hasattr(found.objective, "predict"):
            probes = [""]
        known = [f"{probe}{split}_accuracy" for probe in probes for split in ("validation", "test")]
        if claim.value not in known:
            lines.append(f"claims.yaml: {name}.value: {unknown(f'value of {claim.of}', claim.value, known)}")
    if lines:
        raise UserError(*lines)
    return passed_over


def check(claims: Claims, runs: "pd.DataFrame", probes: "pd.DataFrame") -> None:
    """Refuse a claim whose entry is there and has no such value, as one on a probe that no encoder has.

    Args:
        runs, probes: As for `row`.

    Raises:
        UserError: One line for each such claim.
    """
    lines = []
    for name, claim in claims.items():
        ours = row(claim, runs, probes)
        if ours is not None and claim.value not in ours:
            known = [column for column in map(str, ours.index) if column.endswith("_accuracy")]
            lines.append(f"claims.yaml: {name}.value: {unknown(f'value of {claim.of}', claim.value, known)}")
    if lines:
        raise UserError(*lines)


def row(claim: Claim, runs: "pd.DataFrame", probes: "pd.DataFrame") -> "pd.Series[Any] | None":
    """Our row of the entry that a claim is about, of the tables of runs and of probes; None where there is none."""
    section, _, name = claim.of.partition(".")
    table, key = (probes, "encoder") if section == "probes" else (runs, "run")
    rows = table[table[key] == name] if len(table) else table
    return rows.iloc[0] if len(rows) else None
