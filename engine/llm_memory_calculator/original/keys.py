"""A report under the keys of the original's dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar


class OriginalKeys:
    """A mapping view of a report: `report['ttft']`, `dict(report)`.

    Each key is an attribute too, as it was in the original: `report.TTFT`.
    """

    __slots__ = ()
    KEYS: ClassVar[dict[str, str]] = {}
    """The attribute that each key is another name of."""

    def keys(self) -> KeysView[str]:
        return self.KEYS.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.KEYS)

    def __contains__(self, key: object) -> bool:
        return key in self.KEYS

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(f"{key!r}; the keys are {', '.join(self)}")
        return attrgetter(self.KEYS[key])(self)

    def get(self, key: str, default: Any = None) -> Any:
        if key not in self:
            return default
        return self[key]

    if not TYPE_CHECKING:  # a checker of types is to go on finding attributes that are misspelt

        def __getattr__(self, name: str) -> Any:
            if self.KEYS.get(name, name) != name:
                return self[name]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
