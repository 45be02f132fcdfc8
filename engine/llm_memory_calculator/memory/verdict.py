"""Whether devices hold what they must: the one judge, whose yardstick is what the engine itself asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from ..engines.base import Condition, OutcomeWord, Place, Spread
from ..engines.launch import told_length
from ..parallel import Layouts
from ..report import Note
from ..units import GB, ceil_div, choose, smaller, somewhere
from .calibration import spread_at
from .ledger import Ledger, held_tokens, picked_stages, places, shared_bytes

if TYPE_CHECKING:
    from ..deployment import Deployment, Load
    from ..units import Quantity


@dataclass(slots=True)
class Verdict:
    """What the fullest device must hold beside what its engine may use of it.

    Not frozen: many are made in a search, and a frozen one takes three times as long to make.
    """

    need: Ledger
    total_bytes: Quantity
    """What the runtime sees of one device."""
    budget_bytes: Quantity
    """What the engine may use of that."""
    conditions: Sequence[Condition]
    """What must hold, in the order in which the engine checks it."""
    spread: Spread
    place: Place
    shared_bytes: Quantity | None = None
    """What device and host have together of one memory; None where the host has its own, 0 in an array of devices."""
    _ends: dict[str, tuple[float, float]] = field(default_factory=dict)
    _margins: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def judged(self) -> Sequence[Condition]:
        """The conditions that decide: without those that only make the engine warn."""
        return [condition for condition in self.conditions if not condition.warns]

    @property
    def margin_bytes(self) -> Quantity:
        """What is left of the condition that binds, or how much is missing where it is negative."""
        return reduce(smaller, (condition.margin for condition in self.judged))

    @property
    def fits(self) -> Any:
        """Whether the estimate holds, True or False; an array of them where a number is an array."""
        return self.margin_bytes >= 0

    @property
    def possible(self) -> Any:
        """Whether weights, cache and state are no more than the device shows, and with what the host has no more than
        both have of one memory: else no engine can."""
        alone = self.need.least <= self.total_bytes
        apart = self.need.apart
        if self.shared_bytes is None or not somewhere(apart > 0):
            return alone
        both = self.need.least + apart <= self.shared_bytes
        return alone & choose((self.shared_bytes > 0) & (apart > 0), both, True)

    @property
    def used_share(self) -> Quantity:
        """The need over what the runtime sees, 0 to 1 and more."""
        return self.need.total / self.total_bytes

    # --- for plain numbers only ---

    @property
    def binding(self) -> Condition:
        """The condition that decides: of those that no end of the range reaches, or else of those that one does not,
        or of all, the one with the least to spare."""
        ranges = [(condition, *self.margins(condition)) for condition in self.judged]
        missed = [condition for condition, _, high in ranges if high < 0]
        short = missed or [condition for condition, _, _ in ranges if condition.margin < 0]
        doubted = short or [condition for condition, low, _ in ranges if low < 0]
        return min(doubted or self.judged, key=lambda condition: condition.margin)

    @property
    def told(self) -> Condition:
        """What an answer says is to spare or missing: what binds; where all hold whatever the range, what is left for
        more of what is served, which a condition with less to spare that does not hang on that would hide."""
        served = [condition for condition in self.judged if condition.takes == "sequences"]
        if self.word != "fits" or not served:
            return self.binding
        return min(served, key=lambda condition: condition.margin)

    def margins(self, condition: Condition) -> tuple[float, float]:
        """The range of a condition's margin: the ranges of its parts, which err apart from each other."""
        found = self._margins.get(condition.name)
        if found is None:
            low = high = 0.0
            for part, share in condition.parts.items():
                below, above = self.ends(part)
                # what is held more is missing from the margin
                low += (share * above) ** 2
                high += (share * below) ** 2
            margin = condition.margin
            found = self._margins[condition.name] = margin - math.sqrt(low), margin + math.sqrt(high)
        return found

    def ends(self, part: str) -> tuple[float, float]:
        """How much less and more than estimated a part may be, bytes."""
        found = self._ends.get(part)
        if found is None:
            estimate, spread = estimate_of(self.need, part), getattr(self.spread, part)
            found = self._ends[part] = spread.below(estimate), spread.above(estimate)
        return found

    @property
    def word(self) -> OutcomeWord:
        """fits where every range does, does not fit where one does not reach, else borderline."""
        ranges = [self.margins(condition) for condition in self.judged]
        if any(high < 0 for _, high in ranges):
            return "does not fit"
        return "fits" if all(low >= 0 for low, _ in ranges) else "borderline"

    @property
    def straddling(self) -> tuple[int, int] | None:
        """Where it is borderline the range of what is told, bytes: below 0 what is missing."""
        if self.word != "borderline":
            return None
        low, high = self.margins(self.told)
        return round(low), round(high)

    @property
    def starts(self) -> bool:
        """Whether, by the estimate, the engine starts, be it that it then serves less at once."""
        return all(condition.margin >= 0 for condition in self.conditions if condition.starts)


def judge(deployment: Deployment, load: Load, need: Ledger, total_bytes: Quantity) -> Verdict:
    """Whether a device of which the runtime shows `total_bytes` holds its share under the engine; by how much."""
    engine, longest, shared = deployment.engine, longest_of(deployment, load), shared_bytes(deployment.engine)

    def asked(place: Place) -> Sequence[Condition]:
        if need.stated_overhead:
            return (_of_all(need, total_bytes),)
        found = engine.conditions(place, need, longest, total_bytes)
        if need.as_told:
            found = (*found, _of_all(need, total_bytes))
        return found if shared is None else (*found, *_of_one_memory(need, shared, found[0].margin))

    if isinstance(deployment.layout, Layouts):
        place = picked_stages(deployment, need)
        conditions = asked(place)
    elif isinstance(need.stage, int):
        place = place_at(deployment, need)
        conditions = asked(place)
    else:
        there = list(places(deployment))
        place = there[0]
        conditions = _at_stages(need.stage, [(one.holding.stage, asked(one)) for one in there])
    spread = spread_at(deployment, place.members[0][1] if place.members else place)
    budget = total_bytes if need.stated_overhead else engine.budget_bytes(total_bytes)
    return Verdict(need, total_bytes, budget, conditions, spread, place, shared)


def _of_all(need: Ledger, total_bytes: Quantity) -> Condition:
    """What no engine counts so holds on what the runtime shows of a device."""
    stated = ("context", "buffers", "graphs") if need.stated_overhead else ()
    return Condition(
        name="all that is counted",
        margin=total_bytes - need.total,
        parts={part: -1.0 for part in Spread.PARTS if part not in stated},
        takes="sequences",
    )


def _of_one_memory(need: Ledger, shared: Quantity, elsewhere: Quantity) -> tuple[Condition, ...]:
    """The host's part and the device's hold in the memory that they share; elsewhere: a margin that binds as it is."""
    if not somewhere(need.apart > 0):
        return ()
    return (
        Condition(
            name="the parts on device and host in their one memory",
            margin=choose((shared > 0) & (need.apart > 0), shared - need.total - need.apart, elsewhere),
            parts=dict.fromkeys(Spread.PARTS, -1.0),
            message="out of memory: device and host share one, and {missing:.2f} GiB are missing",
            takes="sequences",
        ),
    )


def _at_stages(stage: Quantity, found: Sequence[tuple[int, Sequence[Condition]]]) -> Sequence[Condition]:
    """The conditions of each element's own stage, of arrays of them."""
    chosen: dict[str, Condition] = {}
    for number, conditions in found:
        here = stage == number
        for own in conditions:
            # what one stage is not asked for binds nothing there
            margin = choose(here, own.margin, chosen[own.name].margin if own.name in chosen else math.inf)
            chosen[own.name] = replace(own, margin=margin)
    return tuple(chosen.values())


def place_at(deployment: Deployment, need: Ledger) -> Place:
    """The place of the stage that a ledger is of."""
    return next(place for place in places(deployment) if place.holding.stage == need.stage)


def estimate_of(need: Ledger, part: str) -> float:
    """What a ledger holds of a part of the spread, bytes."""
    return float(need.resident if part == "weights" else getattr(need, part))


def longest_of(deployment: Deployment, load: Load) -> Quantity:
    """Tokens of the longest request that the engine is started for: as told, or as long as those of the load."""
    told = told_length(deployment.engine)
    return held_tokens(deployment, load) if told is None else told


def limit_notes(deployment: Deployment, load: Load) -> tuple[Note, ...]:
    """That an engine takes fewer sequences at once, or shorter ones, than were asked for. For plain numbers only."""
    engine, notes = deployment.engine, list[Note]()
    names = [name for name in (engine.SEQUENCES, engine.SLOTS) if name and name in engine.settings]
    if names:
        setting = min(names, key=lambda name: int(engine.settings[name]))
        most = int(engine.settings[setting])
        if ceil_div(load.sequences * load.beams, deployment.layout.data) > most:
            text = (
                f"{engine.TITLE} takes at most {most:,} sequence(s) at once ({setting}): the others of batch_size "
                f"{load.sequences:,} wait, and all of them were counted as held at once; raise it, or give a smaller "
                "batch_size."
            )
            notes.append(Note(subject=setting, text=text, origin="warning"))
    taken, tokens = told_length(engine), held_tokens(deployment, load)
    if taken is not None and tokens > taken:
        told = engine.given[engine.LENGTH]
        text = f"{engine.LENGTH} is {told:,}, and a request of {tokens:,} tokens is refused or cut by {engine.TITLE}."
        notes.append(Note(subject=engine.LENGTH, text=text, origin="warning"))
    return tuple(notes)


def short_note(verdict: Verdict) -> Note:
    """That memory is short by the estimate, by how much and of what range. For plain numbers only."""
    binding = verdict.binding
    low, high = verdict.margins(binding)
    ends = f"{_said(high)} to {_said(low)}" if high >= 0 else f"{-high / GB:.1f} to {_said(low)}"
    missing = f"{-binding.margin / GB:.1f} GB are missing for {binding.name} ({ends})"
    lower = math.floor((verdict.budget_bytes + low) / verdict.total_bytes * 100) / 100
    # what is left of a smaller share must hold the rest
    if binding.claims and verdict.need.total <= lower * verdict.total_bytes:
        text = (
            f"{binding.claims} {verdict.budget_bytes / verdict.total_bytes:.2f} claims more than is free by the "
            f"estimate: {missing}. The need is {verdict.used_share:.0%} of a device, so that {binding.claims} "
            f"{lower:.2f} mends it, with the same times."
        )
    else:
        text = f"Memory is short by the estimate: {missing}; ask calculate_memory for what mends it."
    return Note(subject="memory", text=text, origin="warning")


def _said(margin: float) -> str:
    """An end of a range of what is to spare or missing."""
    return f"{abs(margin) / GB:.1f} {'to spare' if margin >= 0 else 'missing'}"


def shortage(deployment: Deployment, load: Load, verdict: Verdict) -> str:
    """The sentence that says what is missing and what would mend it. For plain numbers only."""
    need, tokens = verdict.need, held_tokens(deployment, load)
    apart, shared = "", verdict.shared_bytes
    if shared is not None and need.apart:
        apart = f", and {need.apart / GB:.1f} GB on the host in the same memory of {shared / GB:.1f} GB"
    return (
        f"{deployment.model.name} with {deployment.formats.scheme.label} weights, batch "
        f"{load.sequences * load.beams:,} x {tokens:,} tokens, needs {need.least / GB:.1f} GB on {need.where} "
        f"({need.weights / GB:.1f} weights, {need.kv_cache / GB:.1f} KV cache) before anything else{apart}, and "
        f"{deployment.device} shows {verdict.total_bytes / GB:.1f} GB with {deployment.layout.devices} device(s) as "
        f"{deployment.layout}; use more devices, a larger one, a smaller precision or a smaller batch."
    )
