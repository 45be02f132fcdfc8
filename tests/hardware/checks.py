"""One test of a check that every entry of the catalogue must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


def over(entries: Iterable[Any]) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """Make one test of a check of one entry: it goes over all and names every one that is at fault."""

    def decorate(check: Callable[[Any], None]) -> Callable[[], None]:
        def run() -> None:
            faults = []
            for entry in entries:
                try:
                    check(entry)
                except AssertionError as error:
                    faults.append(f"{getattr(entry, 'name', entry)}: {error}")
            assert not faults, "\n".join(faults)

        run.__name__ = check.__name__
        return run

    return decorate
