import pytest
from matplotlib.figure import Figure

from probeline.report.figures import style


def test_a_title_names_the_dataset_where_its_name_is_not_that_of_the_task() -> None:
    assert style.on("mnist", "mnist") == "mnist"
    assert style.on("mnist", "digits") == "mnist (dataset digits)"


def test_numbers_of_things_are_words() -> None:
    assert [style.count(number, "seed") for number in (0, 1, 1500)] == ["0 seeds", "1 seed", "1,500 seeds"]
    assert style.count(2, "class", "classes") == "2 classes"


def inches(figure: Figure) -> float:
    return float(figure.get_size_inches()[1])


def test_a_long_subtitle_is_wrapped_inside_the_figure_and_above_the_panel() -> None:
    short, _ = style.new(1, 5, 3, "a title", "short")
    figure, (axes,) = style.new(1, 5, 3, "a title", "many words " * 20)
    figure.draw_without_rendering()
    assert inches(short) == 3
    assert inches(figure) > 3.3
    (subtitle,) = (text for text in figure.texts if "many" in text.get_text())
    box = subtitle.get_window_extent()
    assert box.x1 < figure.bbox.x1
    assert box.y0 > axes.get_window_extent().y1


def test_what_several_panels_show_stands_once_in_the_legend() -> None:
    figure, panels = style.new(2, 5, 3, "a title", "")
    for axes in panels:
        axes.plot([1, 2], label="train")
    panels[1].plot([2, 1], label="validation")
    style.legend(figure, panels)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "validation"]


def test_a_column_stands_beside_the_rows_of_its_texts() -> None:
    figure, (axes,) = style.new(1, 5, 3, "a title", "")
    axes.plot([0, 1], [0, 2])
    style.column(axes, 1.0, "steps", ["1,500", "20", "3"])
    figure.draw_without_rendering()
    *texts, heading = axes.texts
    ends = [text.get_window_extent() for text in texts]
    right = axes.get_window_extent().x1
    assert [box.x1 for box in ends] == pytest.approx([right + figure.dpi] * 3, abs=2)
    rows = axes.transData.transform([(0, row) for row in range(3)])[:, 1]
    assert [(box.y0 + box.y1) / 2 for box in ends] == pytest.approx(list(rows), abs=3)
    assert heading.get_text() == "steps"
    assert heading.get_window_extent().y0 > axes.get_window_extent().y1
