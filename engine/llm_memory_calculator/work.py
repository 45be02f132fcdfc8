"""A bound on the work of a question: what runs long looks here whether anybody still waits for the answer.

Nothing is bounded unless somebody asks for it: outside `bounded` a look costs a hundred nanoseconds and does nothing.

    work = Work(seconds=60)
    with bounded(work):        # in the thread that computes
        plan_deployment(...)
    work.stop()                # from any other thread: the question ends at its next look
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from .errors import WorkLimitError

Item = TypeVar("Item")


class Stopped(BaseException):
    """The question is not to be answered any more; no CalculatorError, which a search takes for a layout's refusal."""


_CLOCK_EVERY_S = 0.002
"""Seconds of the wall after which the clock of a thread, whose reading is a call of the system, is read again."""


class Work:
    """The work of one question, as those see it who wait for its answer."""

    def __init__(self, seconds: float) -> None:
        """seconds: of computing that it may take, waiting not counted."""
        self.seconds = seconds
        self.stopped = False
        self.done: tuple[int, int] | None = None
        """How many parts are done, of how many."""
        self.outside = False
        """Whether something of the disk or the hub was read: asked again, the question may have another answer."""
        self.absent: set[str] = set()
        """Paths that the question might have meant, and that nothing has: as long as it is so its answer stands."""
        self._begun = 0.0
        self._read_again = 0.0

    @property
    def spent(self) -> float:
        """Seconds that its own thread has computed."""
        return time.thread_time() - self._begun

    def begin(self) -> None:
        self._begun = time.thread_time()

    def stop(self) -> None:
        """End it at its next look."""
        self.stopped = True

    def look(self) -> None:
        """Raise Stopped where it is to end."""
        if self.stopped or (self.some_time_passed() and self.spent > self.seconds):
            raise Stopped

    def some_time_passed(self) -> bool:
        """Whether so much has passed since this was last so that more than a little may have been computed."""
        now = time.monotonic()
        if now < self._read_again:
            return False
        self._read_again = now + _CLOCK_EVERY_S
        return True

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a wait for somebody else."""
        yield


_current: ContextVar[Work | None] = ContextVar("work", default=None)


@contextmanager
def bounded(work: Work) -> Iterator[None]:
    """Answer within the bound of `work`, in this thread. Raises WorkLimitError at the bound, Stopped where it was
    stopped."""
    token = _current.set(work)
    work.begin()
    try:
        yield
    except Stopped:
        if work.stopped:
            raise
        raise WorkLimitError(
            f"This question takes more than {work.seconds:g} s of computing and was stopped. Ask for fewer devices, "
            "name fewer accelerators (hardware), or give a load of fewer or shorter requests."
        ) from None
    finally:
        _current.reset(token)


def look() -> None:
    """Raise Stopped where the question that is being answered is to end."""
    work = _current.get()
    if work is not None:
        work.look()


def require_wanted() -> None:
    """Raise Stopped where nobody waits for the answer any more: in a wait, which takes no computing."""
    work = _current.get()
    if work is not None and work.stopped:
        raise Stopped


def looked_outside() -> None:
    """Tell that the question that is being answered reads from the disk or the hub."""
    work = _current.get()
    if work is not None:
        work.outside = True


def found_absent(path: str) -> None:
    """Tell that the question that is being answered looked for something of this path, and that nothing has it."""
    work = _current.get()
    if work is not None:
        work.absent.add(path)


def looked(items: Iterable[Item]) -> Iterable[Item]:
    """The items, with a look before each."""
    work = _current.get()
    return items if work is None else _looked(items, work)


def _looked(items: Iterable[Item], work: Work) -> Iterator[Item]:
    for item in items:
        work.look()
        yield item


def each(items: Sequence[Item]) -> Iterator[Item]:
    """The items one by one, with a look before each, as parts of the whole work."""
    work = _current.get()
    for number, item in enumerate(items):
        if work is not None:
            work.done = number, len(items)
            work.look()
        yield item


@contextmanager
def waiting() -> Iterator[None]:
    """Around a wait for the network, in which others may compute."""
    work = _current.get()
    if work is None:
        yield
    else:
        with work.waiting():
            yield
