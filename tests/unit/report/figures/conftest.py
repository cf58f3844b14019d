"""What the tests of figures use."""

from collections.abc import Callable

import pytest
from matplotlib.figure import Figure
from matplotlib.transforms import BboxBase

from probeline.results.embeddings import Embedded


@pytest.fixture
def readable() -> Callable[[Figure], None]:
    """Assert that no text is cut off, and that no legend lies on what is drawn."""

    def check(figure: Figure) -> None:
        figure.draw_without_rendering()
        edge = figure.bbox.padded(1)

        def inside(box: BboxBase) -> bool:
            return bool(edge.x0 <= box.x0 and edge.y0 <= box.y0 and box.x1 <= edge.x1 and box.y1 <= edge.y1)

        for axes in figure.axes:
            labels = [*axes.get_yticklabels(), axes.xaxis.label, axes.yaxis.label, axes.title, *axes.texts]
            for text in labels:
                if text.get_text():
                    box = text.get_window_extent()
                    assert inside(box), text.get_text()
            for legend in [*figure.legends, *filter(None, [axes.get_legend()])]:
                box = legend.get_window_extent().padded(-2)
                assert inside(box)
                assert not any(box.overlaps(other.get_window_extent()) for other in figure.axes)
        for text in figure.texts:
            assert text.get_window_extent().x1 <= edge.x1, text.get_text()

    return check


@pytest.fixture
def embedded() -> Embedded:
    return Embedded(
        source="z32",
        weights="trained",
        seed=0,
        task="made",
        resize=None,
        shape=(1, 4, 4),
        dataset="digits",
        source_dataset="digits",
        model="convnet",
        top1=None,
        parameters=10,
        dimensions=4,
        seen={},
    )
