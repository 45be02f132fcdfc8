"""Checks of single values that a caller passes: each error names the argument, what is accepted, the nearest match."""

from __future__ import annotations

import functools
import inspect
import numbers
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ParamSpec, TypeVar

from .errors import ArgumentError, UnknownArgumentError, did_you_mean

Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


def whole(name: str, value: object, *, least: int = 1, most: int) -> int:
    """The value as a Python int between `least` and `most`; whole floats and NumPy integers are taken."""
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral) and float(value).is_integer():
        value = int(float(value))
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ArgumentError(f"{name} must be a whole number between {least:,} and {most:,}, and is {value!r}.")
    number = operator.index(value)
    if not least <= number <= most:
        raise ArgumentError(f"{name} must be between {least:,} and {most:,}, and is {_short(number)}.")
    return number


def _short(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**15 else f"a number of {len(str(abs(number)))} digits"


def real(name: str, value: object, *, above: float = 0.0, most: float, unit: str = "") -> float:
    """The value as a finite float with above < value <= most."""
    unit = f" {unit}" if unit else ""
    accepted = f"a number above {above:g} and up to {most:g}{unit}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ArgumentError(f"{name} must be {accepted}, and is {value!r}.")
    number = float(value)
    if not above < number <= most:
        raise ArgumentError(f"{name} must be {accepted}, and is {number:g}.")
    return number


def text(name: str, value: object, examples: Sequence[object] = ()) -> str:
    """The value as it is, where it is a string."""
    if not isinstance(value, str):
        example = f" such as {examples[0]!r}" if examples else ""
        raise ArgumentError(f"{name} must be a string{example}, and is {value!r}.")
    return value


def flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ArgumentError(f"{name} must be True or False, and is {value!r}.")
    return value


def choice(name: str, value: object, accepted: tuple[str, ...]) -> str:
    """One of the accepted words."""
    if not isinstance(value, str) or value not in accepted:
        near = did_you_mean(value, accepted) if isinstance(value, str) else ""
        raise ArgumentError(f"{name} {value!r} is not known.{near} Accepted: {', '.join(accepted)}.")
    return value


def names(name: str, value: object) -> str | Sequence[str]:
    """One name or a list of names."""
    if isinstance(value, str):
        return value
    if (
        not isinstance(value, Collection)
        or isinstance(value, Mapping)
        or not all(isinstance(one, str) for one in value)
    ):
        raise ArgumentError(f"{name} must be a name or a list of names, and is {value!r}.")
    return tuple(value)


def sides(name: str, value: object, *, most: int) -> int | tuple[int, int]:
    """One side of an image, or its height and width, in pixels."""
    if not isinstance(value, (list, tuple)):
        return whole(name, value, most=most)
    if len(value) != 2:
        raise ArgumentError(f"{name} must be one side or height and width in pixels, and is {value!r}.")
    return whole(name, value[0], most=most), whole(name, value[1], most=most)


def refuse(function: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: Mapping[str, object]) -> None:
    """Say which argument is unknown, missing or one too many, with the nearest; nothing where the call is well made."""
    known = tuple(signature.parameters)
    unknown = [name for name in kwargs if name not in known]
    if unknown:
        raise UnknownArgumentError(
            f"{function} has no argument {unknown[0]!r}.{did_you_mean(unknown[0], known)} Accepted: {', '.join(known)}."
        )
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise UnknownArgumentError(f"{function}: {error}. Accepted: {', '.join(known)}.") from None


def strict(function: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Refuse an unknown argument by name, with the nearest, instead of with a bare TypeError."""
    signature = inspect.signature(function)
    known = frozenset(signature.parameters)

    @functools.wraps(function)
    def checked(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        if not known.issuperset(kwargs):
            refuse(function.__name__, signature, args, kwargs)
        try:
            return function(*args, **kwargs)
        except TypeError:
            refuse(function.__name__, signature, args, kwargs)
            raise

    return checked
