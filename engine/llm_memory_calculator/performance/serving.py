"""A served load on a deployment: its requests made, its events simulated, what users see of it counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from math import floor, log, sqrt
from random import Random
from typing import TYPE_CHECKING, Literal

from ..deployment import Load, cached_of
from ..lengths import Lengths, spread
from ..memory.inverse import kv_tokens_in, most_sequences
from .clockwork import clockwork_of
from .events import Request, simulate
from .phases import factors_at, prefill_time
from .speculating import tokens_of_step
from .steady import steady_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..deployment import Deployment, Traffic
    from ..engines import Scheduler
    from ..units import Quantity
    from .clockwork import Clockwork
    from .events import Served

# Requests between those of the first wave and those of the last that are simulated; more of the same are counted by
# their share.
_SETTLED = 192
# Requests of a part at least, where their lengths differ.
_SHOWN = 128
# Users of a part who are simulated at least, where there are more: beyond twice as many as are let in at once, others
# only wait for their turn.
_MOST_USERS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How a number is spread over the requests."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


Side = Literal["prefill", "transfer", "decode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What can be done at most where prompts are taken in apart, in requests a second, and what crosses."""

    prefill: float
    transfer: float | None
    """None where all requests have one output token, which needs no cache elsewhere."""
    decode: float | None
    crossing_bytes: int
    """Cache of a mean prompt that the fullest device sends or takes."""
    crossing_s: float

    @property
    def bound(self) -> Side:
        """Which is the least."""
        rates: dict[Side, float | None] = {
            "prefill": self.prefill,
            "transfer": self.transfer,
            "decode": self.decode,
        }
        known = {side: rate for side, rate in rates.items() if rate is not None}
        return min(known, key=lambda side: known[side])

    @property
    def least(self) -> float:
        rate: float = getattr(self, self.bound)
        return rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What users see of a served load; seconds, and rates over all copies."""

    first: Spread
    """To the first token, from when a request was sent."""
    each: Spread | None
    """A token after the first; None where none is."""
    whole: Spread
    """To the last token."""
    output_rate: float
    """Output tokens a second."""
    request_rate: float
    good_rate: float | None
    """Requests a second that keep the targets; None where there are none."""
    decoding: float
    """Sequences that decode at once, on average."""
    queued: float
    """Share of the requests that waited for room in the cache."""
    room: int
    """Sequences of mean lengths that are let in at once."""
    saturated_rate: float
    """Requests a second beyond which the queue grows without end."""
    waiting: int = 0
    """Users who were not simulated, since they only wait for their turn."""
    sides: Sides | None = None
    """What each side can do, where prompts are taken in apart."""


def served(deployment: Deployment, load: Load) -> Outcome:
    """The outcome of a load that comes and goes."""
    traffic = load.traffic
    assert traffic is not None
    layout, engine = deployment.layout, deployment.engine
    # copies that share experts step together, others serve each their own part
    together, apart = (layout.data, 1) if layout.pooled > 1 else (1, layout.data)
    by_step = tokens_of_step(deployment.speculation)
    tokens = room_tokens(deployment, load) * together
    mean = traffic.depth + traffic.inputs.mean + traffic.outputs.mean
    most = most_running(deployment)
    room = max(1, min(floor(tokens / mean), most * together))
    inside = let_in(traffic, engine.scheduler, tokens, most * together)
    parts = tuple(part.within(inside) for part in Part.of(traffic, apart))
    here = min(room, parts[0].users or room)
    budget, scheduler = engine.step_tokens, engine.scheduler
    if deployment.architecture.task == "encoder":
        # attention to both sides cannot be cut
        budget, scheduler = max(budget, traffic.inputs.longest), replace(scheduler, whole_prompts=True)
    copies = -(-here // together)
    clockwork = clockwork_for(deployment, budget + copies, copies, traffic.longest)
    runs = []
    for part in parts:
        requests = requests_of(traffic, part.simulated, by_step)
        found = simulate(
            requests,
            clockwork,
            scheduler,
            users=part.users,
            arrivals=part.arrivals(traffic),
            budget=budget,
            most=most,
            room=max(tokens, traffic.longest),
            request_s=engine.host.request,
            token_s=engine.host.request_token,
            copies=together,
            stages=layout.pipeline,
        )
        runs.append(Run(part, requests, found))
    return outcome_of(
        deployment,
        runs,
        traffic,
        by_step=by_step,
        room=inside * apart,
        saturated_rate=_saturated(deployment, traffic, let_in(traffic, scheduler, tokens / together, most))
        * layout.data,
    )


def clockwork_for(deployment: Deployment, tokens: int, sequences: int, longest: int) -> Clockwork:
    """The clockwork of a deployment for steps up to these sizes, made for powers of two, so that questions about the
    same deployment share one."""
    return clockwork_of(deployment, *(1 << (size - 1).bit_length() for size in (tokens, sequences, longest)))


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a load that is simulated: what each of so many like parts serves."""

    parts: int
    users: int | None
    requests: int
    """Of which some may stand for the rest."""
    rate: float | None = None
    """Requests a second."""
    waiting: int = 0
    """Users beside these who only wait for their turn."""
    dealt: int = 1
    """Parts to which the load is dealt, those that are served otherwise and those that are idle included."""

    @classmethod
    def of(cls, traffic: Traffic, parts: int) -> tuple[Part, ...]:
        """A load dealt to so many that serve alike: the fullest first, then those with a user less, where they have
        any."""
        if traffic.users is None:
            assert traffic.rate is not None
            requests = max(-(-traffic.requests // parts), _least_requests(traffic))
            return (cls(parts, None, requests, traffic.rate / parts, dealt=parts),)
        fewest, fuller = divmod(traffic.users, parts)
        dealt = ((fuller, fewest + 1), (parts - fuller, fewest))
        each, least = traffic.requests / traffic.users, _least_requests(traffic)
        return tuple(
            cls(count, users, max(round(each * users), least), dealt=parts) for count, users in dealt if count and users
        )

    def within(self, inside: int) -> Part:
        """The same with no more users than tell how it goes on where so many are let in at once."""
        most = max(_MOST_USERS, 2 * inside)
        if self.users is None or self.users <= most:
            return self
        requests = max(most, round(self.requests / self.users * most))
        return replace(self, users=most, requests=requests, waiting=self.users - most)

    @property
    def simulated(self) -> int:
        users = self.users
        return self.requests if users is None else min(self.requests, 2 * users + max(_SETTLED, users))

    @property
    def weights(self) -> list[float]:
        """How many requests each stands for: those of the first wave, which come together, and of the last, after which
        nobody asks, for themselves, and those between for all that were not simulated.
        """
        simulated, users = self.simulated, self.users or 0
        settled = simulated - 2 * users
        if simulated == self.requests or settled <= 0:
            return [1.0] * simulated
        middle = (self.requests - 2 * users) / settled
        return [1.0] * users + [middle] * settled + [1.0] * users

    def arrivals(self, traffic: Traffic) -> list[float]:
        """Seconds at which its requests come; none where users ask again."""
        if self.rate is None:
            return []
        apart = 1 / self.rate
        if traffic.even:
            return [number * apart for number in range(self.simulated)]
        return [apart * when for when in _by_chance(self.simulated)]


def _least_requests(traffic: Traffic) -> int:
    """Requests of a part that show how lengths are spread."""
    return 0 if traffic.inputs.alike and traffic.outputs.alike else _SHOWN


@lru_cache(maxsize=16)
def _by_chance(count: int) -> tuple[float, ...]:
    """When so many requests come of a Poisson process of one a second: the quantiles of an exponential distribution, in
    an order that is shuffled always alike.
    """
    gaps = [-log(1.0 - (number + 0.5) / count) for number in range(count)]
    Random(0).shuffle(gaps)
    return tuple(accumulate(gaps))


@dataclass(frozen=True, slots=True)
class Run:
    """A part of a load, and what became of its requests."""

    part: Part
    requests: Sequence[Request]
    found: Served


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the users of a part see: seconds of each request, and how much each counts."""

    first: list[float]
    each: list[float | None]
    """None where no token follows the first."""
    whole: list[float]
    after: list[float]
    tokens: list[float]
    """Of each output."""
    weights: list[float]
    rate: float
    """Requests a second of all that are alike."""
    grows: bool
    """Whether the queue does for as long as requests come."""


def outcome_of(
    deployment: Deployment,
    runs: Sequence[Run],
    traffic: Traffic,
    *,
    by_step: float,
    room: int,
    saturated_rate: float,
    sides: Sides | None = None,
) -> Outcome:
    """What became of the parts of a load, as what users see of all of it."""
    seen = [_seen(deployment, traffic, run, by_step, saturated_rate) for run in runs]
    rate = sum(one.rate for one in seen)
    # who is served faster asks more often
    scales = [one.rate / sum(one.weights) if len(seen) > 1 else 1.0 for one in seen]
    weights = [weight * scale for one, scale in zip(seen, scales, strict=True) for weight in one.weights]
    first, each, whole, after, tokens = (
        [value for one in seen for value in getattr(one, name)]
        for name in ("first", "each", "whole", "after", "tokens")
    )
    good = None
    if traffic.ttft_target is not None or traffic.tpot_target is not None:
        kept = [
            share
            for share, wait, token in zip(weights, first, each, strict=True)
            if wait <= (traffic.ttft_target or wait) and (token or 0.0) <= (traffic.tpot_target or token or 0.0)
        ]
        good = rate * sum(kept) / sum(weights)
    followed = [(value, weight) for value, weight in zip(each, weights, strict=True) if value is not None]
    # whatever the steady state of requests that come apart says: what the simulation cannot keep up with is more than
    # can be served, and what it serves, as of prompts that come together, can be
    if any(one.grows for one in seen):
        saturated_rate = min(saturated_rate, rate) if sides else rate
    elif sides is None:
        saturated_rate = max(saturated_rate, rate)
    return Outcome(
        first=_spread(first, weights),
        each=_spread(*zip(*followed, strict=True)) if followed else None,
        whole=_spread(whole, weights),
        output_rate=rate * _mean(tokens, weights),
        request_rate=rate,
        good_rate=good,
        decoding=rate * _mean(after, weights),
        queued=sum(run.found.queued * one.rate for run, one in zip(runs, seen, strict=True)) / rate,
        room=room,
        saturated_rate=saturated_rate,
        waiting=sum(run.part.parts * run.part.waiting for run in runs),
        sides=sides,
    )


def _seen(deployment: Deployment, traffic: Traffic, run: Run, by_step: float, saturated_rate: float) -> _Seen:
    part, requests, found, weights = run.part, run.requests, run.found, run.part.weights
    decoding = sum(ended - begun for begun, ended in zip(found.first, found.ended, strict=True)) / max(found.ended)
    to_first, to_each = factors_at(deployment, settled_load(traffic, decoding * part.dealt))
    first = [(begun - sent) * to_first for sent, begun in zip(found.arrived, found.first, strict=True)]
    after = [(ended - begun) * to_each for begun, ended in zip(found.first, found.ended, strict=True)]
    whole = [wait + rest for wait, rest in zip(first, after, strict=True)]
    each = [
        (ended - begun) * to_each / (request.answer - 1) if request.answer > 1 else None
        for begun, ended, request in zip(found.first, found.ended, requests, strict=True)
    ]
    grows = part.users is None and _grows(found)
    rate = _rate(run, whole, saturated_rate, grows=grows, calibrated=to_each != 1)
    if part.waiting:
        first, whole = ([time + part.waiting / rate for time in times] for times in (first, whole))
    # who waits for a handful of tokens sees the first of them with the last
    late = deployment.engine.scheduler.stream_steps - 1
    if late:
        first = [
            min(wait + late * (token or 0.0) * by_step, end)
            for wait, token, end in zip(first, each, whole, strict=True)
        ]
    return _Seen(
        first=first,
        each=each,
        whole=whole,
        after=after,
        tokens=[float(request.answer) for request in requests],
        weights=weights,
        rate=part.parts * rate,
        grows=grows,
    )


def _grows(found: Served) -> bool:
    """Whether of the later half of the requests far fewer were served than came while they came: more than a tenth, and
    more than chance leaves."""
    begun, last = found.arrived[len(found.arrived) // 2], found.arrived[-1]
    came = len(found.arrived) - len(found.arrived) // 2
    left = came - sum(begun < when <= last for when in found.ended)
    return left > 0.1 * came + 2 * sqrt(came)


def _rate(run: Run, whole: Sequence[float], saturated_rate: float, *, grows: bool, calibrated: bool) -> float:
    """Requests a second of one part; calibrated: by measured runs, of which the simulation knows nothing."""
    part, found = run.part, run.found
    duration = max(found.ended)
    if part.users is None:
        assert part.rate is not None
        # as many leave as come while they can be served: how long the last one stays says nothing of that
        served_all = part.rate * part.parts <= saturated_rate and not grows
        most = saturated_rate / part.parts if calibrated else part.rate
        return part.rate if served_all else min(part.rate, part.requests / duration, most)
    # users who wait longer ask less often; requests that come at a rate do not
    duration *= sum(whole) / sum(ended - sent for sent, ended in zip(found.arrived, found.ended, strict=True))
    # and each that was not simulated keeps one of them as long
    duration += sum((weight - 1) * time for weight, time in zip(part.weights, whole, strict=True)) / part.users
    return part.requests / duration


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)


def requests_of(traffic: Traffic, count: int, tokens_of_step: float = 1.0) -> tuple[Request, ...]:
    """So many requests, whose lengths are spread evenly and independently of each other."""
    return _requests(traffic.inputs, traffic.outputs, traffic.cached_share, traffic.depth, count, tokens_of_step)


@lru_cache(maxsize=32)
def _requests(
    inputs: Lengths, outputs: Lengths, cached: float, depth: int, count: int, tokens_of_step: float
) -> tuple[Request, ...]:
    found = []
    for here, there in zip(_evenly(count, 2), _evenly(count, 3), strict=True):
        prompt, made = inputs.at(here), max(1, round(outputs.at(there)))
        new = prompt - cached_of(prompt, cached)
        # the steps that its output takes, where drafted tokens are verified several at once
        steps = 1 + max(min(made - 1, 1), round((made - 1) / tokens_of_step))
        found.append(Request(new, depth + prompt - new, steps, made))
        if inputs.alike and outputs.alike:
            return tuple(found * count)
    return tuple(found)


def _evenly(count: int, base: int) -> list[float]:
    """Shares of requests in an order that mixes them, each of as many equal parts once, so that few have the mean of
    all."""
    shares = spread(count, base)
    ranks = {share: rank for rank, share in enumerate(sorted(shares))}
    return [(ranks[share] + 0.5) / count for share in shares]


def room_tokens(deployment: Deployment, load: Load) -> float:
    """Tokens that the cache of a copy has room for."""
    found = kv_tokens_in(deployment, load)
    if found:
        return float(found)
    held = most_sequences(deployment, load) / deployment.layout.data
    return float(held * (load.tokens + load.output))


def let_in(traffic: Traffic, scheduler: Scheduler, tokens: float, most: int) -> int:
    """Sequences of mean lengths that an engine lets in at once, where the cache has room for so many tokens."""
    return max(1, min(floor(tokens / kept_tokens(traffic, scheduler)), most))


def kept_tokens(traffic: Traffic, scheduler: Scheduler) -> float:
    """Tokens of cache that an engine keeps room for when it lets a mean request in."""
    return traffic.depth + traffic.inputs.mean + scheduler.reserve * traffic.outputs.mean


def mean_request(traffic: Traffic) -> dict[str, Quantity]:
    """A mean request as the steady state is asked of it: tokens computed, those before them, tokens of the answer."""
    prompt = traffic.inputs.mean
    new = max(1.0, prompt * (1 - traffic.cached_share))
    return {"tokens": new, "before": traffic.depth + prompt - new, "output": max(traffic.outputs.mean, 1.5)}


def most_running(deployment: Deployment) -> int:
    """The most sequences of a copy that the engine runs in a step."""
    engine = deployment.engine
    told = engine.settings.get(engine.SEQUENCES) if engine.SEQUENCES else None
    return 4096 if told is None else max(1, int(told))


def saturation(deployment: Deployment, load: Load) -> float:
    """Requests a second, over all copies, beyond which the queue grows without end."""
    traffic = load.traffic
    assert traffic is not None
    scheduler = deployment.engine.scheduler
    room = let_in(traffic, scheduler, room_tokens(deployment, load), most_running(deployment))
    return _saturated(deployment, traffic, room) * deployment.layout.data


def _saturated(deployment: Deployment, traffic: Traffic, room: float) -> float:
    """Requests a second of a copy that always has as many sequences as there is room for."""
    prompt = traffic.inputs.mean
    if deployment.architecture.task == "encoder":
        # as many whole sequences as a step takes, step after step
        count = max(1, min(floor(room), int(deployment.engine.step_tokens // prompt)))
        load = Load(sequences=count * deployment.layout.data, tokens=max(1, round(prompt)), output=1)
        return float(count / prefill_time(deployment, load).total)
    mean = mean_request(traffic)
    found = steady_state(deployment, users=room, **mean)
    wait, rest = found.wait, found.tpot * (mean["output"] - 1)
    to_first, to_each = factors_at(deployment, settled_load(traffic, found.decoding * deployment.layout.data))
    return float(found.rate * (wait + rest) / (to_first * wait + to_each * rest))


def settled_load(traffic: Traffic, decoding: float) -> Load:
    """The static load that is like a served one: its mean lengths, as many sequences as decode at once."""
    tokens = max(2, round(traffic.inputs.mean))
    return Load(
        sequences=max(1, round(decoding)),
        tokens=tokens,
        output=max(1, round(traffic.outputs.mean)),
        depth=traffic.depth,
        cached=cached_of(tokens, traffic.cached_share),
    )


def _spread(values: Sequence[float], weights: Sequence[float]) -> Spread:
    ordered = sorted(zip(values, weights, strict=True))
    total = sum(weights)

    def at(share: float) -> float:
        reached = 0.0
        for value, weight in ordered:
            reached += weight
            if reached >= share * total:
                return value
        return ordered[-1][0]

    return Spread(mean=_mean(values, weights), p50=at(0.5), p90=at(0.9), p95=at(0.95), p99=at(0.99))
