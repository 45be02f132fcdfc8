"""Which engine serves a model where nobody said one: by its format, its name, its device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ..formats.gguf import maker_of, mixes
from .releases import engine_table, release_of

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..models import Model
    from .device import Device

NEWEST = "vllm"
# As ollama's library writes a model: llama3.1:70b, qwen3:32b-q4_K_M.
_TAG = re.compile(r"[\w.-]+:[\w.-]+")
# As copies for faster-whisper are named: Systran/faster-whisper-large-v3.
_FASTER = re.compile(r"faster-(?:distil-)?whisper|^large-v[123](?:-turbo)?$", re.IGNORECASE)
# Formats that one library alone loads, by how their labels begin: its engine, and what people call it.
_OWN = {"mlx": ("mlx", "MLX"), "exl": ("exllama", "ExLlama")}


class Inferred(NamedTuple):
    engine: str
    why: str
    """The sentence that says so."""


def inferred(model: Model, formats: Formats, device: Device) -> Inferred:
    """The engine that serves such a model in such formats on such a device."""
    label = formats.scheme.label
    if model.architecture.task == "diffusion":
        return Inferred("diffusers", "No engine was named: a pipeline that makes images runs in diffusers.")
    if _TAG.fullmatch(model.name):
        return Inferred("ollama", f"No engine was named: {model.name} is a tag of ollama's.")
    if _FASTER.search(model.name):
        return Inferred(
            "ctranslate2", f"No engine was named: {model.name} is a copy for faster-whisper, which has CTranslate2."
        )
    if (own := _owner(label)) is not None:
        engine, library = own
        return Inferred(engine, f"No engine was named: its format is {library}'s.")
    if label == "gguf" or label in mixes():
        return Inferred("llama_cpp", "No engine was named: a GGUF is served by llama.cpp.")
    if device.runtime == "metal":
        return Inferred("mlx", f"No engine was named: {device.name} has Metal and no CUDA, and MLX was counted.")
    return Inferred(NEWEST, "No engine was named: vLLM was counted.")


def loading_release(engine: str, label: str, version: str | None) -> str | None:
    """The release of an engine that loads a format, by `loaded_by` of its table; None: what was said, or its newest.

    A format has the release that is counted where nobody says one, or the least that loads it.
    """
    rows = engine_table(engine).get("loaded_by", {})
    row: Mapping[str, str] = next((row for start, row in rows.items() if label.startswith(start)), {})
    if version is None:
        return row.get("release")
    least = row.get("least")
    number = re.match(r"v?(?!20\d\d)\d+(?:\.\d+)*", version.strip())
    return least if least and (number is None or release_of(number[0]) < release_of(least)) else None


def only_loader(label: str) -> str | None:
    """The one engine that loads weights of a format; None where several do."""
    own = _owner(label)
    return None if own is None else own[0]


def _owner(label: str) -> tuple[str, str] | None:
    maker = maker_of(label)
    if maker is not None:
        return maker, maker.replace("_cpp", ".cpp")
    return next((own for start, own in _OWN.items() if label.startswith(start)), None)
