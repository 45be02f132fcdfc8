"""The question of memory turned round: how long, how many, how many tokens, on how few devices, on how small a one.

Each is a search over the one judge, so that what is found fits by the verdict that memory is judged by, and one more
does not. What a device holds grows with the load, so a search narrows two ends. A load may be of arrays in the first
three.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import count, product
from typing import TYPE_CHECKING, Literal

from ..arguments import MOST_SEQUENCES, MOST_TOKENS
from ..engines import device_of, serves
from ..engines.launch import told_length
from ..errors import ArgumentError, DoesNotFitError
from ..parallel import Parallelism, most_groups, most_stages, problem
from ..units import Quantity, choose, larger, smaller, somewhere, whole_down
from . import Verdict, ledger, verdict_of

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..engines import Engine

ALONE = Parallelism()
End = Literal["low", "high"] | None
"""An end of the range of what is left."""
Judge = Callable[["Deployment", "Load"], Verdict]
"""What is held, judged; of layouts on several machines side by side too."""
# How far beyond a guess the next one is at first: twice a block of tokens, as most engines have them.
_NEAR = 32


# --- how long, how many, how many tokens ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Longest:
    """How long each sequence of a batch may be."""

    held: Quantity
    """Tokens that memory holds; 0 where it does not hold the shortest."""
    allowed: int | None
    """Most that the engine was told to take, or that the model's config allows; None where nothing says it."""

    @property
    def tokens(self) -> Quantity:
        return self.held if self.allowed is None else smaller(self.held, self.allowed)


def longest_context(deployment: Deployment, load: Load, judged: Judge = verdict_of, end: End = None) -> Longest:
    """The longest context of `load.sequences` sequences, prompt and output together, with their images and all else.

    end: by that end of the range of every margin, for plain numbers only; None: by the estimate.
    Raises ArgumentError for a model that has no context.
    """
    require_context(deployment)
    least = shown_tokens(load) + 1
    found = largest(lambda tokens: _margins(judged(deployment, long(load, tokens)), end), MOST_TOKENS, least)
    return Longest(held=choose(found >= least, found, 0), allowed=allowed_length(deployment))


def long(load: Load, tokens: Quantity) -> Load:
    """The same load with sequences of so many tokens, prompt and output together."""
    return replace(load, tokens=tokens, output=0, mix=())


def most_sequences(
    deployment: Deployment, load: Load, most: int = MOST_SEQUENCES, judged: Judge = verdict_of, end: End = None
) -> Quantity:
    """The most sequences like those of a load, over all copies, up to `most`; 0 where none fits; end: as above.

    Of a mix of lengths: with its shares, and only where the longest fits alone.
    """
    copies = deployment.layout.data
    if load.mix and not judged(deployment, replace(load, sequences=copies, mix=())).fits:
        return 0
    found = largest(
        lambda each: _margins(judged(deployment, replace(load, sequences=each * copies)), end),
        larger(1, most // copies),
    )
    return smaller(found * copies, most)


def kv_tokens_in(deployment: Deployment, load: Load, room_bytes: Quantity | None = None) -> Quantity | None:
    """Tokens of KV cache that the engine makes of so much room on the fullest device of a copy, for sequences like
    those of `load`; None where it keeps none there. Without a room: of what is left beside one sequence a copy.

    An engine with pages counts them as it prints them; another's room holds whole sequences or parts of them.
    """
    verdict = verdict_of(deployment, replace(load, sequences=deployment.layout.data))
    if not somewhere(smaller(verdict.need.kv_cache, verdict.need.kept) > 0):
        return None
    return tokens_in(deployment.engine, verdict, load.tokens + load.output, room_bytes)


def tokens_in(engine: Engine, verdict: Verdict, tokens: Quantity, room_bytes: Quantity | None = None) -> Quantity:
    """Tokens of cache in a room, or in what a verdict on one sequence a copy leaves, for sequences of so many."""
    if room_bytes is None:
        room_bytes = larger(0, engine.room(verdict.place, verdict.need, verdict.total_bytes).margin)
    if engine.PAGED and (made := engine.cache_room(verdict.place, room_bytes, tokens)) is not None:
        return made.tokens
    return whole_down(room_bytes / verdict.need.kept * tokens)


def allowed_length(deployment: Deployment) -> int | None:
    """Tokens of the longest request that the engine was told to take, or that the model's config allows."""
    told = told_length(deployment.engine)
    return deployment.architecture.max_length if told is None else told


def shown_tokens(load: Load) -> int:
    """Tokens of each sequence that are images, video or sound."""
    shown: int = 0 if load.images is None else load.images.count * load.images.size.tokens
    return shown + sum(one.size.tokens for one in (load.video, load.sound) if one is not None)


def require_context(deployment: Deployment) -> None:
    """Raise ArgumentError when a model has no tokens of its own length."""
    if deployment.architecture.task == "diffusion":
        raise ArgumentError(
            f"{deployment.model.name} makes images ({deployment.architecture.model_type}), and its prompt has one "
            "length: ask for find 'batch', the prompts served at once, with image_resolution."
        )


Margins = Mapping[str, Quantity]
"""By what must hold: the fullest stage of one load may be asked for what that of another is not."""


def _margins(verdict: Verdict, end: End = None) -> Margins:
    if end is None:
        return {condition.name: condition.margin for condition in verdict.judged}
    return {condition.name: verdict.margins(condition)[end == "high"] for condition in verdict.judged}


def largest(margins: Callable[[Quantity], Margins], most: Quantity, least: int = 1) -> Quantity:
    """The largest whole number from `least` to `most` at which no margin is negative; least - 1 where there is none.

    Margins fall about evenly, so the next number tried is where a line through both ends has the first of them run
    out; then one a little beyond, which catches it between two near ends. How near grows with the turns, and what lies
    within is halved, so that few are tried however crooked the margins are.
    """
    above, below = margins(least), margins(most)
    low = choose(_hold(above), least, least - 1)
    low, high = choose(_hold(below), most, low), choose(_hold(below), most + 1, choose(_hold(above), most, least))
    step = _NEAR
    guess, held, lined = low, True, True
    for turn in count():
        if not somewhere(high - low > 1):
            return low
        if turn % 2:
            guess, step = choose(held, guess + step, guess - step), step * 2
        else:
            guess = low + whole_down((high - low) * _reached(above, below))
        guess = choose(high - low > 2 * step, guess, (low + high) // 2)
        guess = larger(least, smaller(high - 1, larger(low + 1, guess)))
        found = margins(guess)
        held, stays = _hold(found), 1.0
        if turn % 2 == 0:
            # an end that stays through two lines counts half, or else they turn about it for long (the Illinois rule)
            stays, lined = choose(held == lined, 0.5, 1.0), held
        above = {name: choose(held, new, above.get(name, new) * stays) for name, new in found.items()}
        below = {name: choose(held, below.get(name, new) * stays, new) for name, new in found.items()}
        low, high = choose(held, guess, low), choose(held, high, guess)
    raise AssertionError("two whole numbers come together")


def _hold(margins: Margins) -> Quantity:
    return reduce(smaller, margins.values()) >= 0


def _reached(above: Margins, below: Margins) -> Quantity:
    """How far between two ends the first of the margins runs out, 0 to 1."""
    ends = [(margin, below[name]) for name, margin in above.items() if name in below]
    return reduce(smaller, (choose(b >= 0, 1.0, larger(a, 0) / larger(a - b, 1.0)) for a, b in ends), 1.0)


# --- on how few devices --------------------------------------------------------------------------------------------


def fewest_devices(deployment: Deployment, load: Load, *, most: int, node: int) -> Deployment | None:
    """The deployment on the fewest devices, up to `most`, of which some layout holds the load; None when none does.

    Every layout is looked at: tensor groups within a node of `node`, any number of pipeline stages, copies that share
    out the sequences, experts cut in width, dealt out in a copy or over all copies (then without a pipeline, as engines
    serve so). Of layouts of as few devices one of a single copy is taken, of the widest tensor parallelism. Copies are
    searched by halving: more of them never hold more on a device.
    """
    architecture = deployment.architecture
    assert deployment.usable_bytes is not None
    may_hold = bound(deployment, load, deployment.engine.budget_bytes(deployment.usable_bytes))

    def fits(layout: Parallelism) -> bool:
        return may_hold(layout) and bool(verdict_of(deployment.laid_out(layout), load).fits)

    every = splits_of(architecture, most, node, staged=deployment.over_stages)
    splits = sorted(every, key=lambda split: (split.devices, -split.tensor))
    found = next((split for split in splits if fits(split)), None)
    for split, shares in product(splits, (False, True)):
        fewer = most if found is None else found.devices - 1
        copies = min(fewer // split.devices, load.sequences * load.beams)
        if shares:
            copies = min(copies, most_groups(architecture) // split.tensor) if split.pipeline == 1 else 0
        layouts = [
            layout
            for data in range(2, copies + 1)
            if problem(architecture, layout := copied(split, data, shares=shares)) is None
        ]
        if layouts and fits(layouts[-1]):
            found = layouts[bisect_left(layouts, True, key=fits)]
    return None if found is None else deployment.laid_out(found)


def bound(deployment: Deployment, load: Load, budget: float) -> Callable[[Parallelism], bool]:
    """Whether a layout can hold a load at all in so many bytes a device: quicker than to judge those that cannot."""
    needed = least_bytes(deployment, load)
    return lambda layout: needed(layout) <= budget


def least_bytes(deployment: Deployment, load: Load) -> Callable[[Parallelism], float]:
    """What a device of a layout holds at least."""
    alone = ledger(deployment.laid_out(ALONE), load)
    # of a cache what the engine keeps of it on devices
    cached = min(alone.kv_cache, max(alone.kept, 0))

    def needed(layout: Parallelism) -> float:
        # weights are shared by the devices of a copy and the cache by all
        return float(alone.weights / (layout.devices_of_copy * layout.pooled) + cached / layout.devices)

    return needed


def splits_of(architecture: Architecture, most: int, node: int, *, staged: bool = True) -> Iterator[Parallelism]:
    """Every way to share out one copy over up to `most` devices; staged: over stages of a pipeline too."""
    for tensor in range(1, min(most, node) + 1):
        for expert in sorted({1, tensor}):
            if problem(architecture, Parallelism(tensor=tensor, expert=expert)) is None:
                stages = min(most // tensor, most_stages(architecture)) if staged else 1
                for pipeline in range(1, stages + 1):
                    yield Parallelism(tensor=tensor, pipeline=pipeline, expert=expert)


def copied(split: Parallelism, data: int, *, shares: bool) -> Parallelism:
    """So many copies of a split; shares: that share one set of experts."""
    return replace(split, data=data, expert=split.tensor * data if shares else split.expert)


def fewest_or_refuse(deployment: Deployment, load: Load, *, most: int, node: int) -> Deployment:
    """The same. Raises DoesNotFitError where no layout holds the load."""
    found = fewest_devices(deployment, load, most=most, node=node)
    if found is None:
        raise DoesNotFitError(
            f"{deployment.model.name} at batch {load.sequences:,} x {load.tokens + load.output:,} tokens fits on no "
            f"layout of up to {most:,} x {deployment.device}; use a larger device, a smaller precision or a smaller "
            "batch."
        )
    return found


# --- on how small a device -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A deployment that fits, with its verdict."""

    deployment: Deployment
    verdict: Verdict


def smallest_devices(
    deployment: Deployment, load: Load, accelerators: Iterable[Accelerator], *, most: int = 5
) -> tuple[Held, ...]:
    """The first `most` of the accelerators, which come smallest first, that hold the load in the deployment's layout
    under its engine.
    """
    found: list[Held] = []
    weights = ledger(deployment, load).weights
    for accelerator in accelerators:
        # weights alone are judged quicker than all
        if accelerator.usable_memory_bytes < weights or not serves(deployment.engine.name, device_of(accelerator)):
            continue
        there = deployment.on(accelerator)
        if there.engine.unmultiplied(there.formats):
            continue
        verdict = verdict_of(there, load)
        if verdict.fits:
            found.append(Held(deployment=there, verdict=verdict))
            if len(found) == most:
                break
    return tuple(found)
