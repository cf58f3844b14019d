import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from probeline.report.figures import lessons
from probeline.results.lessons import Matched, NotFinite, Run
from probeline.results.record import Evaluation
from tests.unit.report.figures import reading

FINITE = {"step": None, "epoch": None, "nan_epoch": None}


def matched(**changes: Any) -> Matched:
    usual: dict[str, Any] = {
        "batch_size": 4,
        "seed": 0,
        "norm": 1.0,
        "not_finite": NotFinite(**FINITE),
        "losses": [1.0],
    }
    return Matched(**usual | changes)


def test_every_run_of_the_hidden_layer_has_its_two_curves(readable: Callable[[Figure], None]) -> None:
    def run(name: str, lr: float, batch_size: int, losses: list[float]) -> Run:
        history = [
            Evaluation(step=10 * epoch, epoch=epoch, validation_loss=loss, validation_accuracy=1 - loss)
            for epoch, loss in enumerate(losses, start=1)
        ]
        return Run(
            run=name, hidden=16, seed=0, lr=lr, batch_size=batch_size, l2=0.0, l2_form="sum", last_epoch=2,
            kept_epoch=2, images={"train": 1500, "validation": 1, "test": 1}, losses={}, history=history,
        )  # fmt: skip

    figure = lessons.mlp([run("d8", 0.1, 4, [0.5, 0.25]), run("d10", 0.001, 32, [0.75, 0.5])])
    readable(figure)
    loss, accuracy = figure.axes
    found = {label: reading.xy(line) for label, line in reading.lines(loss).items()}
    assert found == {
        "d8 (lr 0.1, batch size 4): 0.2500": [[1, 0.5], [2, 0.25]],
        "d10 (lr 0.001, batch size 32): 0.5000": [[1, 0.75], [2, 0.5]],
    }
    assert [reading.y(line) for line in accuracy.lines] == [[0.5, 0.75], [0.25, 0.5]]
    about = (
        "One hidden layer of 16 ReLU units, trained by minibatch gradient descent on 1,500 training images, one seed."
    )
    assert about in reading.words(figure)


def test_blurred_channels_stand_below_their_images_beside_the_kernel() -> None:
    original = np.full((2, 4, 4, 1), 100, dtype=np.uint8)
    blurred = np.stack([np.full((2, 4, 4), 50.4), np.full((2, 4, 4), 60.0)], axis=1)
    figure = lessons.blur([[0.25, 0.25], [0.25, 0.25]], original, blurred)
    images, kernel = figure.axes
    picture = np.array(images.images[0].get_array())
    assert picture.shape == (14, 9, 3)
    assert [picture[row, 0, 0] for row in (0, 5, 10)] == [100, 50, 60]
    assert [label.get_text() for label in images.get_yticklabels()] == ["original", "channel 0", "channel 1"]
    assert [text.get_text() for text in kernel.texts] == ["0.2500"] * 4
    assert "the first 2 training images | kernel sums to 1" in reading.words(figure)


def test_an_explosion_shows_where_it_is_no_longer_finite_and_what_was_reported(
    readable: Callable[[Figure], None],
) -> None:
    gone = NotFinite(step=5, epoch=2, nan_epoch=3)
    later = NotFinite(step=5, epoch=2, nan_epoch=None)
    figure = lessons.explosion(
        [
            matched(losses=[1.0, 1e200, None, None], not_finite=gone, norm=None),
            matched(seed=1, losses=[2.0, 1e100, None], not_finite=later, norm=None),
        ]
    )
    readable(figure)
    (axes,) = figure.axes
    found = reading.lines(axes)
    assert reading.y(found["batch size 4, seed 0"])[:2] == [1.0, 1e200]
    assert reading.x(found["no longer finite"]) == [2, 2]
    assert reading.x(found["nan"]) == [3, 3]
    assert tuple(reading.y(found["reported (batch size 4)"])) == lessons.EXPLOSION
    assert axes.get_yscale() == "log"
    assert "inf from epoch 2 and nan from epoch 3, in float64" in reading.words(figure)
    assert "finite to the end" in reading.words(lessons.explosion([matched()]))


def test_clipped_norms_leave_out_a_batch_size_at_which_a_seed_diverged(readable: Callable[[Figure], None]) -> None:
    figure = lessons.clipped({16: [1.0, math.nan], 1: [2.0, 4.0], 8: [7.0]})
    readable(figure)
    (axes,) = figure.axes
    ones, eights, means, reported = axes.lines
    assert reading.xy(ones) == [[1, 2.0], [1, 4.0]]
    assert reading.xy(eights) == [[8, 7.0]]
    assert reading.xy(means) == [[1, 3.0], [8, 7.0]]
    assert dict(zip(reading.x(reported), reading.y(reported), strict=True)) == lessons.NORMS
    assert "2 seeds; the line joins their means; a seed diverged at batch size 16" in reading.words(figure)


def test_a_lesson_whose_seeds_all_diverged_has_the_reported_norms_alone() -> None:
    (axes,) = lessons.clipped({4: [math.nan]}).axes
    assert [len(reading.xy(line)) for line in axes.lines] == [0, 3]
