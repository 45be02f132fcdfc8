"""A load whose prompts are taken in by workers of their own: both sides, the way of the cache between, what binds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import gcd
from typing import TYPE_CHECKING

from ..deployment import Load
from ..facts import table
from ..memory import ledger
from ..report import DisaggregatedReport, Note
from .events import simulate
from .machine import machine_of, network_words
from .phases import decode_time
from .relay import DecodeSide, PrefillSide, relay
from .serving import (
    Outcome,
    Part,
    Run,
    Sides,
    clockwork_for,
    let_in,
    most_running,
    outcome_of,
    requests_of,
    room_tokens,
)
from .speculating import tokens_of_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..deployment import Deployment, Traffic
    from ..units import Quantity
    from .clockwork import Clockwork
    from .events import Request

# Prompts by which a worker that never rests is timed: their steps fill the budget many times.
_PROMPTS = 64


@dataclass(frozen=True, slots=True)
class Way:
    """How a cache comes from a device that took in a prompt to one that decodes."""

    words: str
    bandwidth: float
    """Bytes/s of a device."""
    latency: float
    """Seconds of each transfer."""

    def seconds(self, moved: Quantity) -> Quantity:
        return self.latency + moved / self.bandwidth


def way_of(deployment: Deployment) -> Way:
    """As it was told, the link where it joins the devices of both sides, or the network."""
    facts, accelerator, prefill = table("timing")["collective"], machine_of(deployment).accelerator, deployment.prefill
    assert prefill is not None
    latency = facts["point_to_point"]
    if prefill.bandwidth is not None:
        return Way(f"at {prefill.bandwidth / 1e9:g} GB/s a device, as told", prefill.bandwidth, latency)
    joined = deployment.devices_in_all <= accelerator.link_domain
    link = accelerator.link_between(deployment.devices_in_all) if joined else None
    if link is not None:
        words = f"over {link.name}, {link.bandwidth / 1e9:g} GB/s a device, which joins all {deployment.devices_in_all}"
        return Way(words, link.bandwidth, latency + (link.latency_s or 0.0))
    network = accelerator.network
    bandwidth = facts["network_bandwidth"] if network is None else network.bandwidth
    return Way(f"over {network_words(accelerator)}", bandwidth, latency)


def served_apart(deployment: Deployment, load: Load) -> Outcome:
    """The outcome of a load that comes and goes, where prefill workers take in its prompts."""
    traffic, workers = load.traffic, deployment.prefill
    assert traffic is not None
    assert workers is not None
    layout, engine = deployment.layout, deployment.engine
    worker, ranks = deployment.prefill_worker, workers.layout.data
    # copies that share experts decode together
    together, copies = (layout.data, 1) if layout.pooled > 1 else (1, layout.data)
    # alike parts of both sides serve each their own part of the load
    parts = gcd(workers.count, copies)
    by_step = tokens_of_step(deployment.speculation)
    tokens, most = room_tokens(deployment, load) * together, most_running(deployment)
    running = let_in(traffic, engine.scheduler, tokens, most * together)
    dealt = tuple(part.within(running * (copies // parts)) for part in Part.of(traffic, parts))
    here = -(-min(running, dealt[0].users or running) // together)
    prefill_clock = clockwork_for(worker, engine.step_tokens, -(-_PROMPTS // ranks), traffic.longest)
    way = way_of(deployment)
    decode_clock = clockwork_for(deployment, here, here, traffic.longest)
    runs = []
    for part in dealt:
        requests = requests_of(traffic, part.simulated, by_step)
        # each rank of those that share experts has a link of its own
        sends, takes = _crossing(worker, way, requests), _crossing(deployment, way, requests)
        found = relay(
            requests,
            PrefillSide(
                clockwork=prefill_clock,
                workers=workers.count // parts,
                ranks=ranks,
                budget=engine.step_tokens,
                link_s=[seconds / ranks for seconds in sends],
            ),
            DecodeSide(
                clockwork=decode_clock,
                copies=copies // parts,
                ranks=together,
                most=most,
                room=max(tokens, traffic.longest),
                link_s=[seconds / together for seconds in takes],
            ),
            engine.scheduler,
            crosses=list(map(max, sends, takes)),
            users=part.users,
            arrivals=part.arrivals(traffic),
            request_s=engine.host.request,
            token_s=engine.host.request_token,
        )
        runs.append(Run(part, requests, found))
    sides = _sides(deployment, traffic, way, prefill_clock, max(1, running // together))
    return outcome_of(
        deployment,
        runs,
        traffic,
        by_step=by_step,
        room=running * parts,
        saturated_rate=sides.least,
        sides=sides,
    )


def _crossing(side: Deployment, way: Way, requests: Sequence[Request]) -> list[float]:
    """Seconds for which each request's cache takes up the link of the fullest device of a side."""
    import numpy

    lengths = sorted({request.before + request.tokens for request in requests})
    moved = _cache_bytes(side, numpy.array(lengths, dtype=float))
    # a state alone is as large whatever came before
    each = numpy.broadcast_to(way.seconds(moved), len(lengths))
    seconds = dict(zip(lengths, each.tolist(), strict=True))
    return [seconds[request.before + request.tokens] for request in requests]


def _cache_bytes(side: Deployment, tokens: Quantity) -> Quantity:
    """Bytes of the cache and the state of one sequence of so many tokens, on the device that holds most of it."""
    held = ledger(side, Load(tokens=tokens))
    return held.kv_cache + held.state + held.draft_cache


def _sides(deployment: Deployment, traffic: Traffic, way: Way, prefill: Clockwork, running: int) -> Sides:
    """What each side can do at most; running: sequences for which a copy, or a rank that shares experts, has room."""
    workers, layout, engine = deployment.prefill, deployment.layout, deployment.engine
    assert workers is not None
    context, output = traffic.depth + traffic.inputs.mean, traffic.outputs.mean
    sent, taken = (_cache_bytes(side, context) for side in (deployment.prefill_worker, deployment))
    seconds = way.seconds(max(sent, taken))
    prompts = [replace(request, output=1) for request in requests_of(traffic, _PROMPTS)]
    busy = simulate(
        prompts,
        prefill,
        engine.scheduler,
        users=None,
        arrivals=[0.0] * _PROMPTS,
        budget=engine.step_tokens,
        most=_PROMPTS,
        room=float("inf"),
        request_s=0.0,
        token_s=0.0,
        copies=workers.layout.data,
    )
    transfer = decode = None
    if output > 1:
        transfer = min(workers.count * workers.layout.data / way.seconds(sent), layout.data / way.seconds(taken))
        settled = Load(sequences=running * layout.data, tokens=traffic.inputs.mean, output=output, depth=traffic.depth)
        each = decode_time(deployment, settled).total
        decode = running * layout.data / ((output - 1) * each + seconds)
    return Sides(
        prefill=workers.count * _PROMPTS / max(busy.ended),
        transfer=transfer,
        decode=decode,
        crossing_bytes=round(max(sent, taken)),
        crossing_s=seconds,
    )


def both_sides(deployment: Deployment, outcome: Outcome, sides: Sides) -> DisaggregatedReport:
    """What is said of both sides."""
    workers = deployment.prefill
    assert workers is not None
    return DisaggregatedReport(
        prefill_workers=workers.count,
        prefill_tensor_parallel=workers.layout.tensor,
        prefill_expert_parallel=workers.layout.expert,
        prefill_devices=workers.devices,
        decode_devices=deployment.layout.devices,
        output_tokens_per_s_per_device=outcome.output_rate / deployment.devices_in_all,
        transfer_bytes=sides.crossing_bytes,
        transfer_ms=sides.crossing_s * 1e3,
        prefill_saturation_requests_per_s=sides.prefill,
        transfer_saturation_requests_per_s=sides.transfer,
        decode_saturation_requests_per_s=sides.decode,
        bound=sides.bound,
    )


def disaggregated_notes(deployment: Deployment) -> tuple[Note, ...]:
    """What is assumed of prompts that are taken in apart; none where they are not."""
    workers = deployment.prefill
    if workers is None:
        return ()
    text = (
        f"{workers.count} prefill worker(s) as {workers.layout} take in prompts on {workers.devices} device(s), and "
        f"{deployment.layout.devices} device(s) as {deployment.layout} decode alone."
    )
    crossing = (
        f"A cache crosses whole once its prompt is taken in, {way_of(deployment).words}; TTFT ends when it is there."
    )
    return (
        Note(subject="prefill_workers", text=text, origin="default"),
        Note(subject="transfer_gb_s", text=crossing, origin="assumption"),
    )
