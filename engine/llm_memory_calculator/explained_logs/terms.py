"""The terms of a log beside their estimates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..engines.base import Condition, Spread
from ..memory import Ledger, Verdict, judge, ledger
from ..memory.calibration import spread_at
from ..memory.startup import LEVEL
from ..memory.verdict import estimate_of, longest_of, place_at
from ..report import Interval, LogCount, LogTerm

if TYPE_CHECKING:
    from ..deployment import Deployment, Load
    from ..engines import CacheRoom
    from ..startup_logs import StartupLog, Term

# The parts of the ledger that a term is the sum of.
_PARTS = {
    "weights": ("weights",),
    "non_torch": ("buffers",),
    "activation": ("activations",),
    "compute": ("activations",),
    "graphs": ("graphs",),
    "graphs_estimate": ("graphs_counted",),
    "context": ("context",),
    "consumed": ("weights", "buffers"),
    "peak_torch": ("weights", "activations"),
}
_ROOM = ("kv_cache", "kv_room")
# What the fullest device is told by.
_HELD = ("weights", "kv_cache", "compute", "activation", "state")


@dataclass(frozen=True, slots=True)
class Guess:
    """An estimate with its range, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What the calculator says of the deployment that a log is of."""

    deployment: Deployment
    load: Load
    need: Ledger
    spread: Spread
    verdict: Verdict | None
    """None where no device is known."""

    @property
    def room(self) -> Condition | None:
        """What is left for a cache, of an engine that fills what is left."""
        if self.verdict is None or not self.deployment.engine.PAGED:
            return None
        return self.deployment.engine.room(self.verdict.place, self.need, self.verdict.total_bytes)

    def made_of(self, room_bytes: float) -> CacheRoom | None:
        """What the engine makes of so much room."""
        longest = longest_of(self.deployment, self.load)
        return self.deployment.engine.cache_room(place_at(self.deployment, self.need), room_bytes, longest)

    def of_term(self, name: str, *, beside: frozenset[str]) -> Guess | None:
        """The estimate of a term; `beside`: the names of the log's other terms."""
        need, room = self.need, self.room
        if name in _PARTS:
            return self._of_parts(_PARTS[name])
        if name in _ROOM:
            if room is None:
                kept = need.kept - (need.state if "state" in beside else 0)
                return None if self.deployment.engine.PAGED else Guess(float(kept))
            assert self.verdict is not None
            return Guess(float(room.margin), *self.verdict.margins(room))
        others: Mapping[str, float] = {"state": need.state, "host_weights": need.host, "required": need.total}
        if name in others and not (name == "state" and self.deployment.engine.PAGED):
            return Guess(float(others[name]))
        if name == "free" and self.verdict is not None and self.deployment.engine.name != "ollama":
            # SGLang says what is free with its links set up already
            linked = need.buffers if self.deployment.engine.name == "sglang" else 0
            return Guess(float(self.verdict.total_bytes - need.context - linked))
        accelerator = self.deployment.accelerator
        if name == "total" and accelerator is not None:
            return Guess(accelerator.usable_memory_bytes)
        if name == "budget" and self.verdict is not None:
            return Guess(float(self.verdict.budget_bytes))
        return None

    def _of_parts(self, parts: Sequence[str]) -> Guess:
        values = {part: estimate_of(self.need, part) for part in parts}
        total = sum(values.values())
        if not set(parts) <= set(Spread.PARTS):
            return Guess(total)
        low = math.sqrt(sum(getattr(self.spread, part).below(value) ** 2 for part, value in values.items()))
        high = math.sqrt(sum(getattr(self.spread, part).above(value) ** 2 for part, value in values.items()))
        return Guess(total, max(total - low, 0.0), total + high)


def estimate_for(deployment: Deployment, load: Load) -> Estimate:
    need, total = ledger(deployment, load), deployment.usable_bytes
    return Estimate(
        deployment=deployment,
        load=load,
        need=need,
        spread=spread_at(deployment, place_at(deployment, need)),
        verdict=None if total is None else judge(deployment, load, need, total),
    )


def fullest(log: StartupLog) -> str:
    """The device of a log that holds most."""
    held: dict[str, float] = {}
    for term in log.terms:
        if term.name in _HELD:
            held[term.device] = held.get(term.device, 0.0) + term.value_bytes
    return max(held, key=lambda device: held[device], default="")


def measured(log: StartupLog, name: str, device: str) -> float | None:
    """A term on a device; one that the log says without a device, or of one device alone, is taken for it."""
    terms = log.named(name)
    here = [term for term in terms if term.device == device] or [term for term in terms if not term.device]
    if not here and len({term.device for term in terms}) == 1:
        here = list(terms)
    return sum(term.value_bytes for term in here) if here else None


def rows_of(log: StartupLog, estimate: Estimate | None) -> tuple[LogTerm, ...]:
    """One a term and device; of stages that differ, the fullest alone is compared."""
    summed: dict[tuple[str, str], list[Term]] = {}
    for term in log.terms:
        summed.setdefault((term.name, term.device), []).append(term)
    names, first = frozenset(term.name for term in log.terms), fullest(log)
    found = []
    for (name, device), terms in summed.items():
        value = round(sum(term.value_bytes for term in terms))
        alike = estimate is not None and (estimate.deployment.layout.pipeline == 1 or device in ("", first))
        guess = estimate.of_term(name, beside=names) if estimate is not None and alike else None
        found.append(_row(name, device, value, guess, terms[0].line, estimate))
    return tuple(found)


def _row(name: str, device: str, value: int, guess: Guess | None, line: str, estimate: Estimate | None) -> LogTerm:
    interval = None
    if guess is not None and guess.low is not None and guess.high is not None and estimate is not None:
        interval = Interval(low=guess.low, high=guess.high, level=LEVEL, evidence=estimate.spread.evidence)
    estimated = None if guess is None else round(guess.value)
    return LogTerm(
        name=name,
        device=device,
        measured_bytes=value,
        estimated_bytes=estimated,
        residual_bytes=None if estimated is None else value - estimated,
        interval=interval,
        in_range=None if interval is None else interval.low <= value <= interval.high,
        line=line,
    )


def counts_of(log: StartupLog, estimate: Estimate | None, room_bytes: float | None) -> tuple[LogCount, ...]:
    """Tokens, blocks and requests beside what the estimate, and what the log's own room, would give."""
    ours = of_room = None
    if estimate is not None and estimate.room is not None:
        ours = estimate.made_of(float(estimate.room.margin))
        of_room = None if room_bytes is None else estimate.made_of(room_bytes)
    elif estimate is not None and not estimate.deployment.engine.PAGED:
        ours = estimate.made_of(0.0)
    return tuple(
        LogCount(
            name=count.name,
            device=count.device,
            measured=count.value,
            estimated=_number(ours, count.name),
            of_room=_number(of_room, count.name),
            line=count.line,
        )
        for count in log.counts
    )


def _number(room: CacheRoom | None, name: str) -> float | None:
    if room is None:
        return None
    said = {
        "kv_tokens": room.tokens,
        "gpu_blocks": room.blocks,
        "block_size": room.block_tokens,
        "max_concurrency": room.concurrency,
    }
    return float(said[name]) if name in said else None
