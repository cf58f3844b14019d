"""Tables of sweeps, by hand."""

import pytest

from probeline.report import sweeps
from tests.unit.report.made import point, sweep


def test_means_and_spreads_are_over_the_seeds_of_a_point() -> None:
    found = sweep(
        [
            point(0.1, 0, 0, 0.2, 0.3), point(0.1, 0, 1, 0.4, 0.5), point(0.1, 1, 0, 0.1), point(0.1, 1, 1, None),
            point(1.0, 0, 0, 0.5), point(1.0, 0, 1, 0.5), point(1.0, 1, 0, 0.6, 0.7), point(1.0, 1, 1, 0.9, 0.8),
        ]
    )  # fmt: skip
    points = sweeps.points(found)
    assert points["optimizer.lr"].tolist() == [0.1, 0.2, 0.1, 0.2]
    assert points["train_images"].tolist() == [1, 1, 10, 10]
    assert points["validation_accuracy"].tolist()[:1] == [pytest.approx(0.3)]
    assert points["validation_accuracy"].isna().tolist() == [False, True, False, False]
    assert points["diverged"].tolist() == [0, 1, 0, 0]
    assert points["test_accuracy"].tolist()[0::3] == [pytest.approx(0.4), pytest.approx(0.75)]
    assert points["test_accuracy_std"].tolist()[0] == pytest.approx(0.1 * 2**0.5)
    table = sweeps.table({"mine": found}, {"mine": sweeps.points(found)})
    assert table["train_fraction"].tolist() == [0.1, 1.0]
    assert table["best"].tolist() == ["lr 0.1", "lr 0.2"]
    assert table["points"].tolist() == [2, 2]
    assert table["diverged"].tolist() == [1, 0]
    assert sweeps.numbers({"mine": sweeps.points(found)}) == {"mine.best": pytest.approx(0.75)}


def test_a_sweep_whose_points_all_diverge_has_no_best() -> None:
    found = sweep([point(1.0, 0, 0, None), point(1.0, 1, 0, None)])
    assert sweeps.numbers({"mine": sweeps.points(found)}) == {}
    table = sweeps.table({"mine": found}, {"mine": sweeps.points(found)})
    assert table["best"].tolist() == ["none: every point diverged"]
    assert table["validation_accuracy"].isna().all()


def test_every_point_and_seed_is_a_row_with_its_values() -> None:
    rows = sweeps.rows(sweep([point(1.0, 0, 0, 0.5, 0.6), point(1.0, 1, 0, None)]))
    assert list(rows)[:6] == ["train_fraction", "train_images", "point", "setting", "optimizer.lr", "seed"]
    assert rows["optimizer.lr"].tolist() == [0.1, 0.2]
    assert rows["test_accuracy"].tolist()[0] == 0.6
    assert rows["validation_loss"].isna().tolist() == [False, True]
