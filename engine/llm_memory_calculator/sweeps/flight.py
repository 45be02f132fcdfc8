"""Tasks handed to an executor, a bounded number at a time, and their answers as they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Thread
from typing import Any, Protocol, TypeVar

Answer = TypeVar("Answer")

TASKS_PER_WORKER = 4
"""Enough that no worker waits for its next task, few enough that little is asked for in vain when a sweep is ended."""
_LISTENS_S = 0.02
"""How often a sweep asks whether it is cancelled."""


class Executor(Protocol):
    """What answers a function of some arguments elsewhere, or later."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future[Any]: ...


def workers_of(executor: Executor) -> int:
    """How many workers an executor has, by its own word; as many as this machine has cores where it says nothing."""
    # mpi4py says num_workers, the pools of concurrent.futures keep it to themselves, Dask's client counts threads
    for word in ("num_workers", "_max_workers"):
        count = getattr(executor, word, None)
        if isinstance(count, int) and count > 0:
            return count
    threads = getattr(getattr(executor, "_client", None), "nthreads", None)
    counted = sum(threads().values()) if callable(threads) else 0
    return counted or os.cpu_count() or 1


def answers(
    executor: Executor,
    workers: int,
    function: Callable[..., Answer],
    tasks: Iterable[tuple[Any, ...]],
    cancelled: Callable[[], bool],
) -> Iterator[Answer]:
    """The answers as they come, until there are no more tasks or `cancelled` says so.

    What then is not yet begun is taken back, and what is begun is not waited for. An exception of a task or of the
    executor is raised, after the answers that came with it.
    """
    left = iter(tasks)
    pending: dict[Future[Answer], None] = {}
    try:
        while not cancelled():
            full = TASKS_PER_WORKER * workers
            while len(pending) < full and not cancelled() and (task := next(left, None)) is not None:
                pending[executor.submit(function, *task)] = None
            if not pending:
                return
            finished = wait(pending, timeout=_LISTENS_S, return_when=FIRST_COMPLETED).done
            # of those that came together the first asked for comes first, but a failure last
            came = sorted((future for future in pending if future in finished), key=_failed)
            for future in came:
                del pending[future]
            for future in came:
                yield future.result()
    finally:
        if pending:
            # an executor may take long to answer each time, as over a network
            taking_back = Thread(target=_take_back, args=(list(pending),), daemon=True)
            taking_back.start()
            taking_back.join(_LISTENS_S)


def _take_back(futures: Iterable[Future[Any]]) -> None:
    for future in futures:
        future.cancel()


def _failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None
