"""Records: JSON that is read as it was written, and one line with the stage to run where it cannot be read."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probeline.pipeline.errors import UserError
from probeline.results import maps, probes, runs, sweeps, tasks
from probeline.results.record import Evaluation, Part, Record, read_json
from tests.unit.report import made


class Measured(Record):
    """A record of a test, in its third version."""

    VERSION = 3

    value: float | None
    part: Evaluation


MEASURED = Measured(value=0.1 + 0.2, part=Evaluation(step=3, epoch=0.5, validation_loss=1.0, validation_accuracy=None))

RECORDS: dict[str, Record] = {
    "train/mine/run.json": made.record([made.seed(0), made.seed(1, diverged_at=3, losses={})]),
    "transfer/mine/run.json": made.record(
        [made.seed(0)],
        start=runs.Begun(
            source="other", load=["features"], new=["head"], trainable={"last": 2},
            loaded_parameters=40, new_parameters=11, trained_parameters=31,
        ),
    ),
    "finetune/mine/run.json": made.record(
        [made.seed(0)],
        start=runs.Begun(
            source="other", load=["features", "head"], new=[], trainable="all", loaded_parameters=51, new_parameters=0,
            trained_parameters=51, encoder="mine-made", head="logistic",
        ),
    ),
    "probe/mine/probe.json": made.encoder().record,
    "tsne/mine/map.json": made.tsne_map().facts,
    "sweep/mine/sweep.json": made.sweep([made.point(0.5, 0, 0, 0.5, 0.6), made.point(0.5, 1, 0, None)]),
    "split/mine/task.json": tasks.Task(dataset="made", classes=["NA", "cat"]),
}  # fmt: skip


def saved(record: Record, folder: Path, place: str) -> Path:
    path = folder / place
    record.save(path)
    return path


def remedy(place: str) -> str:
    return f"dvc repro --force {place.partition('/')[0]}@mine --single-item"


@pytest.mark.parametrize(("place", "record"), RECORDS.items(), ids=list(RECORDS))
def test_a_record_is_read_as_it_was_saved(place: str, record: Record, tmp_path: Path) -> None:
    path = saved(record, tmp_path, place)
    again = type(record).load(path)
    assert again == record
    first = path.read_bytes()
    again.save(path)
    assert path.read_bytes() == first


def test_every_digit_stays_and_the_version_stands_beside(tmp_path: Path) -> None:
    path = saved(MEASURED, tmp_path, "train/mine/measured.json")
    assert json.loads(path.read_text()) == {
        "version": 3, "value": 0.30000000000000004,
        "part": {
            "step": 3, "epoch": 0.5, "train_loss": None, "train_accuracy": None, "validation_loss": 1.0,
            "validation_accuracy": None,
        },
    }  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_becomes_none(value: float, tmp_path: Path) -> None:
    lost = Evaluation(step=1, epoch=1.0, train_loss=value, validation_loss=value, validation_accuracy=0.5)
    found = Measured.load(saved(Measured(value=value, part=lost), tmp_path, "train/mine/measured.json"))
    assert found.value is None
    assert found.part == lost.model_copy(update={"train_loss": None, "validation_loss": None})


def test_losses_of_a_run_and_values_of_a_probe_and_a_sweep_that_are_not_finite_become_none(tmp_path: Path) -> None:
    history = [made.evaluation(10, train_loss=math.inf, validation_loss=math.nan)]
    run = made.record([made.seed(0, losses={"train": math.inf, "test": 0.5}, history=history)])
    seed = runs.Run.load(saved(run, tmp_path, "train/mine/run.json")).seeds[0]
    assert seed.losses == {"train": None, "test": 0.5}
    assert (seed.history[0].train_loss, seed.history[0].validation_loss) == (None, None)

    row = {"l2": 1.0, "validation_loss": math.inf}
    probe = probes.Probe(chosen=row, rows=[row], losses={"test": math.inf})
    of = made.encoder().record.model_copy(update={"resamples": [{"logistic": probe}]})
    found = probes.Probes.load(saved(of, tmp_path, "probe/mine/probe.json")).resamples[0]["logistic"]
    assert found.chosen == found.rows[0] == {"l2": 1.0, "validation_loss": None}
    assert found.losses == {"test": None}

    point = made.point(1.0, 0, 0, 0.5) | {"train_loss": math.inf}
    sweep = sweeps.Sweep.load(saved(made.sweep([point]), tmp_path, "sweep/mine/sweep.json"))
    assert sweep.rows[0].train_loss is None

    silhouette = maps.Silhouettes(embedding=math.nan, map=0.5)
    drawn = made.tsne_map().facts.model_copy(update={"silhouette": silhouette})
    assert maps.Facts.load(saved(drawn, tmp_path, "tsne/mine/map.json")).silhouette.embedding is None


@pytest.mark.parametrize("place", RECORDS)
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b'{"version": 1}', b"\xff\xfe"])
def test_what_is_missing_or_damaged_is_one_line_with_the_stage_to_run(
    place: str, content: bytes | None, tmp_path: Path
) -> None:
    path = saved(RECORDS[place], tmp_path, place)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        type(RECORDS[place]).load(path)
    assert error.value.lines == (f"{path}: is missing or damaged; run: {remedy(place)}",)


@pytest.mark.parametrize("change", [{"value": "high"}, {"unknown": 1}, {"part": {"step": 3}}])
def test_a_record_of_another_shape_is_damaged(change: dict[str, Any], tmp_path: Path) -> None:
    path = saved(MEASURED, tmp_path, "train/mine/measured.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=r"is missing or damaged; run: dvc repro --force train@mine --single-item$"):
        Measured.load(path)


@pytest.mark.parametrize("place", RECORDS)
def test_another_version_is_one_line_with_both_versions(place: str, tmp_path: Path) -> None:
    path = saved(RECORDS[place], tmp_path, place)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 7}))
    with pytest.raises(UserError) as error:
        type(RECORDS[place]).load(path)
    line = f"{path}: has version 7 of its format, and version 1 is read; run: {remedy(place)}"
    assert error.value.lines == (line,)


def test_whoever_knows_better_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"measured.json: is missing or damaged; ask for it again$"):
        Measured.load(tmp_path / "measured.json", "ask for it again")
    with pytest.raises(UserError, match=r"a.json: is missing or damaged; ask for it again$"):
        read_json(tmp_path / "a.json", "ask for it again")


def test_a_record_does_not_change_and_knows_its_keys() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        MEASURED.value = 2.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="extra"):
        Measured.model_validate(MEASURED.model_dump() | {"more": 1})
    assert issubclass(Record, Part)
