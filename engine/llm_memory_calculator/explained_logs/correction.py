"""The estimate corrected by a log's own terms: what later estimates take, and what its failure is mended by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..memory.calibration import Calibration
from ..memory.verdict import estimate_of
from ..report import Note
from ..units import GIB
from .arithmetic import ROUNDED, margin_of, printed_room
from .terms import Estimate, estimate_for, fullest, measured

if TYPE_CHECKING:
    from ..engines.base import Condition
    from ..memory import Verdict
    from ..startup_logs import StartupLog

# What a room that the log prints tells of, where the log does not print it, the least certain first.
_INFERRED = ("activations", "graphs_counted", "buffers", "weights", "context")
_WORDS = {"buffers": "non-torch memory", "graphs_counted": "its estimate of graphs"}
# A failure is a condition that does not hold.
_CONDITIONS = {"free": "free memory", "no_blocks": "room for a cache", "length": "one request", "states": "a state"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An estimate with the log's terms in it."""

    estimate: Estimate
    calibration: Calibration
    notes: tuple[Note, ...] = ()


def corrected(log: StartupLog, estimate: Estimate) -> Corrected:
    """The estimate with what the log measured in place of its own parts, and the log's own room for a cache."""
    known = _measured_parts(log, estimate)
    parts = {part: value - round(estimate_of(estimate.need, part)) for part, value in known.items()}
    calibration = _calibration(log, estimate, parts)
    after = _with(estimate, calibration)
    room, said, notes = after.room, printed_room(log), list[Note]()
    for part in () if room is None or said is None else _inferred(estimate, room, known):
        assert room is not None
        assert said is not None
        missing = float(room.margin) - round(said)
        if missing == 0:
            break
        held = round(estimate_of(estimate.need, part))
        share = room.parts["graphs" if part == "graphs_counted" else part]
        # no part is less than nothing
        parts[part] = max(-held, parts.get(part, 0) + round(missing / -share))
        if part not in known and abs(missing) > ROUNDED:
            named = _WORDS.get(part, part)
            left = (held + parts[part]) / GIB
            text = f"The log does not print {named}: its room for a cache leaves {left:.2f} GiB for it."
            notes.append(Note(subject="calibration", text=text, origin="assumption"))
        calibration = _calibration(log, estimate, parts)
        after = _with(estimate, calibration)
        room = after.room
    return Corrected(estimate=after, calibration=calibration, notes=tuple(notes))


def _calibration(log: StartupLog, estimate: Estimate, parts: Mapping[str, int]) -> Calibration:
    deployment = estimate.deployment
    engine, accelerator = deployment.engine, deployment.accelerator
    assert deployment.usable_bytes is not None
    return Calibration(
        engine=engine.name,
        version=engine.version,
        hardware="" if accelerator is None else accelerator.name,
        total_bytes=deployment.usable_bytes,
        parts=dict(parts),
        model=deployment.model.name,
        precision=deployment.formats.scheme.label,
        tensor_parallel=int(deployment.layout.tensor),
        pipeline_parallel=int(deployment.layout.pipeline),
        source=f"a start-up log of {log.engine} {log.version or ''}".rstrip(),
    )


def _with(estimate: Estimate, calibration: Calibration) -> Estimate:
    return estimate_for(replace(estimate.deployment, calibration=calibration), estimate.load)


def _measured_parts(log: StartupLog, estimate: Estimate) -> dict[str, int]:
    """The parts of the ledger that the log tells, on the device that holds most."""
    device = fullest(log)
    said = {
        part: measured(log, name, device)
        for name, part in (
            ("weights", "weights"),
            ("non_torch", "buffers"),
            ("activation", "activations"),
            ("compute", "activations"),
            ("graphs", "graphs"),
            ("graphs_estimate", "graphs_counted"),
            ("context", "context"),
        )
        if measured(log, name, device) is not None
    }
    weights, consumed, peak = said.get("weights"), *(measured(log, name, device) for name in ("consumed", "peak_torch"))
    if weights is not None and consumed is not None and "buffers" not in said:
        said["buffers"] = consumed - weights
    if weights is not None and peak is not None and "activations" not in said:
        said["activations"] = peak - weights
    tried = log.failure.get("tried_bytes")
    if tried and estimate.deployment.engine.name == "llama_cpp" and "activations" not in said and log.named("kv_cache"):
        # what it allocates after the cache, in one piece
        said["activations"] = tried
    free, total = measured(log, "free", device), estimate.deployment.usable_bytes
    if free is not None and total is not None and "context" not in said and estimate.deployment.engine.name != "ollama":
        # SGLang says what is free with its links set up already
        if estimate.deployment.engine.name == "sglang":
            said["buffers"] = total - free - float(estimate.need.context)
        else:
            said["context"] = total - free
    found = {part: max(0, round(value)) for part, value in said.items() if value is not None}
    # what the engine does not count at all is not moved by a log
    return {
        part: value
        for part, value in found.items()
        if not part.startswith("graphs") or estimate_of(estimate.need, part) > 0
    }


def _inferred(estimate: Estimate, room: Condition, known: Mapping[str, int]) -> list[str]:
    """The parts that take what a printed room leaves: those that the log does not print; then, for the rounding of all,
    those that it does."""
    moved = {"graphs_counted" if part == "graphs" else part for part, share in room.parts.items() if share}
    # what the engine does not take away for graphs at all is not moved by a log
    movable = [
        part
        for part in _INFERRED
        if part in moved and (part != "graphs_counted" or estimate_of(estimate.need, part) > 0)
    ]
    return sorted(movable, key=lambda part: part in known)


def failed(log: StartupLog, after: Estimate) -> Estimate:
    """The same with the condition that the log says does not hold made to fail, where it holds by the log's terms.

    Whatever the log does not print (another process, fragments, a second model) is then counted with the part that the
    condition hangs on.
    """
    verdict = after.verdict
    if verdict is None or log.outcome in ("started", "unknown") or verdict.margin_bytes < 0:
        return after
    condition = failing(log, verdict)
    missing = max(-(margin_of(log) or 0.0), _states_missing(log, verdict, condition), 1.0)
    part = next((part for part in ("activations", "graphs", "context", "weights") if condition.parts.get(part)), None)
    calibration = after.deployment.calibration
    if part is None or calibration is None:
        return after
    more = round((float(condition.margin) + missing) / abs(condition.parts[part])) + 1
    parts = {**calibration.parts, part: calibration.parts.get(part, 0) + more}
    return _with(after, replace(calibration, parts=parts))


def _states_missing(log: StartupLog, verdict: Verdict, condition: Condition) -> float:
    """Bytes of the blocks that a log of too few of them lacks, each as large as it is by the estimate."""
    sequences, blocks = log.failure.get("sequences"), log.failure.get("blocks")
    room = next((one for one in verdict.conditions if one.name.startswith(_CONDITIONS["no_blocks"])), None)
    if log.outcome != "states" or room is None or not sequences or blocks is None:
        return 0.0
    return (sequences - blocks) * (float(room.margin) - float(condition.margin)) / sequences


def failing(log: StartupLog, verdict: Verdict) -> Condition:
    """The condition that a log's failure is of; of a start, the one with the least to spare."""
    conditions = [condition for condition in verdict.conditions if condition.parts and condition.starts]
    if log.outcome in ("started", "unknown") or not conditions:
        return verdict.binding
    if wanted := _CONDITIONS.get(log.outcome):
        return next((one for one in conditions if one.name.startswith(wanted)), verdict.binding)
    cached = bool(log.named("kv_cache") or log.counted("gpu_blocks"))
    graphs = [one for one in conditions if one.name.startswith("graphs")]
    return graphs[0] if graphs and cached else min(conditions, key=lambda one: one.margin)
