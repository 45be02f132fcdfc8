"""Answers about memory: what a device holds, where that fits, and how many sequences fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..engines import Spread
from ..facts import table
from ..parallel import Parallelism, tensor_sizes
from ..ranks import holdings
from ..report import BatchReport, Fit, Interval, MemoryReport, Note
from ..units import GB
from . import Ledger, holds, judge, ledger
from .explanation import explanation

if TYPE_CHECKING:
    from llm_memory_hardware import Accelerator

    from ..architecture import Architecture
    from ..deployment import Deployment, Load
    from ..engines import Engine
    from ..formats.scheme import Formats

# Capacities that accelerators are sold with, GB.
CAPACITIES_GB = (8, 12, 16, 24, 32, 40, 48, 64, 80, 96, 128, 141, 180, 192, 256, 288)


def memory_report(
    deployment: Deployment,
    load: Load,
    *,
    accelerators: Iterable[Accelerator] = (),
    framework_overhead: float | None = None,
    include_gradients: bool = False,
    explained: bool = False,
) -> MemoryReport:
    """What one device of a deployment must hold, and which of `accelerators` hold it.

    framework_overhead: (cache + activations) x (factor - 1) in place of the engine's own overhead. explained: with the
    tree of what was summed.
    """
    architecture, formats, layout = deployment.architecture, deployment.formats, deployment.layout

    def counted(deployment: Deployment) -> Ledger:
        need = ledger(deployment, load)
        if framework_overhead is not None:
            stated = (need.kv_cache + need.state + need.images + need.activations) * (framework_overhead - 1)
            need = replace(need, context=round(stated), buffers=0, graphs=0)
        if include_gradients:
            held = holdings(architecture, formats.scheme, deployment.layout, deployment.engine)
            heaviest = max(holding.parameters for holding in held)
            need = replace(need, gradients=round(heaviest * formats.activation_bytes))
        return need

    need = counted(deployment)
    total = need.total
    estimated = need.activations + need.images + (need.overhead if framework_overhead is None else 0)
    spread = deployment.engine.spread
    if architecture.task == "diffusion":
        facts = table("memory")["diffusion"]
        spread = Spread(low=facts["low"], high=facts["high"], evidence=facts["evidence"])
    usable = deployment.usable_bytes
    verdict = None if usable is None else judge(total, usable, deployment.engine)
    return MemoryReport(
        **deployment.said(),
        **layout.said(),
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
        worst_device=need.where,
        weight_memory_bytes=need.weights,
        kv_cache_bytes=need.kv_cache,
        activation_memory_bytes=need.activations,
        state_memory_bytes=need.state,
        image_memory_bytes=need.images,
        lora_adapter_memory_bytes=need.adapters,
        gradient_memory_bytes=need.gradients,
        extra_work_bytes=need.overhead,
        kv_cache_bytes_per_token=bytes_per_token(architecture.shard(layout.tensor, layout.expert), formats),
        total_memory_interval=Interval(
            low=round(total - estimated + spread.low * estimated),
            high=round(total - estimated + spread.high * estimated),
            level=0.8,
            evidence=spread.evidence,
        ),
        recommended_gpu_memory_gb=recommended_gb(total, deployment.engine),
        fits=_fits(deployment, counted, total, accelerators),
        fits_device=None if verdict is None else verdict.fits,
        device_budget_bytes=None if verdict is None else verdict.budget_bytes,
        device_margin_bytes=None if verdict is None else verdict.margin_bytes,
        ledger=explanation(deployment, load, need, framework_overhead) if explained else None,
        notes=(
            *deployment.notes,
            *load.notes,
            *length_notes(architecture, load.tokens),
            *_peak_notes(need),
            *architecture.apart,
        ),
    )


def _fits(
    deployment: Deployment,
    counted: Callable[[Deployment], Ledger],
    total: int,
    accelerators: Iterable[Accelerator],
) -> tuple[Fit, ...]:
    """Those that hold what is counted, each with the smallest tensor-parallel group that does.

    total: what is counted on the deployment's own layout.
    """
    given, engine = deployment.layout, deployment.engine
    known = {given.tensor: total} if given.devices == given.tensor and given.expert == 1 else {}
    found = []
    for accelerator in accelerators:
        usable = accelerator.usable_memory_bytes
        budget = engine.budget_bytes(usable)
        for tensor in tensor_sizes(deployment.architecture, accelerator.link_domain):
            if tensor not in known:
                known[tensor] = counted(deployment.laid_out(Parallelism(tensor=tensor))).total
            if holds(known[tensor], budget):
                found.append(
                    Fit(
                        hardware=accelerator.name,
                        devices=tensor,
                        memory_gb=accelerator.memory_gb,
                        used_share=known[tensor] / usable,
                    )
                )
                break
    return tuple(found)


def recommended_gb(total_bytes: int, engine: Engine) -> int:
    """The smallest capacity on sale, GB, that holds the total; above all of them what would, rounded up."""
    for capacity, budget in _budgets(engine):
        if holds(total_bytes, budget):
            return capacity
    return math.ceil(total_bytes / engine.utilization / GB)


@lru_cache(maxsize=64)
def _budgets(engine: Engine) -> tuple[tuple[int, int], ...]:
    return tuple((capacity, judge(0, capacity * GB, engine).budget_bytes) for capacity in CAPACITIES_GB)


def _peak_notes(need: Ledger) -> tuple[Note, ...]:
    """Which part of a pipeline that makes images needs most."""
    if not need.peaks:
        return ()
    shown = ", ".join(f"{part} {value / GB:.2f} GB" for part, value in need.peaks.items() if value)
    text = (
        f"The parts run one after the other, and the largest peak was counted: {shown}. Attention that holds no scores "
        "(SDPA) and images decoded whole were assumed: no slices, no tiles, nothing offloaded."
    )
    return (Note(subject="activation_memory_bytes", text=text, origin="assumption"),)


def bytes_per_token(architecture: Architecture, formats: Formats) -> int:
    """Bytes that one more token adds to the cache of one sequence before any window is full, over all layers.

    Where several tokens become one entry, the mean over the first 128.
    """
    values: float = max(architecture.cached_values(1), architecture.cached_values(128) / 128)
    return math.ceil(values * formats.kv_bytes)


def length_notes(architecture: Architecture, tokens: int, subject: str = "seq_length") -> tuple[Note, ...]:
    """A warning when sequences are longer than the model's config allows."""
    longest = architecture.max_length
    if longest is None or tokens <= longest:
        return ()
    text = f"{tokens:,} tokens exceed the {longest:,} that the model's config allows."
    return (Note(subject=subject, text=text, origin="warning"),)


def batch_report(deployment: Deployment, load: Load, *, most: int = 1_000_000, explained: bool = False) -> BatchReport:
    """The largest number of sequences like those of `load` that the devices hold; explained: with its ledger's tree."""
    architecture, layout = deployment.architecture, deployment.layout
    tokens, usable = load.tokens, deployment.usable_bytes
    assert usable is not None
    one, less = f"One sequence of {tokens:,} tokens", "a shorter seq_length"
    if architecture.task == "diffusion":
        one, less = "One prompt", "smaller images"

    def on_device(sequences: int) -> Ledger:
        return ledger(deployment, replace(load, sequences=sequences))

    def holds(need: Ledger) -> bool:
        return bool(judge(need.total, usable, deployment.engine).fits)

    least = on_device(layout.data)
    budget = judge(least.total, usable, deployment.engine).budget_bytes
    if not holds(least):
        largest, used = 0, least
        reason = (
            f"{one} needs {least.total / GB:.1f} GB a device "
            f"({least.weights / GB:.1f} of weights), and {deployment.device} offers {budget / GB:.1f} GB "
            f"({deployment.engine.utilization:.0%} of {usable / GB:.1f}); use more devices, a larger one, a smaller "
            f"precision or {less}."
        )
    else:
        low, high = layout.data, most + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if holds(on_device(middle)) else (low, middle)
        largest, used = low, on_device(low)
        reason = (
            f"The search stops at {most:,} sequences."
            if largest == most
            else f"One more sequence on each copy would exceed the {budget / GB:.1f} GB that {deployment.device} "
            "offers."
        )
    return BatchReport(
        **deployment.said(),
        **layout.said(),
        hardware=deployment.device,
        max_batch_size=largest,
        reason=reason,
        seq_length=tokens,
        device_budget_bytes=budget,
        weight_memory_bytes=used.weights,
        kv_cache_bytes=used.kv_cache,
        activation_memory_bytes=used.activations,
        extra_work_bytes=used.overhead,
        state_memory_bytes=used.state,
        image_memory_bytes=used.images,
        lora_adapter_memory_bytes=used.adapters,
        kv_cache_bytes_per_sequence=least.kv_cache,
        ledger=explanation(deployment, replace(load, sequences=max(largest, layout.data)), used) if explained else None,
        notes=(*deployment.notes, *load.notes, *length_notes(architecture, tokens), *architecture.apart),
    )
