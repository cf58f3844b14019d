"""Back-propagation on scalars (D7): numbers that remember what they were computed from.

A `Value` v = f(a, b) keeps its parents a, b and its slopes df/da, df/db. From a result L the chain rule then works
backward: dL/da is the sum of dL/dv * dv/da over all v that were computed from a.
"""

import math


class Value:
    """A number in a computation.

    Attributes:
        data: The number.
        grad: d(result)/d(this), after `result.backward()`.
    """

    def __init__(self, data: float, parents: "tuple[Value, ...]" = (), slopes: tuple[float, ...] = ()) -> None:
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes

    def __add__(self, other: "Value | float") -> "Value":
        other = value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))  # d(a + b) = da + db

    def __mul__(self, other: "Value | float") -> "Value":
        other = value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))  # d(ab) = b da + a db

    def __truediv__(self, other: "Value | float") -> "Value":
        other = value(other)
        ratio = self.data / other.data
        return Value(ratio, (self, other), (1 / other.data, -ratio / other.data))  # d(a/b) = da / b - (a/b) db / b

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Set the gradient of this value with respect to every value that it was computed from."""
        order = _parents_first(self)
        for node in order:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(order):  # a value comes after all that use it: its gradient is complete
            for parent, slope in zip(node.parents, node.slopes, strict=True):
                parent.grad += node.grad * slope


def value(number: "Value | float") -> Value:
    """A number as a value; a value as it is."""
    return number if isinstance(number, Value) else Value(number)


def sin(a: Value) -> Value:
    return Value(math.sin(a.data), (a,), (math.cos(a.data),))


def cos(a: Value) -> Value:
    return Value(math.cos(a.data), (a,), (-math.sin(a.data),))


def tanh(a: Value) -> Value:
    """The slope is 1 / cosh^2 = 4t / (1 + t)^2 for t = exp(-2|a|).

    It also equals 1 - tanh^2, but where tanh is near 1 that difference loses its digits.
    """
    t = math.exp(-2 * abs(a.data))
    return Value(math.tanh(a.data), (a,), (4 * t / (1 + t) ** 2,))


def log_sigmoid(a: Value) -> Value:
    """log(1 / (1 + exp(-a))), with the slope 1 / (1 + exp(a)). No exponential here is above 1, so none overflows."""
    t = math.exp(-abs(a.data))
    return Value(min(a.data, 0.0) - math.log1p(t), (a,), ((t if a.data > 0 else 1.0) / (1 + t),))


def _parents_first(last: Value) -> list[Value]:
    """All values that `last` was computed from, and `last` itself, each after its parents."""
    order: list[Value] = []
    seen = set()

    def visit(node: Value) -> None:
        if node not in seen:
            seen.add(node)
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(last)
    return order
