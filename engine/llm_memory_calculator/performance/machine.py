"""An accelerator under an engine: the law of each kind of work on it, and what its constants rest on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from llm_memory_hardware.accelerator import Accelerator
from llm_memory_hardware.wording import words

from ..engines import (
    Engine,
    HostCost,
    KernelCost,
    ProductCost,
    Scheduler,
    TimeRanges,
    backends_of,
    plain_name,
    tuned_designs,
    tuned_of,
)
from ..errors import LayoutError
from ..facts import table
from ..formats.numerics import Format
from ..operators import Work, WorkKind
from ..stacks import UnlikeError, stacked
from .local import knows_peak, local_law, local_peak
from .roofline import OperatorTime, attention_time, experts_time, hosted_time, plain_time, product_time

if TYPE_CHECKING:
    from ..deployment import Deployment
    from ..units import Quantity

Evidence = Literal["measured", "sister", "class", "law", "none"]


class Law(Protocol):
    """How the time of one kind of work follows from its operations and bytes."""

    @property
    def bandwidth(self) -> float:
        """Attainable bytes/s."""
        ...

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLaw:
    """launch + max(flops / rate, bytes / bandwidth)."""

    rate: float
    bandwidth: float
    launch: float = 0.0

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        return plain_time(self.rate, self.bandwidth, self.launch, work, moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLaw:
    """A matrix product: see `product_time`."""

    rate: float
    """Attainable FLOP/s."""
    bandwidth: float
    launch: float
    """Seconds."""
    inner: float = 0.0
    """Seconds of each value of the inner dimension."""
    again: float = 0.0
    """Seconds of each value of the input that is quantised."""

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        return product_time(self, work, moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertsLaw:
    """Routed experts: see `experts_time`."""

    rate: float
    bandwidth: float
    launch: float
    launch_expert: float
    """Seconds of each expert that the device holds."""
    ramp: float
    """Rows that each touched expert is filled up by, but for the matrix-vector path."""
    width: float
    """Values that each expert's width is as good as wider."""
    local_pass: float
    """Seconds of each value of the rows that the device's experts take and give."""
    token_pass: float
    """Seconds of each value that is sorted and summed of all tokens."""
    spread: float
    """Deviation of an expert's popularity over its mean."""

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        return experts_time(self, work, moved, weight_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionLaw:
    """Attention of prompts, and of one new token a sequence: see `attention_time`."""

    rate: float
    bandwidth: float
    """Of prompts."""
    launch: float
    ramp: float
    """Tokens of a prompt at which half of the rate is reached."""
    inner: float
    """Seconds of each key that the last queries see."""
    token_bandwidth: float
    token_launch: float
    token_inner: float
    row: float
    """Seconds of each head of each sequence."""

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        return attention_time(self, work, moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedLaw:
    """Work whose bytes lie on the host: done there, or on the device once they have crossed the link."""

    here: Law
    """On the device."""
    bandwidth: float
    """Attainable bytes/s of the host's memory."""
    rate: float
    """FLOP/s of its cores."""
    link: float
    """Attainable bytes/s of the link; 0 where nothing crosses it."""

    def time(self, work: Work, moved: Quantity, weight_bytes: float) -> OperatorTime:
        """Seconds = min(the larger of bytes / bandwidth and operations / rate, bytes / link + those on the device)."""
        return hosted_time(self, moved, self.here.time(work, moved, weight_bytes))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machine:
    """One accelerator as the laws see it, with the engine that drives it."""

    accelerator: Accelerator
    engine: Engine
    evidence: Evidence
    """measured: kernels of this accelerator were fitted; sister: of one with the same chip; class: whole runs on such
    accelerators; law: of others on the same runtime, and the engine's law was tested on accelerators that it had not
    seen; none: default constants.
    """
    card: str
    """Whose constants are taken."""
    kind: str = ""
    """Its class in timing.toml, where whole runs on such accelerators were fitted; empty where none were."""
    chip: Mapping[str, Any]
    """What is known of its class: factors on the card's constants."""
    members: tuple[Machine, ...] = ()
    """Of a fleet: those that stand side by side under one engine, along the last axis of arrays."""

    @property
    def memory_bandwidth(self) -> float:
        return self.accelerator.memory_bandwidth

    @property
    def ranges(self) -> Mapping[str, Any]:
        """How far measured times lie from estimates like these, and what that rests on."""
        rows = table("timing")["interval"]
        found: Mapping[str, Any] = rows[self.kind or self.evidence]
        if not self.engine.timed:
            # runs of other engines say little of one that was never timed on such a runtime, kernels a part
            found = rows["engine" if self.evidence in ("measured", "sister") else "none"]
        return found

    def factor(self, name: str, row: str = "") -> float:
        """The class's factor on a constant: for a row of a format its own, or that of all."""
        own: float = self.chip.get(row, {}).get(name, self.chip.get(name, 1.0))
        return own

    def peak(self, form: Format) -> float:
        """FLOP/s of the first format that the accelerator has among those that the product can run in; of an engine
        with laws of its own, what its rates are shares of.
        """
        local = self.engine.kernels.local
        if local is not None:
            self.require_peak()
            return local_peak(local, self.accelerator)
        runs_in = self.runs_in(form)
        return self.accelerator.peak_flops.get(runs_in) or self.vector_peak

    @property
    def vector_peak(self) -> float:
        """FLOP/s outside the matrix units: the fp32 peak, or a share of the slowest one that is known."""
        peaks = self.accelerator.peak_flops
        return peaks.get("fp32") or min(peaks.values()) * float(table("timing")["scan"]["without_fp32"])

    def require_peak(self) -> None:
        """Raise LayoutError where no rate is known at all."""
        if not self.accelerator.peak_flops:
            raise LayoutError(
                f"No dense peak rate of {self.accelerator.name} is known, so that its speed cannot be estimated: ask "
                f"for its memory alone, or give {words().custom_hardware}."
            )

    def runs_in(self, form: Format) -> str:
        """The format that a product with these weights runs in on this accelerator."""
        known = self.accelerator.peak_flops
        for name in form.computes_in:
            if name in known:
                return name
        if "fp32" in form.computes_in and ("bf16" in known or "fp16" in known):
            # a router in float32 on a design whose maker publishes no such rate: its vector units multiply it
            return "fp32"
        if not known:
            raise LayoutError(
                f"No dense peak rate of {self.accelerator.name} is known, so that its speed cannot be estimated: ask "
                f"for its memory alone, or give {words().custom_hardware}."
            )
        raise LayoutError(
            f"{self.accelerator.name} has no peak rate for {form.name} (it would run in "
            f"{', '.join(form.computes_in)}); its catalogue entry has {', '.join(known)}. "
            + (
                "Give another precision, such as 'bf16'."
                if any(name in known for name in ("bf16", "fp16", "fp32"))
                else "What is not quantized runs in 16 bits, so that its speed cannot be estimated: ask for its memory "
                f"alone, or give {words().custom_hardware}."
            )
        )


class Range(NamedTuple):
    """How far measured times lie from an estimate."""

    low: float
    high: float
    level: float
    """Share of the measured that lies between."""
    evidence: str


@lru_cache(maxsize=1024)
def machine_for(accelerator: Accelerator, engine: Engine) -> Machine:
    """The accelerator with its own constants, a sister's, those of its class, or the default ones; of a fleet's engine
    all of its machines side by side.
    """
    if isinstance(engine, FleetEngine):
        return Machine(
            accelerator=accelerator, engine=engine, evidence="none", card="", chip={}, members=engine.members
        )
    backend, known = engine.given.get("backend"), backends_of(engine.name, engine.device)
    if backend is not None and backend not in known:
        raise LayoutError(
            f"{engine.name} has no backend {backend!r} on {accelerator.name}; accepted: {', '.join(known)}."
        )
    if engine.given.get("profile") == "tuned" and tuned_of(engine.name, engine.version, engine.device) is None:
        raise LayoutError(
            f"No tuned stack of {engine.TITLE} {engine.version} was measured on {accelerator.name}; profile 'tuned' is "
            f"known on {', '.join(tuned_designs(engine.name))}: leave profile out, or say 'stock'."
        )
    if engine.kernels.local is not None:
        stands = _of_law(accelerator, engine)
        return Machine(accelerator=accelerator, engine=engine, evidence=stands, card=accelerator.name, chip={})
    facts, kind = table("timing"), kind_of(accelerator)
    chip = facts["chip"].get(kind, {})
    card, sister = chip.get("card", "default"), card_of(accelerator)
    evidence: Evidence = "class" if kind else "none"
    if sister:
        card, evidence = sister, "measured" if sister == accelerator.name else "sister"
    return Machine(accelerator=accelerator, engine=engine, evidence=evidence, card=card, kind=kind, chip=chip)


def kind_of(accelerator: Accelerator) -> str:
    """The class of an accelerator, empty where it has none: by its name, by its design with what compilers call it, or
    by its design. A card with kernels of its own or of a sister is of a class by its name alone.
    """
    facts, design = table("timing"), accelerator.architecture
    known, keys = facts["class_of"], [accelerator.name]
    if not accelerator.sources:
        return ""
    if accelerator.name not in table("kernels")["matmul"] and accelerator.name not in facts["same_constants"]:
        keys += [f"{design} {accelerator.compute_capability}", design]
    return next((known[key] for key in keys if key in known), "")


def card_of(accelerator: Accelerator) -> str:
    """The accelerator whose kernels were measured: itself, a sister with its chip, or none."""
    if not accelerator.sources:
        return ""
    if accelerator.name in table("kernels")["matmul"]:
        return accelerator.name
    sister: str = table("timing")["same_constants"].get(accelerator.name, "")
    return sister


def _of_law(accelerator: Accelerator, engine: Engine) -> Evidence:
    """What stands behind an engine's own law on an accelerator."""
    local, ranges = engine.kernels.local, engine.ranges
    assert local is not None
    if ranges is None or not knows_peak(local, accelerator):
        return "none"
    return "measured" if _was_timed(accelerator, ranges) else "law"


def _was_timed(accelerator: Accelerator, ranges: TimeRanges) -> bool:
    """Whether an engine's ranges are of this accelerator of the catalogue too."""
    named = {accelerator.name, plain_name(accelerator.name)} & ranges.devices
    return bool(named and accelerator.sources)


def evidence_of(
    machine: Machine,
    phase: str,
    *,
    kind: str = "",
    sequences: float = 1,
    on_host: bool = False,
    shared: bool = False,
) -> Range:
    """The range of a phase's time over its estimate: the engine's own where it has some, else the accelerator's.

    phase: prefill or decode. kind: of model. sequences: of a decode step. on_host: whether a part of the
    model lies on the host. shared: whether devices share each layer.
    """
    ranges, facts = machine.engine.ranges, table("timing")["interval"]
    level = facts["level"]
    if ranges is None or machine.evidence == "none":
        own, by_kind = machine.ranges, facts["of_engine"].get(machine.engine.kin, {}).get(kind, {})
        low, high = own[phase]
        less, more = by_kind.get(phase, (low, high))
        return Range(min(low, less), max(high, more), level, own["evidence"])
    seen = _was_timed(machine.accelerator, ranges)
    by_phase = ranges.seen if seen else ranges.unseen
    low, high = by_phase.get(f"{phase}_{kind}", by_phase[phase])
    if phase == "decode" and sequences > 1:
        low, high = by_phase["batch"]
    for told, of in (("host", on_host), ("shared", shared)):
        less, more = by_phase.get(told, (low, high)) if of else (low, high)
        low, high = min(low, less), max(high, more)
    tested = not seen and bool(ranges.devices)
    evidence = f"{ranges.evidence}, and tested on those that the fit left out" if tested else ranges.evidence
    return Range(low, high, level, evidence)


def host_bandwidth(machine: Machine) -> float:
    """Bytes/s of the host's memory: as told, as a part of a memory that it shares, or as is usual."""
    memory, told = machine.engine.kernels.host_memory, machine.engine.settings.get("host_bandwidth_gb_s")
    assert memory is not None
    if told is not None:
        return float(told) * 1e9
    return machine.memory_bandwidth * memory.of_unified if machine.engine.device.unified else memory.bandwidth


@lru_cache(maxsize=8192)
def law_on_host(machine: Machine, kind: WorkKind, form: Format, activations: Format, cache: Format) -> Law:
    """The law of an operator whose weights or cache lie on the host."""
    here, memory = law_of(machine, kind, form, activations, cache), machine.engine.kernels.host_memory
    if memory is None or kind == "elementwise":
        return here
    link = machine.accelerator.host_link
    reads, cached = memory.reads, memory.cache
    if memory.alone is not None and machine.engine.settings.get("n_gpu_layers") == 0:
        reads, cached = memory.alone
    share = reads if kind in ("matmul", "experts") else cached
    return HostedLaw(
        here=here,
        bandwidth=share * host_bandwidth(machine),
        rate=memory.rate,
        link=memory.crosses * (memory.link if link is None else link.bandwidth),
    )


def network_words(accelerator: Accelerator) -> str:
    """The way between nodes, as the catalogue has it or as it is assumed."""
    network = accelerator.network
    if network is not None:
        return f"{network.name}: {network.bandwidth / 1e9:g} GB/s a device, as of its maker's server, was assumed"
    assumed = table("timing")["collective"]["network_bandwidth"] / 1e9
    return f"a network that the catalogue has not: {assumed:g} GB/s a device was assumed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FleetEngine:
    """What a step asks of an engine on several machines side by side: costs are arrays along their last axis."""

    members: tuple[Machine, ...]
    host: HostCost
    kernels: KernelCost
    scheduler: Scheduler
    recurrent_bytes: Quantity
    step_tokens: Quantity
    stage_depths: Callable[[int, int], tuple[int, ...]]
    offloaded_bytes: float = 0.0
    leaves_layers: bool = False
    """Never: what is left to the host is asked layout by layout."""


def fleet_of(members: Sequence[Machine]) -> FleetEngine:
    """Machines of one engine side by side. Raises UnlikeError where it runs otherwise on some of them."""
    engines = [one.engine for one in members]
    hosts, kernels = [one.host for one in engines], [one.kernels for one in engines]
    for told in ("skips", "local", "host_memory"):
        if any(getattr(one, told) != getattr(kernels[0], told) for one in kernels):
            raise UnlikeError(told)
    if any(one.offloaded_bytes for one in engines):
        raise UnlikeError("offloaded_bytes")
    if any(bool(one.dispatch) != bool(hosts[0].dispatch) for one in hosts):
        raise UnlikeError("dispatch")
    return FleetEngine(
        members=tuple(members),
        host=stacked(hosts),
        scheduler=stacked([one.scheduler for one in engines]),
        kernels=replace(kernels[0], pipelined=stacked([one.pipelined for one in kernels])),
        recurrent_bytes=stacked([one.recurrent_bytes for one in engines]),
        step_tokens=stacked([one.step_tokens for one in engines]),
        stage_depths=engines[0].stage_depths,
    )


def machine_of(deployment: Deployment) -> Machine:
    """A deployment's accelerator under its engine."""
    assert deployment.accelerator is not None
    return machine_for(deployment.accelerator, deployment.engine)


@lru_cache(maxsize=8192)
def law_of(machine: Machine, kind: WorkKind, form: Format, activations: Format, cache: Format) -> Law:
    """The law of an operator whose weights are stored in `form` and whose activations are in `activations`; `cache`:
    the format of the KV cache.
    """
    facts, memory, kernels = table("timing"), machine.memory_bandwidth, machine.engine.kernels
    if kernels.local is not None:
        machine.require_peak()
        return local_law(kernels.local, machine.accelerator, machine.vector_peak, kind, form, activations)
    if kind == "matmul":
        return _product(machine, form)
    if kind == "experts":
        return _experts(machine, form)
    if kind == "elementwise":
        share = facts["elementwise"]["bandwidth"] * kernels.bandwidth * machine.factor("bandwidth")
        return PlainLaw(rate=math.inf, bandwidth=memory * min(1.0, share) / kernels.elementwise_passes)
    if kind == "scan":
        scan = facts["scan"]
        machine.require_peak()
        return PlainLaw(
            rate=machine.vector_peak * scan["rate"],
            bandwidth=memory * scan["bandwidth"],
            launch=scan["launch"] * kernels.launches * machine.factor("launch"),
        )
    return _attention(machine, kind, activations, cache)


def _product(machine: Machine, form: Format) -> ProductLaw:
    """A product with weights in a format: the card's constants, times those of the engine's kernels."""
    row, kernels = _row(machine, form), machine.engine.kernels
    products = table("kernels")["matmul"]
    own = products[machine.card].get(row) or products["default"][row]
    of_engine = _of_engine(table("kernels")["matmul_of_engine"], machine.engine).get(row, {})
    cost = kernels.matmul.get(row) or ProductCost()
    bandwidth = own["bandwidth"] * of_engine.get("bandwidth", 1.0) * cost.bandwidth * kernels.bandwidth
    share = own["rate"] * of_engine.get("rate", 1.0) * cost.rate * kernels.rate
    return ProductLaw(
        rate=machine.peak(form) * min(1.0, share * machine.factor("rate", row)),
        bandwidth=machine.memory_bandwidth * min(1.0, bandwidth * machine.factor("bandwidth", row)),
        launch=own["launch"] * of_engine.get("launch", 1.0) * kernels.launches * cost.launch * machine.factor("launch"),
        inner=own["inner"],
        again=own.get("quantise", 0.0) * of_engine.get("quantise", 1.0) * 3 / machine.memory_bandwidth,
    )


def _experts(machine: Machine, form: Format) -> ExpertsLaw:
    facts, kernels = table("kernels"), machine.engine.kernels
    generation = _GENERATIONS.get(machine.accelerator.architecture, "ampere_ada")
    row = _row(machine, form, experts=True)
    by_engine = facts["experts"][generation]
    rows = by_engine.get(machine.engine.kin) or by_engine["default"]
    own = rows.get(row) or rows["any"]
    card = facts["experts_card"].get(machine.card, {}).get("factors", {})
    bandwidth = own["bandwidth"] * card.get("bandwidth", 1.0) * kernels.bandwidth * kernels.experts_bandwidth
    bandwidth = bandwidth * machine.factor("bandwidth", row) * machine.factor("experts")
    share = own["rate"] * card.get("rate", 1.0) * kernels.rate * kernels.experts_rate
    share = share * kernels.experts_rate_in.get(row, 1.0) * machine.factor("rate", row) * machine.factor("experts")
    value_s = 2 / machine.memory_bandwidth
    passes = card.get("local_pass", 1.0)
    return ExpertsLaw(
        rate=machine.peak(form) * min(1.0, share),
        bandwidth=machine.memory_bandwidth * min(1.0, bandwidth),
        launch=own["launch"] * card.get("launch", 1.0) * kernels.experts_launch * machine.factor("launch"),
        launch_expert=own["launch_expert"],
        ramp=own["ramp"],
        width=own["width"],
        local_pass=own["local_pass"] * passes * value_s,
        token_pass=own["token_pass"] * passes * value_s,
        spread=table("timing")["experts"]["spread"],
    )


_GENERATIONS = {"Hopper": "hopper", "Blackwell": "blackwell", "Blackwell Ultra": "blackwell"}


def _attention(machine: Machine, kind: WorkKind, activations: Format, cache: Format) -> AttentionLaw:
    kernels, memory, launches = machine.engine.kernels, machine.memory_bandwidth, machine.factor("launch")
    small = "fp8" if cache.bits <= 8 else "bf16"
    prompts = _of_card(table("kernels")["prompts"], machine, f"bf16_{small}")
    tokens = _of_card(table("kernels")["decodes"], machine, f"bf16_{small}")
    recurrent, latent = kind == "recurrence", kind == "latent_attention"
    launch, token_launch, ramp = prompts["launch"], tokens["launch"], prompts["ramp"]
    if recurrent:
        # a recurrence in chunks is made of matrix products whose rows are the chunk's, however long the query is
        launch, token_launch, ramp = (
            kernels.recurrence_launch + kernels.recurrence_prefill,
            kernels.recurrence_launch,
            0.0,
        )
    elif latent:
        launch, token_launch = launch + kernels.latent_prefill, token_launch + kernels.latent_launch
    wider = kernels.bandwidth * machine.chip.get("attention_bandwidth", machine.factor("bandwidth"))
    rate = prompts["rate"] * kernels.attention_rate * kernels.rate * machine.factor("rate")
    return AttentionLaw(
        rate=machine.peak(activations) * min(1.0, rate),
        bandwidth=memory * min(1.0, prompts["bandwidth"] * wider),
        launch=launch * launches,
        ramp=ramp,
        inner=0.0 if recurrent else prompts["inner"],
        token_bandwidth=memory * min(1.0, tokens["bandwidth"] * kernels.attention_em * wider),
        token_launch=token_launch * launches,
        token_inner=0.0 if recurrent else tokens["inner"],
        row=0.0 if recurrent else tokens["row"],
    )


def _of_card(facts: Mapping[str, Any], machine: Machine, row: str) -> Mapping[str, float]:
    """The constants of a card's attention kernels in an engine like this one."""
    for card in (machine.card, "default"):
        rows = facts[card]
        own = rows.get(machine.engine.kin, {}).get(row) or rows["default"].get(row)
        if own is not None:
            found: Mapping[str, float] = own
            return found
    raise AssertionError(f"no kernels of {row}")


def _of_engine(facts: Mapping[str, Any], engine: Engine) -> Mapping[str, Mapping[str, float]]:
    found: Mapping[str, Mapping[str, float]] = facts.get(engine.kin, {})
    return found


def _row(machine: Machine, form: Format, *, experts: bool = False) -> str:
    """The row of the tables by format: few-bit weights that the accelerator cannot multiply follow weights_only."""
    if form.name in ("fp16", "fp32", "tf32", "bf16"):
        return "bf16"
    if form.name == "mxfp4" and (machine.runs_in(form) == "fp4" or experts):
        return "mxfp4"
    if form.bits < 16 and machine.runs_in(form) in ("bf16", "fp16", "fp32"):
        return "weights_only"
    if form.name == "int8":
        return "fp8"
    return form.name if form.name in ("fp8", "fp8_block", "nvfp4") else "weights_only"
