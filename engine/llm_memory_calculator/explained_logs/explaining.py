"""A log, and what the calculator says of the same start, as one report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import CalculatorError
from ..memory.remedies import remedies
from ..question import held
from ..report import Note, Remedy, StartupLogReport
from ..units import GIB
from .arithmetic import budget_of, by_arithmetic, disagreements, margin_of, printed_room, summed_room
from .correction import Corrected, corrected, failed, failing
from .reading import Understood, caller_gave, engine_of, refused, understood
from .terms import Estimate, counts_of, estimate_for, rows_of

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from ..arguments import CalculateMemory, ExplainStartupLog
    from ..engines.base import Condition
    from ..memory import Verdict
    from ..models import Model
    from ..startup_logs import StartupLog

# Which setting shares out memory, and in which failures a larger share mends nothing.
_FULL = ("oom", "weights")
_ROOM_DIFFERS = 0.002
# A log prints a concurrency to hundredths.
_PRINTED = 0.01
# Of a device, beyond what a process has outside PyTorch's allocator: its context, libraries and graphs.
_OTHERS_GIB, _OTHERS_SHARE = 3.0, 0.1


def explained(
    asked: ExplainStartupLog,
    log: StartupLog,
    model: Model | None,
    *,
    accelerators: Sequence[Accelerator] = (),
    notes: tuple[Note, ...] = (),
) -> StartupLogReport:
    """The report of a log; `notes` are of how its model was found."""
    found = understood_or_not(asked, log, model)
    estimate = None if found.question is None else _estimate(found.question)
    after = None if estimate is None or estimate.verdict is None else corrected(log, estimate)
    mended = None if after is None else failed(log, after.estimate)
    printed, summed = printed_room(log), summed_room(log)
    room = printed if printed is not None else summed
    budget = budget_of(log)
    if budget is None and estimate is not None and estimate.verdict is not None:
        budget = float(estimate.verdict.budget_bytes)
    counts = counts_of(log, estimate, printed)
    verdict = None if mended is None else mended.verdict
    binding = None if verdict is None else _binding(log, verdict)
    margin = margin_of(log) if binding is None else float(binding.margin)
    deployment = None if estimate is None else estimate.deployment
    accelerator = None if deployment is None else deployment.accelerator
    return StartupLogReport(
        engine=log.engine,
        version=log.version,
        model=log.model if model is None else model.name,
        precision=None if deployment is None else deployment.formats.scheme.label,
        kv_precision=None if deployment is None else deployment.engine.kept_in(deployment.formats),
        hardware=None if accelerator is None else accelerator.name,
        layout=None if deployment is None else str(deployment.layout),
        settings=dict(log.settings),
        starts=log.starts,
        rows=rows_of(log, estimate),
        counts=counts,
        budget_bytes=None if budget is None else round(budget),
        room_bytes=None if room is None else round(room),
        outcome=log.outcome,
        message=log.message,
        binding=None if binding is None else binding.name,
        margin_bytes=None if margin is None else round(margin),
        remedies=_remedies(log, mended, accelerators),
        calibration=None if after is None or not after.calibration.parts else after.calibration.as_mapping(),
        notes=(
            *notes,
            *found.notes,
            *(() if deployment is None else deployment.notes),
            *(() if estimate is None else estimate.load.notes),
            *(() if after is None else after.notes),
            *disagreements(log),
            *_full(log),
            *_doubts(log, after, mended),
            *_unread(log, estimate),
        ),
    )


def understood_or_not(asked: ExplainStartupLog, log: StartupLog, model: Model | None) -> Understood:
    """The question that a log asks; where only the log's own words make none, a note says why."""
    try:
        found = understood(asked, log, model)
        if found.question is not None:
            held(found.question, _model_of(found.question), found.question.batch_size)
    except CalculatorError as error:
        if caller_gave(asked):
            raise
        return Understood(question=None, total_bytes=None, notes=(refused(error),))
    return found


def _model_of(question: CalculateMemory) -> Model:
    model: Model = question.model_id_or_config  # type: ignore[assignment]
    return model


def _estimate(question: CalculateMemory) -> Estimate:
    return estimate_for(*held(question, _model_of(question), question.batch_size))


def _binding(log: StartupLog, verdict: Verdict) -> Condition:
    """What a failure is of by the log, where that does not hold; else what has the least to spare."""
    condition = failing(log, verdict)
    if float(condition.margin) < 0:
        return condition
    # what hangs on no part of the memory holds or does not by what was asked alone
    hanging = [one for one in verdict.conditions if one.parts]
    return min(hanging or verdict.conditions, key=lambda one: float(one.margin))


def _remedies(log: StartupLog, mended: Estimate | None, accelerators: Sequence[Accelerator]) -> tuple[Remedy, ...]:
    """What mends a failure on this machine; by the log's own numbers where nothing can be estimated."""
    if mended is None or mended.verdict is None:
        return by_arithmetic(log)
    # what the log says to have started needs no change, but that it may serve less at once or on the host
    if mended.verdict.fits or (log.outcome == "started" and not mended.verdict.starts):
        return ()
    found = remedies(mended.deployment, mended.load, mended.verdict, accelerators)
    engine = mended.deployment.engine
    if log.outcome in _FULL and engine.SHARE:
        now = float(engine.settings.get(engine.SHARE, 1))
        found = tuple(one for one in found if one.kind != "share" or float(one.change.split()[-1]) < now)
    # as many sequences, or as long a request, as the log says that there is room for
    said = tuple(one for one in by_arithmetic(log) if one.kind == _TOLD_BY.get(log.outcome))
    return (*said, *(one for one in found if not said or one.kind != said[0].kind))


# What a failure says by itself how to mend.
_TOLD_BY = {"states": "sequences", "length": "length"}


def _full(log: StartupLog) -> Iterator[Note]:
    """What a line of a full device says of it, and what else would be read."""
    said = log.failure
    if "tried_bytes" in said and {"total_bytes", "free_bytes"} <= said.keys():
        tried, total, free = (said[name] / GIB for name in ("tried_bytes", "total_bytes", "free_bytes"))
        text = f"{tried:,.2f} GiB were tried to allocate, and of the device's {total:,.2f} GiB {free:,.2f} were free"
        others = total - free - said.get("held_bytes", 0) / GIB
        if "held_bytes" in said:
            held, least = said["held_bytes"] / GIB, max(_OTHERS_GIB, _OTHERS_SHARE * total)
            text += f"; this process held {held:,.2f} GiB"
            if others > least:
                text += f", and others with what contexts take {others:,.2f}: end them, or share less out"
        yield Note(subject="outcome", text=f"{text}.", origin="warning")
    if log.engine == "pytorch":
        text = (
            "Nothing but a line of a full device was read: give the start-up log from its first line, or engine, model "
            "and hardware to calculate_memory, for what takes the memory."
        )
        yield Note(subject="text", text=text, origin="warning")


def _doubts(log: StartupLog, after: Corrected | None, mended: Estimate | None) -> Iterator[Note]:
    """Where the log and the estimate contradict each other."""
    if log.starts > 1:
        yield Note(
            subject="starts", text=f"The text holds {log.starts} starts; the last was read.", origin="assumption"
        )
    if after is None or after.estimate.verdict is None:
        return
    verdict = after.estimate.verdict
    if log.outcome == "started" and not verdict.starts:
        text = f"The log says that it started, and by its terms {verdict.binding.name} would not hold."
        yield Note(subject="outcome", text=text, origin="warning")
    if mended is not after.estimate:
        text = (
            f"By the terms that the log prints it would start with {verdict.binding.margin / 1e9:.1f} GB to spare: "
            "something holds memory that it does not print (another process, a first compilation, fragments), and the "
            "changes mend no less than what its failure says."
        )
        yield Note(subject="outcome", text=text, origin="warning")
    for count in counts_of(log, after.estimate, printed_room(log)):
        if not count.of_room or not count.measured:
            continue
        apart = abs(count.of_room - count.measured)
        if apart > max(_ROOM_DIFFERS * count.measured, _PRINTED):
            text = (
                f"The log says {count.name} {count.measured:,.10g}, and its room for a cache gives "
                f"{count.of_room:,.2f} here."
            )
            yield Note(subject="counts", text=text, origin="warning")


def _unread(log: StartupLog, estimate: Estimate | None) -> Iterator[Note]:
    """The terms that nothing here is compared with."""
    if estimate is None:
        return
    names = frozenset(term.name for term in log.terms)
    left = [
        name for name in dict.fromkeys(term.name for term in log.terms) if estimate.of_term(name, beside=names) is None
    ]
    if left:
        text = f"Nothing of the estimate is the same as {', '.join(left)} of {engine_of(log)}'s log."
        yield Note(subject="rows", text=text, origin="source")
