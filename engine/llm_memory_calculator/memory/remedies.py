"""The smallest change of each kind that mends a verdict, and what it gives. For plain numbers only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ..engines import device_of, serves
from ..formats.numerics import FORMATS
from ..parallel import Parallelism, most_stages, tensor_sizes
from ..report import Remedy
from ..units import GB
from . import verdict_of
from .verdict import Verdict

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from ..deployment import Deployment, Load
    from ..engines import Condition

# Shares of the memory that people set, in the order in which they are tried.
_SHARES = (0.95, 0.98, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
_SEQUENCES = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
_STEPS = (8192, 4096, 2048, 1024, 512)


def remedies(
    deployment: Deployment,
    load: Load,
    verdict: Verdict,
    accelerators: Iterable[Accelerator] = (),
    judged: Judge = verdict_of,
) -> tuple[Remedy, ...]:
    """One of each kind after which everything holds, its range too, smallest change first.

    Where no setting mends it alone, two together; a change that leaves it borderline is said to. judged: how the
    verdict was made, where more was counted than the engine holds.
    """
    tries = dict(_tries(deployment, load, accelerators))
    # no setting takes a byte from weights that are more than a device has
    lost = verdict.need.resident > verdict.total_bytes
    for kind in _SETTINGS if lost else ():
        del tries[kind]
    found = [
        one
        for kind, changes in tries.items()
        if (one := _first(kind, _may_hold(kind, changes, judged), verdict, judged))
    ]
    if not lost and not any(one.kind in _SETTINGS for one in found):
        for kinds in _PAIRS:
            pair = _first(" and ".join(kinds), _both(deployment, load, *kinds, judged), verdict, judged)
            if pair is not None:
                return (pair, *found)
    return tuple(found)


def no_request(deployment: Deployment, load: Load, verdict: Verdict) -> str:
    """The sentence that says that not one request has room, and what would mend it. For plain numbers only."""
    binding, layout = verdict.binding, deployment.layout
    low, high = verdict.margins(binding)
    mends = "; ".join(one.change for one in remedies(deployment, load, verdict))
    then = f"any of these mends it: {mends}" if mends else "use a larger device or a smaller precision"
    what = f"one request of {load.tokens + load.output:,} tokens"
    if load.images is not None:
        height, width = load.images.sides
        frames = f"{load.images.frames:,} frames of " if load.images.frames > 1 else ""
        what = f"{load.sequences:,} prompt(s) x {load.images.count:,} of {frames}{height:,} x {width:,} pixels"
        then = "give a smaller image_resolution, fewer at once, or a larger device"
    return (
        f"{deployment.model.name} with {deployment.formats.scheme.label} weights has no room for {what} "
        f"on {layout.devices} x {deployment.device} as {layout} under "
        f"{deployment.engine.said}: {-binding.margin / GB:.1f} GB are missing for {binding.name} "
        f"({-high / GB:.1f} to {-low / GB:.1f}); {then}."
    )


# Settings, of which two may mend what one does not.
_SETTINGS = ("cache format", "eager", "share", "sequences", "step", "length")
# What keeps graphs and warm-up beside a share from doubt, where a first change made room for all else.
_SECOND = ("share", "eager")
# Of these each change asks for less than the one before.
_FALLING = ("sequences", "length")
_PAIRS = (
    ("eager", "length"),
    ("share", "length"),
    ("sequences", "length"),
    ("cache format", "length"),
    ("eager", "sequences"),
    ("share", "sequences"),
)

Change = tuple[str, "Deployment", "Load"]
Judge = Callable[["Deployment", "Load"], Verdict]


def _first(kind: str, changes: Iterable[Change], verdict: Verdict, judged: Judge) -> Remedy | None:
    """The first of the changes that mends it, or that does with a second that keeps another condition from doubt; or
    else the first that leaves it borderline."""
    near, beside = None, None
    for change, there, then in changes:
        after = judged(there, then)
        if not after.fits:
            continue
        if after.word == "fits":
            return _told_as(kind, change, after, verdict)
        if beside is None and after.margins(_same(after, verdict.binding))[0] >= 0:
            beside = change, there, then
        # a change that leaves the word as it was mends nothing
        if near is None and not verdict.fits:
            near = _told_as(kind, change, after, verdict)
    if beside is not None:
        change, there, then = beside
        tries = dict(_tries(there, then))
        for second in _SECOND:
            for further, place, served in tries[second] if second != kind else ():
                after = judged(place, served)
                if after.word == "fits":
                    return _told_as(kind, f"{change} and {further}", after, verdict)
    return near


def _told_as(kind: str, change: str, after: Verdict, verdict: Verdict) -> Remedy:
    gain = _same(after, verdict.binding).margin - verdict.binding.margin
    return Remedy(
        change=change,
        kind=kind,
        gain_bytes=round(gain),
        margin_bytes=round(after.told.margin),
        verdict=after.word,
    )


def _may_hold(kind: str, changes: Iterator[Change], judged: Judge) -> Iterable[Change]:
    """The changes of a kind; none where each asks for less than the one before and the last does not hold."""
    if kind not in _FALLING:
        return changes
    found = tuple(changes)
    return found if found and judged(*found[-1][1:]).fits else ()


def _same(after: Verdict, binding: Condition) -> Condition:
    """The condition that bound before the change; where an engine has it no more, the one that binds now."""
    return next((one for one in after.judged if one.name == binding.name), after.binding)


def _tries(
    deployment: Deployment, load: Load, accelerators: Iterable[Accelerator] = ()
) -> Iterator[tuple[str, Iterator[Change]]]:
    yield "cache format", _caches(deployment, load)
    yield "eager", _told(deployment, load, deployment.engine.EAGER, (True,))
    yield "share", _told(deployment, load, deployment.engine.SHARE, _SHARES)
    yield "sequences", _fewer(deployment, load)
    yield "step", _told(deployment, load, deployment.engine.CHUNK, _STEPS)
    yield "length", _shorter(deployment, load)
    yield "offload", _offloaded(deployment, load)
    yield "weights", _smaller(deployment, load)
    yield "devices", _more(deployment, load)
    yield "device", _larger(deployment, load, accelerators)


def _both(deployment: Deployment, load: Load, one: str, other: str, judged: Judge) -> Iterator[Change]:
    """Each change of one kind with each of another."""
    for change, there, then in dict(_tries(deployment, load))[one]:
        for further, place, served in _may_hold(other, dict(_tries(there, then))[other], judged):
            yield f"{change} and {further}", place, served


def _offloaded(deployment: Deployment, load: Load) -> Iterator[Change]:
    """Parts that the host keeps while others run."""
    engine = deployment.engine
    for mode in engine.OFFLOADS:
        yield f"offload {mode}", replace(deployment, engine=engine.told(offload=mode)), load


def _caches(deployment: Deployment, load: Load) -> Iterator[Change]:
    """An 8-bit cache."""
    kept, word = deployment.formats.kv_cache, deployment.engine.SMALL_CACHE
    if kept.bits > 8 and word and deployment.architecture.caching():
        formats = replace(deployment.formats, kv_cache=FORMATS[word], uniform=False)
        yield f"kv_precision {word}", replace(deployment, formats=formats), load


def _told(deployment: Deployment, load: Load, setting: str, values: Iterable[float]) -> Iterator[Change]:
    """Other values of a setting of the engine, where it has it."""
    engine = deployment.engine
    if setting not in engine.settings:
        return
    now = engine.settings[setting]
    for value in values:
        if value == now or (setting == engine.CHUNK and value > int(now)):
            continue
        said = str(value).lower() if isinstance(value, bool) else f"{value:g}"
        yield f"{setting} {said}", replace(deployment, engine=engine.told(**{setting: value})), load


def _fewer(deployment: Deployment, load: Load) -> Iterator[Change]:
    """Fewer sequences that the engine makes room for, or that are held at once."""
    engine, setting = deployment.engine, deployment.engine.SEQUENCES
    for count in _SEQUENCES:
        there, then, said = deployment, load, []
        if setting in engine.settings and count < int(engine.settings[setting]):
            there, said = replace(deployment, engine=engine.told(**{setting: count})), [f"{setting} {count}"]
        if load.sequences > count * deployment.layout.data:
            then = replace(load, sequences=count * deployment.layout.data)
            said.append(f"batch_size {then.sequences:,}")
        if said:
            yield " and ".join(said), there, then


def _shorter(deployment: Deployment, load: Load) -> Iterator[Change]:
    """Shorter requests, none longer than the model's own limit: the longest that the room holds, in steps that people
    set."""
    engine, setting = deployment.engine, deployment.engine.LENGTH
    told = setting in engine.given
    longest = int(engine.given[setting]) if told else int(load.tokens + load.output)
    limit = min(deployment.architecture.max_length or longest, longest)
    powers = [1 << bits for bits in range(limit.bit_length(), 7, -1)]
    for tokens in dict.fromkeys((limit, *powers)):
        if tokens < longest and tokens <= limit:
            kept = max(1, min(int(load.tokens), tokens - int(load.output)))
            then = replace(load, tokens=kept) if load.tokens + load.output > tokens else load
            there = replace(deployment, engine=engine.told(**{setting: tokens})) if told else deployment
            said = [f"{setting} {tokens:,}"] if told else []
            if then is not load:
                said.append(f"seq_length {kept:,}")
            yield " and ".join(said), there, then


def _smaller(deployment: Deployment, load: Load) -> Iterator[Change]:
    """Weights in fewer bits."""
    scheme = deployment.formats.scheme
    bits = (scheme.quantized or scheme.plain).bits
    for name in deployment.engine.SMALLER_WEIGHTS:
        formats = deployment.model.formats(name, None)
        smaller = formats.scheme.quantized
        if smaller is not None and smaller.bits < bits and not deployment.engine.unmultiplied(formats):
            formats = replace(formats, kv_cache=deployment.formats.kv_cache, uniform=False)
            yield f"precision {name}", replace(deployment, formats=formats), load


def _more(deployment: Deployment, load: Load) -> Iterator[Change]:
    """More devices that share each layer, in as many stages and copies as there are, which are said beside it."""
    layout, accelerator = deployment.layout, deployment.accelerator
    most = 8 if accelerator is None else accelerator.link_domain
    if layout.pooled > 1 or deployment.engine.ALONE:
        return
    if deployment.engine.BY_LAYERS:
        for stages in range(layout.pipeline + 1, min(most, most_stages(deployment.architecture)) + 1):
            more = replace(layout, pipeline=stages)
            said = f"devices {stages}" if more.devices == stages else f"pipeline_parallel {stages}"
            yield said, deployment.laid_out(more), load
        return
    for tensor in tensor_sizes(deployment.architecture, most):
        if tensor > layout.tensor:
            there = deployment.laid_out(replace(layout, tensor=tensor, expert=1))
            kept = {"pipeline_parallel": layout.pipeline, "data_parallel": layout.data}
            beside = [f"{name} {size}" for name, size in kept.items() if size > 1]
            yield " and ".join([f"tensor_parallel {tensor}", *beside]), there, load


def _larger(deployment: Deployment, load: Load, accelerators: Iterable[Accelerator]) -> Iterator[Change]:
    """Another device, one of it."""
    held = deployment.usable_bytes or 0
    for accelerator in sorted(accelerators, key=lambda one: one.usable_memory_bytes):
        if accelerator.usable_memory_bytes > held and serves(deployment.engine.name, device_of(accelerator)):
            there = deployment.on(accelerator).laid_out(Parallelism(data=deployment.layout.data))
            if not there.engine.unmultiplied(there.formats):
                yield f"hardware {accelerator.name}", there, load
