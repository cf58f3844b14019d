"""Angles are uniform."""

from tests.unit.augmentations.conftest import draws, spec, tenths, unevenness


def test_uniform_angles() -> None:
    (angles,) = draws(spec("rotation", degrees=3), 10_000)
    assert unevenness(tenths(angles, -3, 3), 10) < 3
