"""Answers about memory: what a device holds, and where that fits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..engines import device_of, serves, settings_of
from ..engines.inferred import only_loader
from ..engines.launch import launch_line
from ..engines.places import standing
from ..engines.releases import engine_table
from ..parallel import Parallelism, most_stages, tensor_sizes
from ..ranks import holdings
from ..report import Fit, Interval, MemoryReport, Note, Remedy, Startup
from ..units import GB, larger
from . import Ledger, Verdict, judge, ledger
from .adapters import adapter_parameters
from .caches import cache_notes, growth
from .calibration import spread_at
from .explanation import components_of, explanation
from .inverse import Held
from .ledger import held_tokens, place_in, standing_ledger
from .remedies import remedies
from .startup import LEVEL, startup_of
from .verdict import estimate_of, limit_notes, longest_of, place_at

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..engines import Engine, Place
    from ..formats.scheme import Formats

# Capacities that accelerators are sold with, GB.
CAPACITIES_GB = (8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128, 141, 180, 192, 256, 288)


def memory_report(
    deployment: Deployment,
    load: Load,
    *,
    accelerators: Sequence[Accelerator] = (),
    framework_overhead: float | None = None,
    include_gradients: bool = False,
    explained: bool = False,
) -> MemoryReport:
    """What one device of a deployment must hold, and which of `accelerators` hold it.

    framework_overhead: (cache + activations) x (factor - 1) in place of the engine's own overhead. explained: with the
    tree of what was summed.
    """
    architecture, formats, layout = deployment.architecture, deployment.formats, deployment.layout

    def counted(deployment: Deployment, load: Load = load) -> Ledger:
        need = ledger(deployment, load)
        if framework_overhead is not None:
            stated = (need.kv_cache + need.state + need.images + need.activations) * (framework_overhead - 1)
            need = replace(need, context=round(stated), buffers=0, graphs=0, stated_overhead=True)
        if include_gradients:
            held = holdings(architecture, formats.scheme, deployment.layout, deployment.engine)
            heaviest = max(holding.parameters for holding in held)
            need = replace(need, gradients=round(heaviest * formats.activation_bytes))
        return need

    def verdict_as_told(deployment: Deployment, load: Load) -> Verdict:
        assert deployment.usable_bytes is not None
        return judge(deployment, load, counted(deployment, load), deployment.usable_bytes)

    need = counted(deployment)
    usable = deployment.usable_bytes
    shared = architecture.shard(layout.tensor)
    cache = growth(shared, formats, deployment.engine, load.tokens).over(layout.context)
    verdict = None if usable is None else judge(deployment, load, need, usable)
    judged: dict[str, Any] = {}
    if verdict is not None:
        judged = _judged(deployment, load, verdict, accelerators, verdict_as_told)
        judged |= _of_length(deployment, load, judged["remedies"], refuses=verdict.word != "does not fit")
    return MemoryReport(
        **deployment.said(),
        **layout.said(),
        **need.said(),
        model_type=architecture.model_type,
        attention_type=architecture.attention_type,
        parameter_count=architecture.parameter_count,
        active_parameter_count=architecture.active_parameter_count,
        embedding_parameter_count=architecture.embedding_parameter_count,
        batch_size=load.sequences,
        seq_length=load.tokens,
        image_tokens=load.images.count * load.images.size.tokens if load.images else 0,
        video_tokens=load.video.size.tokens if load.video else 0,
        audio_tokens=load.sound.size.tokens if load.sound else 0,
        hardware=None if usable is None else deployment.device,
        max_length=architecture.max_length,
        kv_cache_bytes_per_token=cache.first,
        kv_cache_bytes_per_further_token=cache.beyond,
        kv_cache_bytes_per_token_mean=cache.mean,
        components=components_of(deployment, place_at(deployment, need).holding),
        adapter_parameter_count=_adapter_parameters(deployment, load),
        total_memory_interval=total_interval(deployment, need, stated=framework_overhead is not None),
        recommended_gpu_memory_gb=recommended_gb(deployment, load, need),
        fits=_fits(
            deployment,
            load,
            counted,
            tuple(accelerators),
            plain=not need.as_told and not need.apart,
        ),
        **judged,
        ledger=explanation(deployment, load, need, framework_overhead) if explained else None,
        notes=(
            *deployment.notes,
            *load.notes,
            *(length_notes(deployment, load.tokens) if verdict is None else ()),
            *cache_notes(architecture, formats, deployment.engine),
            *(() if verdict is None else own_length_notes(deployment, judged["startup"])),
            *(() if verdict is None else limit_notes(deployment, load)),
            *(() if verdict is None else launch_notes(deployment)),
            *(() if verdict is None else warning_notes(judged["startup"], verdict)),
            *_peak_notes(need, deployment, load),
            *deployment.apart,
        ),
    )


def _adapter_parameters(deployment: Deployment, load: Load) -> int:
    whole = place_in(deployment.architecture, deployment.formats, Parallelism(), deployment.engine)
    return adapter_parameters(whole, load.adapters, deployment.engine)


def _judged(
    deployment: Deployment,
    load: Load,
    verdict: Verdict,
    accelerators: Sequence[Accelerator],
    again: Callable[[Deployment, Load], Verdict],
) -> dict[str, Any]:
    """What a report says of the device that was named."""
    told, word = verdict.told, verdict.word
    low, high = verdict.margins(told)
    return {
        "fits_device": bool(verdict.fits),
        "verdict": word,
        "binding": told.name,
        "device_budget_bytes": round(verdict.budget_bytes),
        "device_margin_bytes": round(told.margin),
        "device_margin_interval": Interval(low=low, high=high, level=LEVEL, evidence=verdict.spread.evidence),
        "startup": startup_of(deployment, load, verdict),
        "remedies": () if word == "fits" else remedies(deployment, load, verdict, accelerators, again),
        "launch": launch_of(deployment, load),
    }


def _of_length(deployment: Deployment, load: Load, remedies: Sequence[Remedy], *, refuses: bool) -> dict[str, Any]:
    """What a verdict says of requests beyond the model's own limit; refuses: whether the engine's refusal is all that
    is a no."""
    longest, tokens = deployment.architecture.max_length, max(load.tokens, round(longest_of(deployment, load)))
    if longest is None or tokens <= longest:
        return {}
    limit, refusal = f"the model stops at {longest:,} tokens of the {tokens:,}", _refusal(deployment)
    if not refusal:
        return {"beyond": limit}
    said = f"{limit}, and {refusal}"
    # room for what is refused mends nothing
    shorter = {"remedies": tuple(one for one in remedies if "length" in one.kind.split(" and "))}
    if refuses:
        return {"refused": said, "fits_device": False, "verdict": "does not fit", **shorter}
    return {"beyond": said, **shorter}


def _refusal(deployment: Deployment) -> str:
    """What the engine does with a length beyond the model's own; empty where it goes on."""
    allows = engine_table(deployment.engine.name)["launch"].get("longer")
    return f"{deployment.engine.TITLE} refuses more unless {allows} is set" if allows else ""


def warning_notes(startup: Startup, verdict: Verdict) -> tuple[Note, ...]:
    """What the engine warns of and serves all the same."""
    warns = {condition.name for condition in verdict.conditions if condition.warns and condition.margin < 0}
    return tuple(
        Note(subject=checked.name, text=checked.message, origin="warning")
        for checked in startup.conditions
        if checked.name in warns
    )


def own_length_notes(deployment: Deployment, startup: Startup) -> tuple[Note, ...]:
    """What the engine would start for by itself, where the room holds no such request."""
    engine, own = deployment.engine, deployment.engine.own_length(deployment.architecture)
    if own is None or engine.LENGTH in engine.given or startup.longest is None or own <= startup.max_model_len:
        return ()
    # where it holds none, the verdict has said so
    if startup.longest >= own or startup.longest == 0:
        return ()
    text = (
        f"By itself {engine.TITLE} starts for a request of {own:,} tokens, and one of {startup.longest:,} is the "
        f"longest that the room holds: set {engine.LENGTH} {startup.max_model_len:,}."
    )
    return (Note(subject=engine.LENGTH, text=text, origin="warning"),)


def launch_notes(deployment: Deployment) -> tuple[Note, ...]:
    """What was counted and no flag of the engine makes so."""
    model, formats, engine, layout = deployment.model, deployment.formats, deployment.engine, deployment.layout
    own, facts, notes = model.formats(None, None), engine_table(engine.name)["launch"], []
    kept = formats.kv_cache
    if kept != own.kv_cache and kept.bits < 16 and kept.name not in facts.get("cache", {}) and not formats.uniform:
        having = f"it has {', '.join(facts['cache'])}" if "cache" in facts else "none is known to it"
        text = (
            f"The cache was counted in {kept.name}, which no flag of {engine.TITLE} asks for ({having}): the line that "
            f"starts it keeps {own.kv_cache.name}."
        )
        said = [name for name, one in settings_of(engine.name).items() if one.states == "kv_precision"]
        if said and "cache" not in facts:
            text = (
                f"The cache was counted in {kept.name}, and {engine.TITLE} has formats of its own: give "
                f"{' and '.join(said)} in engine_settings in place of kv_precision."
            )
        notes.append(Note(subject="kv_precision", text=text, origin="warning"))
    label = formats.scheme.label
    stocked = engine_table(engine.name).get("library", {}).get(own.scheme.label, {}) if model.plainly_named else {}
    only = only_loader(label)
    if only is not None and engine.name != only:
        text = f"Weights in {label} are loaded by {only} alone, and {engine.name} was counted."
        notes.append(Note(subject="engine", text=text, origin="warning"))
    elif (
        label not in (own.scheme.label, stocked.get("form"))
        and label not in facts.get("weights", {})
        and "{label}" not in facts["command"]
    ):
        text = (
            f"{engine.TITLE} loads {label} from a repository that is stored so, and {model.repository or model.name} "
            "is not: name such a repository."
        )
        if label in facts.get("at_load", ()):
            text = f"{engine.TITLE} makes {label} as it loads, by a configuration that no line was written for."
        notes.append(Note(subject="precision", text=text, origin="warning"))
    unsaid = [part for part in ("tensor", "data") if getattr(layout, part) > 1 and part not in facts]
    if unsaid and not (engine.BY_LAYERS or (unsaid == ["data"] and not layout.devices_of_copy > 1)):
        text = f"{engine.TITLE} has no flag for {' and '.join(unsaid)} parallelism here: start a process for each copy."
        if "tensor" in unsaid:
            text = (
                f"No flag of {engine.TITLE} for tensor parallelism is known: the line that starts it does not say it."
            )
        notes.append(Note(subject=f"{unsaid[0]}_parallel", text=text, origin="warning"))
    return tuple(notes)


def launch_of(deployment: Deployment, load: Load) -> str | None:
    """The line that starts the engine so; None where no line does."""
    model, formats, adapters, drafts = deployment.model, deployment.formats, load.adapters, deployment.speculation
    own = model.formats(None, None)
    if engine_table(deployment.engine.name)["launch"].get("of_sound") and deployment.architecture.sounds is None:
        return None
    return launch_line(
        deployment.engine,
        model.repository or model.name,
        deployment.layout,
        longest=round(longest_of(deployment, load)),
        cache="" if formats.kv_cache == own.kv_cache else formats.kv_cache.name,
        weights="" if formats.scheme.label == own.scheme.label else formats.scheme.label,
        label=formats.scheme.label,
        plain=formats.scheme.plain.name,
        adapters=None if adapters is None else (adapters.count, adapters.rank),
        drafted=None if drafts is None else (drafts.method, drafts.name, drafts.tokens),
        beyond=longest_of(deployment, load) > (deployment.architecture.max_length or math.inf),
    )


def total_interval(deployment: Deployment, need: Ledger, *, stated: bool = False) -> Interval:
    """The range of a ledger's total: the ranges of its parts, which err apart from each other.

    stated: the overhead was asked for, and has none.
    """
    place = place_at(deployment, need)
    spread = spread_at(deployment, place)
    low = high = 0.0
    for part in spread.PARTS:
        if stated and part in ("context", "buffers", "graphs"):
            continue
        estimate, found = estimate_of(need, part), getattr(spread, part)
        low, high = low + found.below(estimate) ** 2, high + found.above(estimate) ** 2
    total = need.total
    return Interval(
        low=max(round(total - math.sqrt(low)), 0),
        high=round(total + math.sqrt(high)),
        level=LEVEL,
        evidence=spread.evidence,
    )


def _fits(
    deployment: Deployment,
    load: Load,
    counted: Callable[[Deployment], Ledger],
    accelerators: tuple[Accelerator, ...],
    *,
    plain: bool,
) -> tuple[Fit, ...]:
    """Those that hold what is counted whatever the range, each in the smallest group that does, or as it was asked
    for where that is fewer."""
    offers = _offers(deployment.engine, deployment.architecture, deployment.formats, accelerators)
    quick = plain and _is_plain(deployment, load)
    found = []
    for offer in offers:
        own = [deployment.layout] if offer.accelerator == deployment.accelerator else []
        doubted = None
        for layout in sorted([*offer.layouts, *own], key=lambda layout: layout.devices):
            if not _may_hold(deployment, load, offer, layout, quick=quick):
                continue
            candidate = deployment.moved(offer.engine, offer.accelerator, layout)
            verdict = judge(candidate, load, counted(candidate), offer.memory_bytes)
            if verdict.word == "fits":
                held = fit_of(Held(deployment=candidate, verdict=verdict))
                found.append(replace(held, borderline_devices=doubted))
                break
            if verdict.fits and doubted is None:
                doubted = layout.devices
    return tuple(found)


def _may_hold(deployment: Deployment, load: Load, offer: _Offer, layout: Parallelism, *, quick: bool) -> bool:
    """Whether a group may hold it: quicker than to judge those that cannot; quick: by what a plain load needs."""
    dealt = layout not in offer.layouts or offer.engine.BY_LAYERS
    place = place_in(offer.architecture, offer.formats, Parallelism() if dealt else layout, offer.engine)
    held = standing(offer.engine, place)
    least = place.holding.weights + min(held.loaded, 0) - held.host
    if least > offer.memory_bytes * (layout.devices if dealt else 1):
        return False
    if dealt:
        return True
    return not quick or _plainly_held(deployment, load, offer, place)


def _is_plain(deployment: Deployment, load: Load) -> bool:
    """Whether nothing is held but weights and the cache of text, by an engine whose peaks hang on no load."""
    # what a tower is shown before hangs on the longest request
    beside = (
        deployment.architecture.images,
        load.images,
        load.video,
        load.sound,
        load.adapters,
        deployment.calibration,
        deployment.speculation,
    )
    task = deployment.architecture.task
    return deployment.engine.PROFILES and not load.mix and task == "decoder" and all(one is None for one in beside)


def _plainly_held(deployment: Deployment, load: Load, offer: _Offer, place: Place) -> bool:
    """Whether a device holds a plain load, whose cache is all that hangs on it, by the estimate."""
    sequences, tokens, longest = (
        load.sequences * load.beams,
        held_tokens(deployment, load),
        longest_of(deployment, load),
    )
    alone = _alone(offer.engine, place)
    if alone.margin < 0 or alone.room <= 0:
        return False
    request = offer.engine.kept_bytes(place, longest, 0)
    kept = sequences * (request if tokens == longest else offer.engine.kept_bytes(place, tokens, 0))
    return bool(alone.room >= larger(kept, request + alone.spared))


@dataclass(frozen=True, slots=True)
class _Offer:
    """An accelerator with the engine on it, and the groups of it that can share a model."""

    accelerator: Accelerator
    engine: Engine
    architecture: Architecture
    formats: Formats
    layouts: tuple[Parallelism, ...]
    memory_bytes: int


@lru_cache(maxsize=512)
def _offers(
    engine: Engine, architecture: Architecture, formats: Formats, accelerators: tuple[Accelerator, ...]
) -> tuple[_Offer, ...]:
    found = []
    for accelerator in accelerators:
        if serves(engine.name, device_of(accelerator)):
            there = engine.on(device_of(accelerator))
            if there.unmultiplied(formats):
                continue
            most = accelerator.link_domain
            if there.BY_LAYERS:
                stages = range(1, min(most, most_stages(architecture)) + 1)
                layouts = tuple(Parallelism(pipeline=count) for count in stages)
            else:
                layouts = tuple(Parallelism(tensor=size) for size in tensor_sizes(architecture, most))
            memory_bytes = accelerator.usable_memory_bytes
            found.append(_Offer(accelerator, there, architecture, formats, layouts, memory_bytes))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Alone:
    """What a device holds and has to spare before anything is served."""

    margin: float
    """Of what hangs on no load."""
    room: float
    spared: float
    """Of the room, what a request cannot have."""


@lru_cache(maxsize=4096)
def _alone(engine: Engine, place: Place) -> _Alone:
    need, total = standing_ledger(engine, place), engine.total_bytes
    assert total is not None
    conditions = engine.conditions(place, need, 0, total)
    room = engine.room(place, need, total).margin
    (request,) = (one.margin for one in conditions if one.takes == "request")
    return _Alone(
        margin=min(one.margin for one in conditions if not one.takes and not one.warns),
        room=room,
        spared=room - request - engine.kept_bytes(place, 0, 0),
    )


def fit_of(held: Held) -> Fit:
    """What a report says of devices that hold the model."""
    accelerator = held.deployment.accelerator
    assert accelerator is not None
    return _fit(accelerator, held.deployment.layout.devices, held.verdict.used_share)


def _fit(accelerator: Accelerator, devices: int, used_share: float) -> Fit:
    return Fit(hardware=accelerator.name, devices=devices, memory_gb=accelerator.memory_gb, used_share=used_share)


def recommended_gb(deployment: Deployment, load: Load, need: Ledger) -> int:
    """The smallest capacity on sale, GB, whose cards hold what is needed; above all of them what would, rounded up."""
    engine, place, longest = deployment.engine, place_at(deployment, need), longest_of(deployment, load)
    for capacity in CAPACITIES_GB:
        if need.least > capacity * GB or (need.as_told and need.total > capacity * GB):
            continue
        if need.stated_overhead:
            return capacity
        conditions = engine.conditions(place, need, longest, capacity * GB)
        if all(condition.margin >= 0 or condition.warns for condition in conditions):
            return capacity
    whole: int = math.ceil(need.total / deployment.engine.budget_bytes(GB))
    return whole


def _peak_notes(need: Ledger, deployment: Deployment, load: Load) -> tuple[Note, ...]:
    """Which part of a pipeline that makes images needs most."""
    if not need.peaks or deployment.architecture.task != "diffusion":
        return ()
    shown = ", ".join(f"{part} {value / GB:.2f} GB" for part, value in need.peaks.items() if value)
    offload = deployment.engine.settings.get("offload", "none")
    kept = "no offload" if offload == "none" else f"offload {offload}"
    text = f"Activations are the largest peak of {shown}; no slices, no tiles, {kept}."
    latents = deployment.architecture.latents
    if latents is not None and load.images is not None and load.images.frames > 1:
        at_once = "all frames" if latents.frames_at_once is None else f"{latents.frames_at_once:,} frames"
        text += (
            f" Of a video {at_once} are decoded at once. What decoders of videos keep alive was traced, and "
            "measured of four: the range is wide."
        )
    return (Note(subject="activation_memory_bytes", text=text, origin="assumption"),)


def length_notes(deployment: Deployment, tokens: int, subject: str = "seq_length") -> tuple[Note, ...]:
    """A warning when sequences are longer than the model's config allows."""
    longest = deployment.architecture.max_length
    if longest is None or tokens <= longest:
        return ()
    refusal = _refusal(deployment)
    text = f"{tokens:,} tokens exceed the {longest:,} that the model's config allows{refusal and f', and {refusal}'}."
    return (Note(subject=subject, text=text, origin="warning"),)
