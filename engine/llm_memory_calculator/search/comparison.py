"""Accelerators beside each other, each in its best layout, best first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llm_memory_hardware import get_best_rate

from ..arguments import BATCH, CONTEXT, FEWEST
from ..errors import LayoutError
from ..memory import short_note, verdict_of
from ..parallel import Parallelism
from ..performance.machine import machine_of
from ..performance.reports import in_all, rates, worst_reach
from ..report import OF_EACH, ComparisonReport, Fit, HardwareRow, Interval, LayoutRow, Note
from ..stacks import UnlikeError
from ..units import GB
from ..work import each
from .cells import offer_of, row_of, scores, usd_per_million
from .fleet import Cell, Fleet, best_of_each, fewest_of_each, together
from .layouts import Found, best_or_nearest, fewest_in_node, one_token_notes, place
from .limits import fewest_alone, fewest_layouts, most_alone, most_of_each
from .overlaps import overlapping

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from ..deployment import Deployment, Load
    from .layouts import Placed

LIMITS = (BATCH, CONTEXT, FEWEST)
"""Goals that are asked of the memory alone."""
# Devices that are looked at for the fewest at least, as many times those that were given, and of others.
_MOST, _TIMES, _NODE = 64, 8, 8
_UNRANKED = (math.inf, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By what accelerators are ranked."""

    goal: str
    worst: bool
    """By the worse end of the range, else by the estimate."""
    by_device: bool
    """By what each device does, where any takes as many as it needs."""

    @property
    def layout_goal(self) -> str:
        """By which the layouts of one accelerator are."""
        return "throughput" if self.goal in OF_EACH else self.goal

    def of(self, row: LayoutRow, accelerators: Sequence[Accelerator]) -> tuple[Any, Any]:
        """Smaller is better, of rows as arrays over accelerators; infinite where what it is over is not known."""
        import numpy

        share: Any = row.devices if self.by_device or self.goal in OF_EACH else 1
        if self.goal == "per_watt":
            share = share * numpy.array([one.tdp_w or math.nan for one in accelerators])
        elif self.goal == "per_dollar":
            share = share * numpy.array([price_of(one) or math.nan for one in accelerators])
        found = scores(self.layout_goal, row, share)
        shape, unknown = (len(accelerators),), numpy.isnan(share)
        first, second = (numpy.where(unknown, math.inf, numpy.broadcast_to(one, shape)) for one in found)
        return first, second

    def alone(self, row: LayoutRow, accelerator: Accelerator) -> tuple[float, float]:
        """The same of one."""
        first, second = self.of(row, [accelerator])
        return float(first[0]), float(second[0])


@dataclass(slots=True, kw_only=True)
class Tried:
    """One accelerator, with its best layout or why it has none."""

    given: Deployment
    """On it, in no layout yet; on so many devices, or None on as few as hold the load."""
    index: int
    """Its place among those that were given."""
    offered: int
    """Devices that its layouts were looked for on."""
    load: Load
    order: Order
    layout: Parallelism | None = None
    """Its best, or the one that is nearest to hold the load; None where neither is known."""
    margin: float | None = None
    """Bytes that are left there, or missing; None where only its most is asked."""
    amount: int | None = None
    """What it holds at most, where that is asked."""
    holds: bool = False
    """Whether it has a best layout."""
    score: tuple[float, float] = _UNRANKED
    """What accelerators are ranked by, smaller is better."""
    placed: Placed | None = None
    """The best layout answered, where that was already done."""
    refusal: str | None = None
    """Why none of its layouts could be timed."""

    @property
    def accelerator(self) -> Accelerator:
        assert self.given.accelerator is not None
        return self.given.accelerator

    @property
    def deployment(self) -> Deployment:
        """On the devices that were offered, in no layout yet."""
        return self.given if self.given.devices == self.offered else replace(self.given, devices=self.offered)

    @property
    def best(self) -> Deployment | None:
        return None if self.layout is None else self.deployment.laid_out(self.layout)

    @property
    def fits(self) -> bool:
        return self.holds and (self.margin is None or self.margin >= 0)

    @property
    def ranked(self) -> bool:
        return self.score != _UNRANKED

    @property
    def asked_load(self) -> Load:
        """The load, at as many or as long sequences as it holds where that is asked."""
        if self.order.goal == BATCH and self.amount:
            return replace(self.load, sequences=self.amount)
        if self.order.goal == CONTEXT and self.amount:
            return replace(self.load, tokens=max(1, self.amount - self.load.output))
        return self.load

    def answered(self) -> Placed | None:
        """The best layout with its times; None where it has none, or where they are not known."""
        best = self.best
        if self.placed is None and self.holds and best is not None:
            try:
                self.placed = place(best, self.asked_load)
            except LayoutError as error:
                self.refusal = str(error)
        return self.placed


@lru_cache(maxsize=4096)
def price_of(accelerator: Accelerator) -> float | None:
    """US dollars of a device and hour, the lowest on-demand list price; None where none is known."""
    rate = get_best_rate(accelerator, allow_spot=False)
    return None if rate is None else float(rate[0])


# --- the best of each -------------------------------------------------------------------------------------------------


def try_accelerators(deployments: Sequence[Deployment], load: Load, goal: str, *, worst: bool = True) -> list[Tried]:
    """The best layout of each accelerator's devices, best first; of the fewest in a node that hold the load where none
    are given. Where any takes as many devices as it needs, they are ranked by what each device does.
    """
    by_device = any(one.devices is None for one in deployments)
    order = Order(goal=goal, worst=worst, by_device=by_device)
    # the same accelerator may stand there twice, with more devices
    where = {id(one): index for index, one in enumerate(deployments)}
    fleets, alone = together(deployments, timed=goal not in LIMITS)
    tried = list[Tried]()

    def begun(one: Deployment, offered: int) -> Tried:
        return Tried(given=one, index=where[id(one)], offered=offered, load=load, order=order)

    for fleet in each(fleets):
        try:
            counts = _counts(fleet, load, order)
            these = [begun(one, count) for one, count in zip(fleet.deployments, counts, strict=True)]
            _try_fleet(fleet, these, load, order)
            tried += these
        except UnlikeError:
            alone += fleet.deployments
    for one in each(alone):
        tried.append(begun(one, one.devices or _offered(one, load, order)))
        _try_alone(tried[-1])
    return sorted(tried, key=lambda one: (not one.holds, not one.fits, not one.ranked, one.score, one.index))


def _counts(fleet: Fleet, load: Load, order: Order) -> list[int]:
    """The devices of each that layouts are looked for on."""
    if order.goal == FEWEST:
        return [one.devices or _MOST for one in fleet.deployments]
    given = [one.devices for one in fleet.deployments]
    fewest = fewest_of_each(fleet, load) if None in given else []
    return [fewest[index] if devices is None else devices for index, devices in enumerate(given)]


def _offered(deployment: Deployment, load: Load, order: Order) -> int:
    if order.goal == FEWEST:
        return _MOST
    fewest = fewest_in_node(deployment, load)
    assert deployment.accelerator is not None
    return deployment.accelerator.link_domain if fewest is None else fewest.layout.devices


def _try_fleet(fleet: Fleet, tried: Sequence[Tried], load: Load, order: Order) -> None:
    counts = [one.offered for one in tried]
    if order.goal == FEWEST:
        for one, layout in zip(tried, fewest_layouts(fleet, load, max(counts)), strict=True):
            _as_few(one, layout)
        return
    if order.goal in LIMITS:
        for one, most in zip(tried, most_of_each(fleet, counts, load, order.goal), strict=True):
            if most is not None:
                _as_much(one, most.amount, most.layout)
        return
    found = best_of_each(fleet, counts, load, order.layout_goal, by_device=order.goal in OF_EACH)
    held = list[int]()
    for index, (one, cell) in enumerate(zip(tried, found, strict=True)):
        if cell is None:
            one.refusal = _refusal(one)
            continue
        one.layout, one.margin = cell.layout, cell.margin_bytes
        if cell.times is not None:
            one.holds = True
            held.append(index)
    if held:
        part, cells = fleet.of(tuple(held)), [cell for cell in found if cell is not None and cell.times is not None]
        for index, score in zip(held, _scores(part, cells, load, order), strict=True):
            tried[index].score = score


def _scores(fleet: Fleet, cells: Sequence[Cell], load: Load, order: Order) -> list[tuple[float, float]]:
    """What ranks accelerators whose best layouts have these times."""
    import numpy

    sizes = [(one.layout.tensor, one.layout.pipeline, one.layout.data, one.layout.expert) for one in cells]
    tensor, pipeline, data, expert = numpy.array(sizes, dtype=numpy.float64).T
    layout: Any = Parallelism(tensor=tensor, pipeline=pipeline, data=data, expert=expert)
    ttft, tpot = numpy.array([one.times for one in cells], dtype=numpy.float64).T
    if order.worst:
        machines, laid_out = fleet.machines, fleet.deployments
        if laid_out[0].engine.eager or any(one.layout.context > 1 for one in cells):
            laid_out = tuple(one.laid_out(cell.layout) for one, cell in zip(laid_out, cells, strict=True))
        first = worst_reach(laid_out, machines, "prefill", ttft, load.sequences / data, layout)
        then = worst_reach(laid_out, machines, "decode", tpot, load.sequences * load.beams / data, layout)
        ttft, tpot = ttft * first, tpot * then
    row = row_of(layout, load, ttft, tpot, 0.0)
    ranked = order.of(row, [machine.accelerator for machine in fleet.machines])
    return list(zip(*(column.tolist() for column in ranked), strict=True))


def _try_alone(one: Tried) -> None:
    order, load, deployment = one.order, one.load, one.deployment
    try:
        if order.goal == FEWEST:
            _as_few(one, fewest_alone(deployment, load, one.offered))
        elif order.goal in LIMITS:
            most = most_alone(deployment, load, order.goal)
            _as_much(one, most.amount, most.layout)
        else:
            by_device = order.goal in OF_EACH
            found = best_or_nearest(deployment, load, goal=order.layout_goal, by_device=by_device)
            if isinstance(found, Found):
                one.placed, one.holds, one.layout = found.best, True, found.best.deployment.layout
                one.margin = found.best.verdict.margin_bytes
                one.score = _score(one, found.best)
            else:
                one.layout, one.margin = found.layout, verdict_of(found, load).margin_bytes
    except LayoutError as error:
        one.refusal = str(error)


def _score(one: Tried, placed: Placed) -> tuple[float, float]:
    row, first, then = placed.row, placed.ttft_interval_ms, placed.tpot_interval_ms
    if one.order.worst:
        layout, share = placed.deployment.layout, row.memory_share
        row = row_of(layout, one.load, first.high / 1e3, then.high / 1e3, share)
    return one.order.alone(row, one.accelerator)


def _refusal(one: Tried) -> str:
    """Why none of its layouts can be timed."""
    (_, error), *_ = offer_of(one.deployment, one.load.sequences).untimed
    return str(error)


def _as_few(one: Tried, layout: Parallelism | None) -> None:
    if layout is not None and layout.devices <= one.offered:
        one.layout, one.holds, one.amount = layout, True, layout.devices
        one.score = (float(layout.devices), layout.devices * (price_of(one.accelerator) or math.inf))


def _as_much(one: Tried, amount: int, layout: Parallelism) -> None:
    one.layout, one.amount, one.holds = layout, amount, amount > 0
    if one.holds:
        share = layout.devices if one.order.by_device and one.order.goal == BATCH else 1
        one.score = (-amount / share, float(layout.devices))


# --- what is said of them ---------------------------------------------------------------------------------------------


def rows_of(tried: Sequence[Tried], *, explained: bool = False, advised: bool = True) -> Iterator[HardwareRow]:
    """advised: where one does not fit, it is said how many devices would do, which is looked for only then."""
    wanting = [one for one in tried if not one.fits and one.refusal is None]
    enough = _enough([one.deployment for one in wanting], tried[0].load) if advised and wanting else []
    needed = dict(zip(map(id, wanting), enough, strict=False))
    for one in tried:
        yield _row(one, needed.get(id(one)), advised=advised, explained=explained)


def _row(one: Tried, needed: Deployment | None, *, advised: bool, explained: bool) -> HardwareRow:
    accelerator, placed, best = one.accelerator, one.answered(), one.best
    if not one.holds or best is None:
        if one.refusal is not None:
            return HardwareRow(hardware=accelerator.name, fits=False, reason=one.refusal)
        return HardwareRow(
            hardware=accelerator.name,
            fits=False,
            reason=_shortage(one, needed, advised=advised),
            devices=None if best is None else best.layout.devices,
            missing_bytes=_missing(one),
            devices_needed=None if needed is None else needed.layout.devices,
        )
    devices, price = best.layout.devices, price_of(accelerator)
    row = HardwareRow(
        hardware=accelerator.name,
        fits=one.fits,
        devices=devices,
        max_batch_size=one.amount if one.order.goal == BATCH else None,
        longest_context=one.amount if one.order.goal == CONTEXT else None,
        input_tokens=one.asked_load.tokens if one.order.goal == CONTEXT else None,
        usd_per_hour=None if price is None else price * devices,
    )
    if placed is None:
        return replace(row, reason=one.refusal)
    said = placed.row
    ttft, tpot, load = placed.ttft_interval_ms, placed.tpot_interval_ms, placed.load
    reason = None if one.fits else short_note(placed.verdict).text
    if not one.ranked:
        reason = f"It is not ranked: its {'power' if one.order.goal == 'per_watt' else 'on-demand price'} is not known."
    cost = row.usd_per_hour
    watts = None if accelerator.tdp_w is None else devices * accelerator.tdp_w
    return replace(
        row,
        reason=reason,
        layout=replace(said, borderline=placed.verdict.word == "borderline"),
        ttft_interval_ms=ttft,
        tpot_interval_ms=tpot,
        output_tokens_per_s_interval=rates(load.sequences * load.output, in_all(ttft, tpot, load.output - 1)),
        decode_tokens_per_s_interval=rates(load.sequences, tpot),
        output_tokens_per_s_per_device=said.output_tokens_per_s / devices,
        output_tokens_per_joule=None if watts is None else said.output_tokens_per_s / watts,
        usd_per_million_input_tokens=None if cost is None else usd_per_million(cost, said.prefill_tokens_per_s),
        usd_per_million_output_tokens=None if cost is None else usd_per_million(cost, said.decode_tokens_per_s),
        evidence=machine_of(best).evidence,
        missing_bytes=_missing(one),
        ledger=placed.explanation if explained else None,
        **_ranked_by(one, tpot),
    )


def _ranked_by(one: Tried, like: Interval) -> dict[str, Any]:
    """What it is ranked by, where no other figure is that, with its range, whose evidence is that of another."""
    order, ends, placed = one.order, _ends(one), one.answered()
    if ends is None or placed is None:
        return {}
    # the rate of one device is that of a device
    of_device = order.goal == "per_device" or (order.by_device and order.goal == "throughput")
    if not (placed.deployment.layout.devices > 1 if of_device else order.goal in _OTHERS):
        return {}
    # a rate, of which more is better, over dollars an hour is of 3,600 tokens a dollar
    share = -_HOUR if order.goal == "per_dollar" else -1.0
    value, _ = order.alone(placed.row, one.accelerator)
    return {
        "ranked_by": share * value,
        "ranked_by_interval": replace(like, low=share * ends[1], high=share * ends[0]),
    }


# Goals that rank by what is in no other field with its range.
_OTHERS = ("per_watt", "per_dollar", "decode", "prefill")
_HOUR = 3600.0


def _ends(one: Tried) -> tuple[float, float] | None:
    """The better and the worse end of what ranks it; None where it is not ranked."""
    if not one.ranked:
        return None
    placed = one.answered()
    if one.order.goal in LIMITS or placed is None:
        return one.score[0], one.score[0]
    share, layout = placed.verdict.used_share, placed.deployment.layout
    first, then = placed.ttft_interval_ms, placed.tpot_interval_ms
    low, high = (
        one.order.alone(row_of(layout, one.load, ttft / 1e3, tpot / 1e3, share), one.accelerator)[0]
        for ttft, tpot in ((first.low, then.low), (first.high, then.high))
    )
    return low, high


def _missing(one: Tried) -> int | None:
    """Bytes that a device is short of."""
    return None if one.margin is None or one.margin >= 0 else math.ceil(-one.margin)


def _shortage(one: Tried, needed: Deployment | None, *, advised: bool) -> str:
    """How far its nearest layout is off, and how many devices would do."""
    offered = one.offered
    if one.order.goal == FEWEST:
        return f"It fits on no layout of up to {offered} devices."
    missing, said = _missing(one), f"It fits on no layout of {offered}."
    if missing is not None and one.layout is not None:
        said = f"{said[:-1]}: the nearest ({one.layout}) is short of {missing / GB:,.1f} GB a device."
    if not advised:
        return said
    if needed is None:
        return f"{said} Nor on any of up to {_most(one.deployment)} devices."
    return f"{said} {needed.layout.devices} devices would do as {needed.layout}."


def _most(deployment: Deployment) -> int:
    return max(_MOST, _TIMES * (deployment.devices or 1))


def _enough(deployments: Iterable[Deployment], load: Load, most: int | None = None) -> list[Deployment | None]:
    """Of each the deployment on the fewest devices, up to `most`, that hold the load; None where none does."""
    deployments = list(deployments)
    fleets, alone = together(deployments, timed=False)
    found: dict[int, Deployment | None] = {}
    for fleet in fleets:
        try:
            layouts = fewest_layouts(fleet, load, most or max(map(_most, fleet.deployments)))
        except UnlikeError:
            alone += fleet.deployments
            continue
        for one, layout in zip(fleet.deployments, layouts, strict=True):
            found[id(one)] = None if layout is None else one.laid_out(layout)
    for one in alone:
        layout = fewest_alone(one, load, most or _most(one))
        found[id(one)] = None if layout is None else one.laid_out(layout)
    return [found[id(one)] for one in deployments]


def would_do(asked: Sequence[Deployment], others: Sequence[Deployment], load: Load, few: int = 3) -> tuple[Fit, ...]:
    """The fewest devices of those asked for that hold the load, then of the few others that take the fewest, cheapest
    first."""
    kinds = {one.device: one for one in asked}
    mine = [one for one in _enough(kinds.values(), load) if one is not None]
    rest = [one for one in _enough([one for one in others if one.device not in kinds], load, _NODE) if one is not None]
    rest.sort(key=lambda one: (one.layout.devices, _price(one)))
    return tuple(_fit(one, load) for one in (*mine, *rest[:few]))


def _price(deployment: Deployment) -> float:
    assert deployment.accelerator is not None
    return price_of(deployment.accelerator) or math.inf


def _fit(deployment: Deployment, load: Load) -> Fit:
    assert deployment.accelerator is not None
    return Fit(
        hardware=deployment.device,
        devices=deployment.layout.devices,
        memory_gb=deployment.accelerator.memory_gb,
        used_share=verdict_of(deployment, load).used_share,
    )


def _left_out(tried: Sequence[Tried], refused: Mapping[str, str], unasked: int) -> str | None:
    """How many have no place in the order, by reason."""
    small = [one for one in tried if not one.holds and one.refusal is None]
    unknown = [one for one in tried if not one.holds and one.refusal is not None]
    unranked = [one for one in tried if one.holds and not one.ranked]
    said = []
    if small:
        near = max(small, key=lambda one: -math.inf if one.margin is None else one.margin)
        missing = _missing(near)
        off = "" if missing is None else f" (nearest: {near.accelerator.name}, {missing / GB:,.1f} GB a device short)"
        said.append(f"{len(small)} do not hold it{off}")
    if unknown:
        said.append(f"{len(unknown)} have no rate or link by which a layout could be timed")
    if unranked:
        what = "power" if tried[0].order.goal == "per_watt" else "on-demand price"
        said.append(f"{len(unranked)} have no known {what}")
    if refused:
        said.append(f"{len(refused)} are taken by no engine of such a format")
    if unasked:
        said.append(f"{unasked} others are neither rented nor priced")
    return f"{'; '.join(said)}." if said else None


def comparison_report(
    tried: Sequence[Tried],
    keep: int,
    notes: tuple[Note, ...],
    *,
    refused: Mapping[str, str],
    unasked: int = 0,
    explained: bool = False,
    others: Sequence[Deployment] = (),
) -> ComparisonReport:
    """The first `keep` of the accelerators tried and ranked.

    refused: those that no engine takes, with the reason. unasked: how many of the catalogue were not looked at, since
    they are neither rented nor priced. others: those of which some are named where none fits.
    """
    counts = {one.given.devices for one in tried}
    deployment, load, order = tried[0].deployment, tried[0].load, tried[0].order
    shown = tried[:keep]
    overlaps = overlapping([_ends(one) for one in shown])
    told = zip(rows_of(shown, explained=explained), overlaps, strict=True)
    rows = [replace(row, equal=others) if others else row for row, others in told]
    rows += [HardwareRow(hardware=name, fits=False, reason=reason) for name, reason in refused.items()][
        : keep - len(rows)
    ]
    nothing = not any(one.fits for one in tried)
    return ComparisonReport(
        **deployment.said(),
        devices=tried[0].given.devices if len(counts) == 1 else None,
        fewest_devices=order.by_device and order.goal != FEWEST,
        goal=order.goal,
        rank_by="worst" if order.worst else "estimate",
        batch_size=load.sequences,
        input_tokens=load.tokens,
        output_tokens=load.output,
        rows=tuple(rows),
        compared=len(tried) + len(refused),
        left_out=_left_out(tried, refused, unasked),
        would_do=would_do([one.deployment for one in tried[:keep]], others, load) if nothing else (),
        notes=(*notes, *one_token_notes(load)),
    )
