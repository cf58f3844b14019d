"""Tables of runs, by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from probeline.pipeline import files
from probeline.report import runs
from probeline.report.fits import further
from probeline.report.intervals import of_share
from tests.unit.report import made


def test_a_run_over_seeds_has_mean_spread_and_interval() -> None:
    run = made.run(1, 3, 4)
    (row,) = runs.table({"mine": run}, []).to_dict("records")
    assert row["run"] == "mine"
    assert row["report_id"] == "B2"
    assert [row[f"{split}_images"] for split in made.SPLITS] == [12, 6, 10]
    assert (row["seeds"], row["last_step"], row["left_out"], row["diverged"]) == (3, 20, 3, 0)
    assert row["test_accuracy"] == pytest.approx((0.9 + 0.7 + 0.6) / 3)
    assert row["test_accuracy_std"] == pytest.approx(np.std([0.9, 0.7, 0.6], ddof=1))
    assert row["train_accuracy"] == pytest.approx(1 - 8 / 36)
    assert (row["train_loss"], row["validation_loss"], row["test_loss"]) == (0.25, 0.5, 0.75)
    expected = stats.t.interval(0.95, 2, loc=row["test_accuracy"], scale=stats.sem([0.9, 0.7, 0.6]))
    assert row["interval"] == "seeds"
    assert (row["test_accuracy_low"], row["test_accuracy_high"]) == pytest.approx((expected[0], min(expected[1], 1)))


def test_one_seed_has_the_interval_of_its_test_images() -> None:
    (row,) = runs.table({"mine": made.run(2)}, []).to_dict("records")
    assert (row["test_accuracy_low"], row["test_accuracy_high"]) == of_share(8, 10)
    assert row["interval"] == "images"
    assert pd.isna(row["test_accuracy_std"])


def test_a_further_metric_is_a_column_and_a_key_of_every_run() -> None:
    metrics = further(["cross_entropy", "top_5"])
    of_all = {"mine": made.run(2, 2, metrics=metrics)}
    table = runs.table(of_all, metrics)
    assert list(table)[-2:] == ["test_cross_entropy", "test_top_5"]
    assert table["test_cross_entropy"][0] == pytest.approx(np.log(np.exp(2) + 2) - 2 + 0.2 * 2)
    assert pd.isna(table["test_top_5"][0])  # of three classes
    found = runs.metrics_of(of_all["mine"])
    assert found["mean"]["test_cross_entropy"] == found["seeds"][1]["test_cross_entropy"]
    assert list(runs.table({"mine": made.run(2)}, []))[-1] == "interval"


def test_the_file_of_a_run_has_each_seed_and_class() -> None:
    found = runs.metrics_of(made.run(1, 3))
    assert found["images"] == {"train": 12, "validation": 6, "test": 10}
    assert [seed["seed"] for seed in found["seeds"]] == [0, 1]
    assert [seed["resample"] for seed in found["seeds"]] == [0, 1]
    assert [seed["test_accuracy"] for seed in found["seeds"]] == [0.9, 0.7]
    assert found["mean"]["test_accuracy"] == pytest.approx(0.8)
    assert found["std"]["test_accuracy"] == pytest.approx(0.2 / 2**0.5)
    # Test images: cat 3, dog 3, eel 4; over both seeds three cats and one dog were wrong.
    assert found["test_accuracy_by_class"] == {"cat": 3 / 6, "dog": 5 / 6, "eel": 1.0}
    assert found["start"] is None


def test_what_a_transfer_started_from_is_in_its_file_and_row() -> None:
    start = {
        "source": "other", "load": ["features"], "new": ["head"], "trainable": "all", "loaded_parameters": 9,
        "new_parameters": 3, "trained_parameters": 12,
    }  # fmt: skip
    run = made.run(1, section="transfer", start=start)
    assert runs.metrics_of(run)["start"] == start
    assert runs.table({"mine": run}, [])["source"].tolist() == ["other"]


def test_a_diverged_seed_leaves_no_mean() -> None:
    run = made.run(1, None)
    found = runs.metrics_of(run)
    assert found["diverged"] == 1
    assert set(found["mean"].values()) == set(found["std"].values()) == {None}
    assert found["test_accuracy_by_class"] == {"cat": 2 / 3, "dog": 1.0, "eel": 1.0}
    (row,) = runs.table({"mine": run}, []).to_dict("records")
    assert row["interval"] is None
    assert runs.numbers({"mine": run}) == {}


def test_a_run_whose_seeds_all_diverged_still_predicts_classes() -> None:
    run = made.run(None)
    assert runs.metrics_of(run)["test_accuracy_by_class"] == dict.fromkeys(made.CLASSES)
    counts = runs.confusion(run)
    assert counts is not None
    assert not counts.any()
    assert runs.side_by_side({"a": run, "b": run}) == {}


def test_an_embedding_has_a_loss_and_no_accuracy() -> None:
    run = made.embedding_run()
    found = runs.metrics_of(run)
    assert found["mean"]["test_loss"] == 0.75
    assert found["mean"]["test_accuracy"] is None
    assert found["test_accuracy_by_class"] is None
    assert runs.confusion_table(run) is None
    assert runs.numbers({"a": run}) == {"a.test_loss": 0.75}
    assert runs.curves(runs.history(run))["validation_accuracy"].isna().all()
    assert runs.numbers({"b": made.run(2, 4)}) == {"b": pytest.approx(0.7)}


def test_curves_are_the_mean_over_the_seeds_that_came_so_far(tmp_path: Path) -> None:
    def seed(number: int, *losses: float | None) -> dict[str, object]:
        history = [
            made.evaluation(10 * (i + 1), train_loss=loss, validation_loss=loss) for i, loss in enumerate(losses)
        ]
        return made.seed(number, history=history)

    run = made.run(1, 1, 1)
    record = made.record([seed(0, 1.0, 0.5, 0.25), seed(1, 2.0), seed(2, 3.0, 1.5, None)])
    run = type(run)(run.section, run.folder, record, run.fits)
    files.write_csv(tmp_path / "c.csv", runs.curves(runs.history(run)))
    assert (tmp_path / "c.csv").read_text().splitlines() == [
        "step,train_loss,validation_loss,train_accuracy,validation_accuracy",
        "10,2,2,0.5,0.5",
        "20,1,1,0.5,0.5",
        "30,0.25,0.25,0.5,0.5",
    ]
    history = runs.history(run)
    assert history["seed"].tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert list(history) == ["seed", "step", "epoch", *runs.CURVES]
    assert history["train_loss"].isna().sum() == 1


def test_the_confusion_is_summed_over_seeds() -> None:
    table = runs.confusion_table(made.run(1, 3))
    assert table is not None
    assert list(table) == ["actual", "predicted", "images"]
    assert table["actual"].tolist()[:4] == ["cat", "cat", "cat", "dog"]
    assert table["images"].tolist() == [3, 3, 0, 0, 5, 1, 0, 0, 8]


def test_runs_with_one_report_id_on_one_task_stand_side_by_side() -> None:
    found = runs.side_by_side(
        {
            "one": made.run(1),
            "two": made.run(3),
            "elsewhere": made.run(1, task="u"),
            "other": made.run(1, report_id="B3"),
            "encoder": made.embedding_run(),
        }
    )
    ((key, group),) = found.items()
    assert key == ("B2", "made")
    assert list(group) == ["one", "two"]
    assert group["one"].index.tolist() == list(made.CLASSES)
    assert group["one"]["accuracy"].tolist() == pytest.approx([2 / 3, 1, 1])
    assert group["two"]["accuracy"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert tuple(group["two"].loc["dog", ["low", "high"]]) == pytest.approx(of_share(2, 3))


def test_a_class_without_test_images_has_no_accuracy() -> None:
    frame = runs._accuracy_by_class(np.array([[3, 1], [0, 0]]), 1, ["a", "b"])
    assert frame["accuracy"].tolist()[0] == 0.75
    assert frame.loc["b"].isna().all()


def test_more_seeds_are_not_more_test_images() -> None:
    group = {"seeds": made.run(1, 3, None), "one": made.run(2)}
    frame = runs.side_by_side(group)["B2", "made"]["seeds"]
    # Of three cats and of three dogs the two seeds that did not diverge predict 2 and 0, 3 and 2 right.
    assert frame["accuracy"].tolist() == pytest.approx([3 / 6, 5 / 6, 1])
    assert tuple(frame.loc["cat", ["low", "high"]]) == pytest.approx(of_share(2, 3))
    assert tuple(frame.loc["eel", ["low", "high"]]) == pytest.approx(of_share(4, 4))
