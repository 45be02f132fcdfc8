"""What devices send each other: sums over ranks, exchanges among copies that share experts, hand-overs of stages."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import LayoutError
from ..facts import table
from ..parallel import Layouts
from ..stacks import stacked
from ..units import ceil_div, larger, smaller

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator
    from llm_memory_hardware.facts import Link

    from ..parallel import Parallelism
    from ..units import Quantity
    from .machine import Machine


class Reduction(NamedTuple):
    """An all-reduce over the ranks of a node, in one step or in two: seconds, and seconds a byte; then what it takes
    over nodes, where launches are a part of it."""

    one_launch: float = 0.0
    one_shot: float = 0.0
    two_launch: float = 0.0
    two_shot: float = 0.0
    least: float = 0.0
    """Seconds a byte of the link."""
    beyond: float = 0.0
    """Seconds over the network."""
    sent: float = 0.0
    """Seconds a byte over it."""

    def time(self, message: Quantity) -> Quantity:
        """Seconds to sum `message` bytes over ranks: in a node one-shot or two-shot, whichever is quicker; of several
        nodes each sums its own first, and each rank its share of that over the network."""
        quickest = smaller(self.one_launch + message * self.one_shot, self.two_launch + message * self.two_shot)
        return larger(quickest, self.one_launch + message * self.least) + self.beyond + message * self.sent


class Exchange(NamedTuple):
    """Copies that share experts hand over their tokens, and get as many back."""

    gather: float
    """Seconds in which the ranks of a node gather all tokens, and those a byte, of near and of further ones."""
    near: float
    switch: float
    far: float
    beyond: float
    """Seconds over the network."""
    sent: float
    """Seconds over it a byte of the tokens that visit a rank."""

    def time(self, message: Quantity, visited: Quantity) -> Quantity:
        """Seconds of `message` bytes of each copy, of which each rank takes the share `visited`.

        In a node every rank gathers all tokens, and the results are summed as they are scattered, which takes as long.
        Beyond it a token goes to the ranks of its experts alone.
        """
        inside = self.gather + smaller(message * self.near, self.switch + message * self.far)
        return larger(2 * inside, 2 * (self.beyond + message * visited * self.sent))


class Sum(NamedTuple):
    """What ranks do with the results of an operator of which each has a part."""

    copies: int
    """Among which the message is shared."""
    launch: float
    reduction: Reduction
    exchange: Exchange

    def time(self, message: Quantity, visited: Quantity) -> Quantity:
        """Seconds of `message` bytes over all copies."""
        each = message / self.copies
        return self.exchange.time(each, visited) + self.reduction.time(each) + self.launch


_NO_EXCHANGE = Exchange(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def sum_law(machine: Machine, layout: Parallelism, *, experts: bool) -> Sum | None:
    """How ranks sum: those of a copy, or where copies share experts, of all. None where there is one rank.

    Raises LayoutError when devices have no link.
    """
    if isinstance(layout, Layouts):
        return _sums_of(machine, layout, experts)
    return _sum(machine, layout.tensor, layout.pooled if experts else 1)


@lru_cache(maxsize=1024)
def _sum(machine: Machine, tensor: int, copies: int) -> Sum | None:
    if tensor * copies == 1:
        return None
    if copies == 1:
        return Sum(1, machine.engine.kernels.sum_launch, reduction(machine, tensor), _NO_EXCHANGE)
    # the ranks of a copy, which hand over a share of its tokens each, sum what comes back over the network
    summed = tensor > 1 and tensor * copies > machine.accelerator.link_domain
    return Sum(copies, 0.0, reduction(machine, tensor) if summed else Reduction(), _exchange(machine, tensor, copies))


_NO_SUM = Sum(1, 0.0, Reduction(), _NO_EXCHANGE)


@lru_cache(maxsize=256)
def _sums_of(machine: Machine, layouts: Layouts, experts: bool) -> Sum | None:
    machines = machine.members or (machine,)
    found = [_sum_or_none(one, layout, experts) for layout in layouts.members for one in machines]
    if not any(found):
        return None
    return stacked([one or _NO_SUM for one in found], cells(layouts.where, machine))


def _sum_or_none(machine: Machine, layout: Parallelism, experts: bool) -> Sum | None:
    try:
        return sum_law(machine, layout, experts=experts)
    except LayoutError:
        # a cell of a fleet that its search leaves out
        return None


def context_law(machine: Machine, layout: Parallelism) -> Exchange | None:
    """How ranks that share the tokens of a cache gather queries, attend, and merge what they found; None where none do.

    They gather once more, the sums by which what they found is weighed: as launches alone, since these are few.
    """
    if isinstance(layout, Layouts):
        return _contexts(machine, layout)
    return _context(machine, layout.context) if layout.context > 1 else None


@lru_cache(maxsize=256)
def _context(machine: Machine, ranks: int) -> Exchange:
    found = _exchange(machine, 1, ranks)
    return found._replace(gather=found.gather * 1.5)


@lru_cache(maxsize=256)
def _contexts(machine: Machine, layouts: Layouts) -> Exchange | None:
    if all(layout.context == 1 for layout in layouts.members):
        return None
    machines = machine.members or (machine,)
    found = [context_law(one, layout) or _NO_EXCHANGE for layout in layouts.members for one in machines]
    return stacked(found, cells(layouts.where, machine))


@lru_cache(maxsize=1024)
def reduction(machine: Machine, ranks: int) -> Reduction:
    """The sum over so many ranks: base + rank n + B (n - 1) / (one_shot link), or
    base2 + rank2 n + 2 B (n - 1) / n / (two_shot (n / 8)^power link).

    Engines' own kernels and their launches are of one node: over several each sum is one of the library's (NCCL).
    """
    accelerator, kernels = machine.accelerator, machine.engine.kernels
    near = accelerator.link_domain
    if ranks > near:
        nodes, network = ceil_div(ranks, near), _network(machine)
        inside = reduction(machine, near) if near > 1 else Reduction()
        return inside._replace(
            one_launch=0.0,
            two_launch=0.0,
            beyond=_across_nodes(ranks, near),
            sent=2 * (nodes - 1) / nodes / near / network.bandwidth,
        )
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
        least=1 / link.bandwidth,
    )


def _exchange(machine: Machine, tensor: int, copies: int) -> Exchange:
    """In a node base + rank n + min(v / near, switch + v / far) / (n / 8)^power, v = (n - 1) / n x bytes / link, of
    what all ranks have; beyond it what goes to each further rank."""
    ranks, near = tensor * copies, machine.accelerator.link_domain
    gather = close = switch = far = 0.0
    if near > 1:
        here = min(ranks, near)
        link = _link(machine, here)
        cards, kernels = table("kernels")["all_gather"], machine.engine.kernels
        on_bus = link is machine.accelerator.host_link
        facts = cards["bus"] if on_bus else cards.get(machine.card) or cards[_like(machine.accelerator, link)]
        # of a byte that each copy hands over, in shares of its ranks
        volume = here / tensor * (here - 1) / here / link.bandwidth / (here / 8) ** facts["power"]
        launches = kernels.launches * kernels.reduce_launch * machine.factor("launch")
        gather = (facts["base"] + facts["rank"] * here) * launches
        close, switch, far = volume / facts["near"], facts["switch"], volume / facts["far"]
    if ranks <= near:
        return Exchange(gather, close, switch, far, 0.0, 0.0)
    network = machine.accelerator.network
    bandwidth = network.bandwidth if network else table("timing")["collective"]["network_bandwidth"]
    # each way is half of a sum, which scatters and gathers
    return Exchange(gather, close, switch, far, _across_nodes(ranks, near) / 2, (ranks - near) / tensor / bandwidth)


def _across_nodes(ranks: int, near: int) -> float:
    """Seconds in which ranks, so many of them to a node, sum a small message: base + doubling log2(nodes) +
    rank_doubling log2(ranks of a node)."""
    facts = table("timing")["collective"]["across_nodes"]
    within: float = facts["base"] + facts["rank_doubling"] * math.log2(near)
    return within + float(facts["doubling"]) * math.log2(ceil_div(ranks, near))


def _network(machine: Machine) -> Link:
    """The way to other nodes. Raises LayoutError where the catalogue has none."""
    accelerator = machine.accelerator
    if accelerator.network is None:
        raise LayoutError(
            f"A layer shared beyond the {accelerator.link_domain} devices of a node of {accelerator.name} goes over "
            "its network, of which the catalogue has none; use pipeline_parallel or data_parallel beyond a node."
        )
    return accelerator.network


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


def cells(where: Any, machine: Machine) -> Any:
    """Which answer each cell has, of those of every machine in turn for each of what `where` counts."""
    import numpy

    if not machine.members:
        return where
    return where * len(machine.members) + numpy.arange(len(machine.members))


class HandOver(NamedTuple):
    """Hidden states go from one stage to the next."""

    launch: float
    value: float
    """Seconds of a byte."""


def hand_over_law(machine: Machine, layout: Parallelism) -> HandOver:
    """How a stage hands over to the next."""
    if isinstance(layout, Layouts):
        return _hand_overs(machine, layout)
    facts, group = table("timing")["collective"], layout.devices_of_copy
    link = machine.accelerator.link_between(group) if group <= machine.accelerator.link_domain else None
    link = link or machine.accelerator.network
    bandwidth = facts["network_bandwidth"] if link is None else link.bandwidth
    return HandOver(facts["point_to_point"] + machine.engine.kernels.hand_over, 1 / bandwidth)


@lru_cache(maxsize=256)
def _hand_overs(machine: Machine, layouts: Layouts) -> HandOver:
    machines = machine.members or (machine,)
    found = [hand_over_law(one, layout) for layout in layouts.members for one in machines]
    return stacked(found, cells(layouts.where, machine))
