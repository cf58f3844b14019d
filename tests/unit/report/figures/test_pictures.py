import numpy as np

from probeline.report.figures import pictures
from probeline.results.tasks import Task


def test_examples_have_one_row_per_class_with_its_name() -> None:
    images = np.zeros((2, 3, 4, 4, 1), dtype=np.uint8)
    images[1, 2] = 200
    figure = pictures.examples("mnist", Task(dataset="digits", classes=["zero", "one", "two"]), images)
    (axes,) = figure.axes
    picture = np.array(axes.images[0].get_array())
    assert picture.shape == (9, 14)  # a gap of one pixel between images
    assert (picture[4] == 255).all()
    assert (picture[5:, 10:] == 200).all()
    assert (picture[:4, :4] == 0).all()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["zero", "one"]
    assert axes.get_yticks().tolist() == [2, 7]
    assert figure.get_suptitle().strip() == "mnist (dataset digits)"
    assert any("classes 0 to 1 of 3, training images of 4 by 4 pixels" in text.get_text() for text in figure.texts)


def test_augmented_images_stand_below_the_images_that_they_were() -> None:
    images = np.stack([np.full((2, 4, 4, 3), 10), np.full((2, 4, 4, 3), 20)]).astype(np.uint8)
    figure = pictures.augmented("softmax", images)
    (axes,) = figure.axes
    picture = np.array(axes.images[0].get_array())
    assert picture.shape == (9, 9, 3)
    assert (picture[0, 0] == 10).all()
    assert (picture[-1, -1] == 20).all()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["before", "after"]
    assert any("outside of the range of pixels are cut" in " ".join(text.get_text().split()) for text in figure.texts)
