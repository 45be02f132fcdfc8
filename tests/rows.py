"""Rows of a table that one test goes through: a test of its own costs ten times what most of them do."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

Test = Callable[..., None]


def each(names: str | tuple[str, ...], rows: Iterable[Any]) -> Callable[[Test], Test]:
    """As `pytest.mark.parametrize`, in one test: all rows are tried, and each that fails is told.

    Fixtures are shared by the rows, so that a test that changes anything is parametrised.
    """
    every = list(rows)
    taken = (names,) if isinstance(names, str) else names

    def made(test: Test) -> Test:
        @functools.wraps(test)
        def through(**fixtures: Any) -> None:
            failed = []
            for row in every:
                values = (row,) if isinstance(names, str) else row
                try:
                    test(**dict(zip(taken, values, strict=True)), **fixtures)
                except Exception as error:  # noqa: BLE001 -- told below, with those of the other rows
                    error.add_note(f"in the row {values!r:.500}")
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(every)} rows", failed)

        signature = inspect.signature(test)
        left = [parameter for name, parameter in signature.parameters.items() if name not in taken]
        through.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return through

    return made
