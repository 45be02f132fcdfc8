"""Time of one forward pass on a layout: each kind of layer once, then dealt to the stages; the messages; the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ..errors import LayoutError
from ..facts import table
from ..memory.ledger import place_of
from ..operators import Step
from ..parallel import Parallelism
from ..ranks import Holding, Kind, holdings
from ..units import ceil_div, larger, smaller, somewhere
from .machine import law_of, law_on_host, machine_of
from .roofline import OperatorTime, moved_bytes, value_bytes
from .spent import Spent

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator
    from llm_memory_hardware.facts import Link

    from ..deployment import Deployment
    from ..engines import Engine, HostCost, Place
    from ..formats.numerics import Format
    from ..formats.scheme import Formats
    from ..operators import Operator, WorkKind
    from ..units import Quantity
    from .machine import Law, Machine

KINDS = (
    "matmul",
    "experts",
    "attention",
    "latent_attention",
    "recurrence",
    "scan",
    "elementwise",
    "collective",
    "pipeline",
    "launch",
    "host",
)


@dataclass(slots=True)
class StepTime:
    """One forward pass: what it takes over all devices of one copy, of which those that share experts step together."""

    spent: Spent
    slowest_stage: Quantity
    """Seconds of the stage that takes longest, which is what a full pipeline repeats."""


Groups = tuple[Step, ...]
"""What one forward pass takes in: groups of equal sequences, such as those that decode and pieces of prompts."""


class Lawful(NamedTuple):
    """An operator of a layer on one device, with all that its time hangs on but the step."""

    operator: Operator
    kind: WorkKind
    weight_bytes: float
    """What it reads where all of its weights are read."""
    value_bytes: float
    """Of a value of its cache."""
    reads: int
    """Times that a step reads each value: more than one where keys are repeated for the heads that share them."""
    law: Law
    sums: bool
    """Whether ranks sum what it gives."""

    def time(self, step: Step, formats: Formats, engine: Engine) -> OperatorTime:
        work = self.operator.work(step)
        moved = moved_bytes(work, self.weight_bytes, self.value_bytes, self.reads, formats, engine)
        return self.law.time(work, moved, self.weight_bytes)


class Sorted(NamedTuple):
    """The operators of a kind of layer."""

    passes: tuple[Lawful, ...]
    """Those that only move bytes, all at one bandwidth and without a launch of their own: one sum of bytes."""
    merged: tuple[Lawful, ...]
    """Products, which take the tokens of all groups at once and read their weights once."""
    grouped: tuple[Lawful, ...]
    """Attention and recurrences, whose work is a sum over the groups."""


@lru_cache(maxsize=4096)
def _sorted(kind: Kind, machine: Machine, formats: Formats, encodes: bool) -> Sorted:
    found = _lawful(kind, machine, formats, encodes)
    return Sorted(
        passes=tuple(one for one in found if one.kind == "elementwise"),
        merged=tuple(one for one in found if one.kind in _MERGED),
        grouped=tuple(one for one in found if one.kind not in _MERGED and one.kind != "elementwise"),
    )


def _lawful(kind: Kind, machine: Machine, formats: Formats, encodes: bool) -> list[Lawful]:
    """Where a step encodes no source, the keys and values of the source are in the cache, and nothing makes them."""
    return [
        lawful(operator, size, _law(kind, operator, machine, form, formats), formats, machine.engine)
        for operator, size, form in kind.operators
        if encodes or not operator.reads_source
    ]


def lawful(operator: Operator, weight_bytes: float, law: Law, formats: Formats, engine: Engine) -> Lawful:
    """An operator that reads so many bytes of weights, under its law."""
    return Lawful(
        operator,
        operator.kind,
        weight_bytes,
        value_bytes(operator, formats, engine),
        operator.heads_per_key if engine.kernels.repeats_keys else 1,
        law,
        operator.sums,
    )


_MERGED = ("matmul", "experts")


def _law(kind: Kind, operator: Operator, machine: Machine, form: Format, formats: Formats) -> Law:
    """The law of an operator where its layer lies."""
    hosted = kind.on_host == "all" or (kind.on_host == "experts" and operator.expert_count > 0)
    law = law_on_host if hosted else law_of
    return law(machine, operator.kind, form, formats.scheme.plain, formats.kv_cache)


def layers_of(deployment: Deployment, holding: Holding) -> tuple[tuple[int, Kind], ...]:
    """(how many, kind) of what a step of the text runs through on a stage, layers on the host as kinds of their own."""
    if deployment.engine.kernels.host_memory is None:
        return holding.text
    layout = deployment.layout
    of_copy = Parallelism(tensor=layout.tensor, pipeline=layout.pipeline, data=layout.pooled, expert=layout.expert)
    return _layers_of(deployment.engine, place_of(deployment.architecture, deployment.formats, of_copy, holding))


@lru_cache(maxsize=4096)
def _layers_of(engine: Engine, place: Place) -> tuple[tuple[int, Kind], ...]:
    found: list[tuple[int, Kind]] = []
    hosted = {id(one.kind): one for one in engine.on_the_host(place)}
    for count, kind in place.holding.text:
        there = hosted.get(id(kind))
        if there is not None:
            found += [(there.whole, replace(kind, on_host="all")), (there.experts, replace(kind, on_host="experts"))]
            count -= there.whole + there.experts
        found.append((count, kind))
    return tuple((count, kind) for count, kind in found if count)


def lies_on_host(deployment: Deployment) -> bool:
    """Whether the host has layers, or experts of some."""
    if deployment.engine.kernels.host_memory is None:
        return False
    stages = holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, deployment.engine)
    return any(kind.on_host for holding in stages for _, kind in layers_of(deployment, holding))


class Clock:
    """The times of layers, each once: steps, stages, layouts and copies share them where their numbers are the same.

    For one model in one format on one machine.
    """

    _MOST = 4096
    """Times that are remembered; after so many it begins anew."""

    def __init__(self) -> None:
        self._known: dict[object, Spent] = {}
        # arrays are known by identity, so that they must live as long as what is known of them
        self._alive: list[Step] = []

    def _remember(self, key: object, step: Step, found: Spent) -> None:
        if len(self._known) >= self._MOST:
            self._known.clear()
            self._alive.clear()
        self._known[key] = found
        self._alive.append(step)

    def merged(self, deployment: Deployment, machine: Machine, kind: Kind, step: Step, encodes: bool) -> Spent:
        """What one layer of a kind does with all tokens of a step, whatever stands before them, on one device."""
        key = (kind, _numbers_of(step, encodes))
        found = self._known.get(key)
        if found is None:
            there, found = _sorted(kind, machine, deployment.formats, encodes), Spent()
            _spend_on_passes(found, deployment, machine, there.passes, step)
            _spend(found, deployment, machine, there.merged, step)
            self._remember(key, step, found)
        return found

    def grouped(self, deployment: Deployment, machine: Machine, kind: Kind, step: Step, encodes: bool) -> Spent:
        """What it does with one group: attention and recurrences."""
        key = (kind, _numbers_of(step, encodes), _known_by(step.context))
        found = self._known.get(key)
        if found is None:
            found = Spent()
            _spend(found, deployment, machine, _sorted(kind, machine, deployment.formats, encodes).grouped, step)
            self._remember(key, step, found)
        return found


def merged_of(groups: Groups) -> Step:
    """All groups as one, for what asks only how many tokens there are, how many sequences, and of how many logits."""
    if len(groups) == 1:
        return groups[0]
    batch = sum(group.batch for group in groups)
    return Step(
        batch=batch,
        query=sum(group.tokens for group in groups) / batch,
        samples=sum(group.sampled for group in groups),
        encoded=sum(group.batch * group.encoded for group in groups) / batch,
    )


def _numbers_of(step: Step, encodes: bool) -> tuple[object, ...]:
    """What a step's numbers are known by, its context left out; and whether a source is encoded in it."""
    samples = None if step.samples is None else _known_by(step.samples)
    return (
        _known_by(step.batch),
        _known_by(step.query),
        samples,
        _known_by(step.source),
        _known_by(step.encoded),
        encodes,
    )


def _known_by(number: Quantity) -> object:
    return number if isinstance(number, (int, float)) else ("array", id(number))


def _spend_on_passes(
    spent: Spent, deployment: Deployment, machine: Machine, passes: tuple[Lawful, ...], step: Step
) -> None:
    """Operators that only move bytes, and what tensor-parallel ranks sum after them."""
    moved: Quantity = 0.0
    for one in passes:
        work = one.operator.work(step)
        moved = moved + moved_bytes(
            work, one.weight_bytes, one.value_bytes, one.reads, deployment.formats, machine.engine
        )
        spent.flops = spent.flops + work.flops
        if one.sums:
            _spend_on_sum(spent, deployment, machine, one.operator, step)
    if passes:
        seconds = moved / passes[0].law.bandwidth
        spent.spend("elementwise", seconds)
        spent.memory_s = spent.memory_s + seconds
        spent.bytes = spent.bytes + moved


def _spend(spent: Spent, deployment: Deployment, machine: Machine, lawful: tuple[Lawful, ...], step: Step) -> None:
    """Operators one after the other, and what tensor-parallel ranks sum after them."""
    for one in lawful:
        time = one.time(step, deployment.formats, machine.engine)
        spent.spend(one.kind, time.seconds)
        spent.compute_s = spent.compute_s + time.compute_s
        spent.memory_s = spent.memory_s + time.memory_s
        spent.launch_s = spent.launch_s + time.launch_s
        spent.flops = spent.flops + time.flops
        spent.bytes = spent.bytes + time.bytes
        if one.sums:
            _spend_on_sum(spent, deployment, machine, one.operator, step)


def _spend_on_sum(spent: Spent, deployment: Deployment, machine: Machine, operator: Operator, step: Step) -> None:
    seconds = sum_time(deployment, machine, operator, step)
    if seconds is not None:
        spent.spend("collective", seconds)


def sum_time(deployment: Deployment, machine: Machine, operator: Operator, step: Step) -> Quantity | None:
    """Seconds in which ranks sum what an operator of one layer gives: those of a copy, or of all that share experts.

    None where there is no sum.
    """
    layout = deployment.layout
    if not operator.sums:
        return None
    copies = layout.pooled if operator.expert_count else 1
    if layout.tensor * copies == 1:
        return None
    message = operator.reduced_values(step) * deployment.formats.activation_bytes
    if copies == 1:
        return all_reduce(message, layout.tensor, machine) + machine.engine.kernels.sum_launch
    return _exchange(message / copies, operator.visited_share, layout, machine)


class Timed(NamedTuple):
    """An operator of a stage at a step."""

    layers: int
    """How many of the stage have it."""
    kind: Kind
    """The layer that has it."""
    operator: Operator
    weight_bytes: float
    """What it reads where all of its weights are read, bytes."""
    step: Step
    """An encoder's is one over the positions of the source."""
    time: OperatorTime
    """In one of these layers."""


def operators(deployment: Deployment, holding: Holding, step: Step) -> Iterator[Timed]:
    """Everything in a stage that a step runs through."""
    encodes, machine = somewhere(step.encoded), machine_of(deployment)
    source = Step(batch=step.batch, query=step.encoded)
    work = [(count, kind, _run_by(kind, step, machine)) for count, kind in layers_of(deployment, holding)]
    work += [(kind.count, kind, source) for kind in holding.encoder if encodes]
    for count, kind, own_step in work:
        for one in _lawful(kind, machine, deployment.formats, encodes):
            time = one.time(own_step, deployment.formats, machine.engine)
            yield Timed(count, kind, one.operator, one.weight_bytes, own_step, time)


@dataclass(slots=True)
class OperatorShare:
    """What an operator takes of a step on a device of each stage: over all the layers that have it."""

    seconds: float = 0.0
    layers: int = 0
    compute_s: float = 0.0
    memory_s: float = 0.0


def shares_of_operators(deployment: Deployment, step: Step) -> dict[tuple[str, str], OperatorShare]:
    """By (kind of work, operator), what a step is the sum of; messages stand under the operator that sends them."""
    machine = machine_of(deployment)
    found: dict[tuple[str, str], OperatorShare] = {}
    for holding in holdings(deployment.architecture, deployment.formats.scheme, deployment.layout, machine.engine):
        for one in operators(deployment, holding, step):
            layers = holding.alike * one.layers
            share = found.setdefault((one.operator.kind, one.operator.name), OperatorShare())
            share.seconds += layers * one.time.seconds
            share.layers += layers
            share.compute_s += layers * one.time.compute_s
            share.memory_s += layers * one.time.memory_s
            seconds = sum_time(deployment, machine, one.operator, one.step)
            if seconds is not None:
                sent = found.setdefault(("collective", one.operator.name), OperatorShare())
                sent.seconds += layers * seconds
                sent.layers += layers
    return found


def all_reduce(message: Quantity, ranks: int, machine: Machine) -> Quantity:
    """Seconds to sum `message` bytes over ranks: in a node one-shot or two-shot, whichever is quicker; of several nodes
    each sums its own first, and each rank its share of that over the network.
    """
    near = machine.accelerator.link_domain
    if ranks > near:
        nodes, network = ceil_div(ranks, near), _network(machine)
        sent = 2 * (nodes - 1) / nodes * message / near / network.bandwidth
        inside = all_reduce(message, near, machine) if near > 1 else 0.0
        return inside + 2 * table("timing")["collective"]["point_to_point"] + sent
    law = _reduction(machine, ranks)
    quickest = smaller(law.one_launch + message * law.one_shot, law.two_launch + message * law.two_shot)
    return larger(quickest, law.one_launch + message / law.bandwidth)


def _exchange(message: Quantity, visited: float, layout: Parallelism, machine: Machine) -> Quantity:
    """Seconds in which copies that share experts hand over `message` bytes each, and get as many back.

    In a node every rank gathers all tokens, and the results are summed as they are scattered, which takes as long.
    Beyond it a token goes to the ranks of its experts alone, and the ranks of a copy, which hand over a share of its
    tokens each, sum what comes back.
    """
    ranks, near = layout.tensor * layout.pooled, machine.accelerator.link_domain
    own = message / layout.tensor
    inside: Quantity = 0.0
    if near > 1:
        inside = 2 * _gather(own * min(ranks, near), min(ranks, near), machine)
    if ranks <= near:
        return inside
    facts, network = table("timing")["collective"], machine.accelerator.network
    sent = own * visited * (ranks - near)
    outside = 2 * (facts["point_to_point"] + sent / (network.bandwidth if network else facts["network_bandwidth"]))
    summed = all_reduce(message, layout.tensor, machine) if layout.tensor > 1 else 0.0
    return larger(inside, outside) + summed


def _gather(message: Quantity, ranks: int, machine: Machine) -> Quantity:
    """Seconds in which each rank of a node gets `message` bytes, of which it has its share: base + rank n +
    min(v / near, switch + v / far) / (n / 8)^power, v = (n - 1) / n x bytes / link.
    """
    link = _link(machine, ranks)
    cards, kernels = table("kernels")["all_gather"], machine.engine.kernels
    on_bus = link is machine.accelerator.host_link
    facts = cards["bus"] if on_bus else cards.get(machine.card) or cards[_like(machine.accelerator, link)]
    volume = message * (ranks - 1) / ranks / link.bandwidth / (ranks / 8) ** facts["power"]
    launches = kernels.launches * kernels.reduce_launch * machine.factor("launch")
    launch = (facts["base"] + facts["rank"] * ranks) * launches
    seconds: Quantity = launch + smaller(volume / facts["near"], facts["switch"] + volume / facts["far"])
    return seconds


def _network(machine: Machine) -> Link:
    """The way to other nodes. Raises LayoutError where the catalogue has none."""
    accelerator = machine.accelerator
    if accelerator.network is None:
        raise LayoutError(
            f"A layer shared beyond the {accelerator.link_domain} devices of a node of {accelerator.name} goes over "
            "its network, of which the catalogue has none; use pipeline_parallel or data_parallel beyond a node."
        )
    return accelerator.network


class Reduction(NamedTuple):
    """An all-reduce over some ranks, in one step or in two: seconds, and seconds a byte."""

    one_launch: float
    one_shot: float
    two_launch: float
    two_shot: float
    bandwidth: float
    """Bytes/s of the link."""


@lru_cache(maxsize=1024)
def _reduction(machine: Machine, ranks: int) -> Reduction:
    """base + rank n + B (n - 1) / (one_shot link), or
    base2 + rank2 n + 2 B (n - 1) / n / (two_shot (n / 8)^power link).
    """
    accelerator, kernels = machine.accelerator, machine.engine.kernels
    link = _link(machine, ranks)
    by_card = table("kernels")["all_reduce"]
    # a bus is the server's, whatever card stands on it
    on_bus = link is accelerator.host_link
    by_engine = by_card["bus"] if on_bus else by_card.get(machine.card) or by_card[_like(accelerator, link)]
    facts = by_engine.get(machine.engine.kin) or by_engine["default"]
    launches = kernels.launches * kernels.reduce_launch * machine.factor("launch")
    wide = facts["two_shot"] * (ranks / 8) ** facts["power"] * kernels.reduce_bandwidth
    latency = link.latency_s or 0.0
    return Reduction(
        one_launch=(facts["base"] + facts["rank"] * ranks) * launches + latency,
        one_shot=(ranks - 1) / (facts["one_shot"] * link.bandwidth),
        two_launch=(facts["base2"] + facts["rank2"] * ranks) * launches + latency,
        two_shot=2 * (ranks - 1) / ranks / (wide * link.bandwidth),
        bandwidth=link.bandwidth,
    )


def _link(machine: Machine, ranks: int) -> Link:
    """The link between so many devices of a node. Raises LayoutError where the catalogue has none."""
    link = machine.accelerator.link_between(ranks)
    if link is None:
        raise LayoutError(
            f"{machine.accelerator.name} has no link between devices in the catalogue, so {ranks} that share layers "
            "cannot be timed; use tensor_parallel 1 and expert_parallel 1, or give hardware with ICN (GB/s)."
        )
    return link


def _like(accelerator: Accelerator, link: Link) -> str:
    """The card by whose sums those of another are counted: one with a switch, or one without."""
    # a bridge joins fewer than the node and has no switch
    bridge = link.max_devices is not None and link.max_devices < accelerator.devices_per_node
    return "H100_SXM" if link.name.startswith("NVLink") and not bridge else "A100_80GB"


@dataclass(frozen=True, slots=True)
class Known:
    """A deployment by what its times hang on: those made anew for each question are of the same parts."""

    parts: tuple[object, ...]
    deployment: Deployment = field(compare=False)


def known_by(deployment: Deployment) -> Known:
    layout = deployment.layout
    shared = layout.tensor, layout.pipeline, layout.expert, layout.pooled
    parts = (deployment.architecture, deployment.formats, machine_of(deployment), shared, deployment.speculation)
    return Known(parts, deployment)


@lru_cache(maxsize=2048)
def remembered_step_time(known: Known, step: Step) -> StepTime:
    """The same as `step_time` for plain numbers, remembered from one question to the next."""
    return step_time(known.deployment, step, _clock_of(known))


@lru_cache(maxsize=64)
def _clock_of(_: Known) -> Clock:
    return Clock()


def step_time(deployment: Deployment, step: Step | Groups, clock: Clock) -> StepTime:
    """One forward pass of one copy of the model: its stages one after the other.

    Raises LayoutError when devices have no link.
    """
    layout, machine = deployment.layout, machine_of(deployment)
    groups = step if isinstance(step, tuple) else (step,)
    merged = merged_of(groups)
    encodes, host = somewhere(merged.encoded), machine.engine.host
    found, slowest = Spent(), 0.0
    for holding in holdings(deployment.architecture, deployment.formats.scheme, layout, machine.engine):
        stage = merged_time(deployment, holding, merged, prefills(groups), clock)
        for group in groups:
            stage.add(grouped_time(deployment, holding, group, encodes, clock))
        if host.dispatch:
            waited = larger(0.0, dispatch_time(holding, host) - stage.total)
            stage.spend("launch", waited)
            stage.launch_s = stage.launch_s + waited
        stage.spend("host", host.step + host.sequence * handled(groups))
        found.add(stage, holding.alike)
        slowest = larger(slowest, stage.total)
    if layout.pipeline > 1:
        found.spend("pipeline", (layout.pipeline - 1) * hand_over(deployment, machine, merged))
    found.flops, found.bytes = layout.tensor * found.flops, layout.tensor * found.bytes
    return StepTime(found, slowest)


def handled(groups: Groups) -> Quantity:
    """What the host looks at one by one: sequences, and each drafted token of them."""
    found: Quantity = 0
    for group in groups:
        found = found + (group.tokens if group.verifies else group.batch)
    return found


def prefills(groups: Groups) -> Quantity:
    """Whether a step carries prompts: 1 or 0."""
    found: Quantity = 0
    for group in groups:
        if not group.verifies:
            found = larger(found, 1 * (group.query > 1))
    return found


def merged_time(deployment: Deployment, holding: Holding, step: Step, carries: Quantity, clock: Clock) -> Spent:
    """What a stage does with all tokens of a step, and the launches of its layers; `carries`: prompts, 1 or 0."""
    machine, stage = machine_of(deployment), Spent()
    host, encodes = machine.engine.host, somewhere(step.encoded)
    for count, kind in layers_of(deployment, holding):
        stage.add(clock.merged(deployment, machine, kind, _run_by(kind, step, machine), encodes), count)
    launches = holding.depth * (host.layer + carries * (host.layer_prefill - host.layer))
    launched = _launched(holding, encodes)
    launches = launches + carries * host.experts_prefill * launched.mixtures
    launches = launches + launched.operators * (host.operator + carries * (host.operator_prefill - host.operator))
    launches = launches + (1 - carries) * (host.experts * launched.mixtures + host.recurrence * launched.recurrent)
    if encodes:
        source = Step(batch=step.batch, query=step.encoded)
        for kind in holding.encoder:
            stage.add(clock.merged(deployment, machine, kind, source, encodes), kind.count)
            stage.add(clock.grouped(deployment, machine, kind, source, encodes), kind.count)
        encoder_layers = sum(kind.count for kind in holding.encoder)
        launches = launches + (step.encoded > 0) * (
            host.layer_prefill * encoder_layers + host.operator_prefill * launched.of_encoder
        )
    stage.spend("launch", launches)
    stage.launch_s = stage.launch_s + launches
    return stage


def dispatch_time(holding: Holding, host: HostCost) -> float:
    """Seconds in which an engine's program calls the operators of a stage, while the device works."""
    experts = sum(
        count * max((operator.expert_count for operator, _, _ in kind.operators), default=0)
        for count, kind in holding.stack
    )
    return holding.depth * host.dispatch + experts * host.dispatch_expert


class _Launched(NamedTuple):
    """What a pass through a stage launches."""

    operators: int
    mixtures: int
    """Layers with routed experts."""
    recurrent: int
    """Layers with a recurrence or a scan."""
    of_encoder: int
    """Operators of an encoder."""


@lru_cache(maxsize=4096)
def _launched(holding: Holding, encodes: bool) -> _Launched:
    operators = mixtures = recurrent = 0
    for count, kind in holding.text:
        operators += count * sum(encodes or not operator.reads_source for operator, _, _ in kind.operators)
        mixtures += count * kind.mixes
        recurrent += count * any(operator.kind in ("recurrence", "scan") for operator, _, _ in kind.operators)
    return _Launched(operators, mixtures, recurrent, sum(kind.count * len(kind.operators) for kind in holding.encoder))


def grouped_time(deployment: Deployment, holding: Holding, group: Step, encodes: bool, clock: Clock) -> Spent:
    """What the layers of a stage do with one group of a step: attention and recurrences."""
    machine, stage = machine_of(deployment), Spent()
    for count, kind in layers_of(deployment, holding):
        stage.add(clock.grouped(deployment, machine, kind, _run_by(kind, group, machine), encodes), count)
    return stage


def _run_by(kind: Kind, step: Step, machine: Machine) -> Step:
    """The part of a step that a layer runs."""
    if not machine.engine.kernels.skips or not kind.borrows_cache:
        return step
    return replace(step, query=smaller(step.query, 1), context=step.context + larger(step.query - 1, 0))


def hand_over(deployment: Deployment, machine: Machine, step: Step) -> Quantity:
    """Seconds to send the hidden states of a step from one stage to the next."""
    facts, layout = table("timing")["collective"], deployment.layout
    group = layout.devices_of_copy
    link = machine.accelerator.link_between(group) if group <= machine.accelerator.link_domain else None
    link = link or machine.accelerator.network
    bandwidth = facts["network_bandwidth"] if link is None else link.bandwidth
    message = step.tokens * deployment.architecture.hidden_size * deployment.formats.activation_bytes
    seconds: Quantity = facts["point_to_point"] + machine.engine.kernels.hand_over + message / bandwidth
    return seconds
