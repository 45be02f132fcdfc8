"""From steps to the times a user waits: prefill in chunks, decode over a growing context, both end to end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..architecture import Architecture, Step
from ..errors import ArgumentError, DoesNotFitError
from ..facts import table
from ..formats.scheme import Formats
from ..memory.ledger import Load, ledger, length_notes, ranks_of
from ..parallel import Parallelism, check
from ..report import UTILIZATION, EndToEndReport, Interval, Line, Note, OperatorRow, PhaseReport
from ..units import GB, ceil_div
from .machine import Machine
from .roofline import OperatorTime
from .step import KINDS, operators, step_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A model in its formats on a machine in a layout."""

    model: str
    architecture: Architecture
    formats: Formats
    machine: Machine
    layout: Parallelism
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        if self.architecture.task == "diffusion":
            raise ArgumentError(
                f"{self.model} makes images ({self.architecture.model_type}) and no tokens, and the time of its steps "
                "is not described; calculate_memory and max_batch_size describe its memory."
            )

    def require_decoder(self) -> None:
        """Raise ArgumentError when the model generates no tokens."""
        if self.architecture.task == "encoder":
            raise ArgumentError(
                f"{self.model} is an encoder ({self.architecture.model_type}) and generates no tokens, so it has no "
                "decode: ask estimate_performance with output_tokens 1, or estimate_prefill_performance, for the time "
                "of its one pass."
            )

    def require_room(self, sequences: int, tokens: int) -> None:
        """Raise DoesNotFitError when a device cannot hold its share."""
        reason = self.shortage(sequences, tokens)
        if reason:
            raise DoesNotFitError(reason)

    def shortage(self, sequences: int, tokens: int) -> str | None:
        """Why a device cannot hold its share, or None."""
        check(self.architecture, self.layout)
        need = ledger(self.architecture, self.formats, self.layout, Load(sequences=sequences, tokens=tokens))
        accelerator = self.machine.accelerator
        budget = UTILIZATION * accelerator.usable_memory_bytes
        if need.total <= budget:
            return None
        return (
            f"{self.model} with {self.formats.scheme.label} weights, batch {sequences:,} x {tokens:,} tokens, needs "
            f"{need.total / GB:.1f} GB on {need.where} ({need.weights / GB:.1f} weights, "
            f"{need.kv_cache / GB:.1f} KV cache), and {accelerator.name} offers {budget / GB:.1f} GB with "
            f"{self.layout.devices} device(s) as {self.layout}; use more devices, a larger one, a smaller precision or "
            "a smaller batch."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTime:
    """A phase: seconds by kind of work over the whole prefill, or of the mean decode step; its work and its limits."""

    seconds: dict[str, float]
    flops: float
    bytes: float
    compute_s: float
    memory_s: float

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def _contexts(first: float, last: float, count: int) -> list[tuple[float, float]]:
    """(share, context) of `count` steps whose context grows evenly from first to last.

    Two Gauss-Legendre points: exact while the time is a polynomial of the context up to the third degree, which it is
    but for the kinks where a window fills or another bound takes over.
    """
    if count == 1:
        return [(1.0, first)]
    middle, reach = (first + last) / 2, (last - first) / 2
    if count == 2:
        return [(0.5, first), (0.5, last)]
    # the mean over equally spaced points of a square is larger than the integral's by (count + 1) / (count - 1)
    offset = reach * math.sqrt((count + 1) / (3 * (count - 1)))
    return [(0.5, middle - offset), (0.5, middle + offset)]


def _prefill_steps(architecture: Architecture, batch: int, tokens: int, chunk: int) -> Iterator[tuple[float, Step]]:
    """(how many, step) of a prefill of `batch` prompts with at most `chunk` tokens a step.

    Attention to both sides cannot be cut into chunks: an encoder takes whole sequences.
    """
    if tokens <= chunk or architecture.task != "decoder":
        together = min(batch, max(1, chunk // tokens))
        whole, rest = divmod(batch, together)
        yield whole, _first_step(architecture, together, tokens)
        if rest:
            yield 1, _first_step(architecture, rest, tokens)
        return
    full, tail = divmod(tokens, chunk)
    for share, context in _contexts(0, (full - 1) * chunk, full):
        yield batch * full * share, Step(batch=1, query=chunk, context=context)
    if tail:
        yield batch, Step(batch=1, query=tail, context=full * chunk)


def _first_step(architecture: Architecture, batch: int, tokens: int) -> Step:
    """The step that takes in whole prompts. An encoder of text takes the prompt itself, its decoder one start token."""
    source = architecture.source_of(tokens)
    if not source:
        return Step(batch=batch, query=tokens)
    prompt = 1 if architecture.prompt_is_source else tokens
    return Step(batch=batch, query=prompt, source=source, encoded=source)


def _steps_time(deployment: Deployment, steps: Iterable[tuple[float, Step]]) -> tuple[PhaseTime, float, float]:
    """The sum over (how many, step), the number of steps, and the seconds that a pipeline can overlap."""
    seconds = dict.fromkeys(KINDS, 0.0)
    flops = moved = compute = memory = count = overlapped = 0.0
    for times, step in steps:
        time = step_time(deployment.architecture, deployment.formats, deployment.machine, deployment.layout, step)
        for kind, value in time.seconds.items():
            seconds[kind] += times * float(value)
        flops += times * float(time.flops)
        moved += times * float(time.bytes)
        compute += times * float(time.compute_s)
        memory += times * float(time.memory_s)
        count += times
        overlapped += times * float(time.total - time.slowest_stage)
    phase = PhaseTime(seconds=seconds, flops=flops, bytes=moved, compute_s=compute, memory_s=memory)
    return phase, count, overlapped


def prefill_time(deployment: Deployment, batch: int, tokens: int) -> PhaseTime:
    """Seconds until the last of `batch` prompts (those of the fullest copy) has its first token.

    With a pipeline, a step enters as soon as the first stage is free: all steps but one pass the other stages while the
    slowest works on another step.
    """
    here = ceil_div(batch, deployment.layout.data)
    steps = _prefill_steps(deployment.architecture, here, tokens, table("memory")["forward"]["chunk_tokens"])
    phase, count, overlapped = _steps_time(deployment, steps)
    if deployment.layout.pipeline == 1 or count <= 1:
        return phase
    share = 1 - overlapped * (count - 1) / count / phase.total
    return replace(phase, seconds={kind: value * share for kind, value in phase.seconds.items()})


def decode_time(deployment: Deployment, batch: int, context: int, tokens: int) -> PhaseTime:
    """Mean seconds of a decode step over `tokens` steps, the first at `context` cached tokens.

    With a pipeline the sequences are dealt into as many micro-batches as stages, all in flight: each step of a
    sequence passes every stage, and each stage serves every micro-batch once in that time.
    """
    stages = deployment.layout.pipeline
    of_copy = ceil_div(batch, deployment.layout.data)
    here = ceil_div(of_copy, stages)
    source = deployment.architecture.source_of(context)
    # the prompt of an encoder of text is its source, and its decoder's context begins with one start token
    begin = 1 if deployment.architecture.prompt_is_source else context
    points = _contexts(begin, begin + tokens - 1, tokens)
    phase, _, overlapped = _steps_time(
        deployment, [(share, Step(batch=here, query=1, context=point, source=source)) for share, point in points]
    )
    if stages > 1:
        # a stage that waits for the slowest one sets the pace of all
        slowest = phase.total - overlapped
        busy = phase.total - phase.seconds["host"] - phase.seconds["pipeline"]
        phase.seconds["pipeline"] += max(0.0, stages * slowest - busy)
    in_flight = ceil_div(of_copy, here)
    return replace(phase, flops=in_flight * phase.flops, bytes=in_flight * phase.bytes)


def bound_of(time: PhaseTime) -> str:
    """What takes most of the time: memory, compute, link or host."""
    link = time.seconds["collective"] + time.seconds["pipeline"]
    device = time.total - link - time.seconds["host"]
    shares = {
        "compute" if time.compute_s > time.memory_s else "memory": device,
        "link": link,
        "host": time.seconds["host"],
    }
    return max(shares, key=lambda name: shares[name])


def shares(deployment: Deployment, time: PhaseTime) -> tuple[float, float]:
    """The phase's operations and bytes over what its devices' peak and bandwidth would do in its time (MFU, MBU)."""
    layout, machine, scheme = deployment.layout, deployment.machine, deployment.formats.scheme
    devices = layout.tensor * layout.pipeline
    peak = machine.peak(scheme.quantized or scheme.plain)
    return (
        time.flops / (devices * peak * time.total),
        time.bytes / (devices * machine.memory_bandwidth * time.total),
    )


def interval(deployment: Deployment, phase: str, time: PhaseTime) -> Interval:
    """The range of a phase's milliseconds; no lower than the peak and the bandwidth allow."""
    facts = table("timing")["interval"]
    evidence = deployment.machine.evidence
    low, high = facts[evidence][phase]
    value = time.total * 1e3
    return Interval(
        low=value * max(low, *shares(deployment, time)),
        high=value * high,
        level=facts["level"],
        evidence=facts[evidence]["evidence"],
    )


def _phase(
    deployment: Deployment, name: str, time: PhaseTime, *, batch: int, tokens: int, output_tokens: int, new_tokens: int
) -> PhaseReport:
    machine, layout = deployment.machine, deployment.layout
    seconds = time.total
    compute_share, bandwidth_share = shares(deployment, time)
    return PhaseReport(
        model=deployment.model,
        hardware=machine.accelerator.name,
        phase="prefill" if name == "prefill" else "decode",
        batch_size=batch,
        input_tokens=tokens,
        output_tokens=output_tokens,
        precision=deployment.formats.scheme.label,
        kv_precision=deployment.formats.kv_cache.name,
        tensor_parallel=layout.tensor,
        pipeline_parallel=layout.pipeline,
        data_parallel=layout.data,
        expert_parallel=layout.expert,
        devices=layout.devices,
        latency_ms=seconds * 1e3,
        latency_interval_ms=interval(deployment, name, time),
        tokens_per_s=new_tokens / seconds,
        requests_per_s=batch / seconds / (1 if name == "prefill" else max(1, output_tokens - 1)),
        bound=bound_of(time),
        breakdown=tuple(Line(name=kind, value=value * 1e3, unit="ms") for kind, value in time.seconds.items() if value),
        compute_share=compute_share,
        bandwidth_share=bandwidth_share,
        notes=(
            *deployment.notes,
            *_notes(deployment, batch),
            *length_notes(deployment.architecture, _longest_side(deployment, tokens, output_tokens), "input_tokens"),
        ),
    )


def _longest_side(deployment: Deployment, tokens: int, output_tokens: int) -> int:
    """Tokens that the model sees at once: prompt and output together, or the longer where each has its own stack."""
    if deployment.architecture.prompt_is_source:
        return max(tokens, output_tokens)
    return tokens + output_tokens - 1


def _notes(deployment: Deployment, batch: int) -> tuple[Note, ...]:
    machine, found = deployment.machine, []
    if machine.evidence == "none":
        found.append(
            Note(
                subject="hardware",
                text=f"No measurement of {machine.accelerator.name} stands behind this; efficiencies are defaults.",
                origin="warning",
            )
        )
    elif machine.evidence == "sister":
        found.append(
            Note(
                subject="hardware",
                text=f"The efficiencies were measured on a sister of {machine.accelerator.name}.",
                origin="assumption",
            )
        )
    if deployment.layout.data > batch:
        text = f"{deployment.layout.data - batch} of the {deployment.layout.data} copies have no sequence to serve."
        found.append(Note(subject="data_parallel", text=text, origin="warning"))
    found += _link_notes(deployment)
    scheme = deployment.formats.scheme
    form = scheme.quantized or scheme.plain
    used = machine.runs_in(form)
    if used != form.computes_in[0]:
        found.append(
            Note(
                subject="precision",
                text=f"{machine.accelerator.name} has no {form.computes_in[0]} unit: {scheme.label} weights are "
                f"multiplied in {used}, where the engine does so at all.",
                origin="warning",
            )
        )
    return (*found, *deployment.architecture.apart)


def _link_notes(deployment: Deployment) -> list[Note]:
    """What is assumed of the way between the devices."""
    accelerator, layout = deployment.machine.accelerator, deployment.layout
    found = []
    if layout.tensor > 1 and accelerator.link_between(layout.tensor) is accelerator.host_link:
        found.append(
            Note(
                subject="tensor_parallel",
                text=f"{layout.tensor} x {accelerator.name} share each layer over PCIe, whose all-reduce varies much "
                "between servers (peer-to-peer or not).",
                origin="warning",
            )
        )
    if layout.tensor * layout.pipeline > accelerator.link_domain:
        network = table("timing")["collective"]["network_bandwidth"] / 1e9
        found.append(
            Note(
                subject="pipeline_parallel",
                text=f"The pipeline crosses nodes; {network:g} GB/s a device between them was assumed.",
                origin="assumption",
            )
        )
    return found


def estimate_prefill(deployment: Deployment, batch: int, tokens: int) -> PhaseReport:
    """Time to the first token of the last of `batch` prompts of `tokens` tokens that arrive together."""
    deployment.require_room(batch, tokens)
    return _prefill(deployment, batch, tokens)


def _prefill(deployment: Deployment, batch: int, tokens: int) -> PhaseReport:
    time = prefill_time(deployment, batch, tokens)
    return _phase(deployment, "prefill", time, batch=batch, tokens=tokens, output_tokens=1, new_tokens=batch * tokens)


def estimate_decode(deployment: Deployment, batch: int, tokens: int, output_tokens: int) -> PhaseReport:
    """Mean time of a decode step of `batch` sequences after prompts of `tokens`, over the outputs after the first."""
    deployment.require_decoder()
    deployment.require_room(batch, tokens + output_tokens)
    return _decode(deployment, batch, tokens, output_tokens)


def _decode(deployment: Deployment, batch: int, tokens: int, output_tokens: int) -> PhaseReport:
    time = decode_time(deployment, batch, tokens, max(1, output_tokens - 1))
    return _phase(deployment, "decode", time, batch=batch, tokens=tokens, output_tokens=output_tokens, new_tokens=batch)


_ONE_PASS = (
    Note(
        subject="output_tokens",
        text="An encoder generates no tokens: TTFT is the time of its one pass over all sequences.",
        origin="assumption",
    ),
)


def estimate_end_to_end(
    deployment: Deployment, batch: int, tokens: int, output_tokens: int, beam_size: int = 1
) -> EndToEndReport:
    """A static batch: all prompts prefilled, then output_tokens - 1 decode steps."""
    encodes = deployment.architecture.task == "encoder"
    if output_tokens > 1:
        deployment.require_decoder()
    deployment.require_room(batch * beam_size, tokens if encodes else tokens + output_tokens)
    prefill = _prefill(deployment, batch, tokens)
    decode = _decode(deployment, batch * beam_size, tokens, output_tokens) if output_tokens > 1 else None
    steps = output_tokens - 1
    ttft = prefill.latency_ms
    tpot = decode.latency_ms if decode else None
    total = ttft + (tpot or 0.0) * steps
    low = prefill.latency_interval_ms.low + (decode.latency_interval_ms.low * steps if decode else 0.0)
    high = prefill.latency_interval_ms.high + (decode.latency_interval_ms.high * steps if decode else 0.0)
    return EndToEndReport(
        model=deployment.model,
        hardware=prefill.hardware,
        batch_size=batch,
        beam_size=beam_size,
        input_tokens=tokens,
        output_tokens=output_tokens,
        precision=prefill.precision,
        kv_precision=prefill.kv_precision,
        tensor_parallel=prefill.tensor_parallel,
        pipeline_parallel=prefill.pipeline_parallel,
        data_parallel=prefill.data_parallel,
        expert_parallel=prefill.expert_parallel,
        devices=prefill.devices,
        ttft_ms=ttft,
        ttft_interval_ms=prefill.latency_interval_ms,
        tpot_ms=tpot,
        tpot_interval_ms=decode.latency_interval_ms if decode else None,
        total_ms=total,
        total_interval_ms=Interval(
            low=low, high=high, level=prefill.latency_interval_ms.level, evidence=prefill.latency_interval_ms.evidence
        ),
        output_tokens_per_s=0.0 if encodes else batch * output_tokens / total * 1e3,
        total_tokens_per_s=batch * (tokens if encodes else tokens + output_tokens) / total * 1e3,
        prefill_bound=prefill.bound,
        decode_bound=decode.bound if decode else None,
        prefill_phase=prefill,
        decode_phase=decode,
        notes=(*(_ONE_PASS if encodes else ()), *(decode or prefill).notes),
    )


def _form(time: OperatorTime) -> str:
    """Which of its two forms latent attention ran in."""
    if time.absorbed is None:
        return ""
    return " (absorbed)" if time.absorbed else " (expanded)"


def operator_rows(deployment: Deployment, step: Step) -> list[OperatorRow]:
    """Every operator of the first pipeline stage's device at a step: its share of the time and what binds it."""
    _, _, rank = ranks_of(deployment.architecture, deployment.layout)[0]
    return [
        OperatorRow(
            name=operator.name + _form(time),
            kind=operator.kind,
            repeat=repeat,
            latency_ms=float(time.seconds) * repeat * 1e3,
            compute_ms=float(time.compute_s) * repeat * 1e3,
            memory_ms=float(time.memory_s) * repeat * 1e3,
            flops=float(time.flops) * repeat,
            bytes=float(time.bytes) * repeat,
            bound="compute" if float(time.compute_s) > float(time.memory_s) else "memory",
        )
        for repeat, operator, _, time in operators(rank, deployment.formats, deployment.machine, step)
    ]
