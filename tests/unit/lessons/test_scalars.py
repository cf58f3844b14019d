"""D7 against the report and against many digits."""

from typing import Any

import mpmath  # type: ignore[import-untyped]
import pytest

from probeline.lessons import scalars
from probeline.results.lessons import Quantity


@pytest.mark.parametrize("point", list(scalars.REPORTED))
def test_d7_is_exact_to_twelve_digits_and_as_reported(point: tuple[float, float, float]) -> None:
    f, by_x, by_y, by_z = scalars.measured(*point)
    exact = scalars.exact(*point)
    assert (f, by_y, by_z) == pytest.approx((exact[0], exact[2], exact[3]), rel=1e-12, abs=0)
    assert exact[1] == 0
    assert abs(by_x) < 1e-13  # the rounding of pi: sin(pi x) is not 0
    reported = scalars.REPORTED[point]
    assert (f, by_x, by_y) == pytest.approx(reported[:3], rel=1e-12, abs=0)
    cancelled = point == (9.0, 14.0, 3.0)  # there the report has lost its last digits
    assert by_z == pytest.approx(reported[3], rel=1e-8 if cancelled else 1e-12, abs=0)
    if cancelled:
        assert by_z == pytest.approx(2.67216186602e-07, rel=1e-11, abs=0)


def test_d7_between_whole_numbers_is_what_differences_of_many_digits_give() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        u = (mpmath.cos(mpmath.pi * x) + mpmath.sin(mpmath.pi * y / 2)) / mpmath.tanh(z**2)
        return mpmath.log(1 / (1 + mpmath.exp(-u)))

    point = (0.3, 0.7, -0.9)
    with mpmath.workdps(50):
        gradient = [float(mpmath.diff(f, point, axis)) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
        value = float(f(*map(mpmath.mpf, point)))
    assert scalars.exact(*point) == pytest.approx((value, *gradient), rel=1e-14)
    assert scalars.measured(*point) == pytest.approx((value, *gradient), rel=1e-12)


def test_the_table_has_the_reported_value_beside_each_quantity() -> None:
    rows = scalars.table([[2, 4, 1], [0.3, 0.7, -0.9]])
    assert [row.quantity for row in rows] == 2 * ["f", "df/dx", "df/dy", "df/dz"]
    measured, exact = scalars.measured(2, 4, 1)[3], scalars.exact(2, 4, 1)[3]
    assert rows[3] == Quantity(
        x=2, y=4, z=1, quantity="df/dz", measured=measured, exact=exact, reported=-0.30697227565888
    )
    assert [row.reported for row in rows[4:]] == 4 * [None]
