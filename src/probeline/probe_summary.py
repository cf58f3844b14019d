"""What the probes of all encoders have measured, as tables: from the records that they left."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pandas as pd

from probeline.summary import metrics, read

PROBES = ("logistic", "gradient", "knn")
Record = dict[str, Any]
Phase = tuple[str, list[Record], int]  # its name, its history, the step whose weights were kept
# How a probe's chosen setting is written in the table.
SETTINGS = {"logistic": ("strength",), "gradient": ("lr", "l2"), "knn": ("neighbours",)}


def load(names: Iterable[str], folder: Path) -> dict[str, Record]:
    """Read the records of encoders, in the order of their names.

    Args:
        folder: Of the probes' results, a folder an encoder.

    Raises:
        UserError: One is missing.
    """
    return {name: read(folder / name / "probe.json", f"probe@{name}") for name in names}


def numbers(records: Mapping[str, Record]) -> dict[str, float]:
    """The test accuracy of every probe, `<encoder>.<probe>`: the mean over the draws of its task."""
    return {
        f"{name}.{probe}": _mean(record, probe, "test", "accuracy")
        for name, record in records.items()
        for probe in PROBES
        if probe in record["draws"][0]
    }


def table(records: Mapping[str, Record], runs: Mapping[str, Record]) -> pd.DataFrame:
    """A row an encoder: what it is, how good its source is on its own task, and what each probe makes of it.

    Accuracies are means over the draws of the task; a chosen setting is that of the first draw.

    Args:
        runs: The records of all runs, for the accuracy of those that are sources.
    """
    return pd.DataFrame([_row(name, record, runs) for name, record in records.items()])


def source_accuracy(record: Record, runs: Mapping[str, Record]) -> float | None:
    """Of the trained source on what it was trained for: published top-1, or the test accuracy of the run's own seed."""
    if record["weights"] == "initial":
        return None
    if record["source"] in runs:
        seeds = metrics(runs[record["source"]])["seeds"]
        (value,) = (seed["test_accuracy"] for seed in seeds if seed["seed"] == record["seed"])
        return None if value is None else float(value)
    top1: float | None = record["top1"]
    return top1


def _row(name: str, record: Record, runs: Mapping[str, Record]) -> Record:
    keys = ("experiment", "task", "source", "weights", "source_dataset", "model", "parameters", "dimensions")
    row = {
        "encoder": name,
        **{key: record[key] for key in keys},
        "source_accuracy": source_accuracy(record, runs),
        **{f"{split}_images": images for split, images in record["images"].items()},
        "seen_train": record["seen"]["train"],
        "seen_validation": record["seen"]["validation"],
        "draws": len(record["draws"]),
    }
    for probe in PROBES:
        here = probe in record["draws"][0]
        chosen = record["draws"][0][probe]["chosen"] if here else {}
        row |= {f"{probe}_{key}": chosen.get(key) for key in SETTINGS[probe]}
        for split in ("validation", "test"):
            row[f"{probe}_{split}_accuracy"] = _mean(record, probe, split, "accuracy") if here else None
        row[f"{probe}_test_accuracy_std"] = _spread(record, probe) if here else None
    return row


def _values(record: Record, probe: str, split: str, value: str) -> list[float]:
    return [draw[probe]["scores"][split][value] for draw in record["draws"]]


def _mean(record: Record, probe: str, split: str, value: str) -> float:
    return fmean(_values(record, probe, split, value))


def _spread(record: Record, probe: str) -> float | None:
    values = _values(record, probe, "test", "accuracy")
    return stdev(values) if len(values) > 1 else None


def metrics_of(record: Record) -> Record:
    """The metrics of an encoder's probes, for a file: all but the curves."""
    draws = [
        {probe: {key: value for key, value in found.items() if key != "history"} for probe, found in draw.items()}
        for draw in record["draws"]
    ]
    return {**record, "draws": draws}


def phases(records: Mapping[str, Record], runs: Mapping[str, Record]) -> Iterable[tuple[str, str, str, list[Phase]]]:
    """The curves of every gradient probe, and of every fine-tuning after its probe: name, title, subtitle, phases."""
    first = {
        name: record["draws"][0]["gradient"] for name, record in records.items() if "gradient" in record["draws"][0]
    }
    for name, found in first.items():
        yield name, f"{name}: linear probe", _caption(records[name], found), [_phase("linear probe", found)]
    for name, run in runs.items():
        if run["group"] != "finetune":
            continue
        seed, encoder = run["seeds"][0], run["transfer"]["encoder"]
        second = ("fine-tuning", seed["history"], seed["kept_step"])
        accuracy = seed["scores"]["test"]["accuracy"] if seed["scores"] else float("nan")
        probe = records[encoder]["draws"][seed["draw"] % len(records[encoder]["draws"])][run["transfer"]["head"]]
        before = [_phase("linear probe", probe)] if run["transfer"]["head"] == "gradient" else []
        subtitle = (
            f"{run['experiment']} | {run['task']} | {run['transfer']['source']}, "
            f"{run['transfer']['trained_parameters']:,} parameters train{_one_of(run['seeds'], 'seed')} | "
            f"test accuracy {probe['scores']['test']['accuracy']:.4f} with the probe, {accuracy:.4f} after it"
        )
        yield f"{name}.after", f"{name}: linear probe, then fine-tuning", subtitle, [*before, second]


def _phase(name: str, found: Record) -> Phase:
    return name, found["history"], found["chosen"]["kept_step"]


def _caption(record: Record, found: Record) -> str:
    chosen = found["chosen"]
    return (
        f"{record['experiment']} | {record['task']} | {record['source']}, {record['dimensions']:,} dimensions | "
        f"lr {chosen['lr']:g}, L2 {chosen['l2']:g}, seed {chosen['seed']}{_one_of(record['draws'], 'draw')} | "
        f"test accuracy {found['scores']['test']['accuracy']:.4f}"
    )


def _one_of(all_of_them: list[Any], what: str) -> str:
    """That the first of several is shown, in words; nothing where there is but one."""
    return f", the first of {len(all_of_them)} {what}s" if len(all_of_them) > 1 else ""


def tell(table: pd.DataFrame) -> None:
    """The table, for the one who watches."""
    if len(table):
        columns = ["encoder", "task", *(f"{probe}_test_accuracy" for probe in PROBES)]
        shown = table[columns].rename(columns={f"{probe}_test_accuracy": probe for probe in PROBES})
        print(shown.to_string(index=False, float_format="%.4f", na_rep="-"))
