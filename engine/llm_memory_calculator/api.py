"""The public functions: each wires a model, a layout, hardware and formats to one question."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any

from llm_memory_hardware import (
    HARDWARE_CONFIGS,
    Accelerator,
    accelerators_for_serving,
    find_accelerator,
    find_devices,
    get_accelerator,
)

from . import search, sources
from .architecture import Architecture, Step
from .arguments import (
    MOST_BEAMS,
    MOST_DEVICES,
    MOST_SEARCHED_DEVICES,
    MOST_SEQUENCES,
    MOST_TOKENS,
    choice,
    flag,
    real,
    strict,
    whole,
)
from .errors import ArgumentError, CalculatorError, DoesNotFitError, LayoutError
from .facts import table
from .formats.headers import compared
from .formats.scheme import Formats, stored_bytes
from .images import Latents
from .memory.adapters import LoraConfig, adapters_of
from .memory.ledger import Load, Pictures, bytes_per_token, ledger, max_batch, memory_report
from .models import Model, describe
from .parallel import Parallelism, problem, tensor_sizes
from .performance import estimate
from .performance.estimate import Deployment
from .performance.machine import hardware_notes, machine_for
from .report import (
    UTILIZATION,
    BatchReport,
    ComparisonReport,
    EndToEndReport,
    Fit,
    HardwareRow,
    LayoutReport,
    MemoryReport,
    ModelReport,
    Note,
    PhaseReport,
)
from .units import GB

if TYPE_CHECKING:
    import pandas

ModelLike = str | PathLike[str] | Mapping[str, Any]
HardwareLike = str | Mapping[str, object] | Accelerator

log = logging.getLogger(__name__)

# Devices that commonly share a node, and so a layer.
MOST_TENSOR = 8


# --- the model, the layout, the hardware ---------------------------------------------------------------------------


def load_model(model: ModelLike, *, token: str | None = None, refresh: bool = False) -> Model:
    """The description of a hub id, a short name, a path (config.json, its folder, weights' files) or a config dict.

    A folder's .safetensors files, or a .gguf file, are counted by their headers, of which nothing else is read.

    Raises SourceError when it cannot be read, ConfigError when it cannot be described.
    """
    origin = sources.resolve(model, token=token, refresh=refresh)
    if origin.kind == "catalogue":
        found = _catalogue_model(origin.model)
        return found if str(model).lower() == origin.model.lower() else replace(found, asked=str(model))
    if origin.kind == "name" and not any(note.subject == "model" and note.origin == "warning" for note in origin.notes):
        return _catalogue_model(str(model))
    found = _described(origin)
    listed, notes = sources.listed_values(origin, token=token)
    if listed or notes:
        notes = (*found.read_notes, *notes, *compared(found.architecture, listed))
        return replace(found, read_notes=notes)
    return found


@lru_cache(maxsize=128)
def _catalogue_model(name: str) -> Model:
    """A model that needs no request: of the catalogue, or one that its name derives from it."""
    return _described(sources.resolve(name))


def _described(origin: sources.Origin) -> Model:
    return describe(origin.model, origin.where, origin.config, weights=origin.weights, notes=origin.notes)


def _layout(*, tensor: object, pipeline: object, data: object, expert: object) -> Parallelism:
    return Parallelism(
        tensor=whole("tensor_parallel", tensor, most=MOST_DEVICES),
        pipeline=whole("pipeline_parallel", pipeline, most=MOST_DEVICES),
        data=whole("data_parallel", data, most=MOST_DEVICES),
        expert=whole("expert_parallel", expert, most=MOST_DEVICES),
    )


def _layout_of(
    architecture: Architecture, devices: object, node: int, **given: object
) -> tuple[Parallelism, tuple[Note, ...]]:
    """The layout that a caller gave, what is left of `devices` taken by copies; or one for `devices` alone.

    Devices alone are shared by as much tensor parallelism as the model and a node take, the rest by pipeline stages.
    What was chosen is a note.
    """
    stated = {name: value for name, value in given.items() if value is not None}
    layout = _layout(**{name: stated.get(name, 1) for name in given})
    if devices is None:
        return layout, ()
    count = whole("devices", devices, most=MOST_DEVICES)
    if stated and layout.devices == count:
        return layout, ()
    if stated and "data" not in stated and count % layout.devices == 0:
        found = replace(layout, data=count // layout.devices)
        return found, (
            _chosen(f"Of {count} devices, {layout.devices} hold a copy: data_parallel {found.data} was taken."),
        )
    if stated:
        raise LayoutError(
            f"devices {count} is not tensor_parallel x pipeline_parallel x data_parallel = {layout.devices}; "
            "leave devices out, or the others."
        )
    for tensor in range(min(count, node), 0, -1):
        found = Parallelism(tensor=tensor, pipeline=count // tensor)
        if count % tensor == 0 and problem(architecture, found) is None:
            return found, (_chosen(f"Only devices was given: {found} was taken."),) if count > 1 else ()
    raise LayoutError(
        f"This model cannot be split over exactly {count} devices; give tensor_parallel and data_parallel."
    )


def _chosen(text: str) -> Note:
    return Note(subject="devices", text=text, origin="assumption")


def _node_of(hardware: HardwareLike | None) -> int:
    """Devices that share a node: of the hardware named, or as most do."""
    return MOST_TENSOR if hardware is None else find_accelerator(hardware).link_domain


def _count(hardware: HardwareLike | None, devices: int | None, argument: str = "devices") -> int | None:
    """The number of devices that a caller gave, or that the hardware's name says (8xH100, p5.48xlarge), or None."""
    accelerator, named = find_devices(hardware) if isinstance(hardware, str) else (None, None)
    if accelerator is None or named is None or devices is None:
        return named if devices is None else devices
    if whole(argument, devices, most=MOST_DEVICES) != named:
        raise ArgumentError(
            f"{hardware!r} is {named} x {accelerator.name}, and {argument} is {devices}; leave {argument} out, or name "
            f"the hardware {accelerator.name!r}."
        )
    return named


def _given_system(system_name: HardwareLike | None) -> HardwareLike:
    """The original's argument for hardware, which it takes last and which has no default here."""
    if system_name is None:
        raise ArgumentError(
            "system_name is needed: an accelerator's name such as 'H100', or a dict of custom hardware with Flops "
            "(TFLOPS), Memory_size (GB) and Memory_BW (GB/s)."
        )
    return system_name


def _room(hardware: HardwareLike | None, memory_gb: float | None) -> tuple[str, int, tuple[Note, ...]] | None:
    """The name and bytes of the device that a caller named, by hardware or by memory, and what is to be said of it."""
    if hardware is not None and memory_gb is not None:
        raise ArgumentError("Give hardware or memory_gb, not both.")
    if hardware is not None:
        accelerator = find_accelerator(hardware)
        return accelerator.name, accelerator.usable_memory_bytes, hardware_notes(accelerator)
    if memory_gb is not None:
        size = real("memory_gb", memory_gb, most=1e6, unit="GB")
        return f"a device of {size:g} GB", int(size * GB), ()
    return None


def _deployment(
    model: Model, hardware: HardwareLike, layout: Parallelism, precision: str | None, kv_precision: str | None
) -> Deployment:
    formats = model.formats(precision, kv_precision)
    accelerator = find_accelerator(hardware)
    return Deployment(
        model=model.name,
        architecture=model.architecture,
        formats=formats,
        machine=machine_for(accelerator),
        layout=layout,
        notes=(*model.notes(formats), *hardware_notes(accelerator)),
    )


def _sequences(batch_size: object) -> int:
    return whole("batch_size", batch_size, most=MOST_SEQUENCES)


def _tokens(name: str, value: object) -> int:
    return whole(name, value, most=MOST_TOKENS)


# --- memory --------------------------------------------------------------------------------------------------------


@strict
def calculate_memory(
    model_id_or_config: ModelLike,
    batch_size: int = 1,
    seq_length: int = 2048,
    precision: str | None = None,
    kv_precision: str | None = None,
    tensor_parallel: int | None = None,
    pipeline_parallel: int | None = None,
    data_parallel: int | None = None,
    expert_parallel: int | None = None,
    framework_overhead: float | None = None,
    include_gradients: bool = False,
    respect_weight_tying: bool = True,
    devices: int | None = None,
    hardware: HardwareLike | None = None,
    memory_gb: float | None = None,
    num_images: int = 0,
    image_resolution: int | Sequence[int] = 1024,
    encoder_seq_length: int | None = None,
    max_loras: int | None = None,
    max_lora_rank: int | None = None,
    lora_dtype: str | None = None,
    fully_sharded_loras: bool | None = None,
    target_modules: str | Sequence[str] | None = None,
    lora_config: LoraConfig | Mapping[str, Any] | None = None,
    token: str | None = None,
    refresh: bool = False,
) -> MemoryReport:
    """Memory that one device must hold to serve a model, in bytes; with several devices, the one that holds most.

    model_id_or_config: a hub id or short name, a path, or a config dict.
    batch_size, seq_length: sequences held at once, and tokens of each (prompt and output together).
    precision: format of the weights, or a GGUF mix such as q4_k_m; None is the checkpoint's own.
    kv_precision: format of the KV cache; None is 16 bits.
    framework_overhead: None takes measured overheads; a number f counts (KV cache + activations) x (f - 1), as the
    original did. hardware or memory_gb: a device to judge `fits_device` against.
    devices: how many, where no layout is given and the hardware's name says none ('8xH100', 'p5.48xlarge'); the notes
    say how they were split.
    num_images, image_resolution: images of each sequence and their pixels (one side, or height and width); their tokens
    are part of seq_length. encoder_seq_length: tokens of the source of an encoder-decoder; None is seq_length.
    max_loras ... target_modules: adapters served at once and their largest rank, or lora_config with the same fields.
    Raises CalculatorError (a ValueError): unknown model or format, impossible layout, config that lacks a field.
    """
    model = load_model(model_id_or_config, token=token, refresh=refresh)
    if not flag("respect_weight_tying", respect_weight_tying):
        model = model.with_untied_head()
    sequences, tokens = _sequences(batch_size), _tokens("seq_length", seq_length)
    layout, chosen = _layout_of(
        model.architecture,
        _count(hardware, devices),
        _node_of(hardware),
        tensor=tensor_parallel,
        pipeline=pipeline_parallel,
        data=data_parallel,
        expert=expert_parallel,
    )
    formats = model.formats(precision, kv_precision)
    room = _room(hardware, memory_gb)
    factor = None
    if framework_overhead is not None:
        factor = real("framework_overhead", framework_overhead, above=0.999, most=100)
    lora = _lora(
        lora_config,
        max_loras=max_loras,
        max_lora_rank=max_lora_rank,
        lora_dtype=lora_dtype,
        fully_sharded_loras=fully_sharded_loras,
        target_modules=target_modules,
    )
    load, noted = _load(
        model.architecture, formats, sequences, tokens, num_images, image_resolution, encoder_seq_length, lora
    )
    return memory_report(
        model.architecture,
        formats,
        layout,
        load,
        model=model.name,
        notes=(*chosen, *noted, *model.notes(formats), *(() if room is None else room[2])),
        framework_overhead=factor,
        include_gradients=flag("include_gradients", include_gradients),
        fits=_fits(model.architecture, formats, load),
        device_bytes=None if room is None else room[1],
    )


def _lora(stated: LoraConfig | Mapping[str, Any] | None, **given: Any) -> LoraConfig | Mapping[str, Any] | None:
    """The adapters asked for, by a configuration or by arguments of their own; None when there are none."""
    single = {name: value for name, value in given.items() if value is not None}
    if stated is not None and single:
        raise ArgumentError(f"Give lora_config or {', '.join(single)}, not both.")
    return single or stated


def _load(
    architecture: Architecture,
    formats: Formats,
    sequences: int,
    tokens: int,
    num_images: object = 0,
    image_resolution: object = 1024,
    encoder_seq_length: object = None,
    lora: LoraConfig | Mapping[str, Any] | None = None,
) -> tuple[Load, tuple[Note, ...]]:
    """What is held at once, and what was assumed of it."""
    notes = []
    pictures = _pictures(architecture, num_images, image_resolution, tokens)
    source = None if encoder_seq_length is None else _tokens("encoder_seq_length", encoder_seq_length)
    if source is not None and architecture.task != "encoder-decoder":
        raise ArgumentError(
            f"encoder_seq_length is for encoder-decoders, and {architecture.model_type} is none; leave it out."
        )
    if architecture.task == "encoder-decoder":
        fixed = architecture.source_length
        if source is not None and fixed is not None and source != fixed:
            raise ArgumentError(
                f"encoder_seq_length is {source:,}, and the encoder of {architecture.model_type} always gives "
                f"{fixed:,} positions; leave it out."
            )
        if source is None and fixed is None:
            text = f"encoder_seq_length was not given: the source was counted as long as the output, {tokens:,} tokens."
            notes.append(Note(subject="encoder_seq_length", text=text, origin="assumption"))
    if pictures is not None and architecture.latents is not None:
        tokens = architecture.latents.prompt
        notes += _making_notes(architecture.latents, pictures, sequences, image_resolution)
    elif pictures is not None:
        text = f"{pictures.count} image(s) of {pictures.size.tokens:,} tokens are part of the {tokens:,} of a sequence."
        notes.append(Note(subject="num_images", text=text, origin="assumption"))
        if pictures.size.attended:
            source = pictures.count * pictures.size.attended
    adapters = None if lora is None else adapters_of(architecture, lora, formats.scheme.plain)
    if adapters is not None and not adapters.targets:
        text = "target_modules was not given: room for adapters on every projection but routed experts was counted."
        notes.append(Note(subject="target_modules", text=text, origin="assumption"))
    load = Load(sequences=sequences, tokens=tokens, source=source, pictures=pictures, adapters=adapters)
    return load, tuple(notes)


def _making_notes(latents: Latents, pictures: Pictures, prompts: int, resolution: object) -> list[Note]:
    """What a batch, a length and a resolution mean to a model that makes images."""
    passes = "two passes" if latents.passes == 2 else "one pass"
    text = (
        f"{prompts:,} prompt(s) with {pictures.count:,} image(s) each are made at once, with {passes} of the denoiser "
        f"an image and step over {pictures.size.tokens:,} positions. seq_length has no meaning here: a prompt is "
        f"{latents.prompt} tokens."
    )
    notes = [Note(subject="batch_size", text=text, origin="assumption")]
    if latents.side is not None and resolution != (own := latents.side * latents.scale):
        text = f"The model was made for images of {own} x {own} pixels, and image_resolution is {resolution}."
        notes.append(Note(subject="image_resolution", text=text, origin="warning"))
    return notes


def _pictures(architecture: Architecture, count: object, resolution: object, tokens: int) -> Pictures | None:
    images = whole("num_images", count, least=0, most=100_000)
    made = architecture.task == "diffusion"
    if images == 0 and not made:
        return None
    rule = architecture.latents or architecture.images
    if rule is None:
        raise ArgumentError(
            f"num_images is {images}, and {architecture.model_type} has no tower for images; leave it out."
        )
    sides = resolution if isinstance(resolution, (list, tuple)) else (resolution, resolution)
    if len(sides) != 2:
        raise ArgumentError(f"image_resolution must be one side or height and width in pixels, and is {resolution!r}.")
    height, width = (whole("image_resolution", side, most=100_000) for side in sides)
    size = rule.size(height, width)
    if made:
        return Pictures(count=max(1, images), size=size)
    if images * size.tokens >= tokens:
        raise ArgumentError(
            f"{images} image(s) of {height} x {width} are {images * size.tokens:,} tokens, and seq_length is "
            f"{tokens:,}; give a longer seq_length or fewer images."
        )
    return Pictures(count=images, size=size)


@strict
def estimate_memory(config: Mapping[str, Any], **arguments: Any) -> MemoryReport:
    """`calculate_memory` of a config dict, with the same arguments."""
    return calculate_memory(config, **arguments)


def _named_accelerators() -> tuple[Accelerator, ...]:
    return tuple(get_accelerator(name) for name in table("memory")["fits"]["accelerators"])


def _fits(architecture: Architecture, formats: Formats, load: Load) -> tuple[Fit, ...]:
    """The well-known accelerators that hold the model, each with the smallest tensor-parallel group that does."""
    accelerators = _named_accelerators()
    largest = max(accelerator.link_domain for accelerator in accelerators)
    found: dict[str, Fit] = {}
    for tensor in tensor_sizes(architecture, largest):
        need = ledger(architecture, formats, Parallelism(tensor=tensor), load).total
        for accelerator in accelerators:
            usable = accelerator.usable_memory_bytes
            if accelerator.name not in found and need <= UTILIZATION * usable and tensor <= accelerator.link_domain:
                found[accelerator.name] = Fit(
                    hardware=accelerator.name,
                    devices=tensor,
                    memory_gb=accelerator.memory_gb,
                    used_share=need / usable,
                )
        if len(found) == len(accelerators):
            break
    return tuple(found[accelerator.name] for accelerator in accelerators if accelerator.name in found)


class BatchLimit(int):
    """A largest batch: an int, with the report that says what limits it."""

    report: BatchReport

    @property
    def reason(self) -> str:
        return self.report.reason


@strict
def max_batch_size(
    model: ModelLike,
    hardware: HardwareLike | None = None,
    memory_gb: float | None = None,
    seq_length: int = 2048,
    precision: str | None = None,
    kv_precision: str | None = None,
    tensor_parallel: int | None = None,
    pipeline_parallel: int | None = None,
    data_parallel: int | None = None,
    expert_parallel: int | None = None,
    devices: int | None = None,
    num_images: int = 0,
    image_resolution: int | Sequence[int] = 1024,
    encoder_seq_length: int | None = None,
    lora_config: LoraConfig | Mapping[str, Any] | None = None,
    token: str | None = None,
    refresh: bool = False,
) -> BatchReport:
    """The largest number of sequences of seq_length tokens that the devices hold; 0, with the reason, when none fits.

    hardware or memory_gb (GB of one device) is required. devices alone are split as the notes say. Images, source and
    adapters as in calculate_memory.
    """
    room = _room(hardware, memory_gb)
    if room is None:
        raise ArgumentError("Give hardware (such as 'H100') or memory_gb (GB of one device): one of them is needed.")
    found = load_model(model, token=token, refresh=refresh)
    formats = found.formats(precision, kv_precision)
    layout, chosen = _layout_of(
        found.architecture,
        _count(hardware, devices),
        _node_of(hardware),
        tensor=tensor_parallel,
        pipeline=pipeline_parallel,
        data=data_parallel,
        expert=expert_parallel,
    )
    tokens = _tokens("seq_length", seq_length)
    load, noted = _load(
        found.architecture, formats, 1, tokens, num_images, image_resolution, encoder_seq_length, lora_config
    )
    return max_batch(
        found.architecture,
        formats,
        layout,
        load,
        model=found.name,
        device_bytes=room[1],
        device=room[0],
        notes=(*chosen, *noted, *found.notes(formats), *room[2]),
    )


@strict
def estimate_max_batch_size(
    model_id_or_config: ModelLike,
    gpu_memory_gb: float,
    seq_length: int = 2048,
    precision: str | None = None,
    kv_precision: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    data_parallel: int = 1,
    expert_parallel: int = 1,
    token: str | None = None,
) -> BatchLimit:
    """The largest batch on devices of gpu_memory_gb GB each: an int whose `.reason` says what limits it."""
    size = real("gpu_memory_gb", gpu_memory_gb, most=1e6, unit="GB")
    report = max_batch_size(
        model_id_or_config,
        memory_gb=size,
        seq_length=seq_length,
        precision=precision,
        kv_precision=kv_precision,
        tensor_parallel=tensor_parallel,
        pipeline_parallel=pipeline_parallel,
        data_parallel=data_parallel,
        expert_parallel=expert_parallel,
        token=token,
    )
    limit = BatchLimit(report.max_batch_size)
    limit.report = report
    return limit


@strict
def inspect_model(model: ModelLike, token: str | None = None, refresh: bool = False) -> ModelReport:
    """What a model is: counts, attention, cache a token, formats."""
    found = load_model(model, token=token, refresh=refresh)
    formats = found.formats(None, None)
    architecture = found.architecture
    return ModelReport(
        model=found.name,
        source=found.source,
        model_type=architecture.model_type,
        attention_type=architecture.attention_type,
        parameter_count=architecture.parameter_count,
        active_parameter_count=architecture.active_parameter_count,
        embedding_parameter_count=architecture.embedding_parameter_count,
        layers=architecture.depth,
        hidden_size=architecture.hidden_size,
        vocab_size=architecture.vocab_size,
        max_length=architecture.max_length,
        precision=formats.scheme.label,
        kv_precision=formats.kv_cache.name,
        weight_memory_bytes=stored_bytes(architecture, formats.scheme),
        kv_cache_bytes_per_token=bytes_per_token(architecture, formats),
        tensor_parallel=tensor_sizes(architecture, 64),
        notes=(*found.notes(formats), *architecture.apart),
    )


# --- time ----------------------------------------------------------------------------------------------------------


@strict
def estimate_prefill_performance(
    model: ModelLike,
    batch_size: int = 1,
    input_tokens: int = 2048,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    data_parallel: int = 1,
    kv_precision: str | None = None,
    debug: bool = False,
    token: str | None = None,
) -> PhaseReport:
    """Time to first token of a batch of prompts, ms; the report also answers to the original's keys (`TTFT`, ...).

    system_name: an accelerator's name, an Accelerator, or a dict of custom hardware in the original's keys.
    bits: format of the weights; None is the checkpoint's own. debug: log every operator's time.
    Raises DoesNotFitError when the devices cannot hold it.
    """
    deployment = _given(
        model,
        system_name,
        tensor_parallel,
        pipeline_parallel,
        data_parallel,
        expert_parallel,
        bits,
        kv_precision,
        token,
    )
    batch, tokens = _sequences(batch_size), _tokens("input_tokens", input_tokens)
    report = estimate.estimate_prefill(deployment, batch, tokens)
    return _with_operators(deployment, report, Step(batch=batch, query=tokens), debug)


@strict
def estimate_decode_performance(
    model: ModelLike,
    batch_size: int = 1,
    beam_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    data_parallel: int = 1,
    kv_precision: str | None = None,
    debug: bool = False,
    token: str | None = None,
) -> PhaseReport:
    """Mean time of a decode step, ms, over the output tokens after the first; arguments as for prefill."""
    deployment = _given(
        model,
        system_name,
        tensor_parallel,
        pipeline_parallel,
        data_parallel,
        expert_parallel,
        bits,
        kv_precision,
        token,
    )
    batch = _sequences(batch_size) * whole("beam_size", beam_size, most=MOST_BEAMS)
    tokens, outputs = _tokens("input_tokens", input_tokens), _tokens("output_tokens", output_tokens)
    report = estimate.estimate_decode(deployment, batch, tokens, outputs)
    return _with_operators(deployment, report, Step(batch=batch, query=1, context=tokens + outputs // 2), debug)


@strict
def estimate_end_to_end_performance(
    model: ModelLike,
    batch_size: int = 1,
    beam_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    expert_parallel: int = 1,
    data_parallel: int = 1,
    kv_precision: str | None = None,
    debug: bool = False,
    token: str | None = None,
) -> EndToEndReport:
    """TTFT, TPOT, total time (ms) and output tokens a second of a static batch; arguments as for prefill."""
    deployment = _given(
        model,
        system_name,
        tensor_parallel,
        pipeline_parallel,
        data_parallel,
        expert_parallel,
        bits,
        kv_precision,
        token,
    )
    report = estimate.estimate_end_to_end(
        deployment,
        _sequences(batch_size),
        _tokens("input_tokens", input_tokens),
        _tokens("output_tokens", output_tokens),
        whole("beam_size", beam_size, most=MOST_BEAMS),
    )
    if flag("debug", debug):
        log.warning("%s", report)
    return report


def _given(
    model: ModelLike,
    system_name: HardwareLike | None,
    tensor: int,
    pipeline: int,
    data: int,
    expert: int,
    bits: str | None,
    kv_precision: str | None,
    token: str | None,
) -> Deployment:
    system_name = _given_system(system_name)
    layout = _layout(tensor=tensor, pipeline=pipeline, data=data, expert=expert)
    deployment = _deployment(load_model(model, token=token), system_name, layout, bits, kv_precision)
    named = _count(system_name, None)
    if named is None or named == layout.devices:
        return deployment
    if named < layout.devices:
        raise ArgumentError(
            f"{system_name!r} is {named} devices, and the layout that was given needs {layout.devices}; name as many, "
            "or give a smaller layout."
        )
    text = f"{system_name!r} names {named} devices, and the layout that was given uses {layout.devices} of them."
    note = Note(subject="system_name", text=text, origin="assumption")
    return replace(deployment, notes=(note, *deployment.notes))


def _with_operators(deployment: Deployment, report: PhaseReport, step: Step, debug: bool) -> PhaseReport:
    found = replace(report, operators=tuple(estimate.operator_rows(deployment, step)))
    if flag("debug", debug):
        log.warning("%s", found.model_df.to_string())
    return found


@strict
def estimate_performance(
    model: ModelLike,
    hardware: HardwareLike,
    devices: int | None = None,
    tensor_parallel: int | None = None,
    pipeline_parallel: int | None = None,
    data_parallel: int | None = None,
    expert_parallel: int | None = None,
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    precision: str | None = None,
    kv_precision: str | None = None,
    token: str | None = None,
    refresh: bool = False,
) -> EndToEndReport:
    """End-to-end times on a layout, or on one that is chosen and named in the notes.

    No layout and no devices: the fewest devices of one node that hold the model, tensor parallel. Devices alone: the
    layout of them with most output tokens a second.
    """
    found = load_model(model, token=token, refresh=refresh)
    batch = _sequences(batch_size)
    inputs, outputs = _tokens("input_tokens", input_tokens), _tokens("output_tokens", output_tokens)
    devices = _count(hardware, devices)
    deployment = _deployment(found, hardware, Parallelism(), precision, kv_precision)
    given = {
        "tensor": tensor_parallel,
        "pipeline": pipeline_parallel,
        "data": data_parallel,
        "expert": expert_parallel,
    }
    node = deployment.machine.accelerator.link_domain
    if any(value is not None for value in given.values()):
        layout, filled = _layout_of(found.architecture, devices, node, **given)
        notes = (*filled, *deployment.notes)
        return estimate.estimate_end_to_end(replace(deployment, layout=layout, notes=notes), batch, inputs, outputs)
    if devices is None and (fewest := search.fewest_tensor_parallel(deployment, batch, inputs + outputs)):
        layout = Parallelism(tensor=fewest[0])
        why = f"No layout was given: tensor_parallel {fewest[0]} is the smallest that holds the model."
    else:
        # refused here with what would do, when no layout of a node holds it
        offered = node if devices is None else whole("devices", devices, most=MOST_SEARCHED_DEVICES)
        best = search.best_layout(
            deployment, offered, batch=batch, input_tokens=inputs, output_tokens=outputs, goal="throughput"
        ).best
        layout = search.layout_of(best)
        idle = "" if layout.devices == offered else f", {offered - layout.devices} of them idle"
        why = f"No layout was given: {layout} has most output tokens a second on {offered} devices{idle}."
    note = Note(subject="tensor_parallel", text=why, origin="assumption")
    chosen = replace(deployment, layout=layout, notes=(note, *deployment.notes))
    return estimate.estimate_end_to_end(chosen, batch, inputs, outputs)


@strict
def compare_performance_configurations(
    model: ModelLike,
    configurations: Sequence[Mapping[str, Any]],
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    token: str | None = None,
) -> list[dict[str, Any]]:
    """End-to-end times of several configurations, most output tokens a second first.

    A configuration has name, system_name and any of tensor_parallel, pipeline_parallel, expert_parallel, data_parallel,
    bits, beam_size. One that cannot run stands last with its `error` and None for its figures.
    """
    known = (
        "name",
        "system_name",
        "tensor_parallel",
        "pipeline_parallel",
        "expert_parallel",
        "data_parallel",
        "bits",
        "kv_precision",
        "beam_size",
    )
    load_model(model, token=token)
    if isinstance(configurations, (str, Mapping)) or not isinstance(configurations, Sequence) or not configurations:
        raise ArgumentError("configurations must be a list of at least one dict with name and system_name.")
    rows: list[dict[str, Any]] = []
    for number, configuration in enumerate(configurations, 1):
        if not isinstance(configuration, Mapping):
            raise ArgumentError(f"configurations[{number - 1}] must be a dict, and is {configuration!r}.")
        for key in configuration:
            choice(f"configurations[{number - 1}] key", key, known)
        name = configuration.get("name", f"configuration {number}")
        arguments = {key: value for key, value in configuration.items() if key != "name"}
        row: dict[str, Any] = {"config_name": name, "configuration": dict(configuration)}
        try:
            report = estimate_end_to_end_performance(
                model,
                batch_size=batch_size,
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                token=token,
                **arguments,
            )
        except CalculatorError as error:
            figures = dict.fromkeys(("performance", "total_throughput", "ttft", "tpot", "total_latency"))
            rows.append({**row, **figures, "error": str(error)})
            continue
        rows.append(
            {
                **row,
                "performance": report,
                "total_throughput": report.output_tokens_per_s,
                "ttft": report.ttft_ms,
                "tpot": report.tpot_ms,
                "total_latency": report.total_ms,
            }
        )
    return sorted(rows, key=lambda row: -(row["total_throughput"] or 0.0))


# --- layouts -------------------------------------------------------------------------------------------------------


@strict
def best_parallelism(
    model: ModelLike,
    hardware: HardwareLike,
    devices: int | None = None,
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    precision: str | None = None,
    kv_precision: str | None = None,
    goal: str = "throughput",
    token: str | None = None,
    refresh: bool = False,
) -> LayoutReport:
    """The best layout of up to `devices` devices, and the next best.

    devices: None is as many as the hardware's name says ('8xH100', 'p5.48xlarge'), or 8.
    goal: throughput (output tokens a second), latency (time per output token), decode or prefill (tokens a second of
    that phase). Raises DoesNotFitError with what would be needed when no layout holds the model.
    """
    found, count = load_model(model, token=token, refresh=refresh), _count(hardware, devices)
    return search.best_layout(
        _deployment(found, hardware, Parallelism(), precision, kv_precision),
        whole("devices", 8 if count is None else count, most=MOST_SEARCHED_DEVICES),
        batch=_sequences(batch_size),
        input_tokens=_tokens("input_tokens", input_tokens),
        output_tokens=_tokens("output_tokens", output_tokens),
        goal=choice("goal", goal, search.GOALS),
    )


@strict
def get_various_parallelization(
    model: ModelLike, total_nodes: int = 8, token: str | None = None
) -> set[tuple[int, int]]:
    """Every (tensor, pipeline) split of one copy of the model that uses at most total_nodes devices."""
    devices = whole("total_nodes", total_nodes, most=MOST_SEARCHED_DEVICES)
    architecture = load_model(model, token=token).architecture
    return {
        (layout.tensor, layout.pipeline) for layout in search.layouts(architecture, devices, devices, MOST_SEQUENCES)
    }


@strict
def get_best_parallelization_strategy(
    stage: str = "decode",
    model: ModelLike = "",
    total_nodes: int | None = None,
    batch_size: int = 1,
    beam_size: int = 1,
    input_tokens: int = 2000,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    token: str | None = None,
) -> pandas.DataFrame:
    """One row: micro batch, TP, PP, Latency(ms), Tokens/s of the stage's best layout, and its DP and EP.

    total_nodes: devices; None is as many as the hardware's name says, or 8.
    stage: decode (Latency is the mean step, Tokens/s output tokens) or prefill (Latency is TTFT, Tokens/s prompt
    tokens).
    """
    import pandas

    stage = choice("stage", stage, ("decode", "prefill"))
    system_name = _given_system(system_name)
    best = best_parallelism(
        model,
        system_name,
        devices=_count(system_name, total_nodes, "total_nodes"),
        batch_size=_sequences(batch_size) * whole("beam_size", beam_size, most=MOST_BEAMS),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        precision=bits,
        goal=stage,
        token=token,
    ).best
    decode = stage == "decode"
    return pandas.DataFrame(
        {
            "micro batch": [best.micro_batch],
            "TP": [best.tensor_parallel],
            "PP": [best.pipeline_parallel],
            "Latency(ms)": [best.tpot_ms if decode else best.ttft_ms],
            "Tokens/s": [best.decode_tokens_per_s if decode else best.prefill_tokens_per_s],
            "DP": [best.data_parallel],
            "EP": [best.expert_parallel],
        }
    )


@strict
def get_minimum_system_size(
    model: ModelLike,
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    system_name: HardwareLike | None = None,
    bits: str | None = None,
    token: str | None = None,
) -> int:
    """The fewest devices of which some layout holds the model with this batch and length.

    Raises DoesNotFitError when no split of the model fits these devices.
    """
    system_name = _given_system(system_name)
    found = load_model(model, token=token)
    deployment = _deployment(found, system_name, Parallelism(), bits, None)
    tokens = _tokens("input_tokens", input_tokens) + _tokens("output_tokens", output_tokens)
    most = deployment.machine.accelerator.link_domain * found.architecture.depth
    fewest = search.fewest_devices(deployment, _sequences(batch_size), tokens, most=most)
    if fewest is None:
        raise DoesNotFitError(
            f"{found.name} at batch {batch_size} x {tokens:,} tokens fits on no split over {most} x "
            f"{deployment.machine.accelerator.name}; use a larger device, a smaller precision or a smaller batch."
        )
    return fewest


@strict
def compare_hardware(
    model: ModelLike,
    hardware: Sequence[HardwareLike] | None = None,
    devices: int | None = None,
    batch_size: int = 1,
    input_tokens: int = 2048,
    output_tokens: int = 256,
    precision: str | None = None,
    kv_precision: str | None = None,
    goal: str = "throughput",
    top: int | None = None,
    token: str | None = None,
    refresh: bool = False,
) -> ComparisonReport:
    """Accelerators side by side, each in its best layout, best first; those that cannot hold the model last.

    hardware: a list of names; None is what is rented or priced for serving - a gpu, tpu or asic of the catalogue with a
    cloud instance type or a list price - and your own, of which the best `top` (5) are returned. Whatever else the
    catalogue has (processors, laptops, wafers) is compared when it is named.
    devices: devices of each; None is as many as a name says ('8xH100'), or the fewest of one node that hold the model.
    """
    found = load_model(model, token=token, refresh=refresh)
    if isinstance(hardware, (str, Mapping)):
        hardware = [hardware]
    if hardware is not None and (not isinstance(hardware, Sequence) or not hardware):
        raise ArgumentError(
            "hardware must be a list of accelerators such as ['A100_80GB', 'H100'], or left out for what clouds rent."
        )
    chosen = [(find_accelerator(entry), _count(entry, devices)) for entry in hardware or accelerators_for_serving()]
    keep = whole("top", top, most=1000) if top is not None else (5 if hardware is None else len(chosen))
    batch = _sequences(batch_size)
    inputs, outputs = _tokens("input_tokens", input_tokens), _tokens("output_tokens", output_tokens)
    counts = [None if count is None else whole("devices", count, most=MOST_SEARCHED_DEVICES) for _, count in chosen]
    goal = choice("goal", goal, search.GOALS)
    formats = found.formats(precision, kv_precision)

    def row_of(accelerator: Accelerator, count: int | None, *, advise: bool) -> HardwareRow:
        deployment = _deployment(found, accelerator, Parallelism(), precision, kv_precision)
        try:
            report = search.best_layout(
                deployment,
                count or _fewest_in_node(deployment, batch, inputs + outputs),
                batch=batch,
                input_tokens=inputs,
                output_tokens=outputs,
                goal=goal,
                keep=1,
                advise=advise,
            )
        except (DoesNotFitError, LayoutError) as error:
            return HardwareRow(hardware=accelerator.name, fits=False, reason=str(error))
        return HardwareRow(
            hardware=accelerator.name,
            fits=True,
            layout=report.best,
            tpot_interval_ms=report.tpot_interval_ms,
            evidence=deployment.machine.evidence,
        )

    each = None in counts

    def order(entry: tuple[HardwareRow, Accelerator, int | None]) -> tuple[bool, tuple[float, float]]:
        layout = entry[0].layout
        return layout is None, search.score(layout, goal, each) if layout else (0.0, 0.0)

    accelerators = [accelerator for accelerator, _ in chosen]
    tried = [
        (row_of(accelerator, count, advise=False), accelerator, count)
        for accelerator, count in zip(accelerators, counts, strict=True)
    ]
    tried.sort(key=order)
    # what would do instead is looked for where it is shown
    rows = tuple(
        row if row.fits else row_of(accelerator, count, advise=True) for row, accelerator, count in tried[:keep]
    )
    rented = Note(
        subject="hardware",
        text=f"hardware was not given: {len(chosen)} of the catalogue's {len(HARDWARE_CONFIGS)} accelerators were "
        "compared, those with a cloud instance type or a list price, processors left out; name any other.",
        origin="assumption",
    )
    ranking = Note(
        subject="devices",
        text="devices was not given: each accelerator takes the fewest of one node that hold the model, and tokens a "
        "second are ranked by device.",
        origin="assumption",
    )
    return ComparisonReport(
        model=found.name,
        devices=counts[0] if len(set(counts)) == 1 else None,
        goal=goal,
        batch_size=batch,
        input_tokens=inputs,
        output_tokens=outputs,
        precision=formats.scheme.label,
        kv_precision=formats.kv_cache.name,
        rows=rows,
        compared=len(chosen),
        notes=(
            *((rented,) if hardware is None else ()),
            *((ranking,) if each else ()),
            *found.notes(formats),
            *hardware_notes(*dict.fromkeys(accelerator for _, accelerator, _ in tried[:keep])),
        ),
    )


def _fewest_in_node(deployment: Deployment, batch: int, tokens: int) -> int:
    fewest = search.fewest_tensor_parallel(deployment, batch, tokens)
    return fewest[0] if fewest else deployment.machine.accelerator.link_domain
