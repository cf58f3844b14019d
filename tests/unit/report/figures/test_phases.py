from collections.abc import Callable

import pytest
from matplotlib.figure import Figure

from probeline.report.figures import phases
from probeline.results.record import Evaluation
from tests.unit.report.figures import reading


def history(epochs: int) -> list[Evaluation]:
    first = Evaluation(step=0, epoch=0, validation_loss=2.0, validation_accuracy=0.1)
    values = {"train_loss": 0.5, "train_accuracy": 0.75, "validation_loss": 1.0, "validation_accuracy": 0.6}
    return [first, *(Evaluation(step=10 * epoch, epoch=epoch, **values) for epoch in range(1, epochs + 1))]


def test_a_phase_begins_where_the_one_before_ended(readable: Callable[[Figure], None]) -> None:
    both = [("linear probe", history(3), 20), ("fine-tuning", history(2), 10)]
    figure = phases.figure("a title", "a subtitle", both)
    readable(figure)
    loss, error = figure.axes
    curves = [(line.get_label(), reading.x(line)) for line in loss.lines]
    assert [x for label, x in curves if label == "validation"] == [[0, 1, 2, 3], [3, 4, 5]]
    assert [x for label, x in curves if label == "kept weights"] == [[2, 2], [4, 4]]
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "error"]
    assert [text.get_text().strip() for text in loss.texts] == ["linear probe", "from the kept weights: fine-tuning"]
    train, validation = error.lines[:2]
    assert reading.y(train)[1:] == pytest.approx([0.25] * 3)
    assert reading.y(validation) == pytest.approx([0.9, 0.4, 0.4, 0.4])
    assert reading.legends(figure) == [["train (minibatches)", "validation", "kept weights"]]


def test_the_names_of_a_long_and_a_short_phase_do_not_overlap(readable: Callable[[Figure], None]) -> None:
    figure = phases.figure(
        "a title", "a subtitle", [("linear probe", history(50), 20), ("fine-tuning", history(1), 10)]
    )
    readable(figure)
    for axes in figure.axes:
        first, second = (text.get_window_extent() for text in axes.texts)
        assert first.x1 < second.x0
        assert second.x1 <= axes.get_window_extent().x1


def test_one_phase_has_no_name_and_no_border() -> None:
    figure = phases.figure("a title", "a subtitle", [("linear probe", history(2), 20)])
    assert not figure.axes[0].texts
    assert len(figure.axes[0].lines) == 3
