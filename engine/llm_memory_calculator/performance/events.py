"""Requests that come and go: a deterministic simulation of an engine's scheduler, event by event.

Between two events - a prompt that is taken in, a request that ends - all steps decode the same sequences, and are
summed at once.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from ..lengths import spread
from ..work import look

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engines import Scheduler
    from .clockwork import Clockwork


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    tokens: int
    """Of its prompt that are to be computed."""
    before: int
    """Tokens of its context that are in the cache already."""
    output: int
    """Steps that its answer takes, the first of which takes in the last of the prompt."""
    made: int = 0
    """Tokens of its answer, where a step may bring several; 0: one each."""

    @property
    def answer(self) -> int:
        return self.made or self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What became of the requests, in the order in which they came; seconds."""

    arrived: list[float]
    first: list[float]
    """When the first token of each was there."""
    ended: list[float]
    queued: float
    """Share of the requests that waited for room in the cache."""


def seen_after(requests: Sequence[Request], request_s: float, token_s: float) -> list[float]:
    """Seconds after which the engine sees each request: what the host takes of one varies, evenly about its mean."""
    shares = spread(len(requests), 5)
    return [2 * request_s * share + token_s * one.tokens for share, one in zip(shares, requests, strict=True)]


def simulate(
    requests: Sequence[Request],
    clockwork: Clockwork,
    scheduler: Scheduler,
    *,
    users: int | None,
    arrivals: Sequence[float],
    budget: int,
    most: int,
    room: float,
    request_s: float,
    token_s: float,
    copies: int = 1,
    stages: int = 1,
) -> Served:
    """Serve the requests.

    users: so many at once, all of whom start together and ask again when they have their answer (None: requests come at
    `arrivals`, seconds). budget: tokens of a step on each copy. most: sequences of each copy's step. room: tokens of
    the cache, of all copies. request_s, token_s: what the host takes of a request, and of each token of its prompt,
    before the engine sees it. copies: that share experts, and so step together.
    """
    count = len(requests)
    arrived, first, ended = [0.0] * count, [0.0] * count, [0.0] * count
    coming: list[tuple[float, int]] = []
    delays = seen_after(requests, request_s, token_s)

    def send(number: int, when: float) -> None:
        arrived[number] = when
        heappush(coming, (when + delays[number], number))

    if users is None:
        for number, when in enumerate(arrivals):
            send(number, when)
        sent = count
    else:
        sent = min(users, count)
        for number in range(sent):
            send(number, 0.0)
    waiting: deque[int] = deque()
    taking: deque[tuple[int, int]] = deque()  # requests whose prompts are being taken in, with what was
    running: list[tuple[int, int]] = []  # (decode step after which it ends, request)
    clock, steps, context, used, waited = 0.0, 0, 0.0, 0.0, 0
    poll, mixes, whole = scheduler.poll_steps, scheduler.mixes, scheduler.whole_prompts
    left, let_in, blocked, ahead, begun_at = count, 0, 0, scheduler.ahead, 0.0
    reserve = scheduler.reserve
    kept = [request.tokens + request.before + reserve * request.output for request in requests]
    while left:
        look()
        decoding = len(running)
        seen = begun_at if ahead and decoding else clock
        while coming and coming[0][0] <= seen:
            waiting.append(heappop(coming)[1])
        begun_at = clock
        # pieces of prompts that the next step takes in
        pieces: list[tuple[float, float]] = []
        ending: list[int] = []
        if taking or waiting:
            spare = budget * copies * stages - (decoding if mixes else 0)
            # a prompt is in one step at a time, whatever others take in
            largest = spare if stages == 1 else max(1, spare // stages)
            begun: list[tuple[int, int]] = []
            while taking and spare > 0:
                number, done = taking.popleft()
                request = requests[number]
                piece = min(request.tokens - done, spare, largest)
                pieces.append((piece, request.before + done))
                spare -= piece
                if done + piece < request.tokens:
                    begun.append((number, done + piece))
                else:
                    ending.append(number)
            while waiting and spare > 0 and decoding + len(ending) + len(begun) < most * copies:
                number = waiting[0]
                request = requests[number]
                if used + kept[number] > room and used > 0:
                    # those behind it wait for the same room
                    queue = let_in + len(waiting)
                    waited, blocked = waited + queue - max(blocked, let_in), queue
                    break
                if whole and pieces and request.tokens > spare:
                    break
                waiting.popleft()
                let_in += 1
                used += kept[number]
                piece = min(request.tokens, spare, largest)
                pieces.append((piece, request.before))
                spare -= piece
                if piece < request.tokens:
                    begun.append((number, piece))
                else:
                    ending.append(number)
            taking.extendleft(reversed(begun))
        if pieces:
            dealt, shared = pieces, None
            if copies > 1:
                dealt = pieces[: -(-len(pieces) // copies)]
                shared = sum([tokens for tokens, _ in pieces]) / copies
            if mixes and decoding:
                here = -(-decoding // copies)
                seconds = clockwork.mixed(here, context / decoding, dealt, -(-len(ending) // copies), shared)
                steps += 1
                context += decoding
            else:
                seconds = clockwork.mixed(0, 0.0, dealt, -(-len(ending) // copies), shared)
            clock += seconds
            for number in ending:
                request = requests[number]
                first[number] = clock
                heappush(running, (steps + request.output - 1, number))
                context += request.tokens + request.before + 1
        elif decoding:
            run = running[0][0] - steps
            here = -(-decoding // copies)
            seconds = clockwork.decode(here, context / decoding + (run - 1) / 2) if run else 0.0
            if coming and clock + run * seconds > coming[0][0] and decoding < most * copies:
                # somebody comes within this run: it is seen after the step, or when the engine looks
                run = min(run, poll * max(0, math.ceil((coming[0][0] - clock) / seconds / poll)) + ahead)
                seconds = clockwork.decode(here, context / decoding + (run - 1) / 2)
            clock += run * seconds
            begun_at = clock - seconds
            steps += run
            context += decoding * run
        else:
            clock = max(clock, coming[0][0])
        while running and running[0][0] <= steps:
            _, number = heappop(running)
            request = requests[number]
            ended[number] = clock
            context -= request.tokens + request.before + request.output
            used -= kept[number]
            left -= 1
            if sent < count:
                send(sent, clock)
                sent += 1
    return Served(
        arrived=arrived,
        first=first,
        ended=ended,
        queued=waited / count if count else 0.0,
    )
