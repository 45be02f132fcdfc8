"""Processes of this machine for one sweep, which end with it: also in the middle of a model."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from .flight import answers
from .rows import Named, Place, SweepRow, rows_of

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

_ended: Event | None = None
"""In a process of a sweep: set when that has ended."""


def answers_of_processes(
    workers: int, tasks: Iterator[tuple[Any, ...]], cancelled: Callable[[], bool]
) -> Iterator[list[SweepRow]]:
    """The answers of tasks from processes that are made for them."""
    # spawned: a fork of a process with threads may stand still
    context = get_context("spawn")
    ended = context.Event()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(ended,))
    try:
        yield from answers(pool, workers, _answer, tasks, cancelled)
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(ended: Event) -> None:
    global _ended
    _ended = ended
    # an interrupt of the terminal goes to all of its processes: here the sweep itself says when to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answer(model: Named, hardware: Sequence[Place], workloads: Sequence[Mapping[str, Any]]) -> list[SweepRow]:
    rows = []
    for row in rows_of(model, hardware, workloads):
        rows.append(row)
        if _ended is not None and _ended.is_set():
            break
    return rows
