"""Plans for a load: the few deployments worth a person's time, as they are told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from ..deployment import Deployment, Load
from ..engines.releases import engine_table
from ..errors import CalculatorError
from ..memory import verdict_of
from ..memory.explanation import explanation
from ..memory.reports import launch_of
from ..performance.reports import estimate_served
from ..report import Interval, Layout, Note, Plan, PlanReport, PlanSearch
from ..sentences import short, short_layout_of
from ..stacks import UnlikeError
from ..units import GB
from ..work import each, looked
from .cells import usd_per_million
from .finalists import FEW, MANY, Finalists, Key, Known, Planned
from .fleet import alone_of, together
from .overlaps import overlapping
from .points import LEVELS, Candidate, Level, Offer, Points, Targets, evidence_of, points_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search for plans came to."""

    plans: tuple[tuple[Planned, tuple[str, ...]], ...]
    """Those worth weighing, each with why, the cheapest first; of the highest rate the highest."""
    aside: Planned | None
    """The cheapest by the estimate, where it is none of these."""
    nearest: Planned | None
    """Where none keeps the targets, the one that comes nearest as simulated."""
    beyond: Planned | None
    """Where none keeps them, the cheapest that does without the limits of budget and devices."""
    most: float | None
    """Where none does, the requests a second that any within the limits serves by the steady state."""
    considered: int
    meeting: int
    least: tuple[float, float] | None
    """The least (TTFT, TPOT) in seconds of any operating point."""
    left_out: tuple[str, ...]
    """Accelerators that could not be searched, with the reason."""


def search(offered: Sequence[Offer], load: Load, targets: Targets, refused: Mapping[str, str]) -> Found:
    """Plans for the deployments that are offered; refused: accelerators on which there is none, with the reason."""
    found, left_out = _points(offered, load, targets)
    left_out = [*(f"{name}: {reason}" for name, reason in refused.items()), *left_out]
    candidates = [one for points in found for one in points.candidates]
    finalists = Finalists(load=load, targets=targets)
    plans, aside = _chosen(finalists, candidates, highest=targets.highest)
    least = [points.least for points in found if points.least is not None]
    return Found(
        plans=plans,
        aside=aside,
        nearest=None if plans else _nearest(finalists, candidates),
        beyond=None if plans else _beyond(offered, load, targets),
        most=None if plans else max((one.copy.most * one.layout.data * one.limit for one in candidates), default=None),
        considered=sum(points.considered for points in found),
        meeting=sum(points.meeting for points in found),
        least=(min(first for first, _ in least), min(then for _, then in least)) if least else None,
        left_out=tuple(dict.fromkeys(left_out)),
    )


def _points(offered: Sequence[Offer], load: Load, targets: Targets) -> tuple[list[Points], list[str]]:
    """The operating points of all that are offered, and what could not be searched, with the reason."""
    found, left_out = list[Points](), list[str]()
    offer_of = {id(one.deployment): one for one in offered}
    fleets, alone = together([one.deployment for one in offered])
    for one in alone:
        try:
            fleets.append(alone_of(one))
        except CalculatorError as error:
            left_out.append(f"{one.device}: {error}")
    # those that turn out to differ are asked one by one at the end of the list
    for fleet in looked(fleets):
        try:
            found += list(points_of(fleet, [offer_of[id(one)] for one in fleet.deployments], load, targets))
        except UnlikeError:
            fleets += map(alone_of, fleet.deployments)
    return found, left_out


def _beyond(offered: Sequence[Offer], load: Load, targets: Targets) -> Planned | None:
    """The cheapest that keeps the targets without limits of budget and devices."""
    free = replace(targets, budget=None, most=_MOST_BEYOND)
    found, _ = _points([replace(one, deployment=replace(one.deployment, devices=None)) for one in offered], load, free)
    candidates = [one for points in found for one in points.candidates]
    return Finalists(load=load, targets=free).best(candidates, "likely", _by_cost)


# Devices that are looked at where nothing within the limits keeps the targets.
_MOST_BEYOND = 1024


def _by_cost(one: Candidate, known: Known) -> tuple[Any, ...]:
    cost = one.cost(known.count)
    return inf if cost is None else cost, one.devices(known.count), one.layout.tensor, one.layout.pipeline, known.each


def _by_devices(one: Candidate, known: Known) -> tuple[Any, ...]:
    return one.devices(known.count), *_by_cost(one, known)


def _by_time(one: Candidate, known: Known) -> tuple[Any, ...]:
    return known.each, *_by_cost(one, known)


def _by_rate(one: Candidate, known: Known) -> tuple[Any, ...]:
    return -known.rate, *_by_cost(one, known)


def _by_cost_of_rate(one: Candidate, known: Known) -> tuple[Any, ...]:
    cost, *rest = _by_cost(one, known)
    return cost / max(known.rate, 1e-12), *rest


def _chosen(
    finalists: Finalists, candidates: Sequence[Candidate], *, highest: bool
) -> tuple[tuple[tuple[Planned, tuple[str, ...]], ...], Planned | None]:
    """The few that are worth weighing, each with why; and the cheapest by the estimate, where it is none of these."""
    bounded = all(finalists.targets.bounded(one.offer.deployment.devices) for one in candidates)
    first: Key = _by_cost if not highest else _by_rate if bounded else _by_cost_of_rate
    word = "cheapest" if not highest else "highest rate" if bounded else "cheapest a token"
    measured = [one for one in candidates if one.measured]
    own = [one for one in candidates if one.offer.published]
    orders: list[tuple[str, Sequence[Candidate], Level, int]] = [
        (word, candidates, "likely", MANY),
        (f"{word}, surely", candidates, "surely", MANY),
        (f"{word} measured", measured, "likely", FEW),
    ]
    # where all are as the checkpoint has them nothing is to be told apart
    if len(own) < len(candidates):
        orders.append((f"{word} {'unquantised' if _is_plain(own) else 'as published'}", own, "likely", FEW))
    (_, estimate), *found = [(why, finalists.best(some, level, first, most)) for why, some, level, most in each(orders)]
    best = next((one for _, one in found if one is not None), estimate)
    if best is not None and highest:
        other: tuple[str, Key] = ("cheapest a token", _by_cost_of_rate) if bounded else ("fewest devices", _by_devices)
        found.append((other[0], finalists.best(candidates, "likely", other[1])))
    elif best is not None:
        most = inf if best.cost is None else 2 * best.cost + 1e-9

        def dear(one: Candidate, count: int) -> bool:
            """Whether it costs more, as what has no price may."""
            cost = one.cost(count)
            return (inf if cost is None else cost) > most

        near = [one for one in candidates if (count := one.fewest["likely"]) and not dear(one, count)]

        def within(one: Candidate, known: Known) -> tuple[Any, ...]:
            return dear(one, known.count), *_by_time(one, known)

        why = "quickest" if best.cost is None else "quickest <= 2x price"
        found.append((why, finalists.best(near, "likely", within)))
        found.append(("fewest devices", finalists.best(candidates, "likely", _by_devices)))
    # of the same deployment at two levels the surer word is told
    whys: dict[object, tuple[Planned, list[str]]] = {}
    for why, one in found:
        if one is not None:
            whys.setdefault((str(one.deployment), one.known.rate), (one, []))[1].append(why)
    told = sorted(whys.values(), key=lambda entry: first(entry[0].candidate, entry[0].known))
    plans = tuple((one, tuple(why)) for one, why in told)
    aside = estimate
    if aside is None or any(one.deployment == aside.deployment for one, _ in plans):
        aside = None
    return plans, aside


def _is_plain(candidates: Sequence[Candidate]) -> bool:
    return all(one.offer.deployment.formats.scheme.quantized is None for one in candidates)


def _nearest(finalists: Finalists, candidates: Sequence[Candidate]) -> Planned | None:
    """As many as may be of the one whose times are expected to pass their targets by least, as simulated."""
    expected = []
    for one in candidates:
        met = one.met(one.limit, None if not finalists.targets.highest else one.copy.most * one.layout.data / 2)
        if met is not None:
            expected.append(
                (
                    one.meets(met.first, met.each, LEVELS[0]),
                    _by_cost(one, Known(count=one.limit, rate=0.0, each=met.each)),
                    one,
                )
            )
    for _, _, one in sorted(expected, key=lambda entry: entry[:2])[:_TRIED]:
        rate = one.copy.most * one.layout.data * one.limit / 2 if finalists.targets.highest else 0.0
        found = finalists.simulated(one, one.limit, float(f"{rate:.3g}"))
        if found is not None and found.outcome.each is not None:
            return found
    return None


# Of those that keep no target so many are simulated until one is found that holds the load.
_TRIED = 3


def plan_of(one: Planned, why: tuple[str, ...], targets: Targets, *, explained: bool = False) -> Plan:
    """A plan as it is told."""
    deployment, load = one.deployment, one.load
    report = estimate_served(deployment, load, one.outcome)
    assert report.serving is not None
    cost, rate = one.cost, report.output_tokens_per_s
    shares = []
    if targets.ttft is not None:
        shares.append((one.ttft / targets.ttft, "ttft"))
    if targets.tpot is not None and one.tpot is not None:
        shares.append((one.tpot / targets.tpot, "tpot"))
    saturation = report.serving.saturation_requests_per_s
    if targets.rate is not None or targets.highest:
        shares.append((report.requests_per_s / saturation, "rate"))
    binds: Any = max(shares)[1] if shares else "none"
    held = replace(load, sequences=max(deployment.layout.data, round(report.serving.decoding)))
    verdict = verdict_of(deployment, held)
    need = verdict.need
    assert deployment.usable_bytes is not None
    scheme, launch = deployment.formats.scheme, _launch_of(deployment, load)
    return Plan(
        **deployment.layout.said(),
        why=why,
        meets=one.meets,
        hardware=deployment.device,
        engine=deployment.engine.said,
        precision=scheme.label,
        kv_precision=deployment.said()["kv_precision"],
        usd_per_hour=cost,
        usd_per_million_output_tokens=None if cost is None else usd_per_million(cost, rate),
        ttft_ms=one.ttft * 1e3,
        ttft_range_ms=(one.ttft_interval.low, one.ttft_interval.high),
        tpot_ms=None if one.tpot is None else one.tpot * 1e3,
        tpot_range_ms=None if one.tpot_interval is None else (one.tpot_interval.low, one.tpot_interval.high),
        request_rate=None if load.traffic is None else load.traffic.rate,
        requests_per_s=report.requests_per_s,
        output_tokens_per_s=rate,
        decoding=report.serving.decoding,
        room=report.serving.room,
        saturation_requests_per_s=saturation,
        memory_share=verdict.used_share,
        weights_gb=need.resident / GB,
        cache_gb=need.kept / GB,
        rest_gb=(need.total - need.resident - need.kept) / GB,
        usable_gb=deployment.usable_bytes / GB,
        binds=binds,
        evidence=evidence_of(deployment),
        warnings=tuple(note.text for note in report.notes if note.origin == "warning" and note.subject not in _OF_LOAD),
        requests_per_s_range=_ends(report.serving.requests_per_s_interval),
        saturation_range=_ends(report.serving.saturation_interval),
        launch=launch,
        no_launch=None if launch else _no_launch(deployment),
        ledger=explanation(deployment, held, need) if explained else None,
    )


# Warnings of a load rather than of a plan: a queue is in the rates, and the lengths are as they were asked.
_OF_LOAD = ("request_rate", "concurrency", "input_tokens")


def _launch_of(deployment: Deployment, load: Load) -> str | None:
    """None too where nobody said how many slots there are: the line would start fewer than were simulated."""
    engine = deployment.engine
    return None if engine.SLOTS and engine.SLOTS not in engine.settings else launch_of(deployment, load)


def _no_launch(deployment: Deployment) -> str:
    """Why no line is known."""
    engine, model = deployment.engine, deployment.model
    if engine.SLOTS and engine.SLOTS not in engine.settings:
        return f"{engine.TITLE} starts with as many slots as {engine.SLOTS} says, which nobody gave"
    if "library" in engine_table(engine.name):
        return f"{engine.TITLE} starts a model by its tag in its library (llama3.1:8b): name that"
    label = deployment.formats.scheme.label
    return f"{model.repository or model.name} is not stored in {label}, which {engine.TITLE} reads"


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


def plan_report(
    model: str,
    found: Found,
    offered: Sequence[Offer],
    load: Load,
    targets: Targets,
    notes: tuple[Note, ...],
    *,
    explained: bool = False,
) -> PlanReport:
    traffic = load.traffic
    assert traffic is not None
    plans = tuple(plan_of(one, why, targets, explained=explained) for one, why in found.plans)
    nearest = None if found.nearest is None else plan_of(found.nearest, ("nearest",), targets, explained=explained)
    more = found.beyond
    beyond = None if more is None else plan_of(more, ("cheapest beyond the limits",), targets, explained=explained)
    prices = {one.deployment.device: one.price for one in offered}
    unpriced = sorted(name for name, price in prices.items() if price is None)
    left = list(notes)
    if unpriced:
        text = f"No on-demand price is known of {', '.join(unpriced[:5])}, ranked after what has one"
        text += ", and left out under a budget." if targets.budget is not None else "."
        left.append(Note(subject="usd_per_hour", text=text, origin="warning"))
    least = found.least or (None, None)
    first = next((number for number, plan in enumerate(plans, 1) if plan.launch), None)
    return PlanReport(
        model=model,
        plans=plans,
        nearest=nearest,
        beyond=beyond,
        first_to_start=first,
        launch=None if first is None else plans[first - 1].launch,
        binding=tuple(_binding(plans, nearest, found.beyond, targets, offered)),
        most_requests_per_s=found.most or None,
        left_out=tuple(_left_out(found, targets)),
        asked=PlanSearch(
            request_rate=targets.rate,
            concurrency=targets.users,
            think_time_s=targets.think_s,
            input_tokens=traffic.inputs.mean,
            output_tokens=traffic.outputs.mean,
            ttft_target_ms=None if targets.ttft is None else targets.ttft * 1e3,
            tpot_target_ms=None if targets.tpot is None else targets.tpot * 1e3,
            percentile=targets.percentile.removesuffix("_ms"),
            hardware=tuple(prices),
            formats=tuple(dict.fromkeys(one.deployment.formats.scheme.label for one in offered)),
            considered=found.considered,
            meeting=found.meeting,
            max_devices=targets.most,
            budget_usd_per_hour=targets.budget,
            spare_copies=targets.spare,
            least_ttft_ms=None if least[0] is None else least[0] * 1e3,
            least_tpot_ms=None if least[1] is None else least[1] * 1e3,
        ),
        equal=tuple(_equal(plans)),
        notes=tuple(left),
    )


def _binding(
    plans: Sequence[Plan], nearest: Plan | None, beyond: Planned | None, targets: Targets, offered: Sequence[Offer]
) -> Iterator[str]:
    """The arguments for which there is no plan."""
    if plans:
        return
    if beyond is not None:
        if targets.budget is not None and (beyond.cost is None or beyond.cost > targets.budget):
            yield "budget_usd_per_hour"
        if beyond.devices > targets.devices(None):
            yield "max_devices"
        there = [one.deployment.devices for one in offered if one.deployment.device == beyond.deployment.device]
        if all(count is not None and count < beyond.devices for count in there):
            yield "devices"
    elif nearest is not None:
        if targets.ttft is not None and nearest.ttft_ms > targets.ttft * 1e3:
            yield "ttft_target_ms"
        if targets.tpot is not None and nearest.tpot_ms is not None and nearest.tpot_ms > targets.tpot * 1e3:
            yield "tpot_target_ms"


def _left_out(found: Found, targets: Targets) -> Iterator[str]:
    """What is not among the plans, and why."""
    one = found.aside
    if one is not None:
        price = "" if one.cost is None else f", ${one.cost:,.2f}/h"
        rate = f", {one.known.rate:g} requests/s" if targets.highest else ""
        times = [("TTFT", one.ttft * 1e3, one.ttft_interval, targets.ttft)]
        if one.tpot is not None and one.tpot_interval is not None:
            times.append(("TPOT", one.tpot * 1e3, one.tpot_interval, targets.tpot))
        over = [
            f"{name} {short(value)} ms, range to {short(ends.high)}"
            for name, value, ends, limit in times
            if limit is not None and ends.high > limit * 1e3
        ]
        asked, most = one.load.traffic.rate if one.load.traffic else None, one.outcome.saturated_rate
        if asked is not None and not over and one.meets != "surely":
            over = [f"{asked:g} of at most {short(most)} requests/s, less where a token is slower"]
        # by the estimate it meets as others that are plans do, but the cheapest is not to rest on that
        likely = f"{one.meets}, and the cheapest is to meet surely ({'; '.join(over)})"
        why = likely if over else "no cheaper where it surely meets"
        layout = short_layout_of(Layout(**one.deployment.layout.said()))
        scheme = one.deployment.formats.scheme.label
        yield f"{one.devices} x {one.deployment.device} {layout} {scheme}{price}{rate}: {why}"
    if found.left_out:
        more = f" and {len(found.left_out) - 1} more" if len(found.left_out) > 1 else ""
        yield f"not searched: {found.left_out[0].removesuffix('.')}{more}"


def _equal(plans: Sequence[Plan]) -> Iterator[tuple[int, int]]:
    for first, others in enumerate(overlapping([one.tpot_range_ms for one in plans]), 1):
        yield from ((first, second) for second in others if second > first)
