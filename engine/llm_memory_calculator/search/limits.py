"""The question of memory turned round for many accelerators at once: of each the largest batch, the longest context,
the fewest devices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..arguments import BATCH, CONTEXT
from ..errors import LayoutError
from ..memory.inverse import copied, fewest_devices, least_bytes, longest_context, most_sequences, splits_of
from ..parallel import Layouts, Parallelism, most_groups, problem, side_by_side
from .cells import offer_of
from .fleet import Fleet, alike, offered_to

if TYPE_CHECKING:
    import numpy

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..units import Quantity

    Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Most:
    """How much an accelerator holds at most, and in which layout."""

    amount: int
    """Sequences, or tokens of each; 0 where not even one fits."""
    layout: Parallelism


# --- the largest batch, the longest context ---------------------------------------------------------------------------


def most_of_each(fleet: Fleet, devices: Sequence[int], load: Load, goal: str) -> list[Most | None]:
    """Of each accelerator the most that up to so many devices of it hold; None where the engine offers no layout."""
    found: list[Most | None] = [None] * len(devices)
    for where in alike(devices):
        part = fleet.of(where)
        for index, most in zip(where, _most_of(part, [devices[index] for index in where], load, goal), strict=True):
            found[index] = most
    return found


def _most_of(fleet: Fleet, devices: Sequence[int], load: Load, goal: str) -> list[Most | None]:
    import numpy

    layouts, offered = offered_to(fleet, devices, _copies_for(max(devices), load, goal))
    if layouts is None:
        return [None] * len(devices)
    amounts = numpy.broadcast_to(_amount(fleet.there(layouts), load, goal, fleet.judged), fleet.shape(layouts))
    amounts = numpy.where(offered, amounts, -1)
    most = amounts.max(axis=0)
    ranks = numpy.array(_ranks(layouts.members))[:, None]
    chosen = numpy.where(amounts == most, ranks, len(ranks)).argmin(axis=0)
    return [
        None if amount < 0 else Most(amount=int(amount), layout=layouts.members[index])
        for amount, index in zip(most.tolist(), chosen.tolist(), strict=True)
    ]


def most_alone(deployment: Deployment, load: Load, goal: str) -> Most:
    """The same of one deployment, layout by layout. Raises LayoutError where the engine offers none."""
    devices = deployment.devices
    assert devices is not None
    offer = offer_of(deployment, _copies_for(devices, load, goal))
    if not offer.members:
        raise offer.untimed[0][1] if offer.untimed else LayoutError(f"{deployment.engine.TITLE} takes no layout of it.")
    amounts = [int(_amount(deployment.laid_out(layout), load, goal)) for layout in offer.members]
    ranks = _ranks(offer.members)
    best = min(range(len(amounts)), key=lambda index: (-amounts[index], ranks[index]))
    return Most(amount=amounts[best], layout=offer.members[best])


def _copies_for(devices: int, load: Load, goal: str) -> int:
    """Sequences that copies are made for: of the largest batch as many as there are devices."""
    sequences: int = devices if goal == BATCH else load.sequences
    return sequences


def _amount(deployment: Deployment, load: Load, goal: str, *judged: Any) -> Quantity:
    if goal == BATCH:
        return most_sequences(deployment, load, **({"judged": judged[0]} if judged else {}))
    assert goal == CONTEXT
    return longest_context(deployment, load, *judged).tokens


def _ranks(layouts: Iterable[Parallelism]) -> list[int]:
    """The place of each in the order in which layouts that hold as much are taken: fewer devices, then narrower."""
    keys = [(one.devices, one.tensor, one.pipeline, one.expert) for one in layouts]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    ranks = [0] * len(keys)
    for rank, index in enumerate(order):
        ranks[index] = rank
    return ranks


# --- the fewest devices -----------------------------------------------------------------------------------------------


def fewest_layouts(fleet: Fleet, load: Load, most: int) -> list[Parallelism | None]:
    """Of each accelerator the layout on the fewest devices, up to `most`, that holds the load, of all that
    `memory.inverse.fewest_devices` looks at; None where none does."""
    first, nodes = fleet.deployments[0], fleet.nodes.tolist()
    needed = least_bytes(first, load)
    budgets = [one.engine.budget_bytes(one.usable_bytes) for one in fleet.deployments]
    found: list[Parallelism | None] = [None] * len(budgets)
    pending, high = tuple(range(len(found))), 0
    while pending and high < most:
        # few layouts at first: most accelerators need no more
        low, high = high, min(most, max(_FIRST, 2 * high))
        node = min(high, max(nodes[index] for index in pending))
        splits = _splits(first.architecture, low, high, node, first.over_stages)
        where, layouts = _hopeful(pending, splits, needed, budgets)
        if layouts:
            for index, layout in zip(where, _first(fleet.of(where), load, _column(layouts), high), strict=True):
                found[index] = layout
            pending = tuple(index for index in pending if found[index] is None)
    if load.sequences * load.beams > 1:
        _try_copies(fleet, load, most, needed, budgets, found)
    return found


def _hopeful(
    pending: Iterable[int],
    layouts: Sequence[Parallelism],
    needed: Callable[[Parallelism], float],
    budgets: Sequence[float],
) -> tuple[tuple[int, ...], tuple[Parallelism, ...]]:
    """Those of the accelerators that some of the layouts may hold the load on, and those of these."""
    needs = [needed(layout) for layout in layouts]
    where = tuple(index for index in pending if budgets[index] >= min(needs, default=math.inf))
    most = max((budgets[index] for index in where), default=-math.inf)
    return where, tuple(layout for layout, need in zip(layouts, needs, strict=True) if need <= most)


# The most devices of the layouts that are looked at first; then twice as many.
_FIRST = 4


def _try_copies(
    fleet: Fleet,
    load: Load,
    most: int,
    needed: Callable[[Parallelism], float],
    budgets: Sequence[float],
    found: list[Parallelism | None],
) -> None:
    """Put copies, which share out the cache, where they are fewer devices than any split of one."""
    first, nodes, sequences = fleet.deployments[0], fleet.nodes.tolist(), load.sequences * load.beams
    fewer = [most if one is None else one.devices - 1 for one in found]
    groups: dict[int, list[int]] = {}
    for index, count in enumerate(fewer):
        groups.setdefault(count.bit_length(), []).append(index)
    for group in groups.values():
        high = max(fewer[index] for index in group)
        node = min(high, max(nodes[index] for index in group))
        rows = _copies(first.architecture, high, node, min(high, sequences), first.over_stages)
        # more copies never hold more on a device: few splits hold the load with as many as there may be
        where, ends = _hopeful(group, [row[-1] for row in rows], needed, budgets)
        if not ends:
            continue
        held = fleet.of(where).held(load, _column(ends)).margins.max(axis=1) >= 0
        by_end = {row[-1]: row for row in rows}
        tried = [layout for end, holds in zip(ends, held.tolist(), strict=True) if holds for layout in by_end[end]]
        where, layouts = _hopeful(where, sorted(tried, key=lambda layout: layout.devices), needed, budgets)
        if layouts:
            limits = [fewer[index] for index in where]
            for index, layout in zip(where, _first(fleet.of(where), load, _column(layouts), limits), strict=True):
                found[index] = layout or found[index]


def _first(fleet: Fleet, load: Load, layouts: Layouts, most: int | Sequence[int]) -> list[Parallelism | None]:
    """Of each accelerator the first of the layouts, of up to `most` devices, that holds the load."""
    import numpy

    sizes = numpy.array([layout.tensor for layout in layouts.members])[:, None]
    devices = numpy.array([layout.devices for layout in layouts.members])[:, None]
    holds = (fleet.held(load, layouts).margins >= 0) & (sizes <= fleet.nodes) & (devices <= numpy.array(most))
    first = numpy.where(holds.any(axis=0), holds.argmax(axis=0), -1)
    return [None if index < 0 else layouts.members[index] for index in first.tolist()]


@lru_cache(maxsize=512)
def _splits(architecture: Architecture, low: int, high: int, node: int, staged: bool) -> tuple[Parallelism, ...]:
    """Every split of one copy over more than `low` devices and up to `high`, of the fewest first, then the widest."""
    found = (split for split in splits_of(architecture, high, node, staged=staged) if split.devices > low)
    return tuple(sorted(found, key=lambda split: (split.devices, -split.tensor)))


@lru_cache(maxsize=512)
def _copies(
    architecture: Architecture, most: int, node: int, sequences: int, staged: bool
) -> tuple[tuple[Parallelism, ...], ...]:
    """Every number of copies of every split, from few to many, and of those that share their experts."""
    found = list[tuple[Parallelism, ...]]()
    for split in splits_of(architecture, most, node, staged=staged):
        copies = range(2, min(most // split.devices, sequences) + 1)
        shared = [data for data in copies if split.tensor * data <= most_groups(architecture)]
        for shares, numbers in ((False, copies), (True, shared if split.pipeline == 1 else ())):
            row = (copied(split, data, shares=shares) for data in numbers)
            found.append(tuple(layout for layout in row if problem(architecture, layout) is None))
    return tuple(row for row in dict.fromkeys(found) if row)


@lru_cache(maxsize=256)
def _column(layouts: tuple[Parallelism, ...]) -> Layouts:
    return side_by_side(layouts, column=True)


def fewest_alone(deployment: Deployment, load: Load, most: int) -> Parallelism | None:
    """The same of one deployment, layout by layout."""
    assert deployment.accelerator is not None
    found = fewest_devices(deployment, load, most=most, node=deployment.accelerator.link_domain)
    return None if found is None else found.layout
