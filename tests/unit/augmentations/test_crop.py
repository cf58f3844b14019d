"""Windows are uniform."""

from tests.unit.augmentations.conftest import draws, spec, unevenness


def test_uniform_windows() -> None:
    (windows,) = draws(spec("crop", padding=4), 81_000)
    assert unevenness(windows[:, 0] * 9 + windows[:, 1], 81) < 1.6
