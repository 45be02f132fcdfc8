"""The public questions: each finds its model, is placed by `question`, and is answered by one room."""

from __future__ import annotations

import marshal
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    Accelerator,
    Catalogue,
    accelerators_for_serving,
    all_accelerators,
)
from llm_memory_hardware.catalogue import current

from . import checks, search, sources
from .architecture import Architecture
from .arguments import (
    CONTEXT,
    FEWEST,
    MOST_SEARCHED_DEVICES,
    SMALLEST,
    WORST,
    BestParallelism,
    CalculateMemory,
    Calibrated,
    CompareHardware,
    EstimatePerformance,
    EstimateServing,
    ExplainStartupLog,
    HardwareLike,
    InspectModel,
    MaxBatchSize,
    ModelLike,
    PlanDeployment,
    Question,
    SearchGrid,
    asks,
)
from .denoising import making_load, require_no_making
from .deployment import Deployment, Load
from .drafting import eagle_model
from .engines import device_of, serves
from .engines.releases import engine_table
from .errors import ArgumentError, CalculatorError, DoesNotFitError
from .explained_logs import explained
from .facts import table
from .formats.headers import compared
from .formats.scheme import stored_bytes
from .memory.batch import batch_report
from .memory.caches import cache_notes, growth, growth_notes
from .memory.explanation import weights_of
from .memory.inverse import Held, fewest_or_refuse, smallest_devices
from .memory.reports import fit_of, length_notes, memory_report
from .models import Model, describe, model_of
from .parallel import Parallelism, tensor_sizes
from .performance.making import estimate_images
from .performance.reports import estimate_end_to_end, estimate_served
from .performance.serving import saturation
from .performance.step import lies_on_host
from .question import (
    MOST_TENSOR,
    ONE_DEVICE,
    assumed,
    deployed,
    deployed_as_given,
    generated_load,
    hardware_notes,
    held,
    held_mix,
    kept_on_host,
    load_for,
    named,
    named_each,
    planned_load,
    require_decoder,
    require_multiplied,
    require_phases,
    require_search,
    require_tokens,
    searched,
    together,
)
from .report import (
    BatchReport,
    ComparisonReport,
    EndToEndReport,
    GridReport,
    HardwareRow,
    ImagesReport,
    LayoutReport,
    MemoryReport,
    ModelReport,
    Note,
    PlanReport,
    StartupLogReport,
)
from .startup_logs import StartupLog, read_log
from .work import looked


def load_model(model: ModelLike, *, token: str | None = None, refresh: bool = False) -> Model:
    """The description of a hub id, a short name, a path (config.json, its folder, weights' files) or a config dict.

    A params.json of Mistral or Meta is taken where a config.json is.

    A folder's .safetensors files, or a .gguf file, are counted by their headers, of which nothing else is read. A Model
    or an Architecture is taken as it is.

    Raises SourceError when it cannot be read, ConfigError when it cannot be described.
    """
    if token is not None:
        checks.text("token", token, ("hf_…",))
    checks.flag("refresh", refresh)
    return _loaded(model, token, refresh=refresh)


def _loaded(
    model: ModelLike,
    token: str | None,
    *,
    refresh: bool,
    as_other: Callable[[sources.Origin], Model | None] | None = None,
) -> Model:
    """The same; as_other: what a config is of that is no model of its own, where it is."""
    if isinstance(model, Model):
        return model
    if isinstance(model, Architecture):
        return model_of(model)
    if isinstance(model, Mapping):
        origin = sources.given(model)
        return (as_other and as_other(origin)) or _described(origin)
    place = sources.locate(model, refresh=refresh)
    if place.kind == "catalogue" and place.name.lower() != str(model).lower():
        return _called(_bundled(place), str(model), place.repository)
    if place.kind in ("catalogue", "name"):
        return _bundled(place)
    with sources.one_deadline():
        origin = sources.with_beside(sources.read(place, token=token, refresh=refresh), token=token)
    if as_other and (other := as_other(origin)):
        return other
    found = _described(origin)
    if origin.kind == "name":
        found = replace(found, name=place.name)
    return replace(
        found,
        repository=origin.model if origin.kind == "hub" else "",
        plainly_named=origin.kind == "hub",
        read_notes=(*found.read_notes, *compared(found.architecture, origin.listed)),
    )


@lru_cache(maxsize=128)
def _bundled(place: sources.Place) -> Model:
    """A model that needs no request: of the catalogue, or one that its name derives from it and that keeps its name."""
    found = _described(sources.read(place))
    plainly = place.derived is None or place.derived.form is None
    return replace(found, name=place.name if place.kind == "name" else found.name, plainly_named=plainly)


@lru_cache(maxsize=128)
def _called(model: Model, asked: str, repository: str) -> Model:
    """The same under the name that a caller gave it, where that is a repository's; a short name is the one it means."""
    name = sources.names.without_address(asked)
    return replace(model, asked=asked, counted=model.name, name=name if "/" in name else repository)


def _described(origin: sources.Origin) -> Model:
    """The model of an origin; of one that was described already the same, so that what is summed of it stands too."""
    if origin.weights is not None or origin.others:
        return _anew(origin)
    try:
        # by its content: a file may change between two questions (in the second form equal values have equal bytes)
        key = (origin.model, origin.where, origin.notes, marshal.dumps(dict(origin.config), 2))
    except ValueError:
        return _anew(origin)
    found = _DESCRIBED.get(key)
    if found is None:
        if len(_DESCRIBED) >= _MOST_DESCRIBED:
            _DESCRIBED.pop(next(iter(_DESCRIBED)))
        found = _DESCRIBED[key] = _anew(origin)
    return found


_DESCRIBED: dict[tuple[object, ...], Model] = {}
_MOST_DESCRIBED = 64


def _anew(origin: sources.Origin) -> Model:
    return describe(
        origin.model, origin.where, origin.config, weights=origin.weights, others=origin.others, notes=origin.notes
    )


def _model(asked: Question, name: ModelLike) -> Model:
    if isinstance(name, str) and getattr(asked, "engine", None) == "ollama":
        # who runs ollama says a model as its library does
        name = sources.names.in_library(name.strip())
    found = load_model(name, token=asked.token, refresh=asked.refresh)
    found = found if asked.state_precision is None else found.in_engine(asked.state_precision)
    wanted: Any = asked.speculative if isinstance(asked, Calibrated) else None
    if wanted is None or wanted.model is None:
        return found
    drafter = _loaded(
        wanted.model,
        asked.token,
        refresh=asked.refresh,
        as_other=lambda origin: eagle_model(origin, wanted.method, found.architecture),
    )
    return replace(found, drafter=drafter)


@asks(CalculateMemory)
def calculate_memory(asked: CalculateMemory) -> MemoryReport:
    """Memory that one device must hold to serve a model, in bytes; with several devices, the one that holds most.

    Without a layout, devices are split as the notes say. hardware or memory_gb: a device to judge `fits_device` by.
    find: the fewest devices of the hardware that hold the model, over every layout, or the smallest accelerator; the
    report is then of what was found. `get_minimum_system_size` gives the number of the fewest alone.
    Raises CalculatorError (a ValueError): unknown model or format, impossible layout, config that lacks a field.
    """
    model = _model(asked, asked.model_id_or_config)
    if not asked.respect_weight_tying:
        model = model.with_untied_head()
    require_search(asked)
    deployment, load = held(asked, model, asked.batch_size)
    if asked.find == FEWEST:
        deployment = _on_fewest(deployment, load)
    smallest = _smallest(deployment, load) if asked.find == SMALLEST else ()
    if smallest:
        deployment = smallest[0].deployment
        deployment = replace(deployment, notes=(*deployment.notes, *hardware_notes(*_kinds(smallest[:1]))))
    report = memory_report(
        deployment,
        load,
        accelerators=_well_known(current(), deployment.accelerator),
        framework_overhead=asked.framework_overhead,
        include_gradients=asked.include_gradients,
        explained=asked.detail == "full",
    )
    if asked.find is None:
        return report
    return replace(
        report,
        fewest_devices=deployment.layout.devices if asked.find == FEWEST else None,
        smallest_devices=tuple(map(fit_of, smallest)),
    )


def fewest_devices(model: ModelLike, hardware: HardwareLike | None = None, **asked: Any) -> MemoryReport:
    """The fewest devices of which some layout holds the model, as `fewest_devices` of the report, in that layout.

    Other arguments are those of `calculate_memory`, which is asked to find 'devices'; devices: the most to look at.
    Raises DoesNotFitError when no layout holds it.
    """
    return calculate_memory(model, hardware=hardware, find=FEWEST, **asked)


def smallest_device(model: ModelLike, **asked: Any) -> MemoryReport:
    """The smallest accelerator that holds the model, first of `smallest_devices` of the report, which is of it.

    Other arguments are those of `calculate_memory`, which is asked to find 'device'. Raises DoesNotFitError when none
    of the catalogue holds it.
    """
    return calculate_memory(model, find=SMALLEST, **asked)


def _on_fewest(deployment: Deployment, load: Load) -> Deployment:
    """The same on the fewest of its devices that hold the load."""
    accelerator, depth = deployment.accelerator, deployment.architecture.depth
    node = MOST_TENSOR if accelerator is None else accelerator.link_domain
    most = searched(deployment.devices or min(node * depth, MOST_SEARCHED_DEVICES))
    found = fewest_or_refuse(deployment, load, most=most, node=node)
    return _noted(found, f"No layout was given: {found.layout} is of the fewest devices that hold it.")


def _smallest(deployment: Deployment, load: Load) -> tuple[Held, ...]:
    """The smallest accelerators that hold the load. Raises DoesNotFitError."""
    found = smallest_devices(deployment, load, _by_memory(current()))
    if not found:
        raise DoesNotFitError(
            f"{deployment.model.name} at batch {load.sequences:,} x {load.tokens:,} tokens fits on {deployment.layout} "
            "of no accelerator of the catalogue; give hardware and find 'devices' for how many of it would do, or a "
            "smaller precision."
        )
    return found


def _kinds(found: Sequence[Held]) -> tuple[Accelerator, ...]:
    return tuple(one.deployment.accelerator for one in found if one.deployment.accelerator is not None)


@lru_cache(maxsize=8)
def _by_memory(catalogue: Catalogue) -> tuple[Accelerator, ...]:
    """Accelerators from the smallest memory on; of as much, those that are rented first; none whose memory is open."""
    rented = {accelerator.name for accelerator in accelerators_for_serving()}
    known = (catalogue[name] for name in catalogue.canonical_names())
    sized = (entry for entry in known if entry.type != "cpu" and not entry.memory_is_maximum)
    return tuple(sorted(sized, key=lambda entry: (entry.memory_gb, entry.name not in rented, entry.name)))


@lru_cache(maxsize=512)
def _well_known(catalogue: Catalogue, asked: Accelerator | None = None) -> tuple[Accelerator, ...]:
    """The accelerator that was asked for, and those that most people know."""
    known = tuple(catalogue.find(name)[0] for name in table("memory")["fits"]["accelerators"])
    return known if asked is None or asked in known else (asked, *known)


@asks(MaxBatchSize)
def max_batch_size(asked: MaxBatchSize) -> BatchReport:
    """The largest number of sequences of seq_length tokens that the devices hold; 0, with the reason, when none fits.

    find: the longest context of batch_size sequences instead, or the tokens of KV cache that there is room for.
    hardware or memory_gb is required. Without a layout, devices are split as the notes say.
    """
    deployment, load = held_mix(asked, _model(asked, asked.model))
    known = _well_known(current())
    return batch_report(deployment, load, find=asked.find, accelerators=known, explained=asked.detail == "full")


def longest_context(
    model: ModelLike, hardware: HardwareLike | None = None, *, batch_size: int = 1, **asked: Any
) -> BatchReport:
    """The longest context of batch_size sequences, as `longest_context` of the report; 0, with the reason, when none
    fits. Other arguments are those of `max_batch_size`, which is asked to find 'context'.
    """
    return max_batch_size(model, hardware, find=CONTEXT, batch_size=batch_size, **asked)


@asks(InspectModel)
def inspect_model(asked: InspectModel) -> ModelReport:
    """What a model is: counts, attention, cache a token, formats."""
    model = _model(asked, asked.model)
    deployment = deployed(asked, model)
    formats, architecture, engine = deployment.formats, deployment.architecture, deployment.engine
    tokens = asked.seq_length or architecture.max_length or 2048
    cache = growth(architecture, formats, engine, tokens)
    return ModelReport(
        model=model.name,
        source=model.source,
        model_type=architecture.model_type,
        attention_type=architecture.attention_type,
        parameter_count=architecture.parameter_count,
        stored_parameter_count=architecture.stored_parameter_count,
        active_parameter_count=architecture.active_parameter_count,
        embedding_parameter_count=architecture.embedding_parameter_count,
        layers=architecture.depth,
        hidden_size=architecture.hidden_size,
        vocab_size=architecture.vocab_size,
        max_length=architecture.max_length,
        precision=formats.scheme.label,
        kv_precision=deployment.said()["kv_precision"],
        weight_memory_bytes=stored_bytes(architecture, formats.scheme),
        kv_cache_bytes_per_token=cache.first,
        kv_cache_bytes_per_further_token=cache.beyond,
        kv_cache_bytes_per_token_mean=cache.mean,
        seq_length=tokens,
        state_bytes_per_sequence=math.ceil(engine.state_bytes(architecture.state(), formats.activation_bytes)),
        tensor_parallel=tensor_sizes(architecture, 64),
        ledger=weights_of(deployment) if asked.detail == "full" else None,
        notes=(
            *deployment.notes,
            *length_notes(deployment, tokens),
            *growth_notes(cache, tokens),
            *cache_notes(architecture, formats, engine),
            *architecture.apart,
            *_unheeded(asked, deployment, tokens),
        ),
    )


def _unheeded(asked: InspectModel, deployment: Deployment, tokens: int) -> Iterator[Note]:
    """What was told of an engine and changes nothing of what a model is."""
    told = [] if asked.gpu_memory_utilization is None else ["gpu_memory_utilization"]
    if asked.engine_settings is not None:
        without = deployed(replace(asked, engine_settings=None), deployment.model)
        counts = [
            (
                growth(one.architecture, one.formats, one.engine, tokens),
                one.engine.state_bytes(one.architecture.state(), one.formats.activation_bytes),
            )
            for one in (deployment, without)
        ]
        if counts[0] == counts[1]:
            told.append("engine_settings")
    if told:
        text = f"Nothing of what a model is hangs on {' and '.join(told)}; calculate_memory counts with that."
        yield Note(subject=told[0], text=text, origin="warning")


@asks(ExplainStartupLog)
def explain_startup_log(asked: ExplainStartupLog) -> StartupLogReport:
    """A pasted start-up log beside the estimate: each term's residual, what binds, what to change, and a calibration.

    The log's own words say model, release, settings, layout and card; arguments come before them and fill their gaps.
    A log without a model gives its ledger and arithmetic alone. No file that a log names is read.
    Raises ArgumentError for a text that is no log of an engine that is read.
    """
    log = read_log(asked.text)
    found = _logged(asked, log)
    return explained(asked, log, found.model, accelerators=_well_known(current()), notes=found.notes)


@dataclass(frozen=True, slots=True)
class _Logged:
    """The model of a log, and what is to be said of how it was found."""

    model: Model | None
    notes: tuple[Note, ...] = ()


def _logged(asked: ExplainStartupLog, log: StartupLog) -> _Logged:
    """The model that the caller gives, or the one that the log's name means; a path's last part is the name."""
    if asked.model is not None:
        return _Logged(_model(asked, asked.model))
    said = log.model
    if said is None or "sha256-" in said:
        text = "The log does not name its model; give model."
        return _Logged(None, (Note(subject="model", text=text, origin="warning"),))
    name = _name_in(said)
    try:
        if sources.locate(name).kind == "file":
            raise ArgumentError(f"{said!r} is a path")
        model = _model(asked, name)
    except CalculatorError as error:
        text = f"The log's model {said[:120]!r} is not known by that name ({error}); give model."
        return _Logged(None, (Note(subject="model", text=text, origin="warning"),))
    text = f"The log's {said[:120]!r} was taken as {name}."
    return _Logged(model, () if name == said else (assumed("model", text),))


def _name_in(said: str) -> str:
    """The name of a model in a path, or an id as it is."""
    kept = _HUB_CACHE.search(said)
    if kept is not None:
        return f"{kept[1]}/{kept[2]}"
    if said.count("/") == 1 and not said.startswith(("/", ".", "~")) and not said.lower().endswith(".gguf"):
        return said
    return re.split(r"[/\\]", said.rstrip("/\\"))[-1].removesuffix(".gguf")


# A folder of the hub's own cache: models--Qwen--Qwen2.5-7B/snapshots/...
_HUB_CACHE = re.compile(r"models--([\w.-]{1,96}?)--([\w.-]{1,96})(?:/|$)")


@asks(EstimatePerformance)
def estimate_performance(asked: EstimatePerformance) -> EndToEndReport | ImagesReport:
    """End-to-end times, ms, and tokens a second on a layout, or on one that is chosen and named in the notes.

    No layout and no devices: the fewest devices of one node that hold the model, tensor parallel. Devices alone: the
    layout of them with most output tokens a second. concurrency or request_rate: under a served load, as
    `estimate_serving`; else of a static batch. Of a pipeline of diffusion: the images that it makes of batch_size
    prompts.

    Raises DoesNotFitError where the devices cannot hold it, LayoutError where the model cannot be shared so,
    ArgumentError for a value that an argument cannot have, alone or beside the others.
    """
    model = _model(asked, asked.model)
    return _made(asked, model) if model.architecture.task == "diffusion" else _estimated(asked, model)


def _made(asked: EstimatePerformance, model: Model) -> ImagesReport:
    """The images of a pipeline, which stands whole on each device: copies on those that were given."""
    accelerator, devices = named(asked.hardware, asked.devices)
    deployment = deployed_as_given(asked, model, accelerator, devices)
    if deployment is None:
        deployment = deployed(asked, model, accelerator=accelerator, layout=Parallelism(data=devices or 1))
    return estimate_images(deployment, making_load(asked, deployment))


def _estimated(asked: EstimatePerformance, model: Model) -> EndToEndReport:
    require_no_making(asked, model)
    load = load_for(asked, model)
    accelerator, devices = named(asked.hardware, asked.devices)
    require_phases(model, load.output)
    deployment = deployed_as_given(asked, model, accelerator, devices)
    full = asked.detail == "full"
    if deployment is None and devices is None:
        deployment = _beside_host(asked, model, accelerator)
    if load.traffic is not None:
        deployment = deployment or _laid_out(asked, model, load, accelerator, devices)
        return estimate_served(deployment, load, explained=full)
    if deployment is not None:
        return estimate_end_to_end(deployment, load, explained=full)
    offered = searched(devices or accelerator.link_domain)
    deployment = deployed(asked, model, accelerator=accelerator, devices=offered)
    if devices is None and (fewest := search.fewest_in_node(deployment, load)):
        why = f"{_shared(fewest)} is the smallest that holds the model"
        return estimate_end_to_end(_on_several(fewest, why), load, explained=full)
    if model.architecture.task == "encoder":
        return estimate_end_to_end(_copied(deployment, load, offered), load, explained=full)
    if dealt := search.dealt(deployment, load):
        return estimate_end_to_end(dealt, load, explained=full)
    # refused here with what would do, when no layout of a node holds it
    require_decoder(model)
    best = search.best_layouts(deployment, load, goal="throughput").best
    return estimate_end_to_end(_best_of(best.deployment, offered), load, best.times, explained=full)


def _beside_host(asked: EstimatePerformance, model: Model, accelerator: Accelerator) -> Deployment | None:
    """One device, where settings leave a part of the model on the host; None where none do."""
    one = deployed(asked, model, accelerator=accelerator)
    told = kept_on_host(one.engine)
    if not told or not ("cpu_offload_gb" in told or lies_on_host(one)):
        return None
    text = f"devices was not given: one was taken, since {' and '.join(told)} is to leave a part on the host."
    return replace(one, notes=(assumed("devices", text), *one.notes))


def _shared(deployment: Deployment) -> str:
    """How the devices of a copy share a model, by the argument that says it."""
    layout = deployment.layout
    stages = deployment.engine.BY_LAYERS
    return f"pipeline_parallel {layout.pipeline}" if stages else f"tensor_parallel {layout.tensor}"


def _laid_out(
    asked: EstimatePerformance, model: Model, load: Load, accelerator: Accelerator, devices: int | None
) -> Deployment:
    """The layout for requests that come and go where none was given: of the fewest devices of a node that serve their
    rate, or that hold one of the users' while the others wait; of devices that were given the best that holds all of
    them at once, or else one."""
    offered = searched(devices or accelerator.link_domain)
    deployment = deployed(asked, model, accelerator=accelerator, devices=offered)
    if model.architecture.task == "encoder":
        return _copied(deployment, load, devices)
    if devices is not None and (dealt := search.dealt(deployment, load)):
        return dealt
    if devices is None and load.traffic is not None and load.traffic.rate is not None:
        tried = list(search.of_a_node(deployment, load))
        enough = next((one for one in tried if saturation(one, load) > load.traffic.rate), None)
        if enough is not None:
            why = f"{_shared(enough)} is the smallest that serves so many requests"
            return _on_several(enough, why)
        if tried:
            widest = tried[-1]
            return _on_several(widest, f"{_shared(widest)} is the widest")
    if devices is None and (fewest := search.fewest_in_node(deployment, load)):
        all_held = search.fewest_in_node(deployment, together(load))
        what = f"holds one of them, and others queue where there is no room{_wider(all_held)}"
        if all_held is not None and all_held.layout == fewest.layout:
            what = "holds all of them at once"
        return _on_several(fewest, f"{_shared(fewest)} is the smallest that {what}")
    for wanted in (together(load), load):
        try:
            best = search.best_layouts(deployment, wanted, goal="throughput", advise=wanted is load).best
        except DoesNotFitError:
            if wanted is load:
                raise
            continue
        return _best_of(best.deployment, offered)
    raise AssertionError("the last that is tried raises")


def _wider(deployment: Deployment | None) -> str:
    return "" if deployment is None else f"; {_shared(deployment)} holds all of them at once"


def _copied(deployment: Deployment, load: Load, devices: int | None) -> Deployment:
    """An encoder on as many devices as there are, or of a node as many as serve the requests that come: copies of the
    fewest that hold it, or of one that does not, which is then refused with what is missing."""
    one = search.fewest_in_node(deployment, load) or deployment.laid_out(ONE_DEVICE)
    assert deployment.accelerator is not None
    rate = None if load.traffic is None else load.traffic.rate
    if devices is None and rate is not None:
        devices = min(math.ceil(rate / saturation(one, load)) * one.layout.devices, deployment.accelerator.link_domain)
    copies = max(1, (devices or 1) // one.layout.devices)
    why = (
        f"No layout was given: {copies:,} cop{'ies were' if copies > 1 else 'y was'} taken, of the fewest that hold it."
    )
    return _noted(one.laid_out(replace(one.layout, data=copies)), why)


@asks(EstimateServing)
def estimate_serving(asked: EstimateServing) -> EndToEndReport:
    """Requests that come and go (concurrency or request_rate) on a layout, or on one that is chosen: TTFT with its
    queue, TPOT with the prompts of others in between, both with percentiles under `serving`; throughput, goodput, and
    the rate at which it saturates.

    The times are those of a deterministic simulation of the engine's scheduler with its cache's room; with
    prefill_workers of both sides, and TTFT ends when the cache is where it is decoded.
    """
    if asked.concurrency is None and asked.request_rate is None:
        raise ArgumentError(
            "Give concurrency (users who each wait for their answer) or request_rate (requests a second); a static "
            "batch is asked of estimate_performance."
        )
    model = _model(asked, asked.model)
    require_tokens(model)
    return _estimated(asked, model)


def _best_of(deployment: Deployment, offered: int) -> Deployment:
    """The best layout of so many devices; that it leaves some of them idle is worth saying."""
    layout = deployment.layout
    best = f"No layout was given: {layout} has most output tokens a second on {offered} devices"
    if idle := offered - layout.devices:
        text = f"{best}, {idle} of them idle."
        return replace(deployment, notes=(assumed("devices", text), *deployment.notes))
    return _noted(deployment, f"{best}.")


def _noted(deployment: Deployment, why: str) -> Deployment:
    # every answer says its layout
    return replace(deployment, notes=(Note(subject="tensor_parallel", text=why, origin="default"), *deployment.notes))


def _on_several(deployment: Deployment, why: str) -> Deployment:
    """The same where nobody said how many devices: that it takes more than the one that is named is worth saying."""
    devices = deployment.layout.devices
    if devices == 1:
        return _noted(deployment, f"No layout was given: {why}.")
    text = f"devices was not given: {devices} were taken, since {why}."
    return replace(deployment, notes=(assumed("devices", text), *deployment.notes))


@asks(BestParallelism)
def best_parallelism(asked: BestParallelism) -> LayoutReport:
    """The best layout of up to `devices` devices, and the next best; of as many as hold the model where these do not.

    Raises DoesNotFitError with what would be needed when no number of devices looked at holds it.
    """
    model = _model(asked, asked.model)
    accelerator, devices = named(asked.hardware, asked.devices)
    require_decoder(model)
    deployment = deployed(asked, model, accelerator=accelerator, devices=searched(devices or 8))
    load = generated_load(asked, model)
    try:
        found = search.best_or_more(deployment, load, goal=asked.goal)
    except DoesNotFitError as error:
        fits = search.would_do((), [one for one in _rented(deployment) if one.accelerator != accelerator], load)
        elsewhere = ", ".join(f"{fit.devices} x {fit.hardware}" for fit in fits)
        raise DoesNotFitError(f"{error} Of others: {elsewhere}." if fits else str(error)) from None
    return search.layout_report(found, asked.goal, explained=asked.detail == "full")


@asks(CompareHardware)
def compare_hardware(asked: CompareHardware) -> ComparisonReport:
    """Accelerators side by side, each in its best layout, best first; those that cannot hold the model last.

    hardware: None is what is rented or priced for serving - a gpu, tpu or asic of the catalogue with a cloud instance
    type or a list price - and your own; 'all' the whole catalogue, processors, laptops and wafers too. goal batch,
    context and devices are answered by memory alone, and their rows have the times of what is then held.
    """
    model = _model(asked, asked.model)
    load = generated_load(asked, model)
    require_decoder(model)
    given, chosen = _compared(asked.hardware, asked.devices)
    plain = deployed(asked, model, to_place=True)
    unserved = {entry for entry, _ in chosen if not serves(plain.engine.name, device_of(entry))}
    leaves = not given or (asked.engine is not None and len(unserved) < len(chosen))
    if unserved and leaves:
        chosen = [(entry, count) for entry, count in chosen if entry not in unserved]
    if not chosen:
        raise ArgumentError(
            f"engine {plain.engine.name!r} is described on none of the accelerators that clouds rent; name "
            "hardware, such as ['M4 Max', 'M3 Ultra']."
        )
    offered, refused = list[Deployment](), dict[str, str]()
    for entry, count in looked(chosen):
        try:
            offered.append(_offered(asked, plain, entry, count))
        except CalculatorError as error:
            if len(chosen) == 1:
                raise
            refused[entry.name] = str(error)
    if not offered:
        raise ArgumentError(next(iter(refused.values())))
    tried = search.try_accelerators(offered, load, asked.goal, worst=asked.rank_by == WORST)
    keep = asked.top or (len(chosen) if given and not checks.is_all(asked.hardware) else _ROWS)
    notes = []
    if unserved and leaves:
        names = ", ".join(sorted(entry.name for entry in unserved))
        which = names if given else f"{len(unserved)} accelerators"
        text = f"{plain.engine.name} is not described on {which}: left out."
        notes.append(Note(subject="engine", text=text, origin="warning" if given else "assumption"))
    if not given:
        text = f"hardware was not given: {len(chosen)} of {len(HARDWARE_CONFIGS)}, those rented or priced."
        notes.append(Note(subject="hardware", text=text, origin="default"))
    if None in [count for _, count in chosen] and asked.goal != FEWEST:
        text = "devices was not given: each takes the fewest of one node that hold the load."
        notes.append(Note(subject="devices", text=text, origin="default"))
    shown = {id(one.deployment.accelerator) for one in tried[:keep]}
    others = [one for one in offered if one.engine.name != plain.engine.name and id(one.accelerator) in shown]
    notes += dict.fromkeys(note for one in others for note in one.notes if note.subject == "engine")
    accelerators = dict.fromkeys(one.deployment.accelerator for one in tried[:keep])
    notes += [
        *length_notes(plain, load.tokens + load.output, "input_tokens"),
        *load.notes,
        *plain.notes,
        *hardware_notes(*(entry for entry in accelerators if entry is not None)),
    ]
    fits = any(one.fits for one in tried)
    return search.comparison_report(
        tried,
        keep,
        tuple(notes),
        refused=refused,
        unasked=0 if given else len(HARDWARE_CONFIGS) - len(chosen),
        explained=asked.detail == "full",
        others=() if fits else _rented(plain),
    )


# Rows that are shown where nobody says how many.
_ROWS = 3


def _compared(hardware: Any, devices: int | None) -> tuple[bool, list[tuple[Accelerator, int | None]]]:
    """Whether hardware was given, and the accelerators with how many of each, each once."""
    given = hardware is not None
    if hardware is None:
        hardware = accelerators_for_serving()
    elif checks.is_all(hardware):
        hardware = all_accelerators()
    elif isinstance(hardware, (str, Mapping, Accelerator)):
        hardware = [hardware]
    if not isinstance(hardware, Sequence) or not hardware:
        raise ArgumentError(
            "hardware must be a list of accelerators such as ['A100_80GB', 'H100'], 'all' for the whole catalogue, or "
            "left out for what clouds rent."
        )
    found = dict.fromkeys(one for entry in hardware for one in named_each(entry, devices))
    return given, [(accelerator, count and searched(count)) for accelerator, count in found]


def _rented(plain: Deployment) -> list[Deployment]:
    """The model on each accelerator that can be rented and that its engine is described on."""
    rented = accelerators_for_serving()
    there = [plain.on(one) for one in rented if serves(plain.engine.name, device_of(one))]
    return [one for one in there if not one.engine.unmultiplied(one.formats)]


def _offered(asked: Question, plain: Deployment, accelerator: Accelerator, devices: int | None) -> Deployment:
    """A deployment on devices that are offered: on those that its engine is not described on another serves, or none
    does."""
    if serves(plain.engine.name, device_of(accelerator)):
        there = plain.on(accelerator, devices)
        require_multiplied(there.engine, there.formats)
        return there
    return deployed(asked, plain.model, accelerator=accelerator, devices=devices)


def each_compared(asked: CompareHardware, hardware: Sequence[tuple[Accelerator, int | None]]) -> Iterator[HardwareRow]:
    """The rows of a comparison in the order of the hardware, as they are found; what cannot be is the row's reason.

    Raises ArgumentError for a goal of the memory alone, whose answer is no time.
    """
    if asked.goal in search.LIMITS:
        raise ArgumentError(
            f"goal {asked.goal!r} is of compare_hardware, and a sweep's rows are of times; leave it out."
        )
    model = _model(asked, asked.model)
    load = generated_load(asked, model)
    require_decoder(model)
    plain = deployed(asked, model, to_place=True)
    offered, rows = list[Deployment](), dict[int, HardwareRow]()
    for index, (accelerator, devices) in enumerate(hardware):
        try:
            offered.append(_offered(asked, plain, accelerator, devices))
        except CalculatorError as error:
            rows[index] = HardwareRow(hardware=accelerator.name, fits=False, reason=str(error))
    tried = search.try_accelerators(offered, load, asked.goal, worst=asked.rank_by == WORST)
    found = search.rows_of(sorted(tried, key=lambda one: one.index), advised=False)
    for index in range(len(hardware)):
        yield rows[index] if index in rows else next(found)


@asks(PlanDeployment)
def plan_deployment(asked: PlanDeployment) -> PlanReport:
    """The few deployments of a model that serve a load within targets, the cheapest first.

    Every layout of a copy, accelerator and format is asked for its steady state; some twenty of them are then
    simulated with their queue and ranked anew. Without a rate and users the highest rate that each keeps is looked for.
    Nothing that keeps the targets is no error: plans is then empty, and nearest says what comes nearest.
    """
    model = _model(asked, asked.model)
    load = planned_load(asked, model)
    require_decoder(model)
    targets = search.Targets(
        rate=asked.request_rate,
        users=asked.concurrency,
        think_s=asked.think_time_s or 0.0,
        ttft=None if asked.ttft_target_ms is None else asked.ttft_target_ms / 1e3,
        tpot=None if asked.tpot_target_ms is None else asked.tpot_target_ms / 1e3,
        percentile=f"{asked.percentile}_ms",
        budget=asked.budget_usd_per_hour,
        most=asked.max_devices,
        spare=asked.spare_copies,
    )
    there, notes = _there(asked)
    if load.output == 1 and targets.tpot is not None:
        targets = replace(targets, tpot=None)
        text = "One output token has none after it: tpot_target_ms was left out."
        notes.append(Note(subject="tpot_target_ms", text=text, origin="warning"))
    if targets.highest:
        untold = targets.ttft is None and targets.tpot is None
        kept = "at which no queue grows in a minute" if untold else "that keep the targets"
        each = "" if any(targets.bounded(count) for _, count in there) else ", of one copy each"
        notes.append(assumed("request_rate", f"No load was given: rates are the highest {kept}{each}."))
    offered, refused = list[search.Offer](), dict[str, str]()
    for form in _formats_of(asked, model):
        wanted = replace(asked, precision=form)
        plain = deployed(wanted, model, to_place=True)
        for one, count in looked(there):
            try:
                deployment = _offered(wanted, plain, one, count)
            except CalculatorError as error:
                refused.setdefault(one.name, str(error))
                continue
            # of an engine whose files are of one kind 4 bits of that are weighed
            if asked.formats is None and form is not None and "bits" in engine_table(deployment.engine.name):
                if form == "fp8":
                    continue
                deployment = deployed(replace(asked, precision="4bit"), model, accelerator=one, devices=count)
            price = search.price_of(one)
            offered.append(search.Offer(deployment=deployment, published=form is None, price=price))
    if not offered:
        raise ArgumentError(next(iter(refused.values())))
    # of the formats that nobody named those that a device takes are enough
    served = {one.deployment.accelerator for one in offered}
    refused = {name: why for name, why in refused.items() if all(one is None or one.name != name for one in served)}
    found = search.plans(offered, load, targets, refused)
    notes += length_notes(offered[0].deployment, load.tokens + load.output, "input_tokens")
    notes += [note for note in offered[0].deployment.notes if note.subject == "precision" and offered[0].published]
    explained = asked.detail == "full"
    return search.plan_report(model.name, found, offered, load, targets, (*notes, *load.notes), explained=explained)


@asks(SearchGrid)
def search_grid(asked: SearchGrid) -> GridReport:
    """The best of every format, accelerator, layout, batch and length at once, and the front of them.

    All are answered as arrays, some millions a second; the best are then answered one by one as `estimate_performance`
    answers them. A row has the arguments that ask it again. Where nothing fits rows is empty, and a note says how far
    the nearest is off; where nothing can be asked at all, ArgumentError says why.
    """
    model = _model(asked, asked.model)
    require_decoder(model)
    axes = search.Axes(
        batches=_listed(asked.batch_sizes), inputs=_listed(asked.input_tokens), outputs=_listed(asked.output_tokens)
    )
    accelerators, notes = _to_choose_from(asked)
    offered, refused = list[Deployment](), dict[str, str]()
    for form in _precisions_of(asked):
        wanted = replace(asked, precision=form, precisions=None)
        plain = deployed(wanted, model, to_place=True)
        for one, devices in accelerators:
            try:
                offered.append(_offered(wanted, plain, one, devices or 8))
            except CalculatorError as error:
                refused.setdefault(one.name, str(error))
    if not offered:
        raise ArgumentError(next(iter(refused.values())))
    left = tuple(
        Note(subject="hardware", text=f"{name} was left out: {why}", origin="warning") for name, why in refused.items()
    )

    def goes_on(done: int, count: int) -> bool:
        if asked.progress is not None:
            asked.progress(done, count)
        return asked.cancelled is None or not asked.cancelled()

    return search.grid_report(
        offered,
        axes,
        goal=asked.goal,
        worst=asked.rank_by == WORST,
        top=asked.top,
        goes_on=goes_on,
        notes=(*left, *notes, _AT_LIST_PRICES),
    )


_AT_LIST_PRICES = Note(
    subject="usd_per_hour",
    text="Prices are the lowest on-demand list prices of a device; network, storage and idle hours are not counted.",
    origin="assumption",
)


def _listed(values: int | Sequence[int]) -> tuple[int, ...]:
    return (values,) if isinstance(values, int) else tuple(values)


def _to_choose_from(asked: SearchGrid) -> tuple[list[tuple[Accelerator, int | None]], tuple[Note, ...]]:
    """The accelerators that were named, with how many as their names say, or all with an on-demand price."""
    hardware, devices = asked.hardware, asked.devices
    if hardware is None or checks.is_all(hardware):
        priced = _priced()
        text = f"No hardware was named: the {len(priced)} accelerators with an on-demand list price were weighed."
        return [(one, devices) for one in priced], (assumed("hardware", text),)
    return list(dict.fromkeys(one for entry in _entries(hardware) for one in named_each(entry, devices))), ()


def _priced() -> list[Accelerator]:
    """Those that can be rented at a known price."""
    return [one for one in accelerators_for_serving() if search.price_of(one) is not None]


def _entries(hardware: HardwareLike | Sequence[HardwareLike]) -> Sequence[HardwareLike]:
    """What was given, one by one. Raises ArgumentError for none."""
    entries = [hardware] if isinstance(hardware, (str, Mapping, Accelerator)) else hardware
    if not isinstance(entries, Sequence) or not entries:
        raise ArgumentError("hardware must be a list of accelerators such as ['H100', 'MI300X'], or left out.")
    return entries


def _precisions_of(asked: SearchGrid) -> list[str | None]:
    """The one format that was asked for, or the checkpoint's own and beside it those given."""
    more = asked.precisions
    if asked.precision is not None and more is not None:
        raise ArgumentError("Give precision (one format) or precisions (those to weigh beside the checkpoint's own).")
    if asked.precision is not None:
        return [asked.precision]
    return [None, *([more] if isinstance(more, str) else more or ())]


def _there(asked: PlanDeployment) -> tuple[list[tuple[Accelerator, int | None]], list[Note]]:
    """The accelerators of a plan, each with how many are at hand: those that were named, or all with an on-demand
    price; and that a name means several."""
    hardware = asked.hardware
    if hardware is None or checks.is_all(hardware):
        if asked.devices is not None:
            raise ArgumentError("devices are those at hand: name their hardware, or give max_devices.")
        return [(one, None) for one in _priced()], []
    found, notes = dict[Accelerator, int | None](), list[Note]()
    for entry in _entries(hardware):
        meant = named_each(entry, asked.devices)
        found |= dict(meant)
        if len(meant) > 1:
            names = " and ".join(one.name for one, _ in meant)
            notes.append(assumed("hardware", f"{entry} means {names}: each was looked at. Name one for it alone."))
    return list(found.items()), notes


def _formats_of(asked: PlanDeployment, model: Model) -> list[str | None]:
    """The formats that are weighed: those that were named, or the checkpoint's own (None), and beside 16 bits fp8 and
    int4."""
    if asked.precision is not None and asked.formats is not None:
        raise ArgumentError("Give precision (one format) or formats (those that are allowed).")
    if asked.precision is not None:
        return [asked.precision]
    # an engine serves a checkpoint in 32 bits in others, so that 32 are a format of their own
    own = deployed(asked, model, to_place=True).formats.scheme
    if asked.formats is None:
        return [None, "fp8", "int4"] if own.quantized is None else [None]
    allowed = [asked.formats] if isinstance(asked.formats, str) else asked.formats
    return list(dict.fromkeys(None if form.strip().lower() == own.label.lower() else form for form in allowed))
