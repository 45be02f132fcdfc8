"""The public questions: each finds its model, is placed by `question`, and is answered by one room."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from llm_memory_hardware import HARDWARE_CONFIGS, Accelerator, Catalogue, accelerators_for_serving
from llm_memory_hardware.catalogue import current

from . import checks, search, sources
from .architecture import Architecture
from .arguments import (
    BestParallelism,
    CalculateMemory,
    CompareHardware,
    EstimatePerformance,
    InspectModel,
    MaxBatchSize,
    ModelLike,
    Question,
    asks,
)
from .deployment import Deployment
from .errors import ArgumentError
from .facts import table
from .formats.headers import compared
from .formats.scheme import stored_bytes
from .memory.caches import cache_notes, growth, growth_notes
from .memory.explanation import weights_of
from .memory.reports import batch_report, length_notes, memory_report
from .models import Model, describe, model_of
from .parallel import tensor_sizes
from .performance.reports import estimate_end_to_end
from .question import (
    assumed,
    deployed,
    deployed_as_given,
    generated_load,
    hardware_notes,
    held,
    named,
    require_decoder,
    require_phases,
    searched,
)
from .report import (
    BatchReport,
    ComparisonReport,
    EndToEndReport,
    LayoutReport,
    MemoryReport,
    ModelReport,
)


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
    if isinstance(model, Model):
        return model
    if isinstance(model, Architecture):
        return model_of(model)
    if isinstance(model, Mapping):
        return _described(sources.given(model))
    place = sources.locate(model, refresh=refresh)
    if place.kind == "catalogue" and place.name.lower() != str(model).lower():
        return _called(_bundled(place), str(model), place.repository)
    if place.kind in ("catalogue", "name"):
        return _bundled(place)
    origin = sources.with_beside(sources.read(place, token=token, refresh=refresh), token=token)
    found = _described(origin)
    if origin.kind == "name":
        found = replace(found, name=place.name)
    return replace(
        found,
        repository=origin.model if origin.kind == "hub" else "",
        read_notes=(*found.read_notes, *compared(found.architecture, origin.listed)),
    )


@lru_cache(maxsize=128)
def _bundled(place: sources.Place) -> Model:
    """A model that needs no request: of the catalogue, or one that its name derives from it and that keeps its name."""
    found = _described(sources.read(place))
    return replace(found, name=place.name) if place.kind == "name" else found


@lru_cache(maxsize=128)
def _called(model: Model, asked: str, repository: str) -> Model:
    """The same under the name that a caller gave it, where that is a repository's; a short name is the one it means."""
    return replace(model, asked=asked, counted=model.name, name=asked if "/" in asked else repository)


def _described(origin: sources.Origin) -> Model:
    return describe(
        origin.model, origin.where, origin.config, weights=origin.weights, others=origin.others, notes=origin.notes
    )


def _model(asked: Question, name: ModelLike) -> Model:
    found = load_model(name, token=asked.token, refresh=asked.refresh)
    return found if asked.state_precision is None else found.in_engine(asked.state_precision)


@asks(CalculateMemory)
def calculate_memory(asked: CalculateMemory) -> MemoryReport:
    """Memory that one device must hold to serve a model, in bytes; with several devices, the one that holds most.

    Without a layout, devices are split as the notes say. hardware or memory_gb: a device to judge `fits_device` by.
    Raises CalculatorError (a ValueError): unknown model or format, impossible layout, config that lacks a field.
    """
    model = _model(asked, asked.model_id_or_config)
    if not asked.respect_weight_tying:
        model = model.with_untied_head()
    deployment, load = held(asked, model, asked.batch_size)
    return memory_report(
        deployment,
        load,
        accelerators=_well_known(current()),
        framework_overhead=asked.framework_overhead,
        include_gradients=asked.include_gradients,
        explained=asked.detail == "full",
    )


@lru_cache(maxsize=8)
def _well_known(catalogue: Catalogue) -> tuple[Accelerator, ...]:
    return tuple(catalogue.find(name)[0] for name in table("memory")["fits"]["accelerators"])


@asks(MaxBatchSize)
def max_batch_size(asked: MaxBatchSize) -> BatchReport:
    """The largest number of sequences of seq_length tokens that the devices hold; 0, with the reason, when none fits.

    hardware or memory_gb is required. Without a layout, devices are split as the notes say.
    """
    if asked.hardware is None and asked.memory_gb is None:
        raise ArgumentError("Give hardware (such as 'H100') or memory_gb (GB of one device): one of them is needed.")
    return batch_report(*held(asked, _model(asked, asked.model), 1), explained=asked.detail == "full")


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
        kv_precision=formats.kv_cache.name,
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
            *length_notes(architecture, tokens),
            *growth_notes(cache, tokens),
            *cache_notes(architecture, formats, engine),
            *architecture.apart,
        ),
    )


@asks(EstimatePerformance)
def estimate_performance(asked: EstimatePerformance) -> EndToEndReport:
    """End-to-end times on a layout, or on one that is chosen and named in the notes.

    No layout and no devices: the fewest devices of one node that hold the model, tensor parallel. Devices alone: the
    layout of them with most output tokens a second.
    """
    model, load = _model(asked, asked.model), generated_load(asked)
    accelerator, devices = named(asked.hardware, asked.devices)
    deployment = deployed_as_given(asked, model, accelerator, devices)
    full = asked.detail == "full"
    if deployment is not None:
        return estimate_end_to_end(deployment, load, explained=full)
    require_phases(model, load.output)
    offered = searched(devices or accelerator.link_domain)
    deployment = deployed(asked, model, accelerator=accelerator, devices=offered)
    if devices is None and (fewest := search.fewest_in_node(deployment, load)):
        tensor = fewest.layout.tensor
        why = f"No layout was given: tensor_parallel {tensor} is the smallest that holds the model."
        return estimate_end_to_end(_noted(fewest, why), load, explained=full)
    # refused here with what would do, when no layout of a node holds it
    require_decoder(model)
    best = search.best_layouts(deployment, load, goal="throughput").best
    layout = best.deployment.layout
    idle = "" if layout.devices == offered else f", {offered - layout.devices} of them idle"
    why = f"No layout was given: {layout} has most output tokens a second on {offered} devices{idle}."
    return estimate_end_to_end(_noted(best.deployment, why), load, best.times, explained=full)


def _noted(deployment: Deployment, why: str) -> Deployment:
    return replace(deployment, notes=(assumed("tensor_parallel", why), *deployment.notes))


@asks(BestParallelism)
def best_parallelism(asked: BestParallelism) -> LayoutReport:
    """The best layout of up to `devices` devices, and the next best.

    Raises DoesNotFitError with what would be needed when no layout holds the model.
    """
    model = _model(asked, asked.model)
    accelerator, devices = named(asked.hardware, asked.devices)
    require_decoder(model)
    deployment = deployed(asked, model, accelerator=accelerator, devices=searched(devices or 8))
    found = search.best_layouts(deployment, generated_load(asked), goal=asked.goal)
    return search.layout_report(found, asked.goal, explained=asked.detail == "full")


@asks(CompareHardware)
def compare_hardware(asked: CompareHardware) -> ComparisonReport:
    """Accelerators side by side, each in its best layout, best first; those that cannot hold the model last.

    hardware: None is what is rented or priced for serving - a gpu, tpu or asic of the catalogue with a cloud instance
    type or a list price - and your own. Whatever else the catalogue has (processors, laptops, wafers) is compared when
    it is named.
    """
    model, load = _model(asked, asked.model), generated_load(asked)
    require_decoder(model)
    hardware = asked.hardware
    if isinstance(hardware, (str, Mapping, Accelerator)):
        hardware = [hardware]
    if hardware is not None and (not isinstance(hardware, Sequence) or not hardware):
        raise ArgumentError(
            "hardware must be a list of accelerators such as ['A100_80GB', 'H100'], or left out for what clouds rent."
        )
    chosen = [named(entry, asked.devices) for entry in hardware or accelerators_for_serving()]
    chosen = [(accelerator, count and searched(count)) for accelerator, count in chosen]
    plain = deployed(asked, model)
    tried = search.ranked(
        [
            search.try_accelerator(replace(plain, accelerator=entry, devices=count), load, asked.goal)
            for entry, count in chosen
        ]
    )
    keep = asked.top or (5 if hardware is None else len(chosen))
    notes = []
    if hardware is None:
        text = (
            f"hardware was not given: {len(chosen)} of the catalogue's {len(HARDWARE_CONFIGS)} accelerators were "
            "compared, those with a cloud instance type or a list price, processors left out; name any other."
        )
        notes.append(assumed("hardware", text))
    if None in [count for _, count in chosen]:
        text = (
            "devices was not given: each accelerator takes the fewest of one node that hold the model, and tokens a "
            "second are ranked by device."
        )
        notes.append(assumed("devices", text))
    shown = dict.fromkeys(one.deployment.accelerator for one in tried[:keep])
    notes += [*plain.notes, *hardware_notes(*(entry for entry in shown if entry is not None))]
    return search.comparison_report(tried, keep, tuple(notes), explained=asked.detail == "full")
