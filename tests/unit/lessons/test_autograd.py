"""Back-propagation on scalars against derivatives by hand."""

from collections.abc import Callable

import pytest

from probeline.lessons import autograd
from probeline.lessons.autograd import Value


def test_gradients_of_all_paths_add_up() -> None:
    x, y = Value(3.0), Value(-2.0)
    z = x * y + 1.0
    result = z * z + x / y + 5 * x  # (xy + 1)^2 + x/y + 5x
    result.backward()
    assert result.data == 25 - 1.5 + 15
    assert x.grad == 2 * -5 * -2 + 1 / -2 + 5  # 2(xy + 1)y + 1/y + 5
    assert y.grad == 2 * -5 * 3 - 3 / 4  # 2(xy + 1)x - x/y^2
    result.backward()  # starts anew
    assert x.grad == 24.5


@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [
        (autograd.log_sigmoid, -800.0, 1.0),
        (autograd.log_sigmoid, 800.0, 0.0),
        (autograd.tanh, -1000.0, 0.0),
        (autograd.tanh, 20.0, 1.6993417021166355e-17),  # 1 / cosh(20)^2; 1 - tanh(20)^2 is 0
    ],
)
def test_far_out_slopes_neither_overflow_nor_cancel(
    function: Callable[[Value], Value], value: float, slope: float
) -> None:
    x = Value(value)
    function(x).backward()
    assert x.grad == pytest.approx(slope, rel=1e-14, abs=0)
