"""Requests whose prompts some workers take in and others decode: a deterministic simulation, event by event.

A prompt waits for a worker, its cache then for room where it is decoded; it crosses to there, and the tokens come from
steps that hold no prompts. In a closed loop a user asks again when his last token is there, so that both sides are
simulated together, by one heap of what happens next.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from .events import Served, seen_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engines import Scheduler
    from .clockwork import Clockwork
    from .events import Request

# What happens, in the order in which it does at one time.
_TAKEN_IN, _ENDS, _CROSSED, _COMES, _BEGINS = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefillSide:
    """The workers that take in prompts, all alike."""

    clockwork: Clockwork
    workers: int
    ranks: int = 1
    """Of a worker: they share experts, and so step together."""
    budget: int
    """Tokens of a step on each rank."""
    link_s: Sequence[float]
    """Seconds for which each request's cache takes up a worker's link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeSide:
    """The copies that decode, all alike."""

    clockwork: Clockwork
    copies: int
    ranks: int = 1
    most: int
    """Sequences of each rank's step."""
    room: float
    """Tokens of the cache of a copy."""
    link_s: Sequence[float]
    """Seconds for which each request's cache takes up a copy's link."""


@dataclass(slots=True)
class _Worker:
    waiting: deque[tuple[int, int]] = field(default_factory=deque)
    """Requests, with the tokens of their prompts that are taken in."""
    owes: int = 0
    """Tokens that it has still to take in."""
    works: bool = False
    link_free: float = 0.0


@dataclass(slots=True)
class _Copy:
    running: list[tuple[int, int]] = field(default_factory=list)
    """(step after which it ends, request)."""
    joining: list[int] = field(default_factory=list)
    """Requests that are there and join when the next ones end."""
    clock: float = 0.0
    steps: int = 0
    context: float = 0.0
    used: float = 0.0
    """Tokens of the cache, those that are on their way included."""
    held: int = 0
    """Sequences likewise."""
    run: int = 0
    """Steps until the next sequence ends, of so many seconds each."""
    seconds: float = 0.0
    plan: int = 0
    """Counts what was planned: what was planned before no longer happens."""
    link_free: float = 0.0


class Relay:
    """One run over the requests: see `relay`."""

    def __init__(
        self,
        requests: Sequence[Request],
        prefill: PrefillSide,
        decode: DecodeSide,
        scheduler: Scheduler,
        crosses: Sequence[float],
        delays: Sequence[float],
    ) -> None:
        count = len(requests)
        self.requests, self.prefill, self.decode, self.scheduler = requests, prefill, decode, scheduler
        self.workers = [_Worker() for _ in range(prefill.workers)]
        self.copies = [_Copy() for _ in range(decode.copies)]
        self.events: list[tuple[float, int, int, int]] = []
        self.arrived, self.first, self.ended = [0.0] * count, [0.0] * count, [0.0] * count
        self.done: dict[int, list[int]] = {}
        self.made: deque[tuple[int, int]] = deque()
        self.kept = [request.tokens + request.before + scheduler.reserve * request.output for request in requests]
        self.waited: set[int] = set()
        self.crosses, self.delays = crosses, delays
        self.sent, self.again = 0, False

    def send(self, when: float) -> None:
        """The next request is asked."""
        number, self.sent = self.sent, self.sent + 1
        self.arrived[number] = when
        heappush(self.events, (when + self.delays[number], _COMES, number, 0))

    def run(self, users: int | None) -> Served:
        act = (self.taken_in, self.ends, self.crossed, self.comes, self.begins)
        self.again = users is not None
        now = 0.0
        while self.events:
            now, kind, one, other = heappop(self.events)
            act[kind](now, one, other)
        return Served(
            arrived=self.arrived,
            first=self.first,
            ended=self.ended,
            queued=len(self.waited) / len(self.requests),
        )

    # --- prompts ---

    def comes(self, now: float, number: int, _: int) -> None:
        """A request goes to the worker that has least to do."""
        at = min(range(len(self.workers)), key=lambda index: self.workers[index].owes)
        worker = self.workers[at]
        worker.waiting.append((number, 0))
        worker.owes += self.requests[number].tokens
        if not worker.works:
            worker.works = True
            heappush(self.events, (now, _BEGINS, at, 0))

    def begins(self, now: float, at: int, _: int) -> None:
        """A worker's next step: prompts, and pieces of them, by the budget."""
        worker, side, whole = self.workers[at], self.prefill, self.scheduler.whole_prompts
        spare, pieces, ended = side.budget * side.ranks, list[tuple[float, float]](), list[int]()
        cut: list[tuple[int, int]] = []
        while worker.waiting and spare > 0:
            number, done = worker.waiting[0]
            request = self.requests[number]
            rest = request.tokens - done
            if whole and pieces and rest > spare:
                break
            worker.waiting.popleft()
            # a prompt is one rank's
            piece = min(rest, spare, side.budget)
            pieces.append((piece, request.before + done))
            spare -= piece
            worker.owes -= piece
            if piece < rest:
                cut.append((number, done + piece))
            else:
                ended.append(number)
        worker.waiting.extendleft(reversed(cut))
        dealt = pieces[: -(-len(pieces) // side.ranks)]
        seconds = side.clockwork.mixed(0, 0.0, dealt, len(ended), side.ranks)
        self.done[at] = ended
        heappush(self.events, (now + seconds, _TAKEN_IN, at, 0))

    def taken_in(self, now: float, at: int, _: int) -> None:
        """A worker's step is over: prompts that ended in it have their first token, and their caches wait to cross."""
        worker = self.workers[at]
        for number in self.done[at]:
            if self.requests[number].output == 1:
                self.first[number] = now
                self.answered(now, number)
            else:
                self.made.append((number, at))
        self.hand_over(now)
        worker.works = bool(worker.waiting)
        if worker.works:
            heappush(self.events, (now, _BEGINS, at, 0))

    # --- caches ---

    def hand_over(self, now: float) -> None:
        """Caches cross, in the order in which they were made, to the copy with most room, while one has enough."""
        side = self.decode
        while self.made:
            number, at = self.made[0]
            to = min(range(len(self.copies)), key=lambda index: (self.copies[index].used, self.copies[index].held))
            worker, copy = self.workers[at], self.copies[to]
            full = copy.used > 0 and copy.used + self.kept[number] > side.room
            if full or copy.held >= side.most * side.ranks:
                self.waited.add(number)
                return
            self.made.popleft()
            copy.used += self.kept[number]
            copy.held += 1
            begun = max(now, worker.link_free, copy.link_free)
            worker.link_free = begun + self.prefill.link_s[number]
            copy.link_free = begun + side.link_s[number]
            heappush(self.events, (begun + self.crosses[number], _CROSSED, to, number))

    def crossed(self, now: float, to: int, number: int) -> None:
        """A cache is there, and its first token with it: its sequence joins after the step that runs."""
        copy = self.copies[to]
        self.first[number] = now
        while copy.running and copy.clock < now:
            poll = self.scheduler.poll_steps
            run = poll * math.ceil((now - copy.clock) / copy.seconds / poll)
            if run >= copy.run:
                copy.joining.append(number)
                return
            self.advance(copy, run)
            self.look_ahead(copy)
        copy.clock = max(copy.clock, now)
        self.join(copy, number)
        self.plan(to)

    # --- tokens ---

    def join(self, copy: _Copy, number: int) -> None:
        request = self.requests[number]
        heappush(copy.running, (copy.steps + request.output - 1, number))
        copy.context += request.tokens + request.before + 1

    def step(self, copy: _Copy, run: int) -> float:
        """Seconds of each of the next steps."""
        decoding = len(copy.running)
        here = -(-decoding // self.decode.ranks)
        return self.decode.clockwork.decode(here, copy.context / decoding + (run - 1) / 2)

    def look_ahead(self, copy: _Copy) -> None:
        copy.run = copy.running[0][0] - copy.steps
        copy.seconds = self.step(copy, copy.run)

    def advance(self, copy: _Copy, run: int) -> None:
        decoding, seconds = len(copy.running), self.step(copy, run)
        copy.clock += run * seconds
        copy.steps += run
        copy.context += decoding * run

    def plan(self, to: int) -> None:
        """Say when the next sequence of a copy ends."""
        copy = self.copies[to]
        copy.plan += 1
        if copy.running:
            self.look_ahead(copy)
            heappush(self.events, (copy.clock + copy.run * copy.seconds, _ENDS, to, copy.plan))

    def ends(self, now: float, to: int, plan: int) -> None:
        """Sequences of a copy have their last token, and those that are there join."""
        copy = self.copies[to]
        if plan != copy.plan:
            return
        self.advance(copy, copy.run)
        copy.clock = now
        while copy.running and copy.running[0][0] <= copy.steps:
            _, number = heappop(copy.running)
            request = self.requests[number]
            copy.context -= request.tokens + request.before + request.output
            copy.used -= self.kept[number]
            copy.held -= 1
            self.answered(now, number)
        for number in copy.joining:
            self.join(copy, number)
        copy.joining.clear()
        self.plan(to)
        self.hand_over(now)

    def answered(self, now: float, number: int) -> None:
        """A request has its last token, and its user asks again."""
        self.ended[number] = now
        if self.again and self.sent < len(self.requests):
            self.send(now)


def relay(
    requests: Sequence[Request],
    prefill: PrefillSide,
    decode: DecodeSide,
    scheduler: Scheduler,
    *,
    crosses: Sequence[float],
    users: int | None,
    arrivals: Sequence[float],
    request_s: float,
    token_s: float,
) -> Served:
    """Serve the requests.

    A first token counts as given when the cache is where it is decoded. crosses: seconds in which each request's cache
    crosses, where no other is on the way. users, arrivals, request_s, token_s: as of
    `events.simulate`. queued: the share whose caches waited for room.
    """
    run = Relay(requests, prefill, decode, scheduler, crosses, seen_after(requests, request_s, token_s))
    for when in arrivals if users is None else [0.0] * min(users, len(requests)):
        run.send(when)
    return run.run(users)
