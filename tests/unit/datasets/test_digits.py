"""The digits of scikit-learn, value by value."""

from probeline.datasets import digits


def test_digits_are_scaled_as_documented() -> None:
    found = digits.read(digits.Spec(kind="digits"), "digits")
    assert found.classes == tuple("0123456789")
    assert list(found.labels) == ["train"]
    assert found.labels["train"][:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert len(found.labels["train"]) == 1797
    # The first row of the first image is 0 0 5 13 9 1 0 0 of 16: 79.69, 207.19, 143.44 and 15.94 of 255.
    image = found.images("train", [0], None)
    assert image.shape == (1, 8, 8, 1)
    assert image[0, 0, :, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert found.images("train", range(1797), None).max() == 255
