"""Workers of one sweep, which end with it, also in the middle of a model: a thread here, or processes of this machine.

A thread, so that a sweep that is cancelled need not wait for the accelerator at which its search is.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from .flight import answers
from .rows import Named, Place, SweepRow, rows_of

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

Tasks = Iterator[tuple[Any, ...]]
WINDING_UP = "processes of a sweep winding up"
"""Name of the thread that sees them end."""


def answers_from_here(tasks: Tasks, cancelled: Callable[[], bool]) -> Iterator[list[SweepRow]]:
    """The answers of tasks, one after the other."""
    ended = threading.Event()
    pool = ThreadPoolExecutor(1)
    try:
        yield from answers(pool, 1, partial(_answer_until, ended.is_set), tasks, cancelled)
    finally:
        ended.set()
        pool.shutdown(wait=False, cancel_futures=True)


def answers_from_processes(workers: int, tasks: Tasks, cancelled: Callable[[], bool]) -> Iterator[list[SweepRow]]:
    """The answers of tasks from processes that are made for them."""
    # spawned: a fork of a process with threads may stand still
    context = get_context("spawn")
    ended = context.Event()
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(ended,))
    try:
        yield from answers(pool, workers, _answer_of_process, tasks, cancelled)
    finally:
        ended.set()
        threading.Thread(target=_wind_up, args=(pool, ended), name=WINDING_UP).start()


def _wind_up(pool: ProcessPoolExecutor, _: Event) -> None:
    """Wait for processes to end, with what they listen to kept until then: some may not yet have opened it."""
    pool.shutdown(cancel_futures=True)


_sweep_ended: Event | None = None
"""In a process: set when its sweep has ended."""


def _begin(ended: Event) -> None:
    global _sweep_ended
    _sweep_ended = ended
    # an interrupt of the terminal goes to all of its processes: here the sweep itself says when to end
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answer_of_process(*task: Any) -> list[SweepRow]:
    assert _sweep_ended is not None
    return _answer_until(_sweep_ended.is_set, *task)


def _answer_until(
    ended: Callable[[], bool], model: Named, hardware: Sequence[Place], workloads: Sequence[Mapping[str, Any]]
) -> list[SweepRow]:
    """All rows of a model, or fewer once nobody waits for them."""
    rows = []
    for row in rows_of(model, hardware, workloads):
        rows.append(row)
        if ended():
            break
    return rows
