"""The steady state of a closed loop of users, or of requests that come at a rate, from the step of groups.

What the simulation of events comes to when it goes on for long, without its beginning and its end; on numbers or on
arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..operators import Step
from ..units import choose, exponential, larger, smaller, somewhere
from .speculating import decode_step, drafting_time, tokens_of_step
from .spent import Seconds, Spent
from .step import Clock, StepTime, step_time

if TYPE_CHECKING:
    from ..deployment import Deployment
    from ..units import Quantity

# Turns of the fixed point, each of which halves what is left about, and the share of the sequences that may be left.
_TURNS = 12
_NEAR = 2e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """A copy in its steady state; each number an array where the load is one."""

    decoding: Quantity
    """Sequences that decode, on average."""
    tpot: Quantity
    """Seconds between the tokens of a sequence."""
    wait: Quantity
    """Seconds from a request to its first token."""
    rate: Quantity
    """Requests a second."""


def steady_state(
    deployment: Deployment,
    *,
    users: Quantity,
    tokens: Quantity,
    output: Quantity,
    before: Quantity = 0,
    running: Quantity | None = None,
    turns: int = _TURNS,
) -> Steady:
    """The steady state of one copy with so many users, each of whom asks again as soon as he has his answer.

    Of layouts side by side arrays stand along them, and several loads along an axis before it.
    tokens: of each prompt, computed; before: of its context that is cached; output: tokens of each answer, above 1.
    running: the most sequences that there is room for; the other users wait. turns: of the fixed point at most.
    """
    # copies that share experts need to know what these take of a step
    engine, clock = deployment.engine, Clock(Spent if somewhere(deployment.layout.pooled > 1) else Seconds)
    scheduler, host, budget = engine.scheduler, engine.host, engine.step_tokens
    inside = users if running is None else smaller(users, running)
    # the stages of a pipeline serve a part of the sequences each, in turn
    stages = deployment.layout.pipeline
    parts = smaller(stages, larger(inside, 1)) if somewhere(stages > 1) else 1
    copies = deployment.layout.pooled
    inside = inside / parts
    by_step = tokens_of_step(deployment.speculation)
    steps = (output - 1) / by_step
    asking = host.request + host.request_token * tokens
    decoding: Quantity = inside * 0.9
    tpot = wait = decoding
    moving: Quantity = True
    for turn in range(turns):
        context = before + tokens + output / 2
        # a user's own prompt never rides with what he decodes
        coming = decoding / steps * larger(1 - 1 / larger(parts * inside, 1), 0.02)
        spare = larger(budget - (decoding if scheduler.mixes else 0), 1)
        piece = smaller(tokens, spare)
        pieces = tokens / piece
        # no part overtakes one with prompts, so that a round of all parts is as long as the fullest takes; copies that
        # share experts step together
        at_once = parts * copies
        share = 1 - exponential(-at_once * coming * pieces)
        in_round = at_once * coming * pieces / share
        fullest = larger(1, in_round / at_once)
        # what a step that carries prompts takes in; beyond its budget prompts wait, and fewer sequences decode
        taken_in = smaller(fullest * piece, larger(spare, piece))
        prompts = Step(
            batch=taken_in / piece, query=piece, context=before + (tokens - piece) / 2, samples=taken_in / tokens
        )
        # below one sequence a step still is one
        drafted = drafting_time(deployment, decoding, context, clock).total
        group = decode_step(deployment, larger(decoding, 1), context)
        plain = _period(step_time(deployment, group, clock), parts) + drafted
        if scheduler.mixes:
            group = decode_step(deployment, decoding, context)
            carrying = _carrying(deployment, (group, prompts), in_round / at_once / fullest, clock, parts) + drafted
            period = (1 - share) * plain + share * carrying
            residual = ((1 - share) * plain**2 + share * carrying**2) / (2 * period)
        else:
            carrying = _carrying(deployment, (prompts,), in_round / at_once / fullest, clock, parts)
            period = plain + share * carrying
            residual = (plain**2 + share * carrying**2) / (2 * period)
        residual = residual + scheduler.ahead * period * larger(1 - 1 / larger(parts * inside, 1), 0)
        # as many steps as its pieces, and as others before it take
        taken = larger(pieces, coming * tokens / taken_in) * carrying
        inner = residual + taken
        there = inside * steps * period / (inner + steps * period + asking)
        # no more decode than prompts can be taken in for
        there = smaller(there, larger(spare, piece) * steps / tokens)
        off = larger(there - decoding, decoding - there)
        # each element of an array stays as it is once it is near, as a number alone would
        tpot, wait = choose(moving, period, tpot), choose(moving, asking + inner, wait)
        decoding = choose(moving, choose(turn < 2, there, (decoding + there) / 2), decoding)
        moving = moving & (off > _NEAR * there)
        if not somewhere(moving):
            break
    rate = parts * decoding / (steps * tpot)
    wait = larger(wait, parts * inside / rate - steps * tpot)
    # who has no room waits for as long as the others take
    wait = wait + (users - parts * inside) / rate
    return Steady(decoding=parts * decoding, tpot=tpot / by_step, wait=wait, rate=rate)


def _carrying(
    deployment: Deployment, groups: tuple[Step, ...], even: Quantity, clock: Clock, parts: Quantity
) -> Quantity:
    """Seconds of a step whose last group is the prompts of the fullest copy; even: what a copy has of these on average,
    which is what experts that copies share are given."""
    full = step_time(deployment, groups, clock)
    if not somewhere(deployment.layout.pooled > 1):
        return _period(full, parts)
    *others, prompts = groups
    fewer = replace(prompts, batch=prompts.batch * even, samples=prompts.samples * even)
    mean = step_time(deployment, (*others, fewer), clock).spent
    apart = sum(mean.of(kind) - full.spent.of(kind) for kind in ("experts", "collective"))
    return _period(full, parts) + apart


def _period(step: StepTime, parts: Quantity) -> Quantity:
    """Seconds from a step of some of the sequences to their next: it passes every stage, and each stage has served the
    other parts by then."""
    return larger(step.spent.total, parts * step.slowest_stage)
