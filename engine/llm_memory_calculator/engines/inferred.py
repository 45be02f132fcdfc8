"""Which engine serves a model where nobody said one: by its format, its name, its device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from ..formats.gguf import mixes

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..models import Model
    from .device import Device

NEWEST = "vllm"
# As ollama's library writes a model: llama3.1:70b, qwen3:32b-q4_K_M.
_TAG = re.compile(r"[\w.-]+:[\w.-]+")
# As copies for faster-whisper are named: Systran/faster-whisper-large-v3.
_FASTER = re.compile(r"faster-(?:distil-)?whisper|^large-v[123](?:-turbo)?$", re.IGNORECASE)


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
    if label == "gguf" or label in mixes():
        return Inferred("llama_cpp", "No engine was named: a GGUF is served by llama.cpp.")
    if label.startswith("mlx"):
        return Inferred("mlx", "No engine was named: its format is MLX's.")
    if label.startswith("exl"):
        return Inferred("exllama", "No engine was named: its format is ExLlama's.")
    if device.runtime == "metal":
        return Inferred("mlx", f"No engine was named: {device.name} has Metal and no CUDA, and MLX was counted.")
    return Inferred(NEWEST, "No engine was named: vLLM was counted.")
