"""What a log's own numbers say without any estimate: budget less terms is room, and what to change by that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..report import Note, Remedy
from ..units import GIB
from .reading import LOCAL, engine_of, total_of
from .terms import fullest, measured

if TYPE_CHECKING:
    from ..startup_logs import StartupLog

# Logs print two decimals of a GiB, and up to five of them are in the sum.
ROUNDED = 0.03 * GIB
_SHARES = ("gpu_memory_utilization", "mem_fraction_static", "free_gpu_memory_fraction")
_SMALL_CACHES = ("fp8", "fp8_e4m3", "fp8_e5m2", "q8_0", "q4_0")


def budget_of(log: StartupLog) -> float | None:
    """What the engine may use of a device, by the log."""
    if "budget_bytes" in log.failure:
        return log.failure["budget_bytes"]
    said, total, share = measured(log, "budget", fullest(log)), total_of(log), log.settings.get(_SHARES[0])
    if said is not None:
        return said
    if total is not None and isinstance(share, (int, float)):
        return total * share
    return None


def printed_room(log: StartupLog) -> float | None:
    """What the log says is left for a cache, of an engine that fills what is left."""
    if engine_of(log) in LOCAL:
        return None
    if "kv_cache_bytes" in log.failure:
        return log.failure["kv_cache_bytes"]
    device = fullest(log)
    said = measured(log, "kv_room", device)
    return measured(log, "kv_cache", device) if said is None else said


def summed_room(log: StartupLog) -> float | None:
    """The budget less what the log says is held; None where it does not say all of that."""
    device, budget = fullest(log), budget_of(log)
    consumed = measured(log, "consumed", device)
    if consumed is None:
        parts = [measured(log, name, device) for name in ("weights", "non_torch")]
        consumed = None if None in parts else sum(part for part in parts if part is not None)
    activation = measured(log, "activation", device)
    if budget is None or consumed is None or activation is None or engine_of(log) != "vllm":
        return None
    return budget - consumed - activation


def disagreements(log: StartupLog) -> Iterator[Note]:
    """Numbers of a log that contradict each other: both are said."""
    total, budget, share = total_of(log), measured(log, "budget", fullest(log)), log.settings.get(_SHARES[0])
    if total is not None and budget is not None and isinstance(share, (int, float)):
        apart = share * total - budget
        if abs(apart) > ROUNDED:
            text = f"The log's budget is {budget / GIB:.2f} GiB, and {share:g} of its {total / GIB:.2f} GiB is "
            yield _warning("budget_bytes", f"{text}{share * total / GIB:.2f} GiB.")
    summed, said = summed_room(log), printed_room(log)
    if summed is None or said is None:
        return
    counted = measured(log, "graphs_estimate", fullest(log)) or 0.0
    if min(abs(summed - said), abs(summed - counted - said)) > ROUNDED:
        text = f"The log prints {said / GIB:.2f} GiB for the cache, and its budget less its terms is {summed / GIB:.2f}"
        yield _warning("room_bytes", f"{text} GiB: something is held that it does not print.")


def _warning(subject: str, text: str) -> Note:
    return Note(subject=subject, text=text, origin="warning")


def by_arithmetic(log: StartupLog) -> tuple[Remedy, ...]:
    """What mends a failure by the log's own numbers."""
    total, budget, failure = total_of(log), budget_of(log), log.failure
    found: list[Remedy] = []
    if log.outcome == "free" and total and budget and "free_bytes" in failure:
        share = math.floor(failure["free_bytes"] / total * 100) / 100
        found.append(
            _remedy(f"{_SHARES[0]} {share:.2f}", "share", budget - share * total, failure["free_bytes"] - budget)
        )
    if log.outcome == "states" and "blocks" in failure:
        found.append(_remedy(f"max_num_seqs {int(failure['blocks']):,}", "sequences", 0, 0))
    room, request = printed_room(log), failure.get("request_bytes")
    if log.outcome == "no_blocks":
        room, request = summed_room(log), 0.0
    if room is None or request is None or log.outcome not in ("length", "no_blocks"):
        return tuple(found)
    missing = request - room
    if "longest" in failure:
        shorter = request - request * failure["longest"] / max(failure.get("at_length", 1), 1)
        found.append(_remedy(f"max_model_len {int(failure['longest']):,}", "length", shorter, -missing))
    if total and budget:
        share = math.ceil((budget + missing) / total * 100) / 100
        free = failure.get("free_bytes") or measured(log, "free", fullest(log)) or total
        if share <= min(0.99, free / total):
            found.append(_remedy(f"{_SHARES[0]} {share:.2f}", "share", share * total - budget, -missing))
    if request / 2 <= room and str(log.settings.get("kv_cache_dtype", "auto")) not in _SMALL_CACHES:
        found.append(_remedy("kv_cache_dtype fp8", "cache format", request / 2, -missing))
    graphs = measured(log, "graphs_estimate", fullest(log)) or 0.0
    if graphs >= missing:
        found.append(_remedy("enforce_eager true", "eager", graphs, -missing))
    # of a log whose numbers deny each other some would give less than nothing
    return tuple(one for one in found if one.gain_bytes > 0)


def _remedy(change: str, kind: str, gain: float, margin: float) -> Remedy:
    return Remedy(change=change, kind=kind, gain_bytes=round(gain), margin_bytes=round(margin + gain))


def margin_of(log: StartupLog) -> float | None:
    """What the log itself says is missing, below 0."""
    failure, budget = log.failure, budget_of(log)
    free = failure.get("free_bytes")
    wanted = failure.get("request_bytes")
    if wanted is not None and "kv_cache_bytes" in failure:
        return failure["kv_cache_bytes"] - wanted
    if log.outcome == "no_blocks":
        return summed_room(log)
    if free is None:
        return None
    needed = failure.get("required_bytes") or failure.get("tried_bytes") or (budget if log.outcome == "free" else None)
    return None if needed is None else min(free - needed, 0.0)
