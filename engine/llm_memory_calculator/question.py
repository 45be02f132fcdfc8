"""From what was asked to what serves and what is served: the only place that checks, that chooses a layout, and that
notes what was assumed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llm_memory_hardware import AmbiguousHardwareError, Catalogue, find_accelerator, find_devices
from llm_memory_hardware.catalogue import current

from .arguments import (
    BATCH,
    CONTEXT,
    FEWEST,
    MOST_SEARCHED_DEVICES,
    SMALLEST,
    TOKENS,
    CalculateMemory,
    Calibrated,
    Come,
    EstimatePerformance,
    EstimateServing,
    Generated,
    Held,
    MaxBatchSize,
    PlanDeployment,
    Question,
    Split,
)
from .checks import is_all, real, whole
from .deployment import (
    MOST_OF_A_RATE,
    Deployment,
    Load,
    Pictures,
    PrefillWorkers,
    Recording,
    Speculation,
    Traffic,
    cached_of,
    requests_of,
)
from .drafting import speculation_of
from .engines import (
    UNNAMED,
    Device,
    Engine,
    device_of,
    engine_for,
    engines_with,
    own_device,
    require_serves,
    serves,
    settings_of,
    share_of,
)
from .engines.inferred import inferred, loading_release
from .engines.launch import told_length
from .engines.releases import engine_table
from .errors import ArgumentError, LayoutError
from .facts import table
from .formats.labels import bits_alone
from .formats.numerics import FORMATS
from .formats.scheme import formats_for
from .images import InputSize
from .lengths import Lengths
from .memory import verdict_of
from .memory.adapters import adapters_of
from .memory.calibration import Calibration, calibration_note, calibration_of, require_same
from .memory.inverse import long, longest_context, require_context, shown_tokens
from .memory.peft import is_peft
from .parallel import Parallelism, check, problem
from .performance.calibration import (
    TimeCalibration,
    require_measured,
    time_calibration_note,
    time_calibration_of,
)
from .report import Note
from .sources.adapters import read_adapter
from .sources.calibration import read_calibration
from .units import GB, GIB
from .untrusted import untrusted

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from .architecture import Architecture
    from .arguments import HardwareLike
    from .formats.scheme import Formats
    from .images import Latents
    from .memory.adapters import Adapters
    from .models import Model

ONE_DEVICE = Parallelism()
_LAYOUT = ("tensor_parallel", "pipeline_parallel", "data_parallel", "expert_parallel", "context_parallel")
# Devices that commonly share a node, and so a layer.
MOST_TENSOR = 8


# --- what serves ---------------------------------------------------------------------------------------------------


def deployed(
    asked: Question,
    model: Model,
    *,
    accelerator: Accelerator | None = None,
    memory_bytes: int | None = None,
    layout: Parallelism = ONE_DEVICE,
    devices: int | None = None,
    notes: tuple[Note, ...] = (),
    to_place: bool = False,
) -> Deployment:
    """A model in the formats that were asked for, on devices in a layout; `notes` are what was chosen of these.

    to_place: the devices are chosen later, so that the weights are those that the engine serves on one.
    """
    asked = _as_read_by(asked.engine, asked)
    formats = model.formats(asked.precision, asked.kv_precision)
    about: tuple[Note, ...] = ()
    if accelerator is not None:
        device, about = device_of(accelerator), hardware_notes(accelerator)
    elif memory_bytes is not None:
        device, about = _as_sold(memory_bytes)
    else:
        device = UNNAMED
    calibration, measured = _calibrations(asked)
    chosen = _engine(asked, model, formats, device, calibration, measured)
    engine = _with_beams(asked, chosen.engine)
    _require_prefixes(asked, engine)
    if (read_so := _as_read_by(engine.name, asked)) is not asked:
        asked, formats = read_so, model.formats(read_so.precision, read_so.kv_precision)
    known = chosen.named or to_place or device is not UNNAMED
    formats, stored = _with_weights_of(engine, asked, model, formats, known=known)
    require_multiplied(engine, formats)
    formats, kept = _with_cache_of(engine, asked, formats)
    speculation = _speculation(asked, model, formats, engine)
    drafted = () if speculation is None else speculation.notes
    read = tuple(assumed(name, text) for name, text in asked.readings.items())
    of_model = model.notes(formats, asked.precision)
    return Deployment(
        model=model,
        formats=formats,
        engine=engine,
        layout=layout,
        accelerator=accelerator,
        memory_bytes=memory_bytes,
        devices=devices,
        calibration=calibration,
        measured=measured,
        speculation=speculation,
        notes=(*notes, *read, *of_model, *chosen.notes, *engine.notes, *stored, *kept, *drafted, *about),
    )


def require_multiplied(engine: Engine, formats: Formats) -> None:
    """Raise LayoutError where the engine has no kernel for weights of such a format on its device."""
    if why := engine.unmultiplied(formats):
        raise LayoutError(f"{why}. Give another precision, such as 'bf16', or other hardware.")


def _as_read_by(engine: str | None, asked: Question) -> Question:
    """The same with bits alone (4bit) as those of the engine's own files, where all its files are of one kind."""
    written = "" if engine is None else engine_table(engine).get("bits", "")
    bits = bits_alone(asked.precision) if written else ""
    return replace(asked, precision=written.format(bits)) if bits else asked


def _require_prefixes(asked: Question, engine: Engine) -> None:
    """Raise ArgumentError where prompts are to be cached and the engine is told to keep no prefixes."""
    share = getattr(asked, "cached_share", None)
    if not share or engine.NO_PREFIXES is None:
        return
    setting, value = engine.NO_PREFIXES
    if engine.given.get(setting) == value:
        raise ArgumentError(
            f"cached_share is {share:g}, and {setting} {value} keeps no prefixes: leave one of the two out."
        )


def _with_weights_of(
    engine: Engine, asked: Question, model: Model, formats: Formats, *, known: bool
) -> tuple[Formats, tuple[Note, ...]]:
    """The formats with the weights that an engine's files of such a checkpoint have, where no file is at hand; of one
    stored in 32 bits those in which the engine serves it, where it or the device that it serves on is known.
    """
    label = formats.scheme.label
    rule = engine_table(engine.name).get("library", {}).get(label)
    if rule is not None and model.plainly_named and model.weights is None and asked.precision is None:
        return model.served_in(rule["form"], asked.kv_precision), (assumed("precision", rule["why"]),)
    served = engine_table(engine.name).get("serves_in", {}).get(label) if known and asked.precision is None else None
    if served is not None:
        said = f"Stored in {label}, served in {served} by {engine.TITLE}."
        return model.served_in(served, asked.kv_precision), (assumed("precision", said),)
    rule = engine.facts.get("weights_with", {}).get(label)
    if rule is None or model.weights is not None or asked.precision not in (None, label):
        return formats, ()
    text = f"{rule['why']} It was counted so; a path to the file counts another."
    return model.formats(rule["form"], asked.kv_precision), (assumed("precision", text),)


def _with_cache_of(engine: Engine, asked: Question, formats: Formats) -> tuple[Formats, tuple[Note, ...]]:
    """The formats with the cache that an engine keeps with such weights where nobody says another."""
    label = formats.scheme.label
    rule = engine.facts.get("cache_with", {}).get(label)
    if rule is None or asked.kv_precision is not None or formats.kv_cache.bits < 16:
        return formats, ()
    own = formats.kv_cache.name
    if not rule["kept"]:
        text = f"{rule['why']} {own} was counted: give kv_precision {rule['form']!r} for that."
        return formats, (assumed("kv_precision", text),)
    text = f"{rule['why']} It was counted so; kv_precision {own!r} counts 16 bits."
    return formats_for(formats.scheme, rule["form"]), (assumed("kv_precision", text),)


def _with_beams(asked: Question, engine: Engine) -> Engine:
    """The engine started for as many continuations as are asked for. Raises ArgumentError where it keeps but one."""
    beams = asked.beam_size if isinstance(asked, Come) else 1
    if beams == 1:
        return engine
    width = engine.BEAM_WIDTH
    if not engine.BEAMS:
        then = f"give it as its setting {width} to calculate_memory" if width else "leave it out"
        raise ArgumentError(
            f"beam_size is {beams}, and {engine.TITLE} takes no beams from a request: {then}, or name an engine of "
            f"{', '.join(engines_with('BEAMS'))}."
        )
    if not width or beams <= int(engine.given.get(width, 0)):
        return engine
    if width in engine.given:
        raise ArgumentError(
            f"beam_size is {beams}, and {width} {engine.given[width]}; raise that, or give fewer beams."
        )
    return engine.told(**{width: beams})


def _speculation(asked: Question, model: Model, formats: Formats, engine: Engine) -> Speculation | None:
    wanted: Any = asked.speculative if isinstance(asked, Calibrated) else None
    return None if wanted is None else speculation_of(wanted, model, formats, engine)


@dataclass(frozen=True, slots=True)
class Serving:
    """An engine, and what is to be said of the choice."""

    engine: Engine
    named: bool
    """Whether a caller, or what a caller gave, named it."""
    notes: tuple[Note, ...] = ()


def _calibrations(asked: Question) -> tuple[Calibration | None, TimeCalibration | None]:
    """What a calibration says of memory, or of times."""
    stated: Any = asked.calibration if isinstance(asked, Calibrated) else None
    if stated is None:
        return None, None
    # whoever wrote the file, or the object that is handed on
    stated = read_calibration(stated) if isinstance(stated, str) else untrusted(stated)
    if "factors" not in stated:
        return calibration_of(stated), None
    if not isinstance(asked, Generated):
        raise ArgumentError(
            "calibration is of times, as calibrate gives it, and memory is asked for; give what explain_startup_log "
            "gives, or leave calibration out."
        )
    return None, time_calibration_of(stated)


def _engine(
    asked: Question,
    model: Model,
    formats: Formats,
    device: Device,
    calibration: Calibration | None,
    measured: TimeCalibration | None,
) -> Serving:
    """The engine that was asked for, or the one that serves such formats on such a device; with its settings.

    Where neither it nor its release was asked for, a calibration says which.
    """
    name, version, notes = asked.engine, asked.engine_version, list[Note]()
    if calibration is not None:
        name = name or calibration.engine
        version = version or (calibration.version if name == calibration.engine else None) or None
        notes.append(calibration_note(calibration))
    if measured is not None:
        name = name or measured.engine_on(device.name or None)
    why, named = "", name is not None
    if name is None:
        found = inferred(model, formats, device)
        name = found.engine
        why = found.why
        # every answer names its engine
        notes.append(Note(subject="engine", text=why, origin="default"))
    settings = dict(asked.engine_settings or {})
    if asked.gpu_memory_utilization is not None:
        share = share_of(name)
        if not share:
            raise ArgumentError(
                f"gpu_memory_utilization is {asked.gpu_memory_utilization:g}, and {name} takes no share of the memory; "
                "leave it out, or name an engine that does, such as engine 'vllm'."
            )
        if share in settings:
            raise ArgumentError(f"{share} stands in engine_settings too; give it once.")
        settings[share] = asked.gpu_memory_utilization
    total = settings.pop("total_gib", None)
    if total is not None:
        device = replace(device, total_bytes=round(real("total_gib", total, most=1e6) * GIB))
        text = f"total_gib: a runtime that shows {device.total_gib:,.2f} GiB was taken."
        notes.append(Note(subject="total_gib", text=text, origin="override"))
    elif calibration is not None and calibration.is_of(device):
        # logs print what a driver and a partition leave of a card
        device = replace(device, total_bytes=calibration.total_bytes)
    if not device.name and getattr(asked, "memory_gb", None) is None:
        device = own_device(name, device)
    elif not device.name and not serves(name, device):
        raise ArgumentError(
            f"memory_gb is of a card with CUDA, on which {name} is not described; name the hardware, such as "
            "'M4 Max 64GB'."
        )
    require_serves(name, model.architecture, device, why)
    loads = loading_release(name, formats.scheme.label, version)
    if loads is not None:
        version = loads
        notes.append(assumed("engine_version", f"{name} {loads} was counted, which loads {formats.scheme.label}."))
    engine = engine_for(name, version, device, **settings)
    twice = [word for word in engine.given if settings_of(name)[word].states == "kv_precision"]
    if twice and asked.kv_precision is not None:
        raise ArgumentError(
            f"kv_precision {asked.kv_precision!r} and {twice[0]} {engine.given[twice[0]]!r} both say the format of "
            "the cache; give one of them."
        )
    if calibration is not None:
        require_same(calibration, engine, device)
    if measured is not None:
        if device.name:
            require_measured(measured, name, device.name)
        notes.append(time_calibration_note(measured, name, device.name or None))
    return Serving(engine, named, tuple(notes))


def _sold_bytes(memory_gb: float) -> int:
    """Bytes of so much memory; a card of 24 GiB is one that is sold with 24 GB."""
    memory_bytes = int(memory_gb * GB)
    sold = [float(size) for size in table("memory")["sold"] if abs(float(size) * GIB - memory_bytes) < 1000]
    return int(sold[0] * GB) if sold else memory_bytes


def _as_sold(memory_bytes: int) -> tuple[Device, tuple[Note, ...]]:
    """The device that is sold with so much memory, of which a runtime shows another number; what was taken.

    Of a size that none is sold with, so many bytes, and no less than the next smaller card that is sold shows.
    """
    cards = table("memory")["sold"].items()
    smaller = [(float(size), name) for size, name in cards if float(size) * GB <= memory_bytes]
    if not smaller:
        return Device(total_bytes=memory_bytes), ()
    size, sold = max(smaller)
    card = find_accelerator(sold)
    shown = card.usable_memory_bytes
    if memory_bytes > shown:
        return Device(total_bytes=memory_bytes), ()
    told = f"{memory_bytes / GB:g} GB was taken as of a card that is sold with {size:g}"
    text = f"{told}: {card.name} shows its runtime {shown / GIB:.2f} GiB."
    # of a number alone nothing says that it is no card with CUDA
    device = device_of(card)
    if device.runtime != "cuda":
        device = replace(device, runtime="cuda", generation="")
    return replace(device, name=""), (assumed("memory_gb", text),)


def held(asked: CalculateMemory | MaxBatchSize, model: Model, sequences: int) -> tuple[Deployment, Load]:
    """The devices whose memory is asked for, in the layout given or chosen, and the sequences that they hold."""
    if asked.hardware is not None and asked.memory_gb is not None:
        raise ArgumentError("Give hardware or memory_gb, not both.")
    accelerator, count, node = None, asked.devices, MOST_TENSOR
    if asked.hardware is not None:
        accelerator, count = named(asked.hardware, asked.devices, memory_alone=True)
        node = accelerator.link_domain
    # a search shares the devices out, so it begins with one
    searched_for = asked.find == FEWEST
    deployment = deployed(
        asked,
        model,
        accelerator=accelerator,
        memory_bytes=None if asked.memory_gb is None else _sold_bytes(asked.memory_gb),
        devices=count if searched_for else None,
        to_place=asked.find == SMALLEST,
    )
    chosen = Chosen(ONE_DEVICE)
    if not searched_for:
        serving = deployment.engine
        chosen = _layout(
            model.architecture,
            count,
            node,
            layout_given(asked),
            by_layers=serving.BY_LAYERS,
            alone=serving.ALONE and model.architecture.task != "diffusion",
        )
        deployment = replace(deployment, layout=chosen.layout, notes=(*chosen.notes, *deployment.notes))
    engine, layout = deployment.engine, deployment.layout
    if engine.ALONE and model.architecture.task != "diffusion" and (why := engine.refused(layout)):
        raise LayoutError(why)
    load = held_load(asked, deployment, sequences)
    shown = load.images is not None or load.video is not None or load.sound is not None
    if shown and "mmproj" in engine.settings and "mmproj" not in engine.given:
        deployment = replace(deployment, engine=engine.told(mmproj=True))
    check(model.architecture, chosen.layout, pads=engine.device.pads)
    _require_shared(deployment)
    if not layout_given(asked):
        deployment = replace(deployment, notes=(*_packed(deployment, load), *deployment.notes))
    return deployment, load


def _packed(deployment: Deployment, load: Load) -> tuple[Note, ...]:
    """That an engine uses fewer of the devices over which a model was counted, where they hold it."""
    layout, engine = deployment.layout, deployment.engine
    if not engine.PACKS or layout.pipeline == 1 or deployment.usable_bytes is None:
        return ()
    fewer = (Parallelism(pipeline=stages) for stages in range(1, layout.pipeline))
    fewest = next((one for one in fewer if verdict_of(deployment.laid_out(one), load).fits), None)
    if fewest is None:
        return ()
    text = (
        f"It was counted over {layout.devices} devices; {engine.TITLE} takes the fewest that hold a model, here "
        f"{fewest.devices}, and leaves the others idle, unless sched_spread is set."
    )
    return (assumed("devices", text),)


def held_mix(asked: MaxBatchSize, model: Model) -> tuple[Deployment, Load]:
    """The devices, and the sequences of which the number, the length or the tokens are looked for."""
    plain = asked.seq_length == type(asked).seq_length
    if asked.hardware is None and asked.memory_gb is None:
        raise ArgumentError("Give hardware (such as 'H100') or memory_gb (GB of one device): one of them is needed.")
    if asked.batch_size is not None and asked.find != CONTEXT:
        raise ArgumentError("batch_size is of the longest context: give find 'context' too, or leave it out.")
    if asked.find == CONTEXT and not plain:
        raise ArgumentError("seq_length is what find 'context' looks for; leave it out.")
    if asked.find == CONTEXT:
        # what is shown to the model is to have room in the longest that there may be
        asked = replace(asked, seq_length=max(asked.seq_length, model.architecture.max_length or 0))
    if not asked.mix:
        deployment, load = held(asked, model, asked.batch_size or 1)
        told = deployment.engine.given.get(deployment.engine.LENGTH)
        if told is not None and shown_tokens(load) >= int(told):
            raise ArgumentError(
                f"What each sequence is shown takes {shown_tokens(load):,} tokens, and {deployment.engine.LENGTH} is "
                f"{told:,}; raise it, or show less."
            )
        return deployment, _as_started(deployment, load) if asked.find == TOKENS and plain else load
    if asked.find != BATCH or not plain:
        raise ArgumentError("mix says the lengths of the most sequences: leave seq_length out, and find at 'batch'.")
    mix: Any = asked.mix
    (shortest, _), (longest, _) = mix[0], mix[-1]
    deployment, load = held(replace(asked, seq_length=longest), model, 1)
    require_context(deployment)
    if (shown := shown_tokens(load)) > shortest:
        raise ArgumentError(
            f"mix has sequences of {shortest:,} tokens, and what each is shown takes {shown:,}; give longer ones."
        )
    notes = load.notes
    if not deployment.engine.PAGED:
        text = f"{deployment.engine.name} keeps room for the longest, {longest:,} tokens, in every sequence of the mix."
        notes = (*notes, assumed("mix", text))
    return deployment, replace(load, mix=mix, notes=notes)


def _as_started(deployment: Deployment, load: Load) -> Load:
    """The load with requests of the length that the engine is started for, where nobody says one: it prints its tokens
    for these. Of its own length no more than there is room for, with which it has to be started then."""
    engine = deployment.engine
    if deployment.architecture.task != "decoder":
        return load
    told, own = told_length(engine), engine.own_length(deployment.architecture)
    if told is not None or own is None:
        return load if told is None else replace(load, tokens=told)
    started = f"The tokens are those of {engine.TITLE} started for"
    text = f"{started} requests of {own:,} tokens, as it is by itself ({engine.LENGTH})."
    tokens, one = own, replace(load, sequences=deployment.layout.data)
    if not verdict_of(deployment, long(one, own)).fits:
        tokens = min(own, int(longest_context(deployment, one).held))
        text = (
            f"By itself {engine.TITLE} starts for {own:,} tokens, for which there is no room. {started} {tokens:,}, "
            f"which is the longest by the estimate: tell it {engine.LENGTH} {tokens:,}."
        )
    if tokens == 0:
        return load
    return replace(load, tokens=tokens, notes=(*load.notes, assumed("seq_length", text)))


def require_search(asked: CalculateMemory) -> None:
    """Raise ArgumentError where what is to be found was given too, or what it is found by is missing."""
    if asked.find is None:
        return
    if asked.include_gradients or asked.framework_overhead is not None:
        raise ArgumentError(
            f"find {asked.find!r} counts what serving needs: leave include_gradients and framework_overhead out."
        )
    if asked.find == FEWEST and asked.hardware is None and asked.memory_gb is None:
        raise ArgumentError("find 'devices' needs the devices' kind: give hardware (such as 'H100') or memory_gb.")
    if asked.find == FEWEST and layout_given(asked):
        raise ArgumentError(f"find 'devices' looks for the layout; leave {', '.join(_LAYOUT)} out.")
    if asked.find == SMALLEST and (asked.hardware is not None or asked.memory_gb is not None):
        raise ArgumentError("find 'device' looks for the hardware; leave hardware and memory_gb out.")


# Settings by which a part of the model stays on the host.
_KEPT_ON_HOST = ("n_gpu_layers", "n_cpu_moe", "num_gpu", "cpu_offload_gb")


def kept_on_host(engine: Engine) -> tuple[str, ...]:
    """The settings that were given of those by which a part of the model stays on the host: who tells them has one
    device, where nobody says how many. All layers on the devices is what there is without them."""
    told = {word: float(engine.given[word]) for word in _KEPT_ON_HOST if word in engine.given}
    return tuple(
        word for word, value in told.items() if (value >= 0 if word in ("n_gpu_layers", "num_gpu") else value > 0)
    )


def deployed_as_given(
    asked: EstimatePerformance, model: Model, accelerator: Accelerator, count: int | None
) -> Deployment | None:
    """The devices in the layout that was given; None where none was."""
    given = layout_given(asked)
    workers = _prefill_workers(asked, model, given)
    if workers is not None and given.get("context", 1) > 1:
        raise LayoutError("context_parallel is not counted beside prefill_workers; leave one of them out.")
    if not given:
        return None
    if workers is not None:
        check(model.architecture, workers.layout, pads=device_of(accelerator).pads)
        count = _beside(workers, count)
    chosen = _layout(model.architecture, count, accelerator.link_domain, given)
    check(model.architecture, chosen.layout, pads=device_of(accelerator).pads)
    found = deployed(asked, model, accelerator=accelerator, layout=chosen.layout, notes=chosen.notes)
    _require_shared(found)
    if workers is None:
        return found
    if not found.engine.DISAGGREGATES:
        raise ArgumentError(
            f"prefill_workers is {workers.count}, and {found.engine.TITLE} takes in prompts where it decodes; leave it "
            f"out, or name an engine of {', '.join(engines_with('DISAGGREGATES'))}."
        )
    return replace(found, prefill=workers)


_OF_PREFILL = ("prefill_tensor_parallel", "prefill_expert_parallel", "transfer_gb_s")


def _prefill_workers(asked: EstimatePerformance, model: Model, given: Mapping[str, int]) -> PrefillWorkers | None:
    """Who takes in prompts alone, beside the layout that was given."""
    if asked.prefill_workers is None:
        for name in _OF_PREFILL:
            if getattr(asked, name) is not None:
                raise ArgumentError(f"{name} is of workers that take in prompts alone: give prefill_workers too.")
        return None
    if not given:
        raise ArgumentError(
            "prefill_workers take in prompts beside a layout that only decodes, and none is given: give "
            "tensor_parallel (and data_parallel, expert_parallel) of that too."
        )
    architecture = model.architecture
    if architecture.task != "decoder":
        raise ArgumentError(
            f"prefill_workers are of decoders, and {model.name} is none ({architecture.model_type}); leave it out."
        )
    tensor, expert = asked.prefill_tensor_parallel or given.get("tensor", 1), asked.prefill_expert_parallel or 1
    if expert > tensor and expert % tensor:
        raise LayoutError(
            f"prefill_expert_parallel {expert} is no multiple of prefill_tensor_parallel {tensor}, by which its ranks "
            "are counted; give one that is, or one that divides it."
        )
    return PrefillWorkers(
        count=asked.prefill_workers,
        # experts shared by more than the devices of a layer are shared by ranks with attention of their own
        layout=Parallelism(tensor=tensor, data=max(1, expert // tensor), expert=expert),
        bandwidth=None if asked.transfer_gb_s is None else asked.transfer_gb_s * GB,
    )


def _beside(workers: PrefillWorkers, count: int | None) -> int | None:
    """Of so many devices those that are left to decode."""
    if count is not None and count <= workers.devices:
        raise LayoutError(
            f"devices is {count}, and {workers.count} prefill worker(s) of {workers.layout.devices} take "
            f"{workers.devices}, which leaves none to decode; give more devices, or fewer prefill_workers."
        )
    return None if count is None else count - workers.devices


def _require_shared(deployment: Deployment) -> None:
    """Raise LayoutError where the engine was told to share a model in another way than the layout does."""
    refused = deployment.engine.refused(deployment.layout)
    if refused:
        raise LayoutError(refused)
    if deployment.layout.pipeline > 1 and not deployment.over_stages:
        raise LayoutError(
            f"speculative is given beside pipeline_parallel {deployment.layout.pipeline}, and "
            f"{deployment.engine.TITLE} {deployment.engine.version} does not start so; give tensor_parallel in its "
            "place, or leave speculative out."
        )
    if deployment.layout.context == 1:
        return
    beside = "speculative decoding" if deployment.speculation is not None else ""
    if deployment.formats.kv_bytes < deployment.formats.activation_bytes:
        beside = f"a cache in {deployment.engine.kept_in(deployment.formats)}"
    if beside:
        raise LayoutError(
            f"context_parallel is not counted beside {beside}: no release was found to say how both go together; leave "
            "one of them out."
        )


def named(
    hardware: HardwareLike, devices: int | None, argument: str = "devices", *, memory_alone: bool = False
) -> tuple[Accelerator, int | None]:
    """The accelerator, and how many: as a caller gave, or as the name says (8xH100, p5.48xlarge), or None.

    A name may mean several parts that hold the same, where ``memory_alone`` is asked of them.
    """
    if not isinstance(hardware, str):
        return find_accelerator(hardware), devices
    if is_all(hardware):
        raise ArgumentError(
            f"hardware {hardware!r} is no one accelerator, and one is asked for here: name it, leave hardware out of "
            "calculate_memory for what holds the model, or ask compare_hardware or plan_deployment, which weigh all."
        )
    accelerator, count = find_devices(hardware, memory_alone=memory_alone)
    if count is None or devices is None:
        return accelerator, devices if count is None else count
    if devices != count:
        raise ArgumentError(
            f"{hardware!r} is {count} x {accelerator.name}, and {argument} is {devices}; leave {argument} out, or name "
            f"the hardware {accelerator.name!r}."
        )
    return accelerator, count


def named_each(hardware: HardwareLike, devices: int | None) -> list[tuple[Accelerator, int | None]]:
    """As `named`, for who weighs several: of a name without a count that means several accelerators each of them."""
    try:
        return [named(hardware, devices)]
    except AmbiguousHardwareError as error:
        if not error.meant or any(" " in one for one in error.meant):
            raise
        return [named(one, devices) for one in error.meant]


def searched(devices: int) -> int:
    """The devices that a search may share out, which a name may have said."""
    return whole("devices", devices, most=MOST_SEARCHED_DEVICES)


def layout_given(asked: Split) -> dict[str, int]:
    """The parts of a layout that a caller gave, by the names of `Parallelism`."""
    parts = {
        "tensor": asked.tensor_parallel,
        "pipeline": asked.pipeline_parallel,
        "data": asked.data_parallel,
        "expert": asked.expert_parallel,
        "context": asked.context_parallel,
    }
    return {name: value for name, value in parts.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A layout, and what is to be said of the choice."""

    layout: Parallelism
    notes: tuple[Note, ...] = ()


def _layout(
    architecture: Architecture,
    count: int | None,
    node: int,
    given: Mapping[str, int],
    *,
    by_layers: bool = False,
    alone: bool = False,
) -> Chosen:
    """The layout that was given, what is left of `count` devices taken by copies; or one for `count` devices alone.

    Devices alone are shared by as much tensor parallelism as the model and a node take, the rest by pipeline stages;
    by pipeline stages alone where an engine deals whole layers, and by none where it runs a model on one device alone.
    """
    layout = Parallelism(**given)
    if count is None or (given and layout.devices == count):
        return Chosen(layout, _context_notes(layout))
    if given and "data" not in given and count % layout.devices == 0:
        found = replace(layout, data=count // layout.devices)
        text = f"Of {count} devices, {layout.devices} hold a copy: data_parallel {found.data} was taken."
        return Chosen(found, (assumed("devices", text), *_context_notes(layout)))
    if given:
        raise LayoutError(
            f"devices {count} is not tensor_parallel x pipeline_parallel x data_parallel = {layout.devices}; "
            "leave devices out, or the others."
        )
    if alone:
        found = Parallelism(data=count)
        text = f"Only devices was given: {found} was taken, a copy on each."
        return Chosen(found, (Note(subject="devices", text=text, origin="default"),) if count > 1 else ())
    for tensor in range(1 if by_layers else min(count, node), 0, -1):
        found = Parallelism(tensor=tensor, pipeline=count // tensor)
        if count % tensor == 0 and problem(architecture, found) is None:
            text = f"Only devices was given: {found} was taken."
            return Chosen(found, (Note(subject="devices", text=text, origin="default"),) if count > 1 else ())
    raise LayoutError(
        f"This model cannot be split over exactly {count} devices: {problem(architecture, Parallelism(tensor=count))}. "
        f"Give data_parallel={count} for a copy on each, or tensor_parallel, pipeline_parallel and data_parallel."
    )


def _context_notes(layout: Parallelism) -> tuple[Note, ...]:
    """That nothing was measured of ranks that share the tokens of a cache."""
    if layout.context == 1:
        return ()
    text = (
        f"Of the cache each of {layout.context} ranks keeps every {layout.context}-th token, as the engine's source "
        "has it. No start-up log and no run with context_parallel was found: what its own group of ranks takes in "
        "buffers is not counted."
    )
    return (Note(subject="context_parallel", text=text, origin="warning"),)


def assumed(subject: str, text: str) -> Note:
    """A note that nothing said what was taken."""
    return Note(subject=subject, text=text, origin="assumption")


def hardware_notes(*accelerators: Accelerator) -> tuple[Note, ...]:
    """What a caller must know of accelerators before believing what is said of their memory and count."""
    found = [assumed("hardware", accelerator.reading) for accelerator in accelerators if accelerator.reading]
    if fitted := [accelerator for accelerator in accelerators if accelerator.memory_is_maximum]:
        first = fitted[0]
        text = (
            f"{first.memory_gb:,.6g} GB was counted, the most that {first.name} has at its "
            f"{first.memory_bandwidth / GB:,.6g} GB/s{_also(fitted)}: name another size as "
            f"'{first.name} {first.memory_gb / 2:.6g}GB'."
        )
        found.append(Note(subject="memory", text=text, origin="warning"))
    if chips := [accelerator for accelerator in accelerators if accelerator.runtime_devices > 1]:
        first = chips[0]
        text = (
            f"{first.name} is a whole chip, as it is sold; its runtime shows {first.runtime_devices} devices of it, "
            f"each with its share of the memory: devices and tensor_parallel count chips here{_also(chips)}."
        )
        found.append(assumed("devices", text))
    for accelerator in accelerators:
        found += [assumed("hardware", text) for text in _twins(current(), accelerator)]
        for fact, said in accelerator.disputed.items():
            text = f"Sources differ on {accelerator.name}'s {fact.replace('.', ' of ')}: {said}"
            found.append(Note(subject=fact, text=text, origin="warning"))
    return tuple(found)


@lru_cache(maxsize=256)
def _twins(catalogue: Catalogue, accelerator: Accelerator) -> tuple[str, ...]:
    """That a part is sold with another memory under the same name and a size; one rebuilt by others has no id."""
    sized = re.compile(re.escape(accelerator.name) + r"_\d+GB")
    twins = [catalogue[name] for name in catalogue.canonical_names() if sized.fullmatch(name)]
    return tuple(
        f"{accelerator.name} is the part of {accelerator.memory_gb:,.6g} GB; {twin.name} is another."
        for twin in twins
        if twin.pci_ids
    )


def _also(accelerators: Sequence[Accelerator]) -> str:
    others = [accelerator.name for accelerator in accelerators[1:]]
    if not others:
        return ""
    more = f" and {len(others) - 4} more" if len(others) > 4 else ""
    return f" (likewise of {', '.join(others[:4])}{more})"


# --- what is served ------------------------------------------------------------------------------------------------


def held_load(asked: Held, deployment: Deployment, sequences: int) -> Load:
    """Sequences of seq_length tokens, with their images, source and adapters."""
    architecture, tokens = deployment.architecture, asked.seq_length
    notes: list[Note] = []
    longest = architecture.max_length
    if tokens == type(asked).seq_length and architecture.task.startswith("encoder") and longest and longest < tokens:
        # nobody asked for more than the model can take
        notes.append(assumed("seq_length", f"The model takes {longest:,} tokens at most, and these were counted."))
        tokens = longest
    tokens = _as_told(asked, deployment.engine, tokens, notes)
    images, video, sound = _images(asked, architecture), _video(asked, architecture), _sound(asked, architecture)
    source = _source(asked, architecture, notes)
    if images is not None and architecture.latents is not None:
        tokens = architecture.latents.prompt
        notes += _making_notes(architecture.latents, images, sequences, asked)
    else:
        tokens = _with_media(asked, architecture, tokens, images, video, sound)
        notes += _media_notes(tokens, images, video, sound)
        if images is None and video is None and asked.image_resolution is not None:
            text = "image_resolution has no effect: num_images is 0, and there is no video."
            notes.append(assumed("image_resolution", text))
        if images is not None and images.size.attended:
            source = images.count * images.size.attended
    adapters = _adapters(asked, deployment)
    if adapters is not None:
        notes += adapters.notes
    return Load(
        sequences=sequences,
        tokens=tokens,
        source=source,
        images=images,
        video=video,
        sound=sound,
        adapters=adapters,
        notes=tuple(notes),
    )


def _as_told(asked: Held, engine: Engine, tokens: int, notes: list[Note]) -> int:
    """Tokens of a sequence, no more than the engine was told to take: of those that nobody gave, as many as it takes.

    Raises ArgumentError for more than that. An engine that keeps room for slots judges it itself.
    """
    taken = told_length(engine)
    if taken is None or tokens <= taken or not engine.PAGED or getattr(asked, "find", None) == CONTEXT:
        return tokens
    if asked.seq_length == type(asked).seq_length and not getattr(asked, "mix", None):
        notes.append(assumed("seq_length", f"{engine.LENGTH} allows {taken:,} tokens, and these were counted."))
        return max(taken, 1)
    told = engine.given[engine.LENGTH]
    raise ArgumentError(
        f"seq_length is {tokens:,}, and {engine.LENGTH} {told:,} lets a request have {taken:,}: longer ones "
        f"are refused or cut by {engine.TITLE}; raise it, or give a shorter seq_length."
    )


def generated_load(asked: Generated, model: Model, beams: int = 1) -> Load:
    """A batch of prompts with its outputs."""
    once = lengths_of(model, asked.input_tokens, asked.output_tokens)
    return Load(sequences=asked.batch_size, tokens=once.tokens, output=once.output, beams=beams, notes=once.notes)


_OF_TRAFFIC = ("requests", "ttft_target_ms", "tpot_target_ms", "prefill_workers")


def come_load(asked: Come) -> Load:
    """A batch of prompts with its outputs, or requests that come and go.

    Of these, the sequences are what the cache is to have room for at once: one at least, the users if they fit.
    """
    if asked.arrivals != type(asked).arrivals and asked.request_rate is None:
        raise ArgumentError("arrivals says how requests of a request_rate come: give that too, or leave it out.")
    if asked.concurrency is None and asked.request_rate is None:
        return _static_load(asked)
    if asked.concurrency is not None and asked.request_rate is not None:
        raise ArgumentError(
            "Give concurrency (users who wait for their answers) or request_rate (requests a second), not both."
        )
    if asked.batch_size != type(asked).batch_size:
        raise ArgumentError(
            "batch_size is of a static batch, and concurrency or request_rate of requests that come and go: leave "
            "batch_size out."
        )
    if asked.beam_size != 1:
        raise ArgumentError("beam_size is of a static batch: leave it out, or leave concurrency and request_rate out.")
    inputs, outputs = _lengths(asked.input_tokens), _lengths(asked.output_tokens)
    users, rate = asked.concurrency, asked.request_rate
    count, notes = asked.requests or (10 * users if users else requests_of(rate or 0)), list[Note]()
    if rate and count > MOST_OF_A_RATE:
        text = f"The first {MOST_OF_A_RATE:,} requests of {count:,} were simulated."
        count, notes = MOST_OF_A_RATE, [assumed("requests", text)]
    if users and count < users:
        raise ArgumentError(f"requests is {count:,}, fewer than the {users:,} users who each send one at least.")
    traffic = Traffic(
        users=users,
        rate=rate,
        even=asked.arrivals == "even",
        requests=count,
        inputs=inputs,
        outputs=outputs,
        cached_share=asked.cached_share or 0.0,
        depth=asked.depth or 0,
        ttft_target=None if asked.ttft_target_ms is None else asked.ttft_target_ms / 1e3,
        tpot_target=None if asked.tpot_target_ms is None else asked.tpot_target_ms / 1e3,
    )
    return Load(
        sequences=1,
        tokens=inputs.longest,
        output=outputs.longest,
        depth=traffic.depth,
        cached=cached_of(inputs.longest, traffic.cached_share),
        traffic=traffic,
        notes=tuple(notes),
    )


def planned_load(asked: PlanDeployment, model: Model) -> Load:
    """The load of a plan; where neither users nor a rate were given, at a rate of 1, in whose place the highest is
    looked for."""
    if asked.think_time_s is not None and asked.concurrency is None:
        raise ArgumentError("think_time_s is of users: give concurrency (how many there are), or leave it out.")
    _require_no_source(model)
    once = lengths_of(model, asked.input_tokens, asked.output_tokens)
    inputs, outputs, notes = once.tokens, once.output, once.notes
    at_once = asked.concurrency is not None and not asked.think_time_s
    if at_once and isinstance(inputs, int) and isinstance(outputs, int):
        # users whose requests are all alike wait for each other, and the wait is what a plan would be bought for
        inputs, outputs = Lengths.varied(inputs), Lengths.varied(outputs)
        text = "Lengths vary by a fifth, as people's do; [n, n] is of requests all alike."
        notes = (*notes, assumed("input_tokens", text))
    load = come_load(
        EstimateServing(
            model=asked.model,
            hardware="",
            request_rate=1.0 if asked.concurrency is None and asked.request_rate is None else asked.request_rate,
            concurrency=asked.concurrency,
            input_tokens=inputs,
            output_tokens=outputs,
            cached_share=asked.cached_share,
            depth=asked.depth,
        )
    )
    return replace(load, notes=(*notes, *load.notes))


def load_for(asked: Come, model: Model) -> Load:
    """The same of a model, whose lengths are its own where nobody gave them."""
    once = lengths_of(model, asked.input_tokens, asked.output_tokens)
    if model.architecture.task == "encoder":
        for name in ("cached_share", "depth", "tpot_target_ms"):
            if getattr(asked, name):
                raise ArgumentError(
                    f"{name} is of models that generate, and {model.name} is an encoder "
                    f"({model.architecture.model_type}); leave it out."
                )
    if asked.concurrency is not None or asked.request_rate is not None:
        _require_no_source(model)
    if (once.tokens, once.output) != (asked.input_tokens, asked.output_tokens):
        asked = replace(asked, input_tokens=once.tokens, output_tokens=once.output)
    load = come_load(asked)
    return replace(load, notes=(*once.notes, *load.notes))


def _require_no_source(model: Model) -> None:
    """Raise ArgumentError for a model whose prompts pass an encoder first: the steps of a served load have none."""
    if model.architecture.task == "encoder-decoder":
        raise ArgumentError(
            f"{model.name} ({model.architecture.model_type}) has an encoder before its decoder, and requests that come "
            "and go are timed of models without one: leave concurrency and request_rate out, and ask "
            "estimate_performance or compare_hardware for a batch_size."
        )


@dataclass(frozen=True, slots=True)
class Lasting:
    """Lengths, and what is to be said of them."""

    tokens: Any
    output: Any
    notes: tuple[Note, ...] = ()


def lengths_of(model: Model, tokens: Any, output: Any) -> Lasting:
    """Lengths as they were given; of those that nobody gave: an encoder makes one pass, a model with a stack of its own
    for the source takes no more tokens than it can, and one whose source is sound begins its text with a few."""
    architecture = model.architecture
    longest, said = architecture.max_length, tokens != Come.input_tokens
    if architecture.task == "encoder" and output == Come.output_tokens:
        output = 1
    if said or not architecture.task.startswith("encoder"):
        return Lasting(tokens, output)
    if architecture.sounds is not None and architecture.source_length is not None:
        seconds, positions = architecture.sounds.longest, architecture.source_length
        text = (
            f"Each sequence is {seconds:g} s of sound ({positions:,} positions of the encoder); its text begins with "
            f"{_BEGINNING} tokens, and output_tokens follow."
        )
        return Lasting(_BEGINNING, output, (assumed("input_tokens", text),))
    if longest is None or longest >= tokens:
        return Lasting(tokens, output)
    note = assumed("input_tokens", f"The model takes {longest:,} tokens at most, and these were counted.")
    return Lasting(longest, output, (note,))


# Of a transcript: its start, the language, the task, no times (openai/whisper, tokenizer.py: sot_sequence).
_BEGINNING = 4


def _static_load(asked: Come) -> Load:
    for name in ("input_tokens", "output_tokens"):
        if isinstance(getattr(asked, name), Lengths):
            raise ArgumentError(
                f"{name} says how lengths are spread, which a static batch has no use for: give concurrency or "
                "request_rate too, or one length."
            )
    for name in _OF_TRAFFIC:
        if getattr(asked, name) is not None:
            raise ArgumentError(
                f"{name} is of requests that come and go: give concurrency (users) or request_rate too, or leave it "
                "out."
            )
    tokens = asked.input_tokens
    return Load(
        sequences=asked.batch_size,
        tokens=tokens,
        output=asked.output_tokens,
        beams=asked.beam_size,
        depth=asked.depth or 0,
        cached=cached_of(tokens, asked.cached_share or 0.0),
    )


def _lengths(asked: Any) -> Lengths:
    return asked if isinstance(asked, Lengths) else Lengths.fixed(asked)


def together(load: Load) -> Load:
    """A served load with as many sequences at once as its users, for the choice of a layout."""
    users = None if load.traffic is None else load.traffic.users
    return load if users is None else replace(load, sequences=users)


def _source(asked: Held, architecture: Architecture, notes: list[Note]) -> int | None:
    """Positions of the source of an encoder-decoder, where a caller gave them."""
    source = asked.encoder_seq_length
    if architecture.task != "encoder-decoder":
        if source is not None:
            raise ArgumentError(
                f"encoder_seq_length is for encoder-decoders, and {architecture.model_type} is none; leave it out."
            )
        return None
    fixed = architecture.source_length
    if source is not None and fixed is not None and source != fixed:
        raise ArgumentError(
            f"encoder_seq_length is {source:,}, and the encoder of {architecture.model_type} always gives "
            f"{fixed:,} positions; leave it out."
        )
    if source is None and fixed is None:
        text = (
            "encoder_seq_length was not given: the source was counted as long as the output, "
            f"{asked.seq_length:,} tokens."
        )
        notes.append(assumed("encoder_seq_length", text))
    return source


def _images(asked: Held, architecture: Architecture) -> Pictures | None:
    images, made, latents = asked.num_images, architecture.task == "diffusion", architecture.latents
    frames = 1 if latents is None else latents.frames
    if asked.num_frames is not None:
        if frames == 1:
            raise ArgumentError(
                f"num_frames is {asked.num_frames:,}, and {architecture.model_type} makes no videos; leave it out."
            )
        frames = asked.num_frames
    if images == 0 and not made:
        return None
    rule = architecture.images if latents is None else replace(latents, frames=frames)
    if rule is None:
        raise ArgumentError(
            f"num_images is {images}, and {architecture.model_type} has no tower for images; leave it out."
        )
    sides = sides_of(asked.image_resolution, latents)
    count = max(1, images) if made else images
    return Pictures(count=count, size=rule.size(*sides), sides=sides, frames=frames)


# Pixels along a side of an image of which nobody says the size, and no model.
_SIDE = 1024


def sides_of(resolution: int | str | Sequence[int] | None, latents: Latents | None = None) -> tuple[int, int]:
    """Height and width of an image, or of a video's frame: as asked, or as a pipeline makes them by itself."""
    if resolution is None:
        return (None if latents is None else latents.made_for) or (_SIDE, _SIDE)
    if isinstance(resolution, int):
        return resolution, resolution
    height, width = (int(side) for side in resolution)
    return height, width


def _video(asked: Held, architecture: Architecture) -> Recording | None:
    seconds, fps, rule = asked.video_seconds, asked.video_fps, architecture.videos
    if seconds is None:
        if fps is not None:
            raise ArgumentError(
                f"video_fps is {fps:g}, and there is no video; give video_seconds too, or leave it out."
            )
        return None
    if rule is None:
        raise ArgumentError(
            f"video_seconds is {seconds:g}, and {_not_taken(architecture, 'video', architecture.images)}"
        )
    if fps is None and rule.needs_fps:
        raise ArgumentError(
            f"video_fps is needed with video_seconds: the processor of {architecture.model_type} takes the frames that "
            "it is given; give the frames of a second (1), or of all the video over its seconds."
        )
    found = rule.size(seconds, fps, *sides_of(asked.image_resolution))
    return Recording(seconds=seconds, frames=found.frames, size=InputSize(found.positions, found.tokens))


def _sound(asked: Held, architecture: Architecture) -> Recording | None:
    seconds, rule = asked.audio_seconds, architecture.sounds
    if seconds is None:
        return None
    if rule is None:
        hears = any(layer.of_sound for layer in architecture.layers())
        raise ArgumentError(f"audio_seconds is {seconds:g}, and {_not_taken(architecture, 'sound', hears)}")
    if rule.longest is not None and seconds > rule.longest:
        then = ": give no more, and count what is longer as further sequences (batch_size)"
        if architecture.task == "encoder-decoder":
            then = (
                "; a longer file is taken in such windows one after the other and needs no more memory, so leave "
                "audio_seconds out (only windows side by side are further sequences, batch_size)"
            )
        raise ArgumentError(
            f"audio_seconds is {seconds:g}, and {architecture.model_type} hears at most {rule.longest:g} s of a sound"
            f"{then}."
        )
    return Recording(seconds=seconds, size=rule.size(seconds), alone=rule.alone)


def _not_taken(architecture: Architecture, kind: str, near: object) -> str:
    """Why a kind of input cannot be counted, and what can; `near`: there is a tower that may take it."""
    rules = {"images": architecture.images, "video": architecture.videos, "sound": architecture.sounds}
    *others, last = ("text", *(name for name, rule in rules.items() if rule is not None))
    taken = f"{', '.join(others)} and {last}" if others else last
    if not near:
        return f"{architecture.model_type} takes no {kind}, only {taken}; leave it out."
    other = "give its frames as num_images, or count" if kind == "video" else "count"
    return (
        f"how many tokens {architecture.model_type} makes of {kind} is not described, only of {taken}; {other} its "
        "tokens in seq_length."
    )


def _with_media(
    asked: Held,
    architecture: Architecture,
    tokens: int,
    images: Pictures | None,
    video: Recording | None,
    sound: Recording | None,
) -> int:
    """Tokens of a sequence with what is shown: part of those that were given, beside those that nobody gave.

    Raises ArgumentError where it leaves no token of seq_length to the text.
    """
    shown, parts, fewer = 0, [], []
    if images is not None:
        height, width = images.sides
        shown += images.count * images.size.tokens
        parts.append(f"{images.count} image(s) of {height} x {width}")
        fewer.append("fewer images")
    for kind, recording in (("video", video), ("sound", sound)):
        if recording is not None:
            shown += recording.size.tokens
            parts.append(f"{recording.seconds:g} s of {kind}")
            fewer.append(f"less {kind}")
    # an encoder's sequence may be nothing but what it hears
    if shown < tokens or (shown == tokens and architecture.task == "encoder"):
        return tokens
    if asked.seq_length != type(asked).seq_length:
        raise ArgumentError(
            f"{' and '.join(parts)} are {shown:,} tokens, and seq_length is {asked.seq_length:,}; give a longer "
            f"seq_length or {' or '.join(fewer)}."
        )
    return shown + tokens


def _media_notes(tokens: int, images: Pictures | None, video: Recording | None, sound: Recording | None) -> list[Note]:
    """How many tokens what is shown takes of a sequence."""
    part, notes = f"are part of the {tokens:,} of a sequence.", []
    if images is not None:
        notes.append(assumed("num_images", f"{images.count} image(s) of {images.size.tokens:,} tokens {part}"))
    if video is not None:
        text = f"{video.size.tokens:,} tokens of {video.seconds:g} s of video, {video.frames:,} frames of it, {part}"
        notes.append(assumed("video_seconds", text))
    if sound is not None and sound.size.attended:
        text = f"{sound.seconds:g} s of sound are {sound.size.attended:,} encoded positions beside the tokens."
        notes.append(assumed("audio_seconds", text))
    elif sound is not None:
        notes.append(assumed("audio_seconds", f"{sound.size.tokens:,} tokens of {sound.seconds:g} s of sound {part}"))
    return notes


def _making_notes(latents: Latents, images: Pictures, prompts: int, asked: Held) -> list[Note]:
    """What a batch, a length, frames and a resolution mean to a model that makes images or videos."""
    passes = "two passes" if latents.passes == 2 else "one pass"
    moving = latents.frames > 1
    what = f"video(s) of {images.frames:,} frames" if moving else "image(s)"
    text = (
        f"{prompts:,} prompt(s) x {images.count:,} {what} at once, {passes} of the denoiser at a time, of "
        f"{images.size.tokens:,} positions; seq_length has no meaning here."
    )
    notes = [assumed("batch_size", text)]
    if moving and asked.num_frames is None:
        text = f"num_frames was not given: {images.frames:,} frames were taken, which the model's pipeline makes."
        notes.append(assumed("num_frames", text))
    sides = " x ".join(map(str, images.sides))
    if asked.image_resolution is None:
        whose = "the model's own size" if latents.made_for else "as nothing says what the model was made for"
        notes.append(assumed("image_resolution", f"{sides} pixels were taken, {whose}."))
    elif latents.made_for is not None and images.sides != latents.made_for:
        text = (
            f"The model was made for {'videos' if moving else 'images'} of {' x '.join(map(str, latents.made_for))} "
            f"pixels, and image_resolution is {sides}."
        )
        notes.append(Note(subject="image_resolution", text=text, origin="warning"))
    return notes


def _adapters(asked: Held, deployment: Deployment) -> Adapters | None:
    """The adapters asked for, by a configuration or by arguments of their own; None when there are none."""
    single = {
        name: value
        for name in ("max_loras", "max_lora_rank", "lora_dtype", "fully_sharded_loras", "target_modules")
        if (value := getattr(asked, name)) is not None
    }
    stated: Any = asked.lora_config
    if isinstance(stated, str):
        stated = read_adapter(stated)
    if stated is not None and single:
        # an adapter says nothing of how many there are
        if not isinstance(stated, Mapping) or not is_peft(stated) or "target_modules" in single:
            raise ArgumentError(f"Give lora_config or {', '.join(single)}, not both.")
        if both := [name for name in single if name in stated]:
            raise ArgumentError(f"{both[0]} stands in lora_config too; give it once.")
    if single:
        stated = {**(stated or {}), **single}
    if stated is None:
        return None
    # engines keep adapters in the 16 bits that they serve in, those of a checkpoint stored in 32 too
    plain = deployment.formats.scheme.plain
    served = plain if plain.bits == 16 else FORMATS["bf16"]
    return adapters_of(deployment.architecture, stated, served, deployment.engine)


# --- what cannot be asked ------------------------------------------------------------------------------------------


def require_tokens(model: Model) -> None:
    """Raise ArgumentError when a model has no tokens to time."""
    if model.architecture.task == "diffusion":
        raise ArgumentError(
            f"{model.name} makes images ({model.architecture.model_type}) and no tokens: ask estimate_performance for "
            "the time of its steps, calculate_memory and max_batch_size for its memory."
        )


def require_phases(model: Model, output_tokens: int) -> None:
    """Raise ArgumentError when a model has none of the phases that so much output needs."""
    if output_tokens > 1:
        require_decoder(model)
    else:
        require_tokens(model)


def require_decoder(model: Model) -> None:
    """Raise ArgumentError when a model generates no tokens."""
    require_tokens(model)
    if model.architecture.task == "encoder":
        raise ArgumentError(
            f"{model.name} is an encoder ({model.architecture.model_type}) and generates no tokens, so it has no "
            "decode: ask estimate_performance with output_tokens 1 or without it for its one pass."
        )
