"""ik_llama.cpp, made of llama.cpp's source of 2024: its memory is counted as that one's.

Numbers stand in data/engines/ik_llama_cpp.toml, those of time in data/times/ik_llama_cpp.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .llama_cpp import LlamaCpp

if TYPE_CHECKING:
    from .device import Runtime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IkLlamaCpp(LlamaCpp):
    """ik_llama.cpp's llama-server. Of its backends CUDA's and the processor's are kept up."""

    TITLE: ClassVar[str] = "ik_llama.cpp"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda", "cpu", "metal", "rocm")
