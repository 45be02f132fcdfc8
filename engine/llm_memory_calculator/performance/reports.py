"""Answers about time: a phase, both end to end, and every operator of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from ..engines.times import calling_time
from ..errors import DoesNotFitError
from ..facts import table
from ..lengths import Lengths
from ..memory import Verdict, judge, ledger, limit_notes, short_note, shortage
from ..memory.remedies import no_request
from ..memory.reports import length_notes
from ..ranks import holdings
from ..report import TPOT, TTFT, EndToEndReport, Interval, Line, Note, Percentiles, PhaseReport, ServingReport
from ..units import GB
from .calibration import range_of
from .disaggregated import both_sides, disaggregated_notes, served_apart
from .machine import Machine, Range, evidence_of, host_bandwidth, machine_of, network_words
from .phases import decode_steps, decode_time, prefill_steps, prefill_time, shares
from .serving import Outcome, Spread, most_running, served, settled_load
from .spent import Spent
from .step import KINDS, OperatorShare, lies_on_host, shares_of_operators

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..deployment import Deployment, Load, Traffic
    from ..parallel import Parallelism
    from ..units import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """A load's phases on a deployment; no decode where one token is all, or none."""

    prefill: Spent
    decode: Spent | None


def times_of(deployment: Deployment, load: Load) -> Times:
    """Both phases of a static batch."""
    decode = decode_time(deployment, load) if load.output > 1 else None
    return Times(prefill=prefill_time(deployment, load), decode=decode)


def with_room(deployment: Deployment, load: Load) -> tuple[Deployment, Verdict]:
    """The same with its verdict, and with a warning where memory is short by the estimate: the time of a static batch
    is not refused for that alone; requests that come and go, and images, are where no end of the range reaches one of
    them.

    Raises DoesNotFitError then, and where weights, cache and state are more than a device shows, which no engine can
    hold.
    """
    assert deployment.usable_bytes is not None
    verdict = judge(deployment, load, ledger(deployment, load), deployment.usable_bytes)
    limits = limit_notes(deployment, load)
    if verdict.fits:
        return (replace(deployment, notes=(*limits, *deployment.notes)) if limits else deployment), verdict
    if not verdict.possible:
        raise DoesNotFitError(shortage(deployment, load, verdict))
    refused = load.traffic is not None or load.denoising is not None
    if refused and verdict.word == "does not fit":
        raise DoesNotFitError(no_request(deployment, load, verdict))
    return replace(deployment, notes=(short_note(verdict), *limits, *deployment.notes)), verdict


def with_prefill_room(deployment: Deployment, load: Load) -> Deployment:
    """The same for the workers that take in prompts, each of which holds a prompt of the longest and its first token.

    Raises DoesNotFitError.
    """
    try:
        worker, _ = with_room(deployment.prefill_worker, replace(load, output=1))
    except DoesNotFitError as error:
        raise DoesNotFitError(f"On a prefill worker: {error}") from None
    found = worker.notes[: len(worker.notes) - len(deployment.notes)]
    mine = tuple(replace(note, text=f"On a prefill worker: {note.text}") for note in found)
    return replace(deployment, notes=(*mine, *deployment.notes))


def bound_of(time: Spent) -> str:
    """What takes most of the time: memory, compute, link, launch or host."""
    link, host = sum(map(time.of, ("collective", "pipeline", "host_link"))), time.of("host")
    device = time.total - link - host - time.launch_s
    shares = {"link": link, "launch": time.launch_s, "host": host}
    shares["compute" if time.compute_s > time.memory_s else "memory"] = device
    return max(shares, key=lambda bound: shares[bound])


def interval(deployment: Deployment, phase: str, time: Spent, sequences: float, floor: float | None = None) -> Interval:
    """The range of a phase's milliseconds; no lower than the peak and the bandwidth allow, which is `floor` of it, nor
    than what crosses the host's link takes.

    sequences: of a copy at once.
    """
    found = reach(deployment, phase, time.total, sequences)
    value = time.total * 1e3
    floor = max(shares(deployment, time)) if floor is None else floor
    return Interval(
        low=value * min(1.0, max(found.low, floor, time.of("host_link") / time.total)),
        high=value * found.high,
        level=found.level,
        evidence=found.evidence,
    )


def reach(deployment: Deployment, phase: str, seconds: Quantity, sequences: float) -> Range:
    """How far the time of a phase, over its estimate of so many seconds, may lie; what the peak and the bandwidth allow
    is another matter. sequences: of a copy at once."""
    return _reach(deployment, phase, seconds, sequences, across=_crosses(deployment))


def _reach(deployment: Deployment, phase: str, seconds: Quantity, sequences: float, *, across: bool) -> Range:
    shared, on_host = deployment.layout.tensor > 1, lies_on_host(deployment)
    found = _evidence(deployment, phase, sequences, on_host=on_host, shared=shared, across=across)
    if phase == "decode":
        found = _with_drafts(deployment, "tpot", found)
    found = _without_graphs(deployment, seconds, found)
    return range_of(deployment, "ttft" if phase == "prefill" else "tpot", found)


def in_all(first: Interval, each: Interval | None, steps: int) -> Interval:
    """The range of a prefill and of so many steps after it."""
    low, high = (0.0, 0.0) if each is None else (each.low * steps, each.high * steps)
    return replace(first, low=first.low + low, high=first.high + high)


def rates(amount: float, times_ms: Interval) -> Interval:
    """The range of so much a second that takes milliseconds of this range."""
    return replace(times_ms, low=amount * 1e3 / times_ms.high, high=amount * 1e3 / times_ms.low)


def scaled(rate: float, time_ms: float, times_ms: Interval) -> Interval:
    """The range of a rate that is less by as much as times of this range are longer than their estimate."""
    return replace(times_ms, low=rate * time_ms / times_ms.high, high=rate * time_ms / times_ms.low)


def multiplied(interval: Interval, factor: float) -> Interval:
    """The range of so many times as much."""
    return replace(interval, low=interval.low * factor, high=interval.high * factor)


def worst_reach(
    deployments: Sequence[Deployment],
    machines: tuple[Machine, ...],
    phase: str,
    seconds: Any,
    sequences: Any,
    layout: Parallelism,
) -> Any:
    """The upper ends of `reach` of deployments side by side that differ in their machines alone; seconds, sequences of
    a copy and the sizes of their layouts are arrays over them, along the last axis."""
    import numpy

    first, shared = deployments[0], layout.tensor > 1
    across = crosses_nodes(layout, numpy.array([machine.accelerator.link_domain for machine in machines]))
    in_context = any(one.layout.context > 1 for one in deployments)
    if first.measured is not None or first.speculation is not None or first.engine.eager or in_context:
        given = seconds, sequences, shared, across
        *before, _ = numpy.broadcast_shapes(*map(numpy.shape, given))
        told = [numpy.broadcast_to(of, (*before, len(deployments))) for of in given]
        each = [_worst_of(one, phase, *(of[..., index] for of in told)) for index, one in enumerate(deployments)]
        return numpy.stack(each, axis=-1)
    found: Any = 0.0
    for many, splits, far in product((False, True), repeat=3):
        here = ((sequences > 1) == many) & (shared == splits) & (across == far)
        found = numpy.where(here, _highs(machines, first.architecture, phase, many, splits, far), found)
    return found


def _worst_of(deployment: Deployment, phase: str, seconds: Any, sequences: Any, shared: Any, across: Any) -> Any:
    """The same of one, in its own layout but for whether devices share each layer, and do so across nodes."""
    import numpy

    found, layout = numpy.zeros(numpy.shape(seconds)), deployment.layout
    for splits in (False, True):
        there = deployment
        if splits != (layout.tensor > 1):
            there = deployment.laid_out(replace(layout, tensor=2 if splits else 1))
        for many, far in product((False, True), repeat=2):
            here = (shared == splits) & ((sequences > 1) == many) & (across == far)
            if here.any():
                high = _reach(there, phase, seconds, 2 if many else 1, across=far).high
                found = numpy.where(here, high, found)
    return found


@lru_cache(maxsize=512)
def _highs(
    machines: tuple[Machine, ...], architecture: Architecture, phase: str, many: bool, shared: bool, across: bool
) -> Any:
    import numpy

    sequences = 2 if many else 1
    ranges = (
        _range(machine, architecture, phase, sequences, architecture.task, shared=shared, across=across)
        for machine in machines
    )
    return numpy.array([one.high for one in ranges])


def crosses_nodes(layout: Parallelism, domain: Any) -> Any:
    """Whether ranks that share layers or experts reach each other over a network, where `domain` devices do without."""
    return layout.tensor * layout.pooled > domain


def _crosses(deployment: Deployment) -> bool:
    return bool(crosses_nodes(deployment.layout, machine_of(deployment).accelerator.link_domain))


def _evidence(
    deployment: Deployment,
    phase: str,
    sequences: float,
    *,
    on_host: bool = False,
    shared: bool = False,
    across: bool = False,
) -> Range:
    """The range of a phase's time over its estimate; of a kind of model of which no run was measured, wider."""
    unmeasured = "context" if deployment.layout.context > 1 else deployment.architecture.task
    many = 2 if sequences > 1 else 1
    machine = machine_of(deployment)
    return _range(
        machine, deployment.architecture, phase, many, unmeasured, on_host=on_host, shared=shared, across=across
    )


@lru_cache(maxsize=8192)
def _range(
    machine: Machine,
    architecture: Architecture,
    phase: str,
    sequences: int,
    unmeasured: str,
    *,
    on_host: bool = False,
    shared: bool,
    across: bool,
) -> Range:
    kind = kind_of_model(architecture)
    found = evidence_of(machine, phase, kind=kind, sequences=sequences, on_host=on_host, shared=shared)
    if across:
        found = _over_nodes(machine, phase, found)
    task = table("timing")["interval"]["unmeasured"].get(unmeasured)
    if task is None:
        return found
    if own := _of_fitted(machine, unmeasured):
        return Range(own["low"], own["high"], found.level, own["evidence"])
    return Range(min(found.low, task["low"]), max(found.high, task["high"]), found.level, task["evidence"])


def _over_nodes(machine: Machine, phase: str, found: Range) -> Range:
    """The range of layers or experts that are shared across nodes: as far as runs over several lie from their
    estimates, and where less is known of one node, as far as that."""
    facts = table("timing")["interval"]["across_nodes"]
    low, high = facts[phase]
    if machine.evidence in {"law", "none"} or not machine.engine.timed:
        low, high = min(found.low, low), max(found.high, high)
    return Range(low, high, found.level, f"{facts['evidence']}; in one node {found.evidence}")


def _of_fitted(machine: Machine, task: str) -> dict[str, Any]:
    """The range of such a kind of model where kernels of the accelerator were fitted, if there is one of its own."""
    own: dict[str, Any] = table("timing")["interval"]["unmeasured"].get(task, {}).get("of_fitted", {})
    return own if machine.evidence in {"measured", "sister"} else {}


def _with_drafts(deployment: Deployment, metric: Literal["ttft", "tpot", "e2e"], found: Range) -> Range:
    """The same, as wide as runs with drafted tokens were spread, where some are drafted."""
    if deployment.speculation is None:
        return found
    facts = table("timing")["interval"]["speculative"]
    low, high = facts[metric]
    evidence = f"{found.evidence}; {facts['evidence']}"
    return Range(min(found.low, low), max(found.high, high), found.level, evidence)


def _without_graphs(deployment: Deployment, seconds: Quantity, found: Range) -> Range:
    """The same, as far up as an engine's program may take to call the operators of a step of so many seconds, where no
    graphs are captured."""
    engine = deployment.engine
    if not engine.eager:
        return found
    high = found.high + deployment.architecture.depth * calling_time(engine.device) / seconds
    evidence = f"{found.evidence}; without graphs no run was measured: up to where nothing hides the program's calls"
    return Range(found.low, high, found.level, evidence)


def _phase(
    deployment: Deployment,
    load: Load,
    name: Literal["prefill", "decode"],
    time: Spent,
    *,
    explained: bool = False,
    serves: int | None = None,
) -> PhaseReport:
    """serves: the most sequences that there are for the copies, where the load is but a mean of them."""
    layout, machine = deployment.layout, machine_of(deployment)
    seconds, decodes = time.total, name == "decode"
    batch = load.sequences * load.beams if decodes else load.sequences
    output = load.output if decodes else 1
    new_tokens = batch if decodes else batch * load.tokens
    compute_share, bandwidth_share = shares(deployment, time)
    return PhaseReport(
        **deployment.said(),
        **layout.said(),
        hardware=machine.accelerator.name,
        phase=name,
        batch_size=batch,
        input_tokens=load.tokens,
        output_tokens=output,
        latency_ms=seconds * 1e3,
        latency_interval_ms=interval(deployment, name, time, batch / layout.data, max(compute_share, bandwidth_share)),
        tokens_per_s=new_tokens / seconds,
        requests_per_s=batch / seconds / (max(1, output - 1) if decodes else 1),
        bound=bound_of(time),
        breakdown=breakdown(time, _operator_lines(deployment, load, name) if explained else {}),
        compute_share=compute_share,
        bandwidth_share=bandwidth_share,
        notes=(
            *deployment.notes,
            *load.notes,
            *time_notes(deployment, serves or batch),
            *length_notes(deployment, _longest_side(deployment, load.tokens, output), "input_tokens"),
        ),
    )


def times_explained(deployment: Deployment, load: Load, times: Times) -> tuple[Line, ...]:
    """Each phase's milliseconds, with the kinds of work and the operators that they are the sum of."""
    phases = (("prefill", times.prefill, TTFT), ("decode", times.decode, TPOT))
    return tuple(
        Line(
            name=said,
            value=time.total * 1e3,
            unit="ms",
            why=f"bound by {bound_of(time)}",
            parts=breakdown(time, _operator_lines(deployment, load, name)),
        )
        for name, time, said in phases
        if time is not None
    )


def breakdown(time: Spent, operators_of: Mapping[str, tuple[Line, ...]]) -> tuple[Line, ...]:
    """Milliseconds by kind of work, with the operators that each is the sum of."""
    found = []
    for kind in KINDS:
        seconds = time.seconds.get(kind)
        if not seconds:
            continue
        parts = operators_of.get(kind, ())
        if parts:
            # the steps of a pipeline overlap, each operator's as much as all of them
            scale = seconds * 1e3 / sum(part.value for part in parts)
            parts = tuple(replace(part, value=part.value * scale) for part in parts)
        found.append(Line(name=kind, value=seconds * 1e3, unit="ms", parts=parts))
    return tuple(found)


def _operator_lines(deployment: Deployment, load: Load, name: str) -> dict[str, tuple[Line, ...]]:
    """By kind of work, each operator's milliseconds over the steps of a phase, the longest first."""
    totals: dict[tuple[str, str], OperatorShare] = {}
    for times, step in (prefill_steps if name == "prefill" else decode_steps)(deployment, load):
        for key, share in shares_of_operators(deployment, step).items():
            total = totals.setdefault(key, OperatorShare(layers=share.layers))
            total.seconds += times * share.seconds
            total.compute_s += times * share.compute_s
            total.memory_s += times * share.memory_s
    found: dict[str, tuple[Line, ...]] = {}
    for (kind, operator), total in sorted(totals.items(), key=lambda entry: -entry[1].seconds):
        why = f"in {total.layers:,} layers" if total.layers > 1 else "once"
        if kind != "collective":
            why += ", bound by compute" if total.compute_s > total.memory_s else ", bound by memory"
        line = Line(name=operator, value=total.seconds * 1e3, unit="ms", why=why)
        found[kind] = (*found.get(kind, ()), line)
    return found


def _longest_side(deployment: Deployment, tokens: int, output_tokens: int) -> int:
    """Tokens that the model sees at once: prompt and output together, or the longer where each has its own stack."""
    if deployment.architecture.prompt_is_source:
        return max(tokens, output_tokens)
    return tokens + output_tokens - 1


def time_notes(deployment: Deployment, batch: int) -> tuple[Note, ...]:
    machine, found = machine_of(deployment), []
    if machine.evidence == "none":
        found.append(
            Note(
                subject="hardware",
                text=f"No measurement of {machine.accelerator.name} stands behind this; efficiencies are defaults.",
                origin="warning",
            )
        )
    elif machine.evidence == "class":
        found.append(
            Note(
                subject="hardware",
                text=f"No kernel of {machine.accelerator.name} was measured: the efficiencies of its class were taken.",
                origin="assumption",
            )
        )
    elif machine.evidence == "sister":
        # whole runs of its class set the ranges, and factors on the kernels' rates
        runs = "; ranges are of whole runs" if machine.kind else ""
        found.append(
            Note(
                subject="hardware",
                text=f"Kernels were measured on {machine.card}, a sister of {machine.accelerator.name}{runs}.",
                origin="assumption",
            )
        )
    elif machine.evidence == "law":
        found.append(
            Note(
                subject="hardware",
                text=f"{machine.accelerator.name} was not measured under {machine.engine.TITLE}: the law of others on "
                "its runtime is applied to its bandwidth and peaks.",
                origin="assumption",
            )
        )
    ranged = machine.engine.ranges is not None or _of_fitted(machine, deployment.architecture.task)
    if not machine.engine.timed and not ranged:
        text = (
            f"No run of {machine.engine.TITLE} on such a device was measured: {machine.engine.kin}'s costs were taken."
        )
        found.append(Note(subject="engine", text=text, origin="warning"))
    if (nearest := machine.engine.measured_release) is not None:
        text = (
            f"No run of {machine.engine.TITLE} {machine.engine.version} was measured: its times are as of the measured "
            f"release that is nearest, {nearest}."
        )
        found.append(Note(subject="engine_version", text=text, origin="source"))
    if machine.engine.eager:
        text = (
            "Times are as with captured graphs. Without them the program calls each operator, which makes small steps "
            "slower and was not measured: the range reaches further up."
        )
        found.append(Note(subject="engine_settings", text=text, origin="warning"))
    if deployment.layout.data > batch:
        text = f"{deployment.layout.data - batch} of the {deployment.layout.data} copies have no sequence to serve."
        found.append(Note(subject="data_parallel", text=text, origin="warning"))
    found += _link_notes(deployment)
    if lies_on_host(deployment):
        assumed = "host_bandwidth_gb_s" not in machine.engine.settings
        text = f"A part lies on the host, whose memory gives {host_bandwidth(machine) / 1e9:.4g} GB/s"
        text += " as assumed; the engine setting host_bandwidth_gb_s says another." if assumed else "."
        found.append(Note(subject="host_bandwidth_gb_s", text=text, origin="warning" if assumed else "assumption"))
    found += _crossing_notes(deployment)
    scheme = deployment.formats.scheme
    form = scheme.quantized or scheme.plain
    # a local engine multiplies each format in units of its own choice
    used = form.computes_in[0] if machine.engine.kernels.local is not None else machine.runs_in(form)
    if used != form.computes_in[0]:
        found.append(
            Note(
                subject="precision",
                text=f"{machine.accelerator.name} has no {form.computes_in[0]} unit: {scheme.label} weights are "
                f"multiplied in {used}, where the engine does so at all.",
                origin="warning",
            )
        )
    return (*found, *deployment.apart)


def _crossing_notes(deployment: Deployment) -> list[Note]:
    """What crosses the host's link in each step."""
    machine = machine_of(deployment)
    link = machine.accelerator.host_link
    if not machine.engine.offloaded_bytes or machine.engine.device.unified or link is None:
        return []
    stages = holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, machine.engine)
    held = max(min(machine.engine.offloaded_bytes, stage.weights) for stage in stages)
    text = (
        f"cpu_offload_gb leaves {held / 1e9:.3g} GB of a device's weights on the host; what a step uses of them "
        f"crosses {link.name} in it, at {link.bandwidth / 1e9:.3g} GB/s as its maker says: no run was measured, and it "
        "takes that long at the least."
    )
    return [Note(subject="cpu_offload_gb", text=text, origin="warning")]


def _link_notes(deployment: Deployment) -> list[Note]:
    """What is assumed of the way between the devices."""
    accelerator, layout = machine_of(deployment).accelerator, deployment.layout
    found = []
    on_bus = accelerator.link_between(layout.tensor) is accelerator.host_link
    if 1 < layout.tensor <= accelerator.link_domain and on_bus:
        found.append(
            Note(
                subject="tensor_parallel",
                text=f"{layout.tensor} x {accelerator.name} share each layer over PCIe, whose all-reduce varies much "
                "between servers (peer-to-peer or not).",
                origin="warning",
            )
        )
    over = network_words(accelerator)
    if layout.tensor > accelerator.link_domain:
        text = (
            f"Layers are shared across nodes, over {over}. Every sum goes over it, at a time that differs much between "
            "networks; pipeline_parallel across nodes sends less."
        )
        found.append(Note(subject="tensor_parallel", text=text, origin="warning"))
    elif crosses_nodes(layout, accelerator.link_domain):
        text = f"The experts are shared across nodes, over {over}; a token goes to the devices of its experts alone."
        found.append(Note(subject="expert_parallel", text=text, origin="assumption"))
    elif layout.devices_of_copy > accelerator.link_domain:
        text = f"The pipeline crosses nodes, over {over}."
        found.append(Note(subject="pipeline_parallel", text=text, origin="assumption"))
    return found


def estimate_prefill(deployment: Deployment, load: Load) -> PhaseReport:
    """Time to the first token of the last of the prompts, which arrive together."""
    deployment, _ = with_room(deployment, load)
    return _phase(deployment, load, "prefill", prefill_time(deployment, load))


def estimate_decode(deployment: Deployment, load: Load) -> PhaseReport:
    """Mean time of a decode step after the prompts, over the outputs after the first."""
    deployment, _ = with_room(deployment, load)
    return _phase(deployment, load, "decode", decode_time(deployment, load))


_ONE_PASS = (
    Note(
        subject="output_tokens",
        text="An encoder generates no tokens: TTFT is the time of its one pass over all sequences.",
        origin="default",
    ),
)


def estimate_end_to_end(
    deployment: Deployment, load: Load, times: Times | None = None, *, explained: bool = False
) -> EndToEndReport:
    """A static batch: all prompts prefilled, then output - 1 decode steps.

    times: those of a search that has found this deployment; None times it here. explained: with every operator's time.
    """
    deployment, verdict = with_room(deployment, load)
    if times is None:
        times = times_of(deployment, load)
    encodes = deployment.architecture.task == "encoder"
    tokens, output_tokens, batch = load.tokens, load.output, load.sequences
    prefill = _phase(deployment, load, "prefill", times.prefill, explained=explained)
    decode = None
    if times.decode is not None and output_tokens > 1:
        decode = _phase(deployment, load, "decode", times.decode, explained=explained)
    steps = output_tokens - 1
    ttft = prefill.latency_ms
    tpot = decode.latency_ms if decode else None
    total = ttft + (tpot or 0.0) * steps
    whole = in_all(prefill.latency_interval_ms, decode.latency_interval_ms if decode else None, steps)
    return EndToEndReport(
        **deployment.said(),
        **deployment.layout.said(),
        hardware=prefill.hardware,
        batch_size=batch,
        beam_size=load.beams,
        input_tokens=tokens,
        output_tokens=output_tokens,
        ttft_ms=ttft,
        ttft_interval_ms=prefill.latency_interval_ms,
        tpot_ms=tpot,
        tpot_interval_ms=decode.latency_interval_ms if decode else None,
        total_ms=total,
        total_interval_ms=whole,
        output_tokens_per_s=0.0 if encodes else batch * output_tokens / total * 1e3,
        output_tokens_per_s_interval=None if encodes else rates(batch * output_tokens, whole),
        total_tokens_per_s=batch * (tokens if encodes else tokens + output_tokens) / total * 1e3,
        requests_per_s=batch / total * 1e3,
        requests_per_s_interval=rates(batch, whole),
        **_decode_rates(batch, tpot, decode.latency_interval_ms if decode else None),
        prefill_bound=prefill.bound,
        decode_bound=decode.bound if decode else None,
        **_room(deployment, verdict),
        prefill_phase=prefill,
        decode_phase=decode,
        notes=(*(_ONE_PASS if encodes else ()), *(decode or prefill).notes),
    )


def _room(deployment: Deployment, verdict: Verdict) -> dict[str, Any]:
    """What an answer about time says of memory."""
    return {
        "memory_share": verdict.used_share,
        "memory_spare_bytes": round(verdict.told.margin),
        "memory_spare_range_bytes": verdict.straddling,
        "max_length": deployment.architecture.max_length,
    }


def _decode_rates(sequences: float, tpot: float | None, interval_ms: Interval | None) -> dict[str, Any]:
    """Output tokens a second while all sequences decode, over all of them and of each, with the range of each."""
    if tpot is None or interval_ms is None:
        return {}
    return {
        "decode_tokens_per_s": sequences * 1e3 / tpot,
        "decode_tokens_per_s_each": 1e3 / tpot,
        "decode_tokens_per_s_each_interval": rates(1, interval_ms),
    }


def estimate_served(
    deployment: Deployment, load: Load, outcome: Outcome | None = None, *, explained: bool = False
) -> EndToEndReport:
    """Requests that come and go: the times are means over all of them, their queue included.

    outcome: that of a search that has simulated this deployment; None simulates it here.
    """
    (deployment, verdict), traffic = with_room(deployment, load), load.traffic
    assert traffic is not None
    worker = deployment
    if deployment.prefill is not None:
        deployment = with_prefill_room(deployment, load)
        worker = deployment.prefill_worker
    if outcome is None:
        outcome = _simulated(deployment, load)
    # what binds, and the ranges, are those of the steps that the load comes to
    settled = settled_load(traffic, outcome.decoding)
    here = int(settled.sequences)
    alone = replace(settled, sequences=worker.layout.data)
    prefill = _phase(worker, alone, "prefill", prefill_time(worker, alone), explained=explained)
    decode = None
    if settled.output > 1:
        # copies that wait for the next request are not idle
        serves = traffic.users or deployment.layout.data
        time = decode_time(deployment, settled)
        decode = _phase(deployment, settled, "decode", time, explained=explained, serves=serves)
    encodes = deployment.architecture.task == "encoder"
    ttft, tpot = outcome.first.mean * 1e3, None if outcome.each is None else outcome.each.mean * 1e3
    total = outcome.whole.mean * 1e3
    first = served_interval(deployment, "ttft", ttft)
    each = None if tpot is None else served_interval(deployment, "tpot", tpot)
    whole = served_interval(deployment, "e2e", total, tpot)
    most = scaled(outcome.saturated_rate, total, whole)
    rate = _rate_range(traffic, outcome, most, scaled(outcome.request_rate, total, whole))
    return EndToEndReport(
        **deployment.said(),
        **deployment.layout.said() | {"devices": deployment.devices_in_all},
        hardware=prefill.hardware,
        batch_size=here,
        input_tokens=round(traffic.inputs.mean),
        output_tokens=round(traffic.outputs.mean),
        ttft_ms=ttft,
        ttft_interval_ms=first,
        tpot_ms=tpot,
        tpot_interval_ms=each,
        total_ms=total,
        total_interval_ms=whole,
        output_tokens_per_s=0.0 if encodes else outcome.output_rate,
        output_tokens_per_s_interval=None
        if encodes or rate is None
        else multiplied(rate, outcome.output_rate / outcome.request_rate),
        total_tokens_per_s=outcome.request_rate * traffic.inputs.mean
        if encodes
        else outcome.output_rate * (1 + traffic.inputs.mean / traffic.outputs.mean),
        requests_per_s=outcome.request_rate,
        **_decode_rates(outcome.decoding, tpot, each),
        prefill_bound=prefill.bound,
        decode_bound=decode.bound if decode else None,
        **_room(deployment, verdict),
        prefill_phase=prefill,
        decode_phase=decode,
        serving=_serving(deployment, load, outcome, rate, most),
        notes=(
            *((*_ONE_PASS, _request_note(deployment)) if encodes else ()),
            *_traffic_notes(deployment, load, outcome, verdict),
            *_step_notes(deployment, load, outcome, first, prefill.latency_ms),
            *disaggregated_notes(deployment),
            *load.notes,
            *(decode or prefill).notes,
        ),
    )


def _simulated(deployment: Deployment, load: Load) -> Outcome:
    return served(deployment, load) if deployment.prefill is None else served_apart(deployment, load)


def _rate_range(traffic: Traffic, outcome: Outcome, most: Interval, asked_again: Interval) -> Interval | None:
    """The range of the requests that are served a second: of users, who ask again, as their answers take; of a rate as
    the most that can be served is known, and none where all that come are served whatever it is."""
    if traffic.rate is None:
        return asked_again
    if traffic.rate <= min(most.low, outcome.request_rate):
        return None
    return replace(most, low=min(most.low, outcome.request_rate), high=min(most.high, traffic.rate))


def _serving(
    deployment: Deployment, load: Load, outcome: Outcome, rate: Interval | None, most: Interval
) -> ServingReport:
    traffic = load.traffic
    assert traffic is not None
    return ServingReport(
        concurrency=traffic.users,
        request_rate=traffic.rate,
        requests=traffic.requests,
        ttft=_percentiles(outcome.first),
        tpot=None if outcome.each is None else _percentiles(outcome.each),
        e2e=_percentiles(outcome.whole),
        requests_per_s=outcome.request_rate,
        requests_per_s_interval=rate,
        goodput_requests_per_s=outcome.good_rate,
        decoding=outcome.decoding,
        room=outcome.room,
        queued_share=outcome.queued,
        saturation_requests_per_s=outcome.saturated_rate,
        saturation_interval=most,
        disaggregated=None if outcome.sides is None else both_sides(deployment, outcome, outcome.sides),
    )


def _percentiles(spread: Spread) -> Percentiles:
    return Percentiles(
        mean_ms=spread.mean * 1e3,
        p50_ms=spread.p50 * 1e3,
        p90_ms=spread.p90 * 1e3,
        p95_ms=spread.p95 * 1e3,
        p99_ms=spread.p99 * 1e3,
    )


def served_interval(
    deployment: Deployment, metric: Literal["ttft", "tpot", "e2e"], value_ms: float, step_ms: float | None = None
) -> Interval:
    """The range of a served load's mean, by what was measured of such engines, cards and models; step_ms: of a step of
    what takes several."""
    machine, facts = machine_of(deployment), table("timing")["interval"]
    if deployment.prefill is not None:
        together, apart = (
            served_interval(replace(deployment, prefill=None), metric, value_ms, step_ms),
            facts["disaggregated"],
        )
        low, high = apart[metric]
        return Interval(
            low=min(together.low, value_ms * low),
            high=max(together.high, value_ms * high),
            level=together.level,
            evidence=f"{together.evidence}; {apart['evidence']}",
        )
    unmeasured = deployment.architecture.task in facts["unmeasured"]
    timed = machine.evidence == "measured" and machine.engine.timed and machine.engine.ranges is None
    phase, across = "prefill" if metric == "ttft" else "decode", _crosses(deployment)
    if timed and not unmeasured:
        served, kind = facts["served"], kind_of_model(deployment.architecture)
        of_engine = served["of_engine"].get(machine.engine.kin, {}).get(kind, {})
        low, high = of_engine.get(metric, served[kind][metric])
        found = Range(low, high, facts["level"], served["evidence"])
        if across:
            found = _over_nodes(machine, phase, found)
    else:
        found = _evidence(deployment, "prefill" if unmeasured else phase, 2, across=across)
    found = _without_graphs(deployment, (step_ms or value_ms) / 1e3, _with_drafts(deployment, metric, found))
    found = range_of(deployment, metric, found)
    return Interval(low=value_ms * found.low, high=value_ms * found.high, level=found.level, evidence=found.evidence)


def kind_of_model(architecture: Architecture) -> str:
    """What errors are alike in: latent attention, a recurrence, a mixture, or none of these."""
    if architecture.attention_type == "MLA":
        return "latent"
    state = architecture.state()
    if state.window or state.recurrent or state.lean:
        return "recurrent"
    mixes = any(operator.expert_count for layer in architecture.stack for operator in layer.operators)
    return "mixture" if mixes else "dense"


# Times that a prompt takes alone, from which on its wait is that for others.
_IN_STEP = 3.0


def _step_notes(
    deployment: Deployment, load: Load, outcome: Outcome, first: Interval, prompt_ms: float
) -> tuple[Note, ...]:
    """That requests of one length wait for each other, where those of lengths that vary would not; prompt_ms: of one
    alone."""
    traffic = load.traffic
    assert traffic is not None
    alike = traffic.inputs.alike and traffic.outputs.alike
    if not alike or (traffic.users or 0) <= 1 or outcome.first.mean * 1e3 <= _IN_STEP * prompt_ms:
        return ()
    inputs, outputs = (Lengths.varied(lengths.mean) for lengths in (traffic.inputs, traffic.outputs))
    varied = replace(load, traffic=replace(traffic, inputs=inputs, outputs=outputs))
    apart = _simulated(deployment, varied).first.mean * 1e3
    if first.low <= apart <= first.high:
        return ()
    text = (
        f"Requests of one length fall into step and wait for each other: TTFT is {apart:,.0f} ms where lengths vary by "
        f"a fifth. People's do: give input_tokens by least and most, {_ends_of(inputs)}, and output_tokens, "
        f"{_ends_of(outputs)}, or p50 and p95."
    )
    return (Note(subject="input_tokens", text=text, origin="warning"),)


def _ends_of(lengths: Lengths) -> list[int]:
    return [round(lengths.at(share)) for share in (0.0, 1.0)]


def _traffic_notes(deployment: Deployment, load: Load, outcome: Outcome, verdict: Verdict) -> list[Note]:
    """What a reader of a served load must know."""
    traffic, found = load.traffic, []
    assert traffic is not None
    if traffic.rate is not None and traffic.rate > outcome.saturated_rate:
        text = (
            f"{traffic.rate:,.4g} requests a second come and {outcome.saturated_rate:,.3g} can be served: the queue "
            f"grows without end, and the times hang on how long it goes on ({traffic.requests:,} requests here)."
        )
        found.append(Note(subject="request_rate", text=text, origin="warning"))
    if outcome.waiting:
        text = (
            f"{(traffic.users or 0) - outcome.waiting:,} users were simulated: the other {outcome.waiting:,} wait for "
            "their turn, as long as the steady state says."
        )
        found.append(Note(subject="concurrency", text=text, origin="assumption"))
    engine, at_once = deployment.engine, f"{outcome.room:,} sequence{'s' if outcome.room > 1 else ''} at once"
    if outcome.queued > 0:
        left = f"{max(verdict.told.margin, 0) / GB:,.1f} GB a device that one request leaves"
        text = (
            f"The caches, which take the {left}, have room for {at_once}; {outcome.queued:.0%} of the requests waited "
            "for it."
        )
        found.append(Note(subject="concurrency", text=text, origin="warning"))
    elif engine.SEQUENCES and (traffic.users or 0) > outcome.room >= most_running(deployment) * deployment.layout.data:
        text = (
            f"{engine.SEQUENCES} {most_running(deployment):,} lets {at_once} run, and the other "
            f"{(traffic.users or 0) - outcome.room:,} users wait for their turn."
        )
        found.append(Note(subject="concurrency", text=text, origin="warning"))
    return found


def _request_note(deployment: Deployment) -> Note:
    """What of an encoder's latency is the host's, which may be most of it."""
    text = (
        f"Of each latency about {deployment.engine.host.request * 1e3:.3g} ms are the host's work on a request before "
        "its pass, as measured of models that generate."
    )
    return Note(subject="request_rate", text=text, origin="assumption")
