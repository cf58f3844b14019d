"""Tables of probes, by hand."""

import numpy as np
import pandas as pd
import pytest

from probeline.report import probes
from probeline.report.fits import further
from probeline.report.intervals import of_share
from tests.unit.report import made


def test_one_row_has_the_means_over_resamples_and_the_first_setting() -> None:
    (row,) = probes.table({"mine-made": made.encoder()}, {}, []).to_dict("records")
    assert row["encoder"] == "mine-made"
    assert (row["report_id"], row["task"], row["resamples"], row["seen_train"]) == ("E1", "made", 2, 12)
    assert row["logistic_test_accuracy"] == pytest.approx(0.75)
    assert row["logistic_test_accuracy_std"] == pytest.approx(np.std([0.8, 0.7], ddof=1))
    assert row["gradient_validation_accuracy"] == pytest.approx(2 / 6)
    assert row["knn_test_accuracy"] == pytest.approx(0.5)
    settings = ("logistic_l2", "gradient_lr", "gradient_l2", "knn_neighbors")
    assert [row[name] for name in settings] == [0.5, 0.1, 0.25, 3]


def test_an_encoder_without_a_gradient_probe_has_empty_columns() -> None:
    encoder = made.encoder(gradient=False)
    (row,) = probes.table({"mine-made": encoder}, {}, []).to_dict("records")
    assert all(pd.isna(value) for name, value in row.items() if str(name).startswith("gradient_"))
    assert list(probes.numbers({"mine-made": encoder})) == ["mine-made.logistic", "mine-made.knn"]


def test_figures_get_the_interval_of_every_accuracy_over_its_test_images() -> None:
    table = probes.table({"with": made.encoder(own=True), "without": made.encoder(gradient=False)}, {}, [])
    found = probes.with_intervals(table)
    pd.testing.assert_frame_equal(found[[*map(str, table)]], table)
    ends = [f"{probe}_test_accuracy_{end}" for probe in ("gradient", "knn", "mine") for end in ("low", "high")]
    assert tuple(found.loc[0, ends]) == pytest.approx((*of_share(6, 10), *of_share(5, 10), *of_share(9, 10)))
    assert found[ends].isna().iloc[1].tolist() == [True, True, False, False, True, True]
    assert probes.with_intervals(pd.DataFrame()).empty


def test_a_probe_of_ones_own_has_its_setting_and_its_scores_beside_the_others() -> None:
    table = probes.table({"without": made.encoder(), "with": made.encoder(own=True)}, {}, [])
    known = list(probes.table({"without": made.encoder()}, {}, []))
    assert [name for name in map(str, table) if name not in known] == [
        "mine_depth", "mine_kind", "mine_validation_accuracy", "mine_test_accuracy", "mine_test_accuracy_std",
    ]  # fmt: skip
    assert list(table.loc[1, ["mine_depth", "mine_kind", "mine_test_accuracy"]]) == [2, "tree", pytest.approx(0.9)]
    assert table.loc[0, ["mine_depth", "mine_kind", "mine_test_accuracy"]].isna().all()


def test_one_number_per_probe_is_compared() -> None:
    assert probes.numbers({"mine-made": made.encoder()}) == {
        "mine-made.logistic": pytest.approx(0.75),
        "mine-made.gradient": pytest.approx(0.6),
        "mine-made.knn": pytest.approx(0.5),
    }


def test_a_further_metric_is_a_column_of_every_probe() -> None:
    metrics = further(["cross_entropy"])
    encoder = made.encoder(metrics)
    table = probes.table({"mine-made": encoder}, {}, metrics)
    assert table["logistic_test_cross_entropy"][0] == pytest.approx(np.log(np.exp(2) + 2) - 2 + 2 * 0.25)
    assert pd.isna(table["knn_test_cross_entropy"][0])  # votes are no logits
    found = probes.metrics_of(encoder)["resamples"][0]["logistic"]["scores"]
    assert found["test"]["cross_entropy"] == pytest.approx(np.log(np.exp(2) + 2) - 2 + 2 * 0.2)


def test_the_file_of_an_encoder_has_everything_but_the_curves() -> None:
    found = probes.metrics_of(made.encoder())
    assert (found["source"], found["dimensions"], found["report_id"]) == ("mine", 8, "E1")
    first = found["resamples"][0]
    assert list(first) == ["logistic", "knn", "gradient"]
    assert list(first["gradient"]) == ["chosen", "scores", "confusion", "rows"]
    assert first["gradient"]["scores"] == {
        "train": {"loss": 0.1, "accuracy": pytest.approx(8 / 12)},
        "validation": {"loss": 0.2, "accuracy": pytest.approx(2 / 6)},
        "test": {"loss": 0.3, "accuracy": 0.6},
    }
    assert list(first["knn"]["scores"]) == ["validation", "test"]
    assert first["knn"]["scores"]["test"] == {"loss": None, "accuracy": 0.5}
    assert np.trace(first["logistic"]["confusion"]) == 8
    assert np.sum(first["logistic"]["confusion"]) == 10


def test_the_accuracy_of_a_source_is_that_of_the_seed_that_was_embedded() -> None:
    runs = {"mine": made.run(5, 2)}
    assert probes.source_accuracy(made.embedded(seed=1), runs) == 0.8
    assert probes.source_accuracy(made.embedded(seed=1), {"mine": made.run(None, 2)}) == 0.8
    assert probes.source_accuracy(made.embedded(source="resnet18", top1=0.7), runs) == 0.7
    assert probes.source_accuracy(made.embedded(weights="initial"), runs) is None


def test_a_fine_tuning_goes_on_where_its_probe_ended() -> None:
    start = {
        "source": "resnet18", "load": [], "new": [], "trainable": {"last": 3}, "loaded_parameters": 9,
        "new_parameters": 0, "trained_parameters": 1200, "encoder": "mine-made", "head": "gradient",
    }  # fmt: skip
    runs = {"mine": made.run(2), "tuned": made.run(1, 1, section="finetune", start=start)}
    first, second = probes.phases({"mine-made": made.encoder()}, runs)
    name, title, subtitle, phases = first
    assert (name, title) == ("mine-made", "mine-made: linear probe")
    assert [(what, kept) for what, _, kept in phases] == [("linear probe", 20)]
    assert "lr 0.1, L2 0.25, seed 0, the first of 2 resamples | test accuracy 0.6000" in subtitle
    name, _, subtitle, phases = second
    assert name == "tuned.after"
    assert [(what, kept) for what, _, kept in phases] == [("linear probe", 20), ("fine-tuning", 10)]
    assert "1,200 parameters train, the first of 2 seeds" in subtitle
    assert "test accuracy 0.6000 with the probe, 0.9000 after it" in subtitle


def test_a_fine_tuning_from_the_optimum_has_no_curve_before_it() -> None:
    start = {
        "source": "resnet18", "load": [], "new": [], "trainable": "all", "loaded_parameters": 9, "new_parameters": 0,
        "trained_parameters": 9, "encoder": "mine-made", "head": "logistic",
    }  # fmt: skip
    runs = {"tuned": made.run(1, section="finetune", start=start)}
    ((_, _, subtitle, phases),) = probes.phases({"mine-made": made.encoder(gradient=False)}, runs)
    assert [what for what, _, _ in phases] == ["fine-tuning"]
    assert "test accuracy 0.8000 with the probe" in subtitle
