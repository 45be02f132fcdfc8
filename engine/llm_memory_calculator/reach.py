"""Which local files a question may name: all of them, unless whoever answers it for others says otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from .errors import UnknownModelError
from .work import found_absent, looked_outside


@dataclass(frozen=True, slots=True)
class Reach:
    """The local files that may be named."""

    root: str | None = None
    """A folder: those below it alone, links followed; "": none; None: all."""

    def covers(self, path: str) -> bool:
        """Whether the path may be looked at. What lies outside is not: there and absent ones are treated alike."""
        if self.root is None:
            return True
        if not self.root or "\0" in path:
            return False
        root, there = os.path.realpath(self.root), os.path.expanduser(path)
        # by its spelling first, so that the disk is not asked of what lies outside
        spelt = os.path.abspath(there)
        if not (_below(spelt, root) or _below(spelt, os.path.abspath(self.root))):
            return False
        return _below(os.path.realpath(there), root)


def _below(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


EVERYWHERE = Reach()
NOWHERE = Reach("")

_current: ContextVar[Reach] = ContextVar("reach", default=EVERYWHERE)


def covered(path: str) -> bool:
    """Whether the question that is being answered may read of this path, which it does then."""
    may = _current.get().covers(path)
    if may:
        looked_outside()
    return may


def is_there(path: str) -> bool:
    """Whether something has this path, be it a link that leads nowhere, and the question that is being answered may
    know."""
    if not _current.get().covers(path):
        return False
    there = os.path.lexists(path)
    if there:
        looked_outside()
    else:
        found_absent(path)
    return there


def any_covered() -> bool:
    """Whether the question that is being answered may name a local file at all."""
    return _current.get() != NOWHERE


def require(path: str) -> None:
    """Raise UnknownModelError where the question that is being answered may not look at this path."""
    if not covered(path):
        raise UnknownModelError(
            "No local file of this path is read here. Give the file's content instead (that of a model's config.json "
            "as config), or of a model a hub id such as 'Qwen/Qwen2.5-7B' or a name of the catalogue."
        )


@contextmanager
def within(reach: Reach) -> Iterator[None]:
    """Answer with these local files alone."""
    token = _current.set(reach)
    try:
        yield
    finally:
        _current.reset(token)
