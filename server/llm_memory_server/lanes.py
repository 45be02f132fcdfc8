"""Lanes for calls that compute on threads of one process: few at once, long ones apart from short.

A call begins in the first lane, where it is alone with others as short. One that takes longer than its lane allows
waits for a place in the next, where it stands, and others go on in its stead. A wait for the network takes no place.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from math import inf

from llm_memory_calculator.errors import CalculatorError
from llm_memory_calculator.work import Stopped, Work

SHORT_S = 0.2
"""Seconds of computing after which a call is no short one."""
LONGER_S = 3.0
"""Seconds of computing after which it stands back behind those that take some seconds."""
MOST_S = 60.0
"""Seconds of computing after which it is refused."""
MOST_WAITING = 200
"""Long calls that may wait for one lane."""
MOST_BEGUN = 5
"""Long calls that have begun, those too that stand back; each holds 40 MB of what it has found so far."""
# Every so many seconds of its computing a long call stands aside while short ones are under way, for so many at most:
# the interpreter runs one thread at a time.
_TURN_S, _ASIDE_S = 0.005, 0.1
# A loop that answers sooner was idle.
_IDLE_S = 0.001


class BusyError(CalculatorError):
    """More calls wait than will be answered in good time."""


class Lane:
    """Places for so many calls at once, the others in the order in which they came."""

    def __init__(self, places: int, most: float = inf) -> None:
        """most: calls that may wait for one of the places."""
        self._free = places
        self._places = places
        self._most = most
        self._queue: deque[Call] = deque()
        self.empty = threading.Event()
        """That nobody has a place."""
        self.empty.set()
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        return len(self._queue) >= self._most

    def enter(self, call: Call) -> None:
        """Wait for a place, in a thread. Raises Stopped where the call is stopped first, BusyError where too many
        wait."""
        woken = threading.Event()
        if not self._take(call, woken.set):
            # not looked at now and then: hundreds that wake would keep those from computing who have a place
            woken.wait()
            self._settle(call)

    async def enter_from_loop(self, call: Call) -> None:
        """The same on the loop, where who waits needs no thread."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        if self._take(call, lambda: loop.call_soon_threadsafe(woken.set)):
            return
        try:
            await woken.wait()
        except asyncio.CancelledError:
            if not self._forget(call):
                self.leave()
            raise
        self._settle(call)

    def _take(self, call: Call, wake: Callable[[], object]) -> bool:
        """Whether it has a place at once; else it is in the queue, and is woken where it has one or is stopped."""
        with self._lock:
            if self._free and not self._queue:
                self._free -= 1
                self.empty.clear()
                return True
            if len(self._queue) >= self._most:
                raise BusyError(f"{self._most:g} long calls wait for an answer already. Ask again in a minute.")
            call.wake = wake
            self._queue.append(call)
        if call.stopped:
            wake()
        return False

    def _settle(self, call: Call) -> None:
        """After it was woken. Raises Stopped where that was for another reason than a place."""
        if self._forget(call):
            raise Stopped

    def _forget(self, call: Call) -> bool:
        """Whether it stood in the queue still, which it has left."""
        with self._lock:
            if call not in self._queue:
                return False
            self._queue.remove(call)
            return True

    def leave(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().wake()
            else:
                self._free += 1
                if self._free == self._places:
                    self.empty.set()


class Lanes:
    """The lanes of a process, and the calls that are under way."""

    def __init__(self, short_s: float = SHORT_S) -> None:
        """short_s: seconds of computing after which a call leaves the first lane, at its next look; 0: at its first."""
        self._lanes = (Lane(4), Lane(1, MOST_WAITING), Lane(1, MOST_WAITING))
        self.begun = Lane(MOST_BEGUN, MOST_WAITING)
        self._ends = (short_s, LONGER_S, MOST_S)
        self._under_way: set[Call] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def full(self) -> bool:
        """Whether one more long call would be refused."""
        return any(lane.full for lane in (*self._lanes, self.begun))

    @property
    def calls(self) -> int:
        """How many are under way, those that wait for a place too."""
        return len(self._under_way)

    def let_short_ones_pass(self) -> None:
        """Wait while short calls are under way, or the loop has something to do, a little at most."""
        ends = time.monotonic() + _ASIDE_S
        self._lanes[0].empty.wait(_ASIDE_S)
        while (left := ends - time.monotonic()) > 0 and self._loop_is_busy(left):
            pass

    def _loop_is_busy(self, seconds: float) -> bool:
        """Whether the loop has more to do than this question; so many seconds are waited for it at most."""
        asked, passed = time.monotonic(), threading.Event()
        with suppress(RuntimeError):  # it is closed
            if self._loop is not None:
                self._loop.call_soon_threadsafe(passed.set)
                passed.wait(seconds)
        return time.monotonic() - asked > _IDLE_S

    def lane(self, number: int) -> tuple[Lane, float]:
        """The lane, and the seconds of computing after which a call leaves it."""
        return self._lanes[number], self._ends[number]

    def call(self) -> Call:
        """A call that is to begin."""
        return Call(self)

    @asynccontextmanager
    async def under_way(self, call: Call) -> AsyncIterator[None]:
        """The call with a place in its lane, which it leaves when this ends, or its thread does where it has one."""
        self._loop = asyncio.get_running_loop()
        self._under_way.add(call)
        try:
            await call.enter_from_loop()
            yield
        finally:
            if call.end():
                self._under_way.discard(call)

    @contextmanager
    def in_thread(self, call: Call) -> Iterator[None]:
        """The same in the thread that computes, which waits for the place where the loop did not. Raises Stopped where
        nobody waits for it any more."""
        self._under_way.add(call)
        try:
            with call.computing():
                yield
        finally:
            self._under_way.discard(call)

    def stop(self) -> None:
        """Stop all calls."""
        for call in tuple(self._under_way):
            call.stop()


class Call(Work):
    """The work of a tool's call, in one lane at a time."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__(MOST_S)
        self._lanes = lanes
        self._number = 0
        self._lane, self._end = lanes.lane(0)
        self._inside = False
        self._has_begun = False
        self._turn = 0.0
        self._in_one_hand = threading.Lock()
        self.refusal: BusyError | None = None
        """Why it was stopped, where that was not asked for."""
        self.wake: Callable[[], object] = _nobody
        """What tells who waits that a place was given to it, or that it was stopped."""

    @property
    def said(self) -> str:
        """How far it is, in words."""
        if not self._inside:
            return f"waiting with {self._lane.waiting} others"
        return "computing" if self.done is None else f"{self.done[0]} of {self.done[1]} parts done"

    def stop(self) -> None:
        super().stop()
        self.wake()

    def look(self) -> None:
        if self.stopped:
            raise Stopped
        if not self.some_time_passed():
            return
        spent = self.spent
        if spent > self._end:
            if spent > self.seconds:
                raise Stopped
            self._move_on()
        elif self._number and spent > self._turn:
            self._turn = spent + _TURN_S
            self._lanes.let_short_ones_pass()

    async def enter_from_loop(self) -> None:
        """Wait on the loop for a place."""
        await self._lane.enter_from_loop(self)
        self._inside = True

    def end(self) -> bool:
        """Leave the place, unless a thread has begun to compute, which leaves it itself; whether it was so."""
        left = self._in_one_hand.acquire(blocking=False)
        if left:
            self._leave_all()
        return left

    @contextmanager
    def computing(self) -> Iterator[None]:
        """In the lane, or the one that it has moved on to. Raises Stopped where it has ended already."""
        if not self._in_one_hand.acquire(blocking=False):
            raise Stopped
        try:
            if not self._inside:
                self._enter()
            yield
        finally:
            self._leave_all()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def _move_on(self) -> None:
        self._leave()
        try:
            if not self._has_begun:
                self._lane = self._lanes.begun
                self._lane.enter(self)
                self._has_begun = True
            self._number += 1
            self._lane, self._end = self._lanes.lane(self._number)
            self._enter()
        except BusyError as error:
            # a search takes a CalculatorError for a layout's refusal
            self.refusal = error
            self.stop()
            raise Stopped from error

    def _enter(self) -> None:
        self._lane.enter(self)
        self._inside = True

    def _leave_all(self) -> None:
        self._leave()
        if self._has_begun:
            self._has_begun = False
            self._lanes.begun.leave()

    def _leave(self) -> None:
        if self._inside:
            self._inside = False
            self._lane.leave()


def _nobody() -> None:
    """Who waits has not begun to."""
