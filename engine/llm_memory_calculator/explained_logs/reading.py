"""From the facts of a log, and what a caller says beside them, to the question that the calculator is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm_memory_hardware import Accelerator, accelerators_for_serving, all_accelerators, match_device

from ..arguments import CalculateMemory, ExplainStartupLog
from ..engines import ENGINES, Setting, device_of, settings_of
from ..errors import ArgumentError, CalculatorError, UnknownFormatError
from ..facts import table
from ..formats.gguf import mixes
from ..formats.scheme import stored_bytes
from ..question import assumed, layout_given, named
from ..report import Note
from ..units import GB, GIB

if TYPE_CHECKING:
    from ..models import Model
    from ..startup_logs import StartupLog

# As logs name engines whose names here are others'.
_ENGINES = {
    "llama.cpp": "llama_cpp",
    "ik_llama.cpp": "llama_cpp",
    "koboldcpp": "llama_cpp",
    "tensorrt-llm": "tensorrt_llm",
}
# These have releases of their own.
_BUILT_ON = ("ik_llama.cpp", "koboldcpp")
_RELEASE = re.compile(r"\d{1,5}(?:\.\d{1,4}){0,3}")
_NO_RELEASE = "0.1.dev"
_LAYOUT = {
    "tensor_parallel": ("tensor_parallel_size", "tp_size", "tp"),
    "pipeline_parallel": ("pipeline_parallel_size", "pp_size"),
    "data_parallel": ("data_parallel_size", "dp_size", "dp"),
    "expert_parallel": ("ep_size",),
    "context_parallel": ("decode_context_parallel_size", "dcp_size"),
}
# Settings that are read into arguments of their own, or change no number.
_APART = {
    *(name for names in _LAYOUT.values() for name in names),
    *("dtype", "quantization", "kv_cache_dtype", "load_format", "enable_expert_parallel", "file_type", "device"),
    *("n_ctx_per_seq", "n_ctx_seq", "ctx_size", "kv_size", "use_mmap", "enable_chunked_prefill", "async_scheduling"),
}
_SWITCHES = {0: False, 1: True, "0": False, "1": True, "enabled": True, "disabled": False}
_CACHE_FORMATS = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32"}
_QUANTISED = {"awq_marlin": "awq", "gptq_marlin": "gptq", "bitsandbytes": "nf4"}
# How far two statements of one card's memory may be apart, and a file's bytes from those of its mix of formats.
_SAME_MEMORY, _SAME_WEIGHTS = 0.01, 0.03
# 23.99 GiB of 24, where the driver keeps nothing for itself
_WHOLE = 0.002
_MOST_NAMED = 6
LOCAL = ("llama_cpp", "ollama", "mlx")
"""Engines that take as much as they are asked for, and no share of a device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What a log asks of the calculator."""

    question: CalculateMemory | None
    """None where the model or its engine is not known."""
    total_bytes: float | None
    """What the runtime shows of a device."""
    notes: tuple[Note, ...] = ()


def engine_of(log: StartupLog) -> str:
    """The name that the engine of a log has here."""
    return _ENGINES.get(log.engine, log.engine)


def total_of(log: StartupLog) -> float | None:
    """What the runtime shows of a device, as the log says it, or its budget over its share."""
    for name in ("total", "working_set"):
        if found := log.named(name):
            return found[0].value_bytes
    share, budget = log.settings.get("gpu_memory_utilization"), log.named("budget")
    if budget and isinstance(share, (int, float)) and share > 0:
        return budget[0].value_bytes / share
    return log.failure.get("total_bytes")


def understood(asked: ExplainStartupLog, log: StartupLog, model: Model | None) -> Understood:
    """The question that a log asks, its gaps filled by what the caller says, which comes first.

    Raises CalculatorError for what the caller says and what cannot be.
    """
    total, engine = total_of(log), asked.engine or engine_of(log)
    card = _card(asked, log, total)
    if model is None or engine not in ENGINES:
        why = (
            "no model is known: give model for estimates beside the log's own terms"
            if model is None
            else f"{log.engine} is not described here"
        )
        note = Note(subject="rows", text=f"Nothing is compared: {why}.", origin="warning")
        return Understood(question=None, total_bytes=total, notes=(*card.notes, note))
    settings = _settings(log, engine)
    lengths = _lengths(log, engine, model)
    formats = _formats(asked, log, model, engine)
    told = dict(settings.told)
    given: dict[str, Any] = {**lengths.given, **_layout(asked, log, card.count)}
    if card.accelerator is not None:
        given["hardware"] = card.accelerator
        if total is not None and engine not in LOCAL:
            told["total_gib"] = total / GIB
    elif total is not None:
        given["memory_gb"], told["total_gib"] = total / GB, total / GIB
    question = CalculateMemory(
        model_id_or_config=model,
        **given,
        precision=formats.weights,
        kv_precision=formats.cache,
        state_precision=asked.state_precision,
        engine=engine,
        engine_version=asked.engine_version or _release(log),
        gpu_memory_utilization=asked.gpu_memory_utilization,
        engine_settings={**_not_said_twice(asked, told), **(asked.engine_settings or {})},
    )
    notes = (*card.notes, *formats.notes, *lengths.notes, *settings.notes, *_versions(asked, log))
    return Understood(question=question, total_bytes=total, notes=notes)


def _not_said_twice(asked: ExplainStartupLog, told: Mapping[str, Any]) -> dict[str, Any]:
    """The log's settings without the share that the caller gives instead."""
    shares = ("gpu_memory_utilization", "mem_fraction_static")
    return {name: value for name, value in told.items() if asked.gpu_memory_utilization is None or name not in shares}


def _release(log: StartupLog) -> str | None:
    found = None if log.version is None or _NO_RELEASE in log.version else _RELEASE.search(log.version)
    return None if found is None or log.engine in _BUILT_ON else found[0]


def _versions(asked: ExplainStartupLog, log: StartupLog) -> list[Note]:
    if asked.engine_version is not None or _release(log) is not None:
        return []
    text = f"No release of {log.engine} was read: the newest that is described was taken; give engine_version."
    return [assumed("engine_version", text)]


# --- the card ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Card:
    accelerator: Accelerator | None
    count: int | None
    notes: tuple[Note, ...] = ()


def _card(asked: ExplainStartupLog, log: StartupLog, total: float | None) -> _Card:
    """The card that is named, or one that shows as much memory."""
    if asked.hardware is not None:
        accelerator, count = named(asked.hardware, asked.devices, memory_alone=True)
        return _Card(accelerator, count, tuple(_both_memories(accelerator, log, total)))
    if log.card is not None and (match := match_device({"name": log.card})).accelerator is not None:
        return _Card(match.accelerator, asked.devices, tuple(_both_memories(match.accelerator, log, total)))
    if total is None:
        text = "The log tells neither the card nor its memory: no budget is checked; give hardware."
        return _Card(None, asked.devices, (assumed("hardware", text),))
    able = [one for one in all_accelerators() if _runs(asked.engine or engine_of(log), log.runtime, one)]
    near, sold = _near(total, able), _sold_with(total, able)
    if not near or (sold and _apart(near[0], total) > _WHOLE):
        shows = f"shows {total / GIB:.2f} GiB within {'0.2' if near else '1'} %"
        text = f"No accelerator of the catalogue {shows}: memory alone was taken{sold}."
        return _Card(None, asked.devices, (assumed("hardware", text),))
    first, *others = near
    also = f"; so do {', '.join(other.name for other in others[:4])}" if others else ""
    said = log.named("total") or "total_bytes" in log.failure
    size = f"{total / GIB:.2f} GiB{'' if said else ' (its budget over its share)'}"
    text = f"The log names no card: {first.name} shows its {size} within 1 % and was taken{also}."
    return _Card(first, asked.devices, (assumed("hardware", text),))


def _runs(engine: str, runtime: str | None, accelerator: Accelerator) -> bool:
    """Whether an engine may have written the log there: on that runtime, on a design that is not too old for it."""
    if accelerator.type == "cpu" or runtime not in (None, device_of(accelerator).runtime):
        return False
    least = table(f"engines/{engine}").get("least_capability") if engine in ENGINES else None
    return least is None or _design(accelerator) >= least or accelerator.manufacturer != "NVIDIA"


def _design(accelerator: Accelerator) -> float:
    """NVIDIA's number of a design; 0 of another maker's."""
    said = accelerator.compute_capability or ""
    return float(said) if said[:1].isdecimal() else 0.0


def _sold_with(total: float, accelerators: Iterable[Accelerator]) -> str:
    """Who shows a whole number of GiB: under Windows and WSL a card shows all that it is sold with."""
    size = round(total / GIB)
    if abs(total / GIB / max(size, 1) - 1) > _WHOLE:
        return ""
    # cards of computers with Windows, the newest first
    cards = [one for one in accelerators if one.memory_gb == size and (one.memory_type or "").startswith("GDDR")]
    sold = [one.name for one in sorted(cards, key=lambda one: (-_design(one), one.name))]
    if not sold:
        return ""
    few = f"{', '.join(sold[:_MOST_NAMED])}{f' or {len(sold) - _MOST_NAMED} more' if len(sold) > _MOST_NAMED else ''}"
    return f"; under Windows and WSL a card shows all that it is sold with, so it may be {few}: give hardware"


def _near(total: float, accelerators: Iterable[Accelerator]) -> list[Accelerator]:
    """Those that show as much memory, the nearest first; of as near ones those that are rented, and the fastest."""
    rented = {accelerator.name for accelerator in accelerators_for_serving()}
    near = [(round(apart, 4), one) for one in accelerators if (apart := _apart(one, total)) <= _SAME_MEMORY]
    near.sort(key=lambda entry: (entry[0], entry[1].name not in rented, -entry[1].memory_bandwidth, entry[1].name))
    return [one for _, one in near]


def _apart(accelerator: Accelerator, total: float) -> float:
    return abs(accelerator.usable_memory_bytes / total - 1)


def _both_memories(accelerator: Accelerator, log: StartupLog, total: float | None) -> list[Note]:
    shows = accelerator.usable_memory_bytes
    if total is None or engine_of(log) in LOCAL or abs(shows / total - 1) <= _SAME_MEMORY:
        return []
    text = (
        f"The log's card shows {total / GIB:.2f} GiB, and {accelerator.name} shows {shows / GIB:.2f} GiB: the log's "
        "number was taken."
    )
    return [Note(subject="hardware", text=text, origin="warning")]


# --- layout, formats, settings, lengths ----------------------------------------------------------------------------


def _layout(asked: ExplainStartupLog, log: StartupLog, count: int | None) -> dict[str, Any]:
    """The layout that the caller gives, or the log: its own words, or the devices that it names."""
    given = layout_given(asked)
    if given or asked.devices is not None:
        return {"devices": asked.devices, **{f"{part}_parallel": size for part, size in given.items()}}
    said: dict[str, int] = {}
    for part, names in _LAYOUT.items():
        value = next((log.settings[name] for name in names if name in log.settings), None)
        if isinstance(value, int) and value > 1:
            said[part] = value
    if log.settings.get("enable_expert_parallel") is True:
        said["expert_parallel"] = said.get("tensor_parallel", 1) * said.get("data_parallel", 1)
    if not said:
        devices = {term.device for term in log.named("weights")}
        if engine_of(log) in LOCAL and len(devices) > 1:
            said["pipeline_parallel"] = len(devices)
        ranks = {rank[0] for device in devices if (rank := re.search(r"\bTP\d+", device.replace("_", " ")))}
        if len(ranks) > 1:
            said["tensor_parallel"] = len(ranks)
    return said or {"devices": count}


@dataclass(frozen=True, slots=True)
class _Formats:
    weights: str | None
    cache: str | None
    notes: tuple[Note, ...] = ()


def _formats(asked: ExplainStartupLog, log: StartupLog, model: Model, engine: str) -> _Formats:
    """The formats that the caller gives, or the log, where the checkpoint itself is not quantised."""
    cache = asked.kv_precision or _cache_format(log)
    if asked.precision is not None:
        return _Formats(asked.precision, cache)
    own = model.formats(None, None).scheme
    if own.quantized is not None:
        return _Formats(None, cache)
    if engine in LOCAL:
        found = _mix(log, model)
        return _Formats(found, cache, (_mix_note(log, found),))
    word = str(log.settings.get("quantization", "")).lower()
    word = _QUANTISED.get(word, word)
    for said in (word, str(log.settings.get("dtype", "")).removeprefix("torch.")):
        try:
            scheme = model.formats(said, None).scheme if said and said != "auto" else own
        except UnknownFormatError:
            text = f"The log's format {said!r} is not known here: the checkpoint's own was counted; give precision."
            return _Formats(None, cache, (Note(subject="precision", text=text, origin="warning"),))
        if scheme.quantized is not None or scheme.plain.bits != own.plain.bits:
            return _Formats(said, cache)
    return _Formats(None, cache)


def _cache_format(log: StartupLog) -> str | None:
    said = str(log.settings.get("kv_cache_dtype", "auto")).lower().removeprefix("torch.")
    if said == "auto":
        return None
    return "fp8" if said.startswith("fp8") else _CACHE_FORMATS.get(said, said)


def _mix(log: StartupLog, model: Model) -> str | None:
    """The mix that a GGUF's file type says, or whose bytes are nearest to those of the log."""
    said = str(log.settings.get("file_type", "")).split(" (")[0].lower()
    name = re.sub(r" - (small|medium|large)", lambda found: f"_{found[1][0]}", said).split(" - ")[0].strip()
    if name in mixes():
        return name
    if name in ("f16", "bf16", "f32", "all f32", "mostly f16"):
        return {"f16": "fp16", "mostly f16": "fp16", "bf16": "bf16"}.get(name, "fp32")
    held = sum(term.value_bytes for which in ("weights", "host_weights") for term in log.named(which))
    if not held:
        return None
    sizes = {mix: stored_bytes(model.architecture, model.formats(mix, None).scheme) for mix in mixes()}
    nearest = min(sizes, key=lambda mix: abs(sizes[mix] - held))
    return nearest if abs(sizes[nearest] / held - 1) <= _SAME_WEIGHTS else None


def _mix_note(log: StartupLog, mix: str | None) -> Note:
    if "file_type" in log.settings and mix is not None:
        return Note(subject="precision", text=f"The log's file type is {mix}.", origin="source")
    text = (
        "The log names no format of the weights, and no mix of GGUF has as many bytes: give precision."
        if mix is None
        else f"The log names no format of the weights: {mix} was taken, whose bytes are nearest."
    )
    return assumed("precision", text)


@dataclass(frozen=True, slots=True)
class _Settings:
    told: Mapping[str, Any]
    notes: tuple[Note, ...] = ()


def _settings(log: StartupLog, engine: str) -> _Settings:
    """The log's settings that bear on memory here, and which of them do not."""
    known = settings_of(engine)
    spelt = {word: name for name, setting in known.items() for word in (name, *setting.aliases)}
    if engine == "ollama":
        spelt |= {"parallel": "num_parallel", "batch_size": "num_batch"}
    told: dict[str, Any] = {}
    left = []
    for word, value in log.settings.items():
        name = spelt.get(word)
        if word in _APART or name in told:
            continue
        if name is None:
            left.append(word)
            continue
        try:
            told[name] = known[name].check(name, _typed(known[name], value))
        except ArgumentError:
            left.append(word)
    if engine == "llama_cpp" and not any(term.name.startswith("projector") for term in log.terms):
        # towers are in a file of their own, which was not loaded
        told.setdefault("mmproj", False)
    layers = {count.name: int(count.value) for count in log.counts if count.name in ("layers", "layers_offloaded")}
    planned = engine == "ollama" and any(not term.device for term in log.named("weights"))
    if planned:
        # the plan is of all layers, however many are then put on the device
        told.pop("num_gpu", None)
    elif engine in LOCAL and 0 < layers.get("layers_offloaded", 0) < layers.get("layers", 0):
        told["n_gpu_layers" if engine == "llama_cpp" else "num_gpu"] = layers["layers_offloaded"]
    text = f"Settings of the log that change nothing here: {', '.join(left)}."
    return _Settings(told, (Note(subject="settings", text=text, origin="source"),) if left else ())


def _typed(setting: Setting, value: object) -> object:
    """A value as the setting's kind takes it: logs print switches as 0, 1, Enabled."""
    switch = _SWITCHES.get(value.lower() if isinstance(value, str) else value)
    if setting.kind == "flag" and switch is not None:
        return switch
    if setting.kind == "text":
        if "on" in setting.words and switch is not None:
            return "on" if switch else "off"
        return str(value)
    return value


@dataclass(frozen=True, slots=True)
class _Lengths:
    given: Mapping[str, int]
    notes: tuple[Note, ...] = ()


def _lengths(log: StartupLog, engine: str, model: Model) -> _Lengths:
    """How long and how many the sequences are that the engine starts for."""
    said = {name: value for name, value in log.settings.items() if isinstance(value, int) and value > 0}
    if engine == "llama_cpp" and "n_ctx" in said:
        slots = said.get("n_seq_max", 1)
        return _Lengths({"batch_size": slots, "seq_length": max(1, said["n_ctx"] // slots)})
    if engine == "ollama" and "num_ctx" in said:
        return _Lengths({"batch_size": said.get("parallel", 1), "seq_length": said["num_ctx"]})
    told = said.get("max_model_len") or said.get("context_length")
    counted = told or next((int(count.value) for count in log.counted("at_length")), None)
    counted = counted or int(log.failure.get("at_length", 0)) or None
    if counted is not None:
        return _Lengths({"seq_length": counted})
    longest = model.architecture.max_length or 2048
    text = f"The log does not say how long a request may be: {longest:,} tokens were taken."
    return _Lengths({"seq_length": longest}, (assumed("seq_length", text),))


def caller_gave(asked: ExplainStartupLog) -> bool:
    """Whether the caller says anything that may be wrong."""
    mine = (asked.model, asked.hardware, asked.devices, asked.precision, asked.kv_precision, asked.engine_settings)
    return any(value is not None for value in (*mine, asked.engine_version)) or bool(layout_given(asked))


def refused(error: CalculatorError) -> Note:
    """That the log's own words make no question."""
    return Note(subject="rows", text=f"Nothing is compared: {error}", origin="warning")
