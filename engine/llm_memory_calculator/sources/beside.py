"""Files beside a config that state what it does not: the number format, an adapter, the cache of a generation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..config import Config
from ..errors import SourceError
from ..formats.checkpoint import holder
from ..report import Note
from . import params_json

ADAPTER, GENERATION = "adapter_config.json", "generation_config.json"
# In the order in which they hold: modelopt's, AutoGPTQ's, AutoAWQ's, ExLlamaV3's.
FORMATS = ("hf_quant_config.json", "quantize_config.json", "quant_config.json", "quantization_config.json")
NAMES = (*FORMATS, ADAPTER, GENERATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A config with what stands beside it."""

    config: Mapping[str, Any]
    others: Mapping[str, Mapping[str, Any]]
    """Formats that other files state though the config states one itself, as a quantization_config, by file."""
    notes: tuple[Note, ...]


def completed(config: Mapping[str, Any], read: Callable[[str], Mapping[str, Any] | None]) -> Completed:
    """The config with the format of the first file beside it that states one, unless it states one itself.

    `read` gives a file's content by its name, None where there is none, and raises a SourceError for one that cannot be
    read: that one is named in a note.
    """
    notes: list[Note] = []
    others: dict[str, Mapping[str, Any]] = {}
    for name in NAMES:
        try:
            content = read(name)
        except SourceError as error:
            text = f"{name} stands beside the config and could not be read. {error}"
            notes.append(Note(subject=name, text=text, origin="warning"))
            continue
        if content is None:
            continue
        if name not in FORMATS:
            notes += _adapter(content) if name == ADAPTER else _generation(content)
            continue
        stated = _stated(name, content)
        if stated is None:
            text = f"{name} stands beside the config and states no number format that is known here."
            notes.append(Note(subject=name, text=text, origin="warning"))
        elif not stated:
            continue
        elif holder(Config(config)) is None:
            config = {**config, "quantization_config": stated}
            text = f"The number format is that of {name} beside the config, which states none."
            notes.append(Note(subject="precision", text=text, origin="source"))
        else:
            others[name] = stated
    return Completed(config=config, others=others, notes=tuple(notes))


def in_mapping(given: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """(the config, the files beside it) of a mapping that holds both: by file, or a config with the files' stems."""
    for name in ("config.json", params_json.NAME):
        if isinstance(given.get(name), Mapping):
            return given[name], given
    beside = {
        name: given[key]
        for name in NAMES
        for key in (name, name.removesuffix(".json"))
        if name != "quantization_config.json" and isinstance(given.get(key), Mapping)
    }
    return given, beside


def _stated(name: str, content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A file's content as a quantization_config: empty where nothing is quantised, None where it is no known one."""
    if "quant_method" in content:
        return content
    if "quantization" in content or "quant_algo" in content:
        inner = content.get("quantization", content)
        stated = isinstance(inner, Mapping) and (inner.get("quant_algo") or inner.get("kv_cache_quant_algo"))
        # modelopt writes the file of a model that it left alone too
        return {"quant_method": "modelopt", **content} if stated else {}
    if "w_bit" in content:
        return {"quant_method": "awq", **content}
    if "bits" in content and name == "quantize_config.json":
        return {"quant_method": "gptq", **content}
    if "bits" in content and "tensor_storage" in content:
        return {"quant_method": "exl3", **content}
    return None


def _adapter(content: Mapping[str, Any]) -> list[Note]:
    rank, kind = content.get("r"), content.get("peft_type", "adapter")
    size = f" of rank {rank}" if isinstance(rank, int) else ""
    text = (
        f"{ADAPTER} stands beside the config: the folder holds an adapter ({str(kind)[:20]}{size}) too, which "
        "lora_config counts and which is not counted without it."
    )
    return [Note(subject="lora_config", text=text, origin="warning")]


def _generation(content: Mapping[str, Any]) -> list[Note]:
    """A cache of another format, which transformers keeps when it generates, and no server."""
    stated = content.get("cache_config")
    bits = stated.get("nbits") if isinstance(stated, Mapping) else None
    if content.get("cache_implementation") != "quantized" and bits is None:
        return []
    size = f"{bits} bits" if isinstance(bits, int) else "few bits"
    text = (
        f"{GENERATION} asks transformers for a KV cache of {size}, which servers do not keep: the cache is counted by "
        "the checkpoint's format; kv_precision counts another."
    )
    return [Note(subject="kv_precision", text=text, origin="warning")]
