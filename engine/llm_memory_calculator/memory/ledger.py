"""The ledger: what one device stores, for the device that stores most."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from ..architecture import Architecture, Layer, ranks
from ..facts import table
from ..formats.scheme import Formats, WeightScheme, stored_bytes
from ..images import ImageSize, Latents
from ..parallel import Parallelism, check
from ..report import UTILIZATION, BatchReport, Fit, Interval, MemoryReport, Note
from ..units import GB, ceil_div
from .adapters import Adapters, adapter_bytes

STATE_BYTES = 4
"""A recurrent state is kept in float32, as transformers and vLLM keep it by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The images of each sequence: how many, and what one is to the tower and to the language model."""

    count: int
    size: ImageSize


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is held at once: `sequences` over all copies, `tokens` of each, and what stands beside them."""

    sequences: int
    tokens: int
    source: int | None = None
    """Encoded positions that each sequence attends; None: as many as it has tokens, or as the encoder always gives."""
    pictures: Pictures | None = None
    adapters: Adapters | None = None
    chunk_tokens: int | None = None
    """Most tokens of a step; None: the engines' default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Bytes on one device."""

    weights: int
    kv_cache: int
    activations: int
    overhead: int
    where: str
    state: int = 0
    images: int = 0
    adapters: int = 0

    @property
    def total(self) -> int:
        cached = self.kv_cache + self.state
        return self.weights + self.adapters + cached + self.activations + self.images + self.overhead


def untied(architecture: Architecture) -> Architecture:
    """The same model with its head stored apart from the embedding."""
    return replace(architecture, last=architecture.last.self_contained())


def ranks_of(architecture: Architecture, layout: Parallelism) -> tuple[tuple[int, int, Architecture], ...]:
    """(first stage, how many like it, what a device of it holds) over the pipeline stages of one copy."""
    return ranks(architecture, layout.tensor, layout.expert, layout.pipeline)


@lru_cache(maxsize=1024)
def _fixed(rank: Architecture, scheme: WeightScheme) -> tuple[int, int, bool, bool]:
    """Weight bytes, live values a token, whether there are experts, whether the head is here."""
    operators = [operator for layer in rank.text_layers() for operator in layer.operators]
    live = 2 * rank.hidden_size + max((operator.live_values() for operator in operators), default=0)
    has_experts = any(operator.expert_count > 0 for operator in operators)
    has_head = any(operator.gives_logits for operator in rank.last.operators)
    return stored_bytes(rank, scheme), live, has_experts, has_head


def _live_beside(layers: tuple[Layer, ...]) -> float:
    """Values a position that are alive in a tower or an encoder: two copies of its residual and the widest operator."""

    def live(layer: Layer) -> float:
        residual = max((operator.residual_width for operator in layer.operators), default=0)
        widest = max((operator.live_values() for operator in layer.operators), default=0)
        return (2 * residual + widest) / layer.reduction

    return max((live(layer) for layer in layers), default=0.0)


def _image_values(rank: Architecture, pictures: Pictures | None, sequences: int, chunk: int) -> float:
    """Values that the tower keeps alive, and the embeddings that it hands on, in the images of one step.

    An engine takes as many images into a step as their tokens fit its budget, and one at least.
    """
    if pictures is None or not rank.towers:
        return 0.0
    shown = max(1, pictures.size.tokens, pictures.size.attended)
    together = min(sequences * pictures.count, max(1, chunk // shown))
    seeing = tuple(layer for layer in rank.towers if not layer.of_sound)
    of_image = _live_beside(seeing) * pictures.size.positions + shown * rank.hidden_size
    return together * of_image


def _making(rank: Architecture, formats: Formats, pictures: Pictures, prompts: int) -> dict[str, float]:
    """Peak bytes of each part of a pipeline that makes images: the parts run one after the other.

    Attention never holds its scores, and the decoder takes each image whole.
    """
    facts, latents, size = table("memory"), rank.latents, pictures.size
    assert latents is not None
    images = prompts * pictures.count
    upcast = latents.upcast and formats.scheme.plain.name == "fp16"
    width = 4 if upcast else formats.activation_bytes
    layers = tuple(rank.text_layers())
    skips = sum(layer.repeat * layer.kept / layer.reduction for layer in layers)
    forward, decoder = facts["forward"]["factor"] * formats.activation_bytes, facts["diffusion"]["decoder_factor"]
    widened = sum(layer.repeat * operator.active_parameters() for layer in rank.towers for operator in layer.operators)
    return {
        "encoders": forward * _live_beside(rank.encoder) * latents.prompt * latents.passes * prompts,
        "a step of the denoiser": forward * (_live_beside(layers) + skips) * size.tokens * latents.passes * images,
        "decoder": decoder * width * _live_beside(rank.towers) * size.positions * images
        + (widened * (width - formats.activation_bytes) if upcast else 0),
    }


def _held_images(latents: Latents, formats: Formats, pictures: Pictures, prompts: int) -> float:
    """Bytes of latents with their copies for each pass and what the denoiser gives, and of pixels in float32."""
    positions = pictures.size.positions / latents.scale**2
    values = latents.channels * (1 + 2 * latents.passes) * positions * formats.activation_bytes
    return prompts * pictures.count * (values + 3 * 4 * pictures.size.positions)


def ledger(architecture: Architecture, formats: Formats, layout: Parallelism, load: Load) -> Ledger:
    """Bytes on the device that stores most."""
    if architecture.task == "diffusion":
        return _making_ledger(architecture, formats, layout, load)
    facts = table("memory")
    tokens = load.tokens
    chunk = facts["forward"]["chunk_tokens"] if load.chunk_tokens is None else load.chunk_tokens
    here = ceil_div(load.sequences, layout.data)
    peers = "with_peers_bytes" if layout.tensor * layout.pipeline > 1 else "alone_bytes"
    encoded = architecture.source_of(tokens) if load.source is None else load.source
    found = []
    for stage, _, rank in ranks_of(architecture, layout):
        weights, live, has_experts, has_head = _fixed(rank, formats.scheme)
        # attention to both sides cannot be cut into chunks, so an encoder takes its sequences whole, one at least
        least = tokens if architecture.task == "encoder" else here
        step_tokens = min(here * tokens, max(chunk, least))
        alive = max(live * step_tokens, _live_beside(rank.encoder) * min(here * encoded, max(chunk, encoded)))
        forward = facts["forward"]["factor"] * alive * formats.activation_bytes
        state = rank.state()
        images = facts["forward"]["factor"] * _image_values(rank, load.pictures, here, chunk) * formats.activation_bytes
        samples = has_head and architecture.task != "encoder"
        sampler = facts["sampler"]["bytes_per_logit"] * rank.vocab_size * here if samples else 0
        graphs = facts["graphs"]["base_bytes"] + facts["graphs"]["layer_bytes"] * rank.depth
        found.append(
            Ledger(
                weights=weights,
                kv_cache=math.ceil(here * rank.cached_values(tokens, encoded) * formats.kv_bytes),
                state=math.ceil(here * (state.window * formats.activation_bytes + state.recurrent * STATE_BYTES)),
                images=math.ceil(images),
                adapters=adapter_bytes(rank, load.adapters, layout.tensor),
                activations=math.ceil(max(forward, sampler)),
                overhead=round(
                    facts["context"][peers]
                    + facts["non_torch"][peers]
                    + graphs
                    + (facts["graphs"]["experts_bytes"] if has_experts else 0)
                ),
                where="every device" if layout.pipeline == 1 else f"pipeline stage {stage + 1} of {layout.pipeline}",
            )
        )
    return max(found, key=lambda one: one.total)


def _making_ledger(architecture: Architecture, formats: Formats, layout: Parallelism, load: Load) -> Ledger:
    """Bytes of a pipeline that makes images: each device has all of it, and its share of the prompts."""
    here = ceil_div(load.sequences, layout.data)
    held = peak = 0.0
    if load.pictures is not None and architecture.latents is not None:
        held = _held_images(architecture.latents, formats, load.pictures, here)
        peak = max(_making(architecture, formats, load.pictures, here).values())
    return Ledger(
        weights=stored_bytes(architecture, formats.scheme),
        kv_cache=0,
        images=math.ceil(held),
        adapters=adapter_bytes(architecture, load.adapters, layout.tensor),
        activations=math.ceil(peak),
        overhead=table("memory")["context"]["alone_bytes"],
        where="every device",
    )


def _making_notes(architecture: Architecture, formats: Formats, layout: Parallelism, load: Load) -> tuple[Note, ...]:
    """Which part of a pipeline needs most."""
    if architecture.task != "diffusion" or load.pictures is None:
        return ()
    peaks = _making(architecture, formats, load.pictures, ceil_div(load.sequences, layout.data))
    shown = ", ".join(f"{part} {value / GB:.2f} GB" for part, value in peaks.items() if value)
    text = (
        f"The parts run one after the other, and the largest peak was counted: {shown}. Attention that holds no scores "
        "(SDPA) and images decoded whole were assumed: no slices, no tiles, nothing offloaded."
    )
    return (Note(subject="activation_memory_bytes", text=text, origin="assumption"),)


def memory_report(
    architecture: Architecture,
    formats: Formats,
    layout: Parallelism,
    load: Load,
    *,
    model: str,
    notes: tuple[Note, ...] = (),
    framework_overhead: float | None = None,
    include_gradients: bool = False,
    fits: tuple[Fit, ...] = (),
    device_bytes: int | None = None,
) -> MemoryReport:
    """The report of one layout. `device_bytes` is what the runtime sees of one device, where a device was named."""
    check(architecture, layout)
    found = ledger(architecture, formats, layout, load)
    overhead, activations = found.overhead, found.activations
    if framework_overhead is not None:
        overhead = round((found.kv_cache + found.state + found.images + activations) * (framework_overhead - 1))
    gradients = 0
    if include_gradients:
        heaviest = max(rank.parameter_count for _, _, rank in ranks_of(architecture, layout))
        gradients = round(heaviest * formats.activation_bytes)
    estimated = activations + found.images + (overhead if framework_overhead is None else 0)
    exact = found.weights + found.adapters + found.kv_cache + found.state + gradients
    exact += overhead if framework_overhead is not None else 0
    makes_images = architecture.task == "diffusion"
    spread = table("memory")["diffusion" if makes_images else "interval"]
    report = MemoryReport(
        model=model,
        model_type=architecture.model_type,
        attention_type=architecture.attention_type,
        precision=formats.scheme.label,
        kv_precision=formats.kv_cache.name,
        parameter_count=architecture.parameter_count,
        active_parameter_count=architecture.active_parameter_count,
        embedding_parameter_count=architecture.embedding_parameter_count,
        batch_size=load.sequences,
        seq_length=load.tokens,
        image_tokens=load.pictures.count * load.pictures.size.tokens if load.pictures else 0,
        tensor_parallel=layout.tensor,
        pipeline_parallel=layout.pipeline,
        data_parallel=layout.data,
        expert_parallel=layout.expert,
        devices=layout.devices,
        worst_device=found.where,
        weight_memory_bytes=found.weights,
        kv_cache_bytes=found.kv_cache,
        activation_memory_bytes=activations,
        state_memory_bytes=found.state,
        image_memory_bytes=found.images,
        lora_adapter_memory_bytes=found.adapters,
        gradient_memory_bytes=gradients,
        extra_work_bytes=overhead,
        kv_cache_bytes_per_token=bytes_per_token(architecture.shard(layout.tensor, layout.expert), formats),
        total_memory_interval=Interval(
            low=round(exact + spread["low"] * estimated),
            high=round(exact + spread["high"] * estimated),
            level=0.8,
            evidence="weights are exact; activations are a law checked against traces of diffusers and published peaks"
            if makes_images
            else "weights and KV cache are exact; activations and overhead are laws fitted to vLLM start-up logs",
        ),
        fits=fits,
        notes=(
            *notes,
            *length_notes(architecture, load.tokens),
            *_making_notes(architecture, formats, layout, load),
            *architecture.apart,
        ),
    )
    if device_bytes is None:
        return report
    budget = int(UTILIZATION * device_bytes)
    return replace(report, fits_device=report.total_memory_bytes <= budget, device_budget_bytes=budget)


def bytes_per_token(architecture: Architecture, formats: Formats) -> int:
    """Bytes that one more token adds to the cache of one sequence before any window is full, over all layers.

    Where several tokens become one entry, the mean over the first 128.
    """
    values = max(architecture.cached_values(1), architecture.cached_values(128) / 128)
    return math.ceil(values * formats.kv_bytes)


def length_notes(architecture: Architecture, tokens: int, subject: str = "seq_length") -> tuple[Note, ...]:
    """A warning when sequences are longer than the model's config allows."""
    longest = architecture.max_length
    if longest is None or tokens <= longest:
        return ()
    return (
        Note(
            subject=subject,
            text=f"{tokens:,} tokens exceed the {longest:,} that the model's config allows.",
            origin="warning",
        ),
    )


def max_batch(
    architecture: Architecture,
    formats: Formats,
    layout: Parallelism,
    load: Load,
    *,
    model: str,
    device_bytes: int,
    device: str,
    utilization: float = UTILIZATION,
    most: int = 1_000_000,
    notes: tuple[Note, ...] = (),
) -> BatchReport:
    """The largest number of sequences like those of `load` that devices of `device_bytes` hold."""
    check(architecture, layout)
    budget = int(utilization * device_bytes)
    tokens = load.tokens
    one, less = f"One sequence of {tokens:,} tokens", "a shorter seq_length"
    if architecture.task == "diffusion":
        one, less = "One prompt", "smaller images"

    def on_device(sequences: int) -> Ledger:
        return ledger(architecture, formats, layout, replace(load, sequences=sequences))

    least = on_device(layout.data)
    if least.total > budget:
        largest = 0
        reason = (
            f"{one} needs {least.total / GB:.1f} GB a device "
            f"({least.weights / GB:.1f} of weights), and {device} offers {budget / GB:.1f} GB "
            f"({utilization:.0%} of {device_bytes / GB:.1f}); use more devices, a larger one, a smaller precision "
            f"or {less}."
        )
        used = least
    else:
        low, high = layout.data, most + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if on_device(middle).total <= budget else (low, middle)
        largest, used = low, on_device(low)
        reason = (
            f"The search stops at {most:,} sequences."
            if largest == most
            else f"One more sequence on each copy would exceed the {budget / GB:.1f} GB that {device} offers."
        )
    return BatchReport(
        model=model,
        hardware=device,
        max_batch_size=largest,
        reason=reason,
        seq_length=tokens,
        precision=formats.scheme.label,
        kv_precision=formats.kv_cache.name,
        tensor_parallel=layout.tensor,
        pipeline_parallel=layout.pipeline,
        data_parallel=layout.data,
        devices=layout.devices,
        device_budget_bytes=budget,
        weight_memory_bytes=used.weights,
        kv_cache_bytes=used.kv_cache,
        activation_memory_bytes=used.activations,
        extra_work_bytes=used.overhead,
        state_memory_bytes=used.state,
        image_memory_bytes=used.images,
        lora_adapter_memory_bytes=used.adapters,
        kv_cache_bytes_per_sequence=least.kv_cache,
        notes=(*notes, *length_notes(architecture, tokens), *architecture.apart),
    )


__all__ = [
    "Ledger",
    "Load",
    "Pictures",
    "bytes_per_token",
    "ledger",
    "length_notes",
    "max_batch",
    "memory_report",
    "ranks_of",
    "untied",
]
