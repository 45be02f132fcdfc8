"""What other engines print when they load a model: weights, cache, tokens and the memory needed in all.

A model that a local engine deals to several devices by whole layers holds there, in all, what one device would hold.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from llm_memory_hardware import AmbiguousHardwareError, UnknownHardwareError, find_accelerator

from .. import checks
from ..api import calculate_memory
from ..engines import ENGINES, SPELLINGS
from ..models import Model
from ..units import GIB
from .amounts import device_bytes, total_bytes
from .kinds import Answer, Estimate, Kind, compared
from .models import Models, precision_of
from .reading import RefusedRow, Row
from .scores import Comparison
from .startup import release_in

# Those whose cache takes a share of the device; that of others is as long as asked for.
_POOLED = {"sglang": "mem_fraction_static", "tensorrt_llm": "free_gpu_memory_fraction"}
# As logs write a card by its memory alone (24GB), and after its name (H100-80).
_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?GB\??", re.IGNORECASE)
_SIZED = re.compile(r"-(\d+)$")
# Rows name a model by what its size suggests: "llama3.1:8b-class", "qwen2:7b (29 layers)".
_ADDED = re.compile(r"\s*\([^()]*\)$|[\s-]class$")


def engine_logs_kind(estimate: Estimate = calculate_memory) -> Kind:
    return Kind(
        name="load logs of several engines",
        columns=("engine", "model"),
        measured=("weights_unit", "kv_unit", "n_ctx_or_max_len"),
        metrics=("weights_gib", "kv_cache_gib", "kv_tokens", "total_gib"),
        answer=partial(_answer, estimate=estimate),
    )


def _answer(row: Row, models: Models, *, estimate: Estimate) -> Answer:
    spelled = row.needed("engine").lower()
    engine = checks.choice("engine", SPELLINGS.get(spelled, spelled), ENGINES)
    name = row.needed("model")
    model = models.named(_plain_name(name))
    pooled = engine in _POOLED
    length = _length(row, model, pooled=pooled)
    report = estimate(
        model,
        batch_size=1,
        engine=engine,
        engine_version=release_in(row.text("version")),
        precision=precision_of(model, row.text("quant")),
        **({} if length is None else {"seq_length": length}),
        **(_pool(row, engine) if pooled else _local(row)),
    )
    startup = report.startup if pooled else None
    weights = report.weight_memory_bytes + report.weight_padding_bytes - report.host_memory_bytes
    cache, tokens = report.kv_cache_bytes + report.cache_padding_bytes, None
    if startup is not None:
        weights, cache, tokens = startup.weights_bytes, startup.cache_room_bytes, startup.cache_tokens
    values = [*_compared("weights_gib", device_bytes(row.text("weights"), row.text("weights_unit"), engine), weights)]
    if length is not None:
        values += [
            *_compared("kv_cache_gib", device_bytes(row.text("kv_size"), row.text("kv_unit"), engine), cache),
            *compared("kv_tokens", row.real("kv_tokens"), tokens),
            *_compared("total_gib", total_bytes(row.text("note"), engine), report.total_memory_bytes),
        ]
    if not values:
        raise RefusedRow("nothing measured that is clear")
    system = row.text("accelerator", "gpu") or "not stated"
    return Answer(model=name, system=system, engine=engine, values=tuple(values))


def _compared(metric: str, measured_bytes: float | None, estimated_bytes: float) -> tuple[Comparison, ...]:
    measured = None if measured_bytes is None else measured_bytes / GIB
    return compared(metric, measured, estimated_bytes, unit=GIB)


def _plain_name(name: str) -> str:
    """The name without what a row adds to it."""
    plain = _ADDED.sub("", name) or name
    return plain if plain == name else _plain_name(plain)


def _length(row: Row, model: Model, *, pooled: bool) -> int | None:
    """The tokens that the cache is for; None where nothing says so, and weights alone can be compared."""
    stated = row.whole("n_ctx_or_max_len")
    return model.architecture.max_length if stated is None and pooled else stated


def _pool(row: Row, engine: str) -> dict[str, Any]:
    """The device that a cache takes its share of, and how many of them share a layer."""
    accelerator = row.text("accelerator", "gpu")
    if accelerator is None:
        raise RefusedRow("no accelerator or total")
    share, tensor = row.real("mem_fraction"), row.whole("tp")
    asked = _device(accelerator)
    if share is not None:
        asked["engine_settings"] = {_POOLED[engine]: share}
    if tensor is not None:
        asked["tensor_parallel"] = tensor
    return asked


def _device(named: str) -> dict[str, Any]:
    """A device as a log names it: by its memory alone, or by its name with the memory after a dash."""
    memory = _MEMORY.fullmatch(named.strip())
    return {"memory_gb": float(memory[1])} if memory else {"hardware": _SIZED.sub(r" \1GB", named)}


def _local(row: Row) -> dict[str, Any]:
    """The one device of a local engine, where it is one that is known; its memory decides nothing of what is held."""
    named = row.text("accelerator", "gpu")
    if named is None or (row.whole("gpu_count") or 1) > 1:
        return {}
    try:
        find_accelerator(named)
    except (UnknownHardwareError, AmbiguousHardwareError):
        return {}
    return {"hardware": named}
