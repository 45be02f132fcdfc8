"""From steps to the times a user waits: prefill in chunks, decode over a growing context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..memory.ledger import held_sequences
from ..operators import Step
from ..units import are_plain, ceil_div, larger, root, smaller, somewhere
from .calibration import Time, as_measured, factor_of
from .machine import machine_of
from .speculating import decode_step, drafting_time, tokens_of_step
from .spent import Spent
from .step import Clock, StepTime, known_by, remembered_step_time, step_times

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..units import Quantity


def _contexts(first: Quantity, last: Quantity, count: Quantity) -> list[tuple[float, Quantity]]:
    """(share, context) of `count` steps whose context grows evenly from first to last.

    Two Gauss-Legendre points: exact while the time is a polynomial of the context up to the third degree, which it is
    but for the kinks where a window fills or another bound takes over.
    """
    middle, reach = (first + last) / 2, (last - first) / 2
    if not somewhere(reach):
        return [(1.0, first)]
    # the mean over equally spaced points of a square is larger than the integral's by (count + 1) / (count - 1)
    offset = reach * root((count + 1) / (3 * larger(count - 1, 1)))
    return [(0.5, middle - offset), (0.5, middle + offset)]


def prefill_steps(deployment: Deployment, load: Load) -> Iterator[tuple[Quantity, Step]]:
    """(how many, step) of the prefill of the fullest copy's prompts, by the engine's budget of tokens a step.

    Short prompts go together, long ones in pieces. Attention to both sides cannot be cut: an encoder takes whole
    sequences.
    """
    architecture, chunk = deployment.architecture, deployment.engine.step_tokens
    # what a cache has of the context and of the prompt stands before what is computed
    before, tokens = load.depth + load.cached, load.tokens - load.cached
    batch = ceil_div(load.sequences, deployment.layout.data)
    query = smaller(tokens, chunk) if architecture.task == "decoder" else tokens
    together = smaller(batch, larger(chunk // tokens, 1))
    pieces, tail = tokens // query, tokens % query
    waves, rest = batch // together, batch % together
    for share, context in _contexts(before, before + (pieces - 1) * query, pieces):
        yield waves * pieces * share, _prompt_step(architecture, together, query, context)
    # the last of the prompts that go together, and the last piece of those that do not
    if somewhere(rest):
        yield rest > 0, _prompt_step(architecture, larger(rest, 1), query, before)
    if somewhere(tail):
        yield waves * (tail > 0), _prompt_step(architecture, together, larger(tail, 1), before + pieces * query)


def _prompt_step(architecture: Architecture, batch: Quantity, tokens: Quantity, context: Quantity) -> Step:
    """The step that takes in prompts. An encoder of text takes the prompt itself, its decoder one start token."""
    if architecture.task != "encoder-decoder":
        return Step(batch=batch, query=tokens, context=context)
    source = architecture.source_of(tokens)
    return Step(batch=batch, query=1 if architecture.prompt_is_source else tokens, source=source, encoded=source)


def _steps_time(
    deployment: Deployment, steps: Iterable[tuple[Quantity, Step]], clock: Clock | None
) -> tuple[Spent, Quantity, Quantity]:
    """The sum over (how many, step), the number of steps, and the seconds that a pipeline can overlap.

    clock: of a search, or of arrays; None where steps are remembered from one question to the next.
    """
    steps, known = tuple(steps), known_by(deployment)
    if clock:
        times = step_times(deployment, [step for _, step in steps], clock)
    else:
        times = [remembered_step_time(known, step) for _, step in steps]
    return _summed([share for share, _ in steps], times)


def _summed(shares: Sequence[Quantity], times: Sequence[StepTime]) -> tuple[Spent, Quantity, Quantity]:
    found = type(times[0].spent)()
    count: Quantity = 0.0
    overlapped: Quantity = 0.0
    for share, time in zip(shares, times, strict=True):
        found.add(time.spent, share)
        count = count + share
        overlapped = overlapped + share * (time.spent.total - time.slowest_stage)
    return found, count, overlapped


def both_phases(deployment: Deployment, load: Load, clock: Clock) -> tuple[Spent, Spent]:
    """The same as `prefill_time` and `decode_time`, the steps of both in one pass over arrays."""
    steps = (tuple(prefill_steps(deployment, load)), tuple(decode_steps(deployment, load)))
    times = step_times(deployment, [step for phase in steps for _, step in phase], clock)
    first, then = ([share for share, _ in phase] for phase in steps)
    return (
        _prefill(deployment, *_summed(first, times[: len(first)])),
        _decode(deployment, load, *_summed(then, times[len(first) :])[::2]),
    )


def _clock_for(load: Load) -> Clock | None:
    """One of its own for arrays."""
    plain = are_plain(load.sequences, load.tokens, load.output, load.depth, load.cached, load.beams)
    return None if plain else Clock()


def prefill_time(deployment: Deployment, load: Load, clock: Clock | None = None) -> Spent:
    """Seconds until the last of the prompts (those of the fullest copy) has its first token.

    With a pipeline, a step enters as soon as the first stage is free: all steps but one pass the other stages while the
    slowest works on another step.
    """
    clock = clock or _clock_for(load)
    return _prefill(deployment, *_steps_time(deployment, prefill_steps(deployment, load), clock))


def _prefill(deployment: Deployment, phase: Spent, count: Quantity, overlapped: Quantity) -> Spent:
    if somewhere(deployment.layout.pipeline > 1):
        reached = deployment.engine.kernels.pipelined
        phase.shorten(1 - reached * overlapped * (count - 1) / count / phase.total)
    return _calibrated(deployment, "ttft", phase)


def decode_steps(deployment: Deployment, load: Load) -> list[tuple[Quantity, Step]]:
    """(share, step) of the mean decode step of a micro-batch of the fullest copy."""
    here = ceil_div(held_sequences(deployment, load), deployment.layout.pipeline)
    source = deployment.architecture.source_of(load.tokens)
    # the prompt of an encoder of text is its source, and its decoder's context begins with one start token
    begin = 1 if deployment.architecture.prompt_is_source else load.depth + load.tokens
    steps = larger(load.output - 1, 1)
    return [
        (share, decode_step(deployment, here, point, source))
        for share, point in _contexts(begin, begin + steps - 1, steps)
    ]


def decode_time(deployment: Deployment, load: Load, clock: Clock | None = None) -> Spent:
    """Mean seconds of a decode step over the output tokens after the first.

    With a pipeline the sequences are dealt into as many micro-batches as stages, or as there are sequences: each step
    of a sequence passes every stage, and each stage serves every micro-batch in flight once in that time.
    """
    clock = clock or _clock_for(load)
    steps = decode_steps(deployment, load)
    phase, _, overlapped = _steps_time(deployment, steps, clock)
    phase = _decode(deployment, load, phase, overlapped)
    if deployment.speculation is None:
        return phase
    each = Spent()
    for share, step in steps:
        phase.add(drafting_time(deployment, step.batch, step.context, clock or Clock()), share)
    each.add(phase, 1 / tokens_of_step(deployment.speculation))
    return _calibrated(deployment, "tpot", each)


def _decode(deployment: Deployment, load: Load, phase: Spent, overlapped: Quantity) -> Spent:
    """The mean step, with what a stage waits for the slowest one, which sets the pace of all."""
    stages, of_copy = deployment.layout.pipeline, held_sequences(deployment, load)
    in_flight = ceil_div(of_copy, ceil_div(of_copy, stages))
    if somewhere(stages > 1):
        slowest = phase.total - overlapped
        busy = phase.total - phase.of("pipeline")
        waiting = larger(0.0, in_flight * slowest - busy)
        phase.spend("pipeline", waiting)
    phase.flops, phase.bytes = in_flight * phase.flops, in_flight * phase.bytes
    return phase if deployment.speculation is not None else _calibrated(deployment, "tpot", phase)


def _calibrated(deployment: Deployment, time: Time, phase: Spent) -> Spent:
    """The phase as rows of the user's say, and no faster than the peak and the bandwidth allow."""
    if deployment.measured is None:
        return phase
    return as_measured(deployment, time, phase, larger(*shares(deployment, phase)))


def factors_at(deployment: Deployment, load: Load) -> tuple[float, float]:
    """What the times of prompts and of tokens are multiplied by as rows of the user's say: no less than the peak and
    the bandwidth allow a prompt alone, and a step of so many sequences."""
    first, each = factor_of(deployment, "ttft"), factor_of(deployment, "tpot")
    plain = replace(deployment, measured=None)
    if first < 1:
        alone = replace(load, sequences=deployment.layout.data)
        first = max(first, *shares(plain, prefill_time(plain, alone)))
    if each < 1 and load.output > 1:
        each = max(each, *shares(plain, decode_time(plain, load)))
    return first, each


def shares(deployment: Deployment, time: Spent) -> tuple[Quantity, Quantity]:
    """The phase's operations and bytes over what its devices' peak and bandwidth would do in its time (MFU, MBU)."""
    machine, scheme, devices = machine_of(deployment), deployment.formats.scheme, deployment.layout.devices_of_copy
    peak = machine.peak(scheme.quantized or scheme.plain)
    return (
        time.flops / (devices * peak * time.total),
        time.bytes / (devices * machine.memory_bandwidth * time.total),
    )
