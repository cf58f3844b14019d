"""Tables and numbers of a lesson, against values by hand."""

import math
from dataclasses import replace
from statistics import stdev

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from probeline.lessons import scalars
from probeline.report import lessons as report
from probeline.results.lessons import Facts, Lesson, Library, Matched, NotFinite, Run
from probeline.results.outputs import Outputs
from probeline.results.record import Evaluation
from probeline.results.tasks import Labels

FINITE = NotFinite(step=None, epoch=None, nan_epoch=None)


def clipped(batch_size: int, seed: int, norm: float | None) -> Matched:
    return Matched(batch_size=batch_size, seed=seed, norm=norm, not_finite=FINITE, losses=[3.0, 2.0])


def predicted(train: list[int], validation: list[int], test: list[int]) -> Outputs:
    splits = {"train": train, "validation": validation, "test": test}
    return Outputs("logits", {split: np.array(classes) for split, classes in splits.items()})


# Eight images; the second resample is not that of the lessons. No test image is bright.
LABELS = Labels(
    dataset="made",
    classes=("dark", "gray", "bright"),
    labels=np.array([0, 1, 2, 0, 1, 0, 0, 1]),
    origin=np.arange(8),
    train=np.array([[0, 1, 2], [2, 1, 0]]),
    validation=np.array([[3, 4], [4, 3]]),
    test=np.array([5, 6, 7]),
)
LESSON = Lesson(
    Facts(
        mlp_task="made",
        convolution_task="made",
        d5=Library(c=1.0, iterations=9, made_iterations=5, converged=True, images={}),
        d7=scalars.table([[2, 4, 1], [0.3, 0.7, -0.9]]),
        mlp=[
            Run(
                run="d8",
                hidden=5,
                seed=0,
                lr=0.1,
                batch_size=2,
                l2=0.01,
                l2_form="half",
                last_epoch=4,
                kept_epoch=3,
                images={"train": 3, "validation": 2, "test": 3},
                losses={"train": 0.1, "validation": 0.2, "test": 0.3},
                history=[Evaluation(step=2, epoch=1, train_loss=1.0, validation_loss=0.9, validation_accuracy=0.5)],
            )
        ],
        d12=[[0.25, 0.5, 0.25]],
        d13=[
            Matched(
                batch_size=4,
                seed=0,
                norm=None,
                not_finite=NotFinite(step=5, epoch=1, nan_epoch=2),
                losses=[1e30, None, None],
            )
        ],
        d14=[clipped(1, 0, 5.0), clipped(1, 1, 8.0), clipped(16, 0, 7.0), clipped(16, 1, None)],
    ),
    np.zeros((2, 6, 6, 1), np.uint8),
    np.zeros((2, 3, 6, 6)),
    {"d5": predicted([0, 1, 2], [0, 0], [0, 2, 2]), "d8": predicted([0, 0, 2], [1, 1], [0, 1, 1])},
)


def test_accuracies_are_those_of_the_outputs_on_the_first_resample() -> None:
    assert report.accuracies(LESSON, "d5", LABELS) == pytest.approx({"train": 1, "validation": 1 / 2, "test": 1 / 3})
    assert report.accuracies(LESSON, "d8", LABELS) == pytest.approx(
        {"train": 2 / 3, "validation": 1 / 2, "test": 2 / 3}
    )


def test_the_table_of_runs_has_settings_losses_and_accuracies() -> None:
    (row,) = report.tables(LESSON, LABELS)["mlp"].to_dict("records")
    assert list(row.items()) == [
        ("run", "d8"),
        ("hidden", 5),
        ("lr", 0.1),
        ("batch_size", 2),
        ("l2", 0.01),
        ("l2_form", "half"),
        ("train_images", 3),
        ("last_epoch", 4),
        ("kept_epoch", 3),
        ("train_loss", 0.1),
        ("train_accuracy", pytest.approx(2 / 3)),
        ("validation_loss", 0.2),
        ("validation_accuracy", 0.5),
        ("test_loss", 0.3),
        ("test_accuracy", pytest.approx(2 / 3)),
    ]


def test_a_class_without_test_images_has_no_accuracy() -> None:
    (row,) = report.tables(LESSON, LABELS)["mlp_by_class"].to_dict("records")
    assert (row["run"], row["dark"], row["gray"]) == ("d8", 0.5, 1.0)
    assert pd.isna(row["bright"])


def test_d7_is_published_with_every_digit() -> None:
    table = report.tables(LESSON, LABELS)["scalars"]
    assert table.loc[3, "reported"] == "-0.30697227565888"
    assert table.loc[4, "reported"] == ""
    assert [float(text) for text in table.loc[:3, "measured"]] == list(scalars.measured(2, 4, 1))
    assert table.loc[1, "exact"] == "0.0"


def test_matchings_have_a_row_per_training_and_a_row_per_epoch() -> None:
    tables = report.tables(LESSON, LABELS)
    rows = tables["matching"].set_index(["lesson", "batch_size", "seed"])
    columns = ["first_step_not_finite", "first_epoch_not_finite", "first_epoch_nan", "epochs"]
    assert list(rows.loc[("d13", 4, 0), columns]) == [5, 1, 2, 3]
    assert rows.loc[("d14", 1, 1), "norm"] == 8
    assert rows.loc[("d14", 1, 1), columns[:3]].isna().all()
    losses = tables["matching_losses"]
    assert len(losses) == 3 + 4 * 2
    first = losses[losses["lesson"] == "d13"]
    assert list(first["epoch"]) == [0, 1, 2]
    assert first["loss"].isna().tolist() == [False, True, True]


def test_the_numbers_are_one_per_result() -> None:
    found = report.numbers(LESSON, LABELS)
    error = found.pop("d7.largest_relative_error")
    assert 0 < error < 1e-12
    assert found == pytest.approx(
        {
            "d5.train_accuracy": 1,
            "d5.validation_accuracy": 1 / 2,
            "d5.test_accuracy": 1 / 3,
            "mlp.d8.test_accuracy": 2 / 3,
            "d13.batch-4.seed-0.first_epoch_not_finite": 1,
            "d14.batch-1.norm": 6.5,
            "d14.batch-1.norm_std": stdev([5, 8]),
        }
    )  # and none of batch 16: a mean over the seeds that did not diverge would mislead
    assert report.norms(LESSON.facts.d14)[1] == [5.0, 8.0]
    assert any(map(math.isnan, report.norms(LESSON.facts.d14)[16]))


def test_one_seed_has_no_standard_deviation() -> None:
    alone = replace(LESSON, facts=LESSON.facts.model_copy(update={"d14": [clipped(1, 0, 5.0)]}))
    found = report.numbers(alone, LABELS)
    assert found["d14.batch-1.norm"] == 5
    assert "d14.batch-1.norm_std" not in found


def test_the_largest_error_is_relative_and_skips_what_is_exactly_zero() -> None:
    rows = scalars.table([[2, 4, 1]])
    one = rows[0].model_copy(update={"measured": 1.01, "exact": 1.0})
    zero = rows[0].model_copy(update={"measured": 9.0, "exact": 0.0})
    assert report.largest_error([one, zero]) == pytest.approx(0.01)
    assert report.largest_error([zero]) == 0


def test_each_figure_can_be_drawn_where_losses_are_not_finite() -> None:
    drawn = {name: make(*arguments) for name, make, arguments in report.figures(LESSON)}
    assert list(drawn) == ["mlp", "blur", "explosion", "clipped"]
    assert all(isinstance(figure, Figure) for figure in drawn.values())
    plt.close("all")
