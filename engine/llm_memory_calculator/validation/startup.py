"""What vLLM prints when it starts, or why it does not: memory by part, the cache's room, its tokens."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from llm_memory_hardware import find_devices

from ..api import calculate_memory
from ..models import Model
from ..units import GB, GIB
from .kinds import Answer, Estimate, Kind, compared
from .models import Models, precision_of
from .reading import RefusedRow, Row
from .scores import Verdict
from .stated import layout_in

_DATE = re.compile(r"\b20\d\d-\d\d(?:-\d\d)?\b")
_RELEASE = re.compile(r"(?<![\w.])(?:v?(?=\d+\.)|(?=b\d{3,5}\b))(\d+\.\d+(?:\.\d+)*|b\d+)")
# What a source tree without tags calls itself, of whatever version it is.
_NO_RELEASE = "0.1.dev"
_ACCELERATOR = ("accelerator", "hardware", "gpu")
_STARTED = {"started": True, "no_blocks": False, "length": False, "states": False, "oom": False, "free": False}
_SETTINGS_READ = {
    "gpu_memory_utilization": Row.real,
    "max_model_len": Row.whole,
    "max_num_seqs": Row.whole,
    "max_num_batched_tokens": Row.whole,
    "enforce_eager": Row.flag,
}


def startup_kind(estimate: Estimate = calculate_memory) -> Kind:
    return Kind(
        name="vLLM start-up logs",
        columns=("model",),
        measured=(
            "weights_gib_per_gpu",
            "weights_gib",
            "activation_peak_gib",
            "non_torch_gib",
            "kv_cache_gib",
            "kv_tokens",
            "max_concurrency",
            "outcome",
        ),
        metrics=(
            "weights_gib",
            "activation_peak_gib",
            "non_torch_gib",
            "kv_cache_gib",
            "kv_tokens",
            "max_concurrency",
        ),
        answer=partial(_answer, estimate=estimate),
    )


def _answer(row: Row, models: Models, *, estimate: Estimate) -> Answer:
    started = _started(row)
    engine = (row.text("engine") or "vllm").lower()
    name = row.needed("model")
    model = models.named(name)
    device = _device(row)
    if (row.text("generation") or "").lower() == "v0":
        # the engine before V1 obeys other rules, which no table describes
        raise RefusedRow("v0: no evidence")
    report = estimate(
        model,
        batch_size=1,
        seq_length=_longest(row, model),
        engine=engine,
        engine_version=release_in(row.text("vllm_version", "engine_version", "version")),
        precision=precision_of(model, row.text("dtype/quantization", "precision", "quantization", "dtype")),
        kv_precision=_kv_precision(row.text("kv_cache_dtype", "kv_precision")),
        **device,
        **layout_in(row),
    )
    startup = report.startup
    if startup is None:
        raise RefusedRow(f"how {engine} starts is not described")
    values = (
        *compared(
            "weights_gib",
            row.real("weights_gib_per_gpu", "weights_gib"),
            startup.weights_bytes,
            startup.weights_interval,
            GIB,
        ),
        *compared(
            "activation_peak_gib",
            row.real("activation_peak_gib"),
            startup.activation_bytes,
            startup.activation_interval,
            GIB,
        ),
        *compared("non_torch_gib", row.real("non_torch_gib"), startup.non_torch_bytes, startup.non_torch_interval, GIB),
        *compared("kv_cache_gib", row.real("kv_cache_gib"), startup.cache_room_bytes, startup.cache_room_interval, GIB),
        *compared("kv_tokens", row.real("kv_tokens"), startup.cache_tokens, startup.cache_tokens_interval),
        *compared("max_concurrency", row.real("max_concurrency"), startup.concurrency, startup.concurrency_interval),
    )
    if not values and started is None:
        raise RefusedRow("nothing measured")
    verdict = None
    if started is not None:
        verdict = Verdict(started=started, starts=startup.starts, borderline=startup.verdict == "borderline")
    return Answer(
        model=name,
        system=row.text(*_ACCELERATOR) or f"{row.text('total_gib')} GiB",
        engine=engine,
        values=values,
        verdict=verdict,
    )


def _started(row: Row) -> bool | None:
    outcome = row.text("outcome")
    if outcome is not None and outcome not in _STARTED:
        raise RefusedRow(f"outcome not known: {outcome}")
    return None if outcome is None else _STARTED[outcome]


def release_in(version: str | None) -> str | None:
    """The release in a version as logs have it: 0.20 of "0.20+", 0.23.0 of "vllm-ascend 0.23.0rc1"; or its date."""
    if dated := _DATE.search(version or ""):
        return dated[0]
    found = _RELEASE.search(version or "")
    return None if found is None or _NO_RELEASE in found.string else found[1]


def _longest(row: Row, model: Model) -> int:
    length = row.whole("max_model_len") or model.architecture.max_length
    if length is None:
        raise RefusedRow("max_model_len not stated, nor by the model's config")
    return length


def _kv_precision(said: str | None) -> str | None:
    """The cache's format; vLLM's own layouts of it keep its bits (fp8_ds_mla)."""
    if said is None or said.lower() == "auto":
        return None
    return "fp8" if said.lower().startswith("fp8") else said


def _device(row: Row) -> dict[str, Any]:
    """The accelerator or the memory of one device, and the engine's settings, of which its memory may be one."""
    settings: dict[str, Any] = {
        name: value for name, read in _SETTINGS_READ.items() if (value := read(row, name)) is not None
    }
    accelerator, total = row.text(*_ACCELERATOR), row.real("total_gib")
    if accelerator is not None:
        usable = find_devices(accelerator)[0].usable_memory_bytes
        # logs round to two digits
        if total is not None and abs(total - usable / GIB) > 0.005:
            settings["total_gib"] = total
        return {"hardware": accelerator, "engine_settings": settings}
    if total is not None:
        return {"memory_gb": total * GIB / GB, "engine_settings": settings}
    raise RefusedRow("no accelerator or total")
