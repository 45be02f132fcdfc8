"""Units and the two kinds of number that formulas take: a scalar, or an array of a sweep."""

from __future__ import annotations

import math
from typing import Any, overload

Quantity = Any
"""A number, or a float64 array of them: which of the two hangs on the caller, and formulas are the same for both.
(A union would have to be taken apart wherever plain numbers enter a report.)"""

GB = 10**9
GIB = 2**30
_SCALAR = (int, float)


@overload
def ceil_div(value: int, parts: int) -> int: ...
@overload
def ceil_div(value: Quantity, parts: Quantity) -> Quantity: ...
def ceil_div(value: Quantity, parts: Quantity) -> Quantity:
    """The whole number of units that the fullest of `parts` holds."""
    return -(-value // parts)


def fullest(value: Quantity, parts: Quantity) -> Quantity:
    """The same, without a pass over arrays where there is one part alone."""
    return value if isinstance(parts, _SCALAR) and parts == 1 else ceil_div(value, parts)


def mean_share(value: Quantity, parts: Quantity) -> Quantity:
    """What each of `parts` has in the mean; of one part alone the same, without a pass over arrays."""
    return value if isinstance(parts, _SCALAR) and parts == 1 else value / parts


def smaller(left: Quantity, right: Quantity) -> Quantity:
    """The smaller of two quantities, element by element when one is an array (scalars stay exact Python numbers)."""
    if isinstance(left, _SCALAR) and isinstance(right, _SCALAR):
        return left if left <= right else right
    import numpy

    return numpy.minimum(left, right)


def larger(left: Quantity, right: Quantity) -> Quantity:
    """The larger of two quantities, element by element when one is an array."""
    if isinstance(left, _SCALAR) and isinstance(right, _SCALAR):
        return left if left >= right else right
    import numpy

    return numpy.maximum(left, right)


def choose(condition: Any, this: Quantity, other: Quantity) -> Quantity:
    """`this` where the condition holds, `other` elsewhere, element by element when one of them is an array."""
    if isinstance(condition, bool):
        return this if condition else other
    import numpy

    return numpy.where(condition, this, other)


def somewhere(condition: Any) -> bool:
    """Whether a condition holds at all: for some element, when it is an array of them."""
    if isinstance(condition, (bool, int, float)):
        return bool(condition)
    import numpy

    return bool(numpy.any(condition))


def are_plain(*numbers: Quantity) -> bool:
    """Whether none of these is an array."""
    return all(isinstance(number, _SCALAR) for number in numbers)


def whole_up(value: Quantity) -> Quantity:
    """The value rounded up to a whole number."""
    if isinstance(value, _SCALAR):
        return math.ceil(value)
    import numpy

    return numpy.ceil(value)


def whole_near(value: Quantity) -> Quantity:
    """The value rounded to the nearest whole number, halves to the even one."""
    if isinstance(value, _SCALAR):
        return round(value)
    import numpy

    return numpy.rint(value)


def whole_down(value: Quantity) -> Quantity:
    """The value without its fraction."""
    if isinstance(value, _SCALAR):
        return math.floor(value)
    import numpy

    return numpy.floor(value)


def root(value: Quantity) -> Quantity:
    """The square root."""
    if isinstance(value, _SCALAR):
        return math.sqrt(value)
    import numpy

    return numpy.sqrt(value)


def exponential(value: Quantity) -> Quantity:
    """e to the power of the value."""
    if isinstance(value, _SCALAR):
        return math.exp(value)
    import numpy

    return numpy.exp(value)


def logarithm(value: Quantity) -> Quantity:
    """The natural logarithm."""
    if isinstance(value, _SCALAR):
        return math.log(value)
    import numpy

    return numpy.log(value)


def missed_share(chance: float, draws: Quantity) -> Quantity:
    """(1 - chance) ** draws, the share of experts that no token of a step picks."""
    if isinstance(draws, _SCALAR):
        return math.pow(1.0 - chance, draws)
    import numpy

    return numpy.power(1.0 - chance, draws)
