"""Stacks: many objects of one class as one whose numbers are arrays, so that a formula answers for all at once.

A number that all have stays a number; whatever is no number must be the same in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from .units import Quantity
from .work import look

if TYPE_CHECKING:
    import numpy

_Member = TypeVar("_Member")
_NUMBERS = (int, float)


class UnlikeError(Exception):
    """Members of a stack differ in something that is no number: the caller makes a stack of each kind of them."""


class Each:
    """What only each member has, and not all side by side: a formula that asks for it is told so."""

    def _refuse(self, *_: object) -> NoReturn:
        raise UnlikeError("what each has for itself")

    __iter__ = __len__ = __bool__ = __getitem__ = _refuse


EACH: Any = Each()


def stacked(members: Sequence[_Member], where: numpy.ndarray[Any, Any] | None = None) -> _Member:
    """One object for all members, its numbers float64 arrays in their order; or of those at the indices `where`, in its
    shape. Raises UnlikeError."""
    found: Any = _stacked(members, where)
    return found  # type: ignore[no-any-return]


def _stacked(members: Sequence[Any], where: numpy.ndarray[Any, Any] | None) -> Any:
    look()
    first = members[0]
    if isinstance(first, bool):
        return _same(members)
    if isinstance(first, _NUMBERS):
        return _numbers(members, where)
    if all(member is first for member in members):
        return first
    kind = type(first)
    if any(type(member) is not kind for member in members):
        raise UnlikeError(f"{kind.__name__} beside others")
    if is_dataclass(first):
        return _of_fields(members, kind, [item.name for item in fields(first)], where)
    if isinstance(first, tuple):
        if any(len(member) != len(first) for member in members):
            raise UnlikeError(f"{kind.__name__} of unlike lengths")
        parts = [_stacked(column, where) for column in zip(*members, strict=True)]
        return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)
    if isinstance(first, Mapping):
        names = {name: None for member in members for name in member}
        return {name: _stacked([member.get(name, 0) for member in members], where) for name in names}
    return _same(members)


def _of_fields(members: Sequence[Any], kind: type, names: list[str], where: numpy.ndarray[Any, Any] | None) -> Any:
    found: Any = object.__new__(kind)
    for name in names:
        object.__setattr__(found, name, _stacked([getattr(member, name) for member in members], where))
    return found


def _numbers(members: Sequence[Any], where: numpy.ndarray[Any, Any] | None) -> Quantity:
    first = members[0]
    if all(member == first for member in members):
        return first
    import numpy

    if not all(isinstance(member, _NUMBERS) for member in members):
        raise UnlikeError("a number beside none")
    found = numpy.array(members, dtype=numpy.float64)
    if where is None:
        return found
    found = found[where]
    return shortened(found) if found.ndim > 1 else found


def shortened(found: numpy.ndarray[Any, Any], begin: int = 0) -> numpy.ndarray[Any, Any]:
    """Numbers with one alone along each axis, from that at `begin` on, along which nothing differs: passes over such
    axes are what large searches consist of."""
    for axis in range(begin, found.ndim):
        first_of = found.take([0], axis=axis)
        if (found == first_of).all():
            found = first_of
    return found


def _same(members: Sequence[Any]) -> Any:
    first = members[0]
    if any(member != first for member in members):
        raise UnlikeError(f"{first!r} beside others")
    return first
