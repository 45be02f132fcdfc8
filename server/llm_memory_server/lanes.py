"""Computing beside the event loop: every call on a thread of its own, few of them at once, long ones apart from short.

A call begins in the first lane, where it is alone with others as short. One that takes longer than its lane allows
waits for a place in the next, where it stands, and others go on in its stead. A wait for the network takes no place.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
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
# Every so many seconds of its computing a long call stands aside while short ones are under way, for so many at most:
# the interpreter runs one thread at a time.
_TURN_S, _ASIDE_S = 0.005, 0.1


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
        """Wait for a place. Raises Stopped where the call is stopped first, BusyError where too many wait."""
        with self._lock:
            if self._free and not self._queue:
                self._free -= 1
                self.empty.clear()
                return
            if len(self._queue) >= self._most:
                raise BusyError(f"{self._most:g} long calls wait for an answer already. Ask again in a minute.")
            call.woken.clear()
            self._queue.append(call)
        if not call.stopped:
            # not looked at now and then: hundreds that wake would keep those from computing who have a place
            call.woken.wait()
        with self._lock:
            if call in self._queue:
                self._queue.remove(call)
                raise Stopped

    def leave(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().woken.set()
            else:
                self._free += 1
                if self._free == self._places:
                    self.empty.set()


class Lanes:
    """The lanes of a server, and the calls that are under way."""

    def __init__(self) -> None:
        self._lanes = (Lane(4), Lane(1, MOST_WAITING), Lane(1, MOST_WAITING))
        self._ends = (SHORT_S, LONGER_S, MOST_S)
        self._under_way: set[Call] = set()

    @property
    def full(self) -> bool:
        """Whether one more long call would be refused."""
        return any(lane.full for lane in self._lanes)

    @property
    def calls(self) -> int:
        """How many are under way, those that wait for a place too."""
        return len(self._under_way)

    def let_short_ones_pass(self) -> None:
        """Wait while short calls are under way, a little at most."""
        self._lanes[0].empty.wait(_ASIDE_S)

    def lane(self, number: int) -> tuple[Lane, float]:
        """The lane, and the seconds of computing after which a call leaves it."""
        return self._lanes[number], self._ends[number]

    def call(self, *, long: bool) -> Call:
        """A call that begins; long: that is known to take longer than a short one."""
        return Call(self, 1 if long else 0)

    @contextmanager
    def under_way(self, call: Call) -> Iterator[None]:
        """The call in its lane, in the thread that computes."""
        self._under_way.add(call)
        try:
            with call.in_lane():
                yield
        finally:
            self._under_way.discard(call)

    def stop(self) -> None:
        """Stop all calls."""
        for call in tuple(self._under_way):
            call.stop()


class Call(Work):
    """The work of a tool's call, in one lane at a time."""

    def __init__(self, lanes: Lanes, number: int) -> None:
        super().__init__(MOST_S)
        self._lanes = lanes
        self._number = number
        self._lane, self._end = lanes.lane(number)
        self._inside = False
        self._turn = 0.0
        self.woken = threading.Event()
        """That a place was given to it, or that it was stopped."""

    @property
    def said(self) -> str:
        """How far it is, in words."""
        if not self._inside:
            return f"waiting with {self._lane.waiting} others"
        return "computing" if self.done is None else f"{self.done[0]} of {self.done[1]} parts done"

    def stop(self) -> None:
        super().stop()
        self.woken.set()

    def look(self) -> None:
        if self.stopped:
            raise Stopped
        spent = self.spent
        if spent > self._end:
            if spent > self.seconds:
                raise Stopped
            self._move_on()
        elif self._number and spent > self._turn:
            self._turn = spent + _TURN_S
            self._lanes.let_short_ones_pass()

    @contextmanager
    def in_lane(self) -> Iterator[None]:
        """In its lane, or the one that it has moved on to."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def _move_on(self) -> None:
        self._leave()
        self._number += 1
        self._lane, self._end = self._lanes.lane(self._number)
        self._enter()

    def _enter(self) -> None:
        self._lane.enter(self)
        self._inside = True

    def _leave(self) -> None:
        if self._inside:
            self._inside = False
            self._lane.leave()
