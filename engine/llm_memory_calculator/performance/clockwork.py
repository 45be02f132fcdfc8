"""The time of a step in numbers looked up: what a simulation of many thousand steps asks, from one pass over arrays."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..operators import Step
from ..ranks import holdings
from .machine import machine_of
from .speculating import decode_step, drafting_time
from .step import (
    Clock,
    Known,
    crossing_time,
    dispatch_time,
    grouped_time,
    hand_over,
    known_by,
    merged_time,
    shared_launch,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..deployment import Deployment

# Points of a curve that is looked up: every number up to here, then at distances that grow by this share.
_EVERY = 32
_APART = 1.2
_POINTS = 14
# Tokens of a step up to which its time is tabled. By then all are multiplied at the peak, so each further one takes
# as much more: an engine without a budget of tokens takes in all prompts that wait.
_TABLED = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clockwork:
    """Seconds of the steps of one copy of a deployment, of up to so many tokens and sequences as it was made for.

    A step is what all its tokens pass together, what each group attends, the logits of what samples, and the host. Of
    copies that share experts each step is one of all of them.
    """

    contexts: tuple[float, ...]
    """Mean contexts of the rows."""
    decodes: Sequence[Sequence[float]]
    """A step that decodes alone, by sequences and mean context."""
    attends: Sequence[Sequence[float]]
    """What decoding sequences attend in a step, by their number and mean context."""
    tokens: Sequence[float]
    """What all tokens pass, by their number: products, element-wise work, messages, launches; experts apart."""
    experts: Sequence[float]
    """Routed experts with their messages, by tokens of each copy."""
    logits: Sequence[float]
    """What more than one sequence that samples takes, by their number."""
    pieces: tuple[float, ...]
    prompts: Sequence[Sequence[float]]
    """What a piece of a prompt attends, by its tokens and those before it; its launch left out."""
    launch: float
    """Launches of a step that carries prompts: of what they attend, and what they cost more than graphs."""
    shared: float
    """Launches that are spared where sequences decode in the same step."""
    eager: float
    """What launches cost more in a step of more tokens than graphs are made for."""
    graphed: int
    dispatch: float
    """Seconds in which the engine's program calls the operators of a step, the least that a step takes."""
    step: float
    sequence: float
    width: int
    """Tokens of each decoding sequence in a step: more than one where drafted ones are verified."""
    stages: int
    slowest_share: float
    """The longest stage's share of a pass through all of them."""

    def decode(self, sequences: int, context: float) -> float:
        """A step that decodes so many sequences of this mean context."""
        return _between(self.contexts, self.decodes[min(sequences, len(self.decodes) - 1)], context)

    def mixed(
        self,
        sequences: int,
        context: float,
        pieces: Sequence[tuple[float, float]],
        ending: int,
        shared: float | None = None,
    ) -> float:
        """A step that decodes so many on each copy, and takes in pieces of prompts on the fullest: their new tokens,
        and those before them. `ending`: how many of these prompts it ends. `shared`: new tokens of prompts that a copy
        has on average, where copies share experts.

        Of a pipeline one step of each part of the sequences, among which the prompts are dealt: none overtakes another,
        so that all are held up by the fullest.
        """
        if self.stages == 1:
            return self._pass(sequences, context, pieces, ending, shared)
        parts = min(self.stages, sequences or len(pieces))
        here = -(-sequences // self.stages)
        carrying = [
            self._pass(here, context, dealt, -(-ending // parts), None if shared is None else shared / parts)
            for dealt in (pieces[part::parts] for part in range(parts))
            if dealt
        ]
        found = sum(carrying)
        if sequences:
            found += (parts - len(carrying)) * self._pass(here, context, (), 0)
        return max(*carrying, self.slowest_share * found)

    def _pass(
        self,
        here: int,
        context: float,
        pieces: Sequence[tuple[float, float]],
        ending: int,
        shared: float | None = None,
    ) -> float:
        """A step through all stages."""
        new, decoding = sum([tokens for tokens, _ in pieces]), here * self.width
        passing = round(decoding + new)
        sent = passing if shared is None else round(decoding + shared)
        found = _tabled(self.tokens, passing) + _tabled(self.experts, sent)
        found += self.logits[min(decoding + ending, len(self.logits) - 1)]
        found += self.launch + sum([self._attended(tokens, before) for tokens, before in pieces])
        if pieces and passing > self.graphed:
            found += self.eager
        if here and pieces:
            found -= self.shared
        if here:
            found += _between(self.contexts, self.attends[min(here, len(self.attends) - 1)], context)
        found = max(found, self.dispatch)
        return found + self.step + self.sequence * (here * self.width + len(pieces))

    def _attended(self, tokens: float, before: float) -> float:
        at = self.pieces
        right = bisect_right(at, tokens, 1, len(at) - 1)
        share = (tokens - at[right - 1]) / (at[right] - at[right - 1])
        low = _between(self.contexts, self.prompts[right - 1], before)
        return low + share * (_between(self.contexts, self.prompts[right], before) - low)


def _between(at: tuple[float, ...], values: Sequence[float], number: float) -> float:
    """A curve whose points are joined by lines, the last one prolonged."""
    right = bisect_right(at, number, 1, len(at) - 1)
    low, begin = values[right - 1], at[right - 1]
    return low + (number - begin) / (at[right] - begin) * (values[right] - low)


def _tabled(values: Sequence[float], number: int) -> float:
    """The value of a whole number, beyond the table by its last step."""
    beyond = number - len(values) + 1
    return values[number] if beyond <= 0 else values[-1] + beyond * (values[-1] - values[-2])


def clockwork_of(deployment: Deployment, most_tokens: int, most_sequences: int, longest: int) -> Clockwork:
    """The clockwork of a deployment for steps of up to so many tokens and sequences of up to `longest` tokens."""
    return _clockwork(known_by(deployment), most_tokens, most_sequences, longest)


@lru_cache(maxsize=64)
def _clockwork(known: Known, most_tokens: int, most_sequences: int, longest: int) -> Clockwork:
    deployment, given = known.deployment, most_tokens
    import numpy

    machine, layout, clock = machine_of(deployment), deployment.layout, Clock()
    host = machine.engine.host
    stages = holdings(deployment.architecture, deployment.formats.scheme, layout, machine.engine)
    drafted = 0 if deployment.speculation is None else deployment.speculation.tokens
    most_tokens = max(min(most_tokens, _TABLED), most_sequences * (1 + drafted), 2)
    longest_piece = max(most_tokens, min(given, longest))
    counts = numpy.array(_dense(most_tokens), dtype=float)
    singles = numpy.array(_sparse(1, max(most_sequences * (1 + drafted), 2)), dtype=float)
    contexts = numpy.array([0.0, *_sparse(16, max(longest, 32))])

    def passing(step: Step, carries: int = 0) -> list[tuple[Any, Any]]:
        """(all that the tokens pass, experts) of each unlike stage."""
        found = []
        for holding in stages:
            spent = merged_time(deployment, holding, step, carries, clock)
            spent.spend("host_link", crossing_time(deployment, holding, step))
            routed = spent.of("experts") + (spent.of("collective") if layout.pooled > 1 else 0.0)
            found.append((holding.alike * spent.total, holding.alike * routed))
        return found

    def grouped(step: Step, like: Any) -> Any:
        found = numpy.zeros_like(like)
        for holding in stages:
            found = found + holding.alike * grouped_time(deployment, holding, step, False, clock).total
        return found

    by_stage = passing(Step(batch=counts, query=1, samples=numpy.ones_like(counts)))
    everything = sum(whole for whole, _ in by_stage) + numpy.zeros_like(counts)
    routed = sum(experts for _, experts in by_stage) + numpy.zeros_like(counts)
    if layout.pipeline > 1:
        everything = everything + (layout.pipeline - 1) * hand_over(deployment, machine, Step(batch=counts, query=1))
    sampled = sum(whole for whole, _ in passing(Step(batch=numpy.ones_like(singles), query=1, samples=singles)))
    sampled = sampled + numpy.zeros_like(singles)
    one = Step(batch=1.0, query=1.0, samples=1.0)
    carrying = sum(whole for whole, _ in passing(one, 1)) - sum(whole for whole, _ in passing(one))
    many = Step(batch=1.0, query=float(host.graphed + 1), samples=1.0)
    eager = sum(whole for whole, _ in passing(many, 1)) - sum(whole for whole, _ in passing(many)) - carrying

    many, long = numpy.meshgrid(singles, contexts, indexing="ij")
    attending = grouped(decode_step(deployment, many, long), many)
    attending = attending + drafting_time(deployment, many, long, clock).total
    new, before = numpy.meshgrid(numpy.array(_sparse(2, longest_piece), dtype=float), contexts, indexing="ij")
    alone = grouped(Step(batch=numpy.ones_like(new), query=new, context=before), new)
    # prompts that go together are launched once, so that a second one shows what one takes without its launch
    second = grouped(Step(batch=2 * numpy.ones_like(new), query=new, context=before), new) - alone

    short = Step(batch=1.0, query=2.0)
    shared = sum(holding.alike * shared_launch(deployment, holding, short, clock) for holding in stages)

    every = numpy.arange(most_tokens + 1)
    tokens = numpy.interp(every, counts, everything - routed)
    experts = numpy.interp(every, counts, routed)
    sequences = numpy.arange(max(most_sequences * (1 + drafted), 2) + 1)
    logits = numpy.interp(sequences, singles, sampled - sampled[0])
    attends = _rows_for(sequences, singles, attending)
    here = -(-sequences // layout.pipeline)
    # a sequence whose drafted tokens are verified brings all of them
    wide = numpy.minimum((1 + drafted) * here, most_tokens)
    called = sum(holding.alike * dispatch_time(holding, host) for holding in stages)
    decodes = (tokens[wide] + experts[wide] + logits[numpy.minimum(wide, len(logits) - 1)])[:, None] + attends[here]
    # the host of each stage prepares a step
    hosts = layout.pipeline
    decodes = numpy.maximum(decodes, called) + hosts * (host.step + host.sequence * (1 + drafted) * here)[:, None]
    first = [float(numpy.asarray(whole).flat[0]) for whole, _ in by_stage]
    slowest = max(whole / holding.alike for whole, holding in zip(first, stages, strict=True)) / sum(first)
    if layout.pipeline > 1:
        # each stage serves every micro-batch that is in flight once
        flying = numpy.minimum(sequences, layout.pipeline)[:, None]
        decodes = decodes * numpy.maximum(1.0, flying * slowest)
    return Clockwork(
        contexts=tuple(contexts.tolist()),
        decodes=decodes.tolist(),
        attends=attends.tolist(),
        tokens=tokens.tolist(),
        experts=experts.tolist(),
        logits=logits.tolist(),
        pieces=tuple(new[:, 0].tolist()),
        prompts=second.tolist(),
        launch=carrying + max(float(numpy.min(alone - second)), 0.0),
        shared=shared,
        eager=eager,
        graphed=host.graphed,
        dispatch=called,
        step=hosts * host.step,
        sequence=hosts * host.sequence,
        width=1 + drafted,
        stages=layout.pipeline,
        slowest_share=slowest,
    )


def _rows_for(every: Any, at: Any, rows: Any) -> Any:
    """Rows at every number, between those at some."""
    import numpy

    right = numpy.clip(numpy.searchsorted(at, every, side="right"), 1, len(at) - 1)
    share = ((every - at[right - 1]) / (at[right] - at[right - 1]))[:, None]
    return rows[right - 1] + numpy.maximum(share, 0.0) * (rows[right] - rows[right - 1])


def _dense(most: int) -> list[int]:
    found = list(range(1, min(_EVERY, most) + 1))
    while found[-1] < most:
        found.append(min(max(int(found[-1] * _APART), found[-1] + 1), most))
    return found


def _sparse(least: int, most: int) -> list[int]:
    """Points from the one to the other whose distances grow evenly."""
    share = (most / least) ** (1 / (_POINTS - 1))
    return sorted({round(least * share**number) for number in range(_POINTS)} | {most})
