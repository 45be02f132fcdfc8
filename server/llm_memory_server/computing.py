"""A tool's call from the event loop's side: computed beside it, told of while it lasts, stopped when nobody waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

import anyio
from anyio import to_thread

from llm_memory_calculator.reach import Reach, within
from llm_memory_calculator.work import Stopped, bounded

from .apart import Apart, Search, StoppedError
from .lanes import BusyError, Call, Lanes
from .remembered import Remembered

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

Answer = TypeVar("Answer")
THREADS = 640
"""Calls that have a thread at once; nearly all of them wait for the network, or for a place in the next lane."""
_FIRST_TOLD_S, _TOLD_EVERY_S, _WATCHED_EVERY_S = 1.0, 1.0, 0.2


class Computing:
    """Where the calls of one server are computed: short ones on threads, searches in a process apart."""

    def __init__(self, reach: Reach, *, requests_last: bool) -> None:
        """reach: which local files a call may name. requests_last: whether the request of a call stays open until it is
        answered, so that one that is closed has nobody who waits."""
        self.lanes = Lanes()
        self.apart = Apart(reach)
        self._reach = reach
        self._remembered: Remembered[Any] = Remembered()
        self._asking: WeakValueDictionary[str | None, anyio.Lock] = WeakValueDictionary()
        self._requests_last = requests_last
        self._threads: anyio.CapacityLimiter | None = None

    @property
    def calls(self) -> int:
        """How many are under way, those that wait for a place too."""
        return self.lanes.calls + self.apart.calls

    @property
    def full(self) -> bool:
        """Whether one more long call would be refused."""
        return self.lanes.full or self.apart.full

    def stop(self) -> None:
        """Stop all calls."""
        self.lanes.stop()
        self.apart.stop()

    async def answer(self, ask: Callable[[], Answer], context: Context | None, *, asked: str | None = None) -> Answer:
        """What `ask` returns, or raises; asked: what tells this question from all others, where it may be answered as
        it was lately."""
        found: Answer | None = self._remembered.of(asked)
        if found is not None:
            return found
        # a limiter belongs to the loop that runs
        self._threads = self._threads or anyio.CapacityLimiter(THREADS)
        call = self.lanes.call()
        return await self._accompanied(call, context, self._computed(call, ask, asked, self._threads))

    async def search(
        self,
        name: str,
        arguments: Mapping[str, Any],
        read: Callable[[dict[str, Any]], Answer],
        context: Context | None,
        *,
        asked: str | None = None,
    ) -> Answer:
        """What `read` makes of the answer of a tool that is known to take long; asked: as in `answer`."""
        search = Search()
        return await self._accompanied(search, context, self._searched(search, name, arguments, read, asked))

    async def _accompanied(
        self, call: Call | Search, context: Context | None, computed: Awaitable[Callable[[], Answer]]
    ) -> Answer:
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._accompany, call, context)
            try:
                outcome = await computed
            finally:
                call.stop()
            beside.cancel_scope.cancel()
        # not within the task group, which would wrap what it raises
        return outcome()

    async def _computed(
        self, call: Call, ask: Callable[[], Answer], asked: str | None, threads: anyio.CapacityLimiter
    ) -> Callable[[], Answer]:
        """What is to be done with what came of it, once there was a place for it."""
        try:
            async with self.lanes.under_way(call):
                # many ask the same at once: all but the first find its answer here
                found: Answer | None = self._remembered.of(asked)
                if found is not None:
                    return lambda: found
                return await to_thread.run_sync(
                    self._outcome, call, ask, asked, abandon_on_cancel=True, limiter=threads
                )
        except Stopped:
            return _raising(StoppedError())
        except BusyError as error:
            return _raising(error)

    def _outcome(self, call: Call, ask: Callable[[], Answer], asked: str | None) -> Callable[[], Answer]:
        """Compute, in this thread, and give what is to be done with it in the other."""
        try:
            with within(self._reach), bounded(call), self.lanes.in_thread(call):
                answer = ask()
        except Stopped:
            return _raising(call.refusal or StoppedError())
        except Exception as error:  # noqa: BLE001 -- handed over whole: the caller's task raises it
            return _raising(error)
        if not call.outside:
            self._remembered.keep(asked, answer, call.absent)
        return lambda: answer

    async def _searched(
        self,
        search: Search,
        name: str,
        arguments: Mapping[str, Any],
        read: Callable[[dict[str, Any]], Answer],
        asked: str | None,
    ) -> Callable[[], Answer]:
        """The same of a search; who asks what is being searched waits for its answer."""
        async with self._asking.setdefault(asked, anyio.Lock()) if asked else anyio.Lock():
            found: Answer | None = self._remembered.of(asked)
            if found is not None:
                return lambda: found
            try:
                answer = read(await self.apart.answer(search, name, arguments))
            except Exception as error:  # noqa: BLE001 -- as above
                return _raising(error)
            if search.absent is not None:
                self._remembered.keep(asked, answer, search.absent)
            return lambda: answer

    async def _accompany(self, call: Call | Search, context: Context | None) -> None:
        """Say how far the call is as long as it lasts, and stop it when its request is closed."""
        if context is None:
            return
        request = context.request_context.request if self._requests_last else None
        begun = anyio.current_time()
        told = begun + _FIRST_TOLD_S - _TOLD_EVERY_S
        while True:
            await anyio.sleep(_WATCHED_EVERY_S)
            if request is not None and await request.is_disconnected():
                call.stop()
                return
            now = anyio.current_time()
            if now - told >= _TOLD_EVERY_S:
                told = now
                await context.report_progress(round(now - begun, 1), message=call.said)


def _raising(error: Exception) -> Callable[[], Any]:
    def outcome() -> Any:
        raise error

    return outcome
