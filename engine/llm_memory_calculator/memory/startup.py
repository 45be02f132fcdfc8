"""What an engine reserves, prints and refuses when it starts, on the device that holds most. For plain numbers only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..report import Checked, Interval, Startup
from ..units import GIB
from .verdict import Verdict, estimate_of, longest_of

if TYPE_CHECKING:
    from ..deployment import Deployment, Load
    from ..engines import Condition, Engine, Place

LEVEL = 0.8
"""The share of cases that every range of memory is meant to hold."""


def startup_of(deployment: Deployment, load: Load, verdict: Verdict) -> Startup:
    """The engine's own sum, its conditions, and what it makes of the room that is left."""
    need, engine, place = verdict.need, deployment.engine, verdict.place
    longest = longest_of(deployment, load)
    room = engine.room(place, need, verdict.total_bytes)
    low, high = verdict.margins(room)
    made, least, most = (engine.cache_room(place, bytes_, longest) for bytes_ in (room.margin, low, high))
    counted: dict[str, Any] = {}
    if made is not None and least is not None and most is not None:
        counted = {
            "block_tokens": made.block_tokens,
            "groups": made.parts,
            "blocks": int(made.blocks),
            "cache_tokens": int(made.tokens),
            "cache_tokens_interval": _interval(verdict, least.tokens, most.tokens),
            "concurrency": float(made.concurrency),
            "concurrency_interval": _interval(verdict, least.concurrency, most.concurrency),
            "allocates": not engine.PAGED,
        }
    request = engine.kept_bytes(place, longest, place.architecture.source_of(longest))
    conditions = tuple(_checked(verdict, condition, request, longest) for condition in verdict.conditions)
    return Startup(
        settings=dict(engine.settings),
        device_bytes=round(verdict.total_bytes),
        context_bytes=round(need.context),
        budget_bytes=round(verdict.budget_bytes),
        weights_bytes=round(need.resident),
        weights_interval=_of_part(verdict, "weights"),
        non_torch_bytes=round(need.buffers),
        non_torch_interval=_of_part(verdict, "buffers"),
        activation_bytes=round(need.activations),
        activation_interval=_of_part(verdict, "activations"),
        activation_rule=max(need.peaks, key=lambda part: float(need.peaks[part])) if need.peaks else "",
        graphs_bytes=round(need.graphs),
        graphs_counted_bytes=round(need.graphs_counted),
        cache_room_bytes=round(room.margin),
        cache_room_interval=_interval(verdict, low, high),
        max_model_len=round(longest),
        request_bytes=math.ceil(request),
        longest=longest_held(engine, place, room.margin, most=_most(deployment, longest)),
        starts=verdict.starts,
        verdict=verdict.word,
        message=next((one.message for one in conditions if one.starts and one.margin_bytes < 0), ""),
        conditions=conditions,
        **counted,
    )


def longest_held(engine: Engine, place: Place, room_bytes: float, *, most: int) -> int:
    """Tokens of the longest request that so much room holds, up to `most`; 0 where it holds none."""

    def holds(tokens: int) -> bool:
        return bool(engine.kept_bytes(place, tokens, place.architecture.source_of(tokens)) <= room_bytes)

    if holds(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _most(deployment: Deployment, longest: float) -> int:
    return max(deployment.architecture.max_length or 0, round(longest))


def _checked(verdict: Verdict, condition: Condition, request: float, longest: float) -> Checked:
    low, high = verdict.margins(condition)
    return Checked(
        name=condition.name,
        margin_bytes=round(condition.margin),
        margin_interval=_interval(verdict, low, high),
        message="" if low >= 0 else _said(condition, request, longest),
        starts=condition.starts,
    )


def _said(condition: Condition, request: float, longest: float) -> str:
    """What the engine prints where the condition does not hold."""
    return condition.message.format(
        missing=max(0.0, -condition.margin) / GIB,
        request=request / GIB,
        room=(condition.margin + request) / GIB,
        longest=f"{longest:,.0f}",
    )


def _of_part(verdict: Verdict, part: str) -> Interval:
    """The range of a part of the ledger."""
    estimate, (below, above) = estimate_of(verdict.need, part), verdict.ends(part)
    return _interval(verdict, max(0.0, estimate + below), estimate + above)


def _interval(verdict: Verdict, low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=LEVEL, evidence=verdict.spread.evidence)
