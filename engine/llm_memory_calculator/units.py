"""Units and the two kinds of number that formulas take: a scalar, or an array of a sweep."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Array = NDArray[numpy.floating[Any]]
    Quantity = int | float | Array

GB = 10**9


def ceil_div(value: int, parts: int) -> int:
    """The whole number of units that the fullest of `parts` holds."""
    return -(-value // parts)


@overload
def smaller(left: int, right: int) -> int: ...
@overload
def smaller(left: Quantity, right: Quantity) -> Quantity: ...
def smaller(left: Quantity, right: Quantity) -> Quantity:
    """The smaller of two quantities, element by element when one is an array (scalars stay exact Python numbers)."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return min(left, right)
    import numpy

    return numpy.minimum(left, right)


def larger(left: Quantity, right: Quantity) -> Quantity:
    """The larger of two quantities, element by element when one is an array."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return max(left, right)
    import numpy

    return numpy.maximum(left, right)


def missed_share(chance: float, draws: Quantity) -> Quantity:
    """(1 - chance) ** draws, the share of experts that no token of a step picks."""
    if isinstance(draws, (int, float)):
        return math.pow(1.0 - chance, draws)
    import numpy

    return numpy.power(1.0 - chance, draws)
