"""D7: f(x, y, z) = log sigmoid((cos(pi x) + sin(pi y / 2)) / tanh(z^2)) and its gradient.

Computed by our own back-propagation and exactly (mpmath, 50 digits), beside the report's values.
"""

import math

import mpmath  # type: ignore[import-untyped]

from probeline.lessons.autograd import Value, cos, log_sigmoid, sin, tanh
from probeline.results.lessons import Quantity

QUANTITIES = ("f", "df/dx", "df/dy", "df/dz")
REPORTED = {
    (2.0, 4.0, 1.0): (-0.23823101469115085, 2.1417102890343505e-16, 0.43720979194276516, -0.30697227565888),
    (9.0, 14.0, 3.0): (-1.3132617097862371, -2.5313688314302287e-15, -1.148344174369598, 2.672161875217988e-07),
    (128.0, 42.0, 666.0): (-0.3132616875182231, 1.3244281103803985e-14, -0.42245219681098717, -0.0),
    (52.0, 14.0, 28.0): (-0.31326168751822264, -6.626324387577346e-15, -0.4224521968109866, -0.0),
}


def f(x: Value, y: Value, z: Value) -> Value:
    return log_sigmoid((cos(math.pi * x) + sin(math.pi / 2 * y)) / tanh(z * z))


def measured(x: float, y: float, z: float) -> tuple[float, ...]:
    """f, df/dx, df/dy and df/dz by back-propagation."""
    inputs = Value(x), Value(y), Value(z)
    result = f(*inputs)
    result.backward()
    return (result.data, *(one.grad for one in inputs))


def exact(x: float, y: float, z: float) -> tuple[float, ...]:
    """The same from the formulas, with 50 digits, then rounded once. For whole x, df/dx is exactly 0."""
    with mpmath.workdps(50):
        x, y, z = map(mpmath.mpf, (x, y, z))
        numerator, t = mpmath.cospi(x) + mpmath.sinpi(y / 2), mpmath.tanh(z * z)
        u = numerator / t
        slope = 1 / (1 + mpmath.exp(u))  # of log sigmoid at u
        by_x = -mpmath.pi * mpmath.sinpi(x) / t
        by_y = mpmath.pi / 2 * mpmath.cospi(y / 2) / t
        by_z = -numerator / t**2 * mpmath.sech(z * z) ** 2 * 2 * z
        return tuple(float(one) for one in (-mpmath.log1p(mpmath.exp(-u)), slope * by_x, slope * by_y, slope * by_z))


def table(points: list[list[float]]) -> list[Quantity]:
    """One row per point (x, y, z) and quantity."""
    rows = []
    for x, y, z in points:
        reported = REPORTED.get((x, y, z), (None,) * len(QUANTITIES))
        rows += [
            Quantity(x=x, y=y, z=z, quantity=quantity, measured=ours, exact=right, reported=theirs)
            for quantity, ours, right, theirs in zip(
                QUANTITIES, measured(x, y, z), exact(x, y, z), reported, strict=True
            )
        ]
    return rows
