"""The table: which rule every number in `metrics` and `plots` has, by its file and column.

Columns of JSON are its keys without indices, joined by dots. Patterns are regular expressions, of the whole; the first
that fits counts, and its named groups say where a number stands. A metric and a probe are known by their files, so a
new one has its rule. A number without a rule cannot be judged.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from probeline.pipeline.params import names
from probeline.verify import rules
from probeline.verify.case import Rule
from probeline.verify.numbers import Address


class Table(NamedTuple):
    """The files of one kind.

    Attributes:
        files: Pattern of their paths.
        group: Of the lines that are told; `runs` stands for the section of the run.
        keys: The columns of a CSV that name a row, each with its name for the rules.
        columns: The rule of each column, by pattern.
        ends: Whether rows are steps of a training, which end where it ended.
    """

    files: str
    group: str
    keys: Mapping[str, str]
    columns: Mapping[str, Rule]
    ends: bool = False


def _any(found: list[str]) -> str:
    return "|".join(map(re.escape, found))


_METRIC = _any(["loss", *(name for name in names("metrics") if name != "confusion")])
_VALUE = f"(?P<value>(?:train|validation|test)_(?:{_METRIC}))"
_PROBE = f"(?P<probe>{_any(names('probes'))})"
_ABOUT = "report_id|task|dataset|source|weights|source_dataset|model|objective|parameters|dimensions|interval"
_IMAGES = "(?:train|validation|test)_images"

TABLES = (
    Table(
        r"metrics/summary\.csv",
        "runs",
        {"run": "run"},
        {
            f"{_ABOUT}|{_IMAGES}|seeds|diverged": rules.EXACT,
            "last_step|stopped_early|left_out": rules.CHOICE,
            f"{_VALUE}_std": rules.SPREAD,
            "(?P<value>test_accuracy)_(?:low|high)": rules.END,
            _VALUE: rules.MEAN,
        },
    ),
    Table(
        r"metrics/summary\.json",
        "summary.json",
        {},
        {
            r"(?P<run>[^.]+)(?:\.(?P<value>test_loss))?": rules.MEAN,
            r"(?P<sweep>[^.]+)\.best": rules.MEAN,
            rf"(?P<encoder>[^.]+)\.{_PROBE}": rules.MEAN,
        },
    ),
    Table(
        r"metrics/runs/(?P<run>[^/]+)\.json",
        "runs",
        {},
        {
            rf"{_ABOUT}|images\.\w+|start(?:\..+)?|diverged|seeds\.(?:seed|resample|diverged_at)": rules.EXACT,
            r"seeds\.(?:kept_step|last_step|stopped_early|left_out)": rules.CHOICE,
            rf"mean\.{_VALUE}": rules.MEAN,
            rf"std\.{_VALUE}": rules.SPREAD,
            rf"seeds\.{_VALUE}": rules.ONE,
            r"test_accuracy_by_class(?:\.(?P<class>.+))?": rules.CLASS,
        },
    ),
    Table(
        r"metrics/probes\.csv",
        "probes",
        {"encoder": "encoder"},
        {
            f"{_ABOUT}|{_IMAGES}|seen_train|seen_validation|resamples": rules.EXACT,
            "source_accuracy": rules.SOURCE,
            f"{_PROBE}_{_VALUE}_std": rules.SPREAD,
            f"{_PROBE}_{_VALUE}": rules.MEAN,
            f"{_PROBE}_.+": rules.CHOICE,
        },
    ),
    Table(
        r"metrics/probes/(?P<encoder>[^/]+)\.json",
        "probes",
        {},
        {
            rf"{_ABOUT}|seed|resize|shape|top1|classes|(?:images|seen)\.\w+": rules.EXACT,
            rf"resamples\.{_PROBE}\.scores\.(?P<split>\w+)\.(?P<metric>{_METRIC})": rules.ONE,
            rf"resamples\.{_PROBE}\.chosen\.{_VALUE}": rules.ONE,
            rf"resamples\.{_PROBE}\.rows\.{_VALUE}": rules.TRIED,
            rf"resamples\.{_PROBE}\.(?:chosen|rows)\.(?:objective|gap|gradient_norm|iterations|last_step)": rules.WAY,
            rf"resamples\.{_PROBE}\.(?:chosen|rows)\.\w+": rules.CHOICE,
            rf"resamples\.{_PROBE}\.confusion": rules.CONFUSED,
        },
    ),
    Table(
        r"metrics/sweeps\.csv",
        "sweeps",
        {"sweep": "sweep", "train_fraction": "fraction"},
        {
            f"{_ABOUT}|points|diverged|train_images|seeds": rules.EXACT,
            "best": rules.CHOICE,
            f"{_VALUE}_std": rules.SPREAD,
            _VALUE: rules.MEAN,
        },
    ),
    Table(
        r"metrics/maps\.csv",
        "maps",
        {"encoder": "encoder", "class": "class"},
        {
            f"{_ABOUT}|split|perplexity|points": rules.EXACT,
            "kl|trustworthiness": rules.TERMS,
            "silhouette_(?P<where>embedding|map)": rules.SILHOUETTE,
        },
    ),
    Table(
        r"metrics/lessons/(?P<entry>[^/]+)/scalars\.csv",
        "lessons",
        {"x": "x", "y": "y", "z": "z", "quantity": "quantity"},
        {"measured": rules.ROUNDED, "exact|reported": rules.EXACT},
    ),
    Table(
        r"metrics/lessons/(?P<entry>[^/]+)/mlp\.csv",
        "lessons",
        {"run": "run"},
        {
            "hidden|lr|batch_size|l2|l2_form|train_images": rules.EXACT,
            "last_epoch|kept_epoch": rules.CHOICE,
            _VALUE: rules.MEAN,
        },
    ),
    Table(
        r"metrics/lessons/(?P<entry>[^/]+)/mlp_by_class\.csv",
        "lessons",
        {"run": "run"},
        {"(?P<class>.+)": rules.CLASS},
    ),
    Table(
        r"metrics/lessons/(?P<entry>[^/]+)/matching\.csv",
        "lessons",
        {"lesson": "lesson", "batch_size": "batch", "seed": "seed"},
        {"norm": rules.NORM, "epochs|first_step_not_finite|first_epoch_not_finite|first_epoch_nan": rules.EXACT},
    ),
    Table(
        r"metrics/lessons/(?P<entry>[^/]+)/matching_losses\.csv",
        "lessons",
        {"lesson": "lesson", "batch_size": "batch", "seed": "seed", "epoch": "epoch"},
        {"loss": rules.LOSS_OF_SEEDS},
    ),
    Table(
        r"metrics/lessons/(?P<entry>[^/]+)/numbers\.json",
        "lessons",
        {},
        {
            rf"(?P<run>d5)\.{_VALUE}": rules.MEAN,
            rf"mlp\.(?P<run>.+)\.{_VALUE}": rules.MEAN,
            r"d7\.largest_relative_error": rules.ROUNDED,
            r"d13\..+\.first_epoch_not_finite": rules.EXACT,
            r"d14\.batch-(?P<batch>\d+)\.(?P<what>norm|norm_std)": rules.NORM,
        },
    ),
    Table(
        r"plots/curves/(?P<run>[^/]+)\.csv",
        "runs",
        {"step": "step"},
        {_VALUE: rules.POINT},
        ends=True,
    ),
    Table(
        r"plots/history/(?P<run>[^/]+)\.csv",
        "runs",
        {"seed": "seed", "step": "step"},
        {"epoch": rules.EXACT, _VALUE: rules.POINT},
        ends=True,
    ),
    Table(
        r"plots/confusion/(?P<run>[^/]+)\.csv",
        "runs",
        {"actual": "actual", "predicted": "predicted"},
        {"images": rules.CONFUSED},
    ),
    Table(
        r"plots/sweeps/(?P<sweep>[^/]+)\.csv",
        "sweeps",
        {"train_fraction": "fraction", "point": "point", "seed": "seed"},
        {
            "kept_step|last_step|best": rules.CHOICE,
            "(?P<value>test_accuracy)": rules.BEST,
            _VALUE: rules.TRIED,
            "train_images|diverged_at|.+": rules.EXACT,  # the settings have the names of parameters
        },
    ),
    Table(
        r"plots/maps/(?P<encoder>[^/]+)\.csv",
        "maps",
        {"index": "index"},
        {"x|y": rules.WAY, "label|class": rules.EXACT},
    ),
    Table(r"plots/layers/(?P<run>[^/]+)\.txt", "runs", {}, {"": rules.EXACT}),
    Table(r"metrics/scoreboard\.md|plots/.+\.png", "files", {}, {"": rules.WAY}),
)


def table_of(file: str) -> tuple[Table, dict[str, str]] | None:
    """The table of a file, and what its path says; None where there is none."""
    for table in TABLES:
        if found := re.fullmatch(table.files, file):
            return table, found.groupdict()
    return None


def rule_of(table: Table, address: Address) -> tuple[Rule | None, dict[str, str]]:
    """The rule of a number, None where it has none, and what its place says."""
    columns, at = _match(TABLES.index(table), address.column)
    at = dict(at)
    if table.keys:
        at |= dict(zip(table.keys.values(), address.place, strict=True))
    elif address.place and address.place[0] in {"seeds", "resamples"} and len(address.place) > 1:
        at["fit"] = address.place[1]
    return (None if columns is None else table.columns[columns]), at


def kind_of(table: Table, column: str) -> str | None:
    """The pattern of a column: numbers of a file with the same one are of one kind."""
    return _match(TABLES.index(table), column)[0]


@cache
def _match(table: int, column: str) -> tuple[str | None, dict[str, str]]:
    for columns in TABLES[table].columns:
        if found := re.fullmatch(columns, column):
            at = {name: value for name, value in found.groupdict().items() if value is not None}
            if "split" in at:
                at["value"] = f"{at['split']}_{at['metric']}"
            return columns, at
    return None, {}
