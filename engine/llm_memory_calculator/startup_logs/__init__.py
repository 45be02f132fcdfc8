"""Start-up logs of serving engines, read into facts: what each term of memory was, what was set, how it ended.

One file an engine. Nothing here compares with what the calculator would have said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from ..errors import ArgumentError
from .llama_cpp import read_llama_cpp
from .log import Count, Outcome, Setting, StartupLog, Term, TokensMeaning
from .mlx import read_mlx
from .ollama import read_ollama
from .sglang import read_sglang
from .tensorrt_llm import read_tensorrt_llm
from .text import LONGEST, LogText
from .torch_memory import read_torch
from .vllm import read_vllm

__all__ = ["LONGEST", "Count", "Outcome", "Setting", "StartupLog", "Term", "TokensMeaning", "read_log"]

# ollama before llama.cpp, whose lines it prints among its own
_READERS = (read_vllm, read_sglang, read_ollama, read_llama_cpp, read_tensorrt_llm, read_mlx)


def read_log(text: str) -> StartupLog:
    """The facts of a pasted start-up log; of several starts, of the last.

    Raises ArgumentError for a text that is no log of an engine that is read here, or longer than LONGEST characters.
    """
    pasted = LogText(text)
    most = max((reader(pasted) for reader in _READERS), key=lambda reading: reading.facts)
    if most.facts == 0:
        most = read_torch(pasted)
    if most.facts == 0 and most.failed is None:
        raise ArgumentError(
            "No line of a start-up log was found: vLLM, SGLang, llama.cpp (with ik_llama.cpp and koboldcpp), ollama, "
            "TensorRT-LLM and mlx-lm are read, by lines such as 'Available KV cache memory: 17.36 GiB', 'KV Cache is "
            "allocated', 'KV buffer size', 'memory.required.full' or 'paged KV cache'."
        )
    return replace(most.log(), runtime=_runtime_of(pasted))


# Lines that only builds for one maker's devices print: vLLM's blocks and platform, PyTorch's and CUDA's errors.
_OF_RUNTIMES: dict[str, tuple[str, ...]] = {
    "cuda": ("# cuda blocks", "detected platform cuda", "CUDA out of memory", "CUDA runtime error"),
    "rocm": ("# rocm blocks", "detected platform rocm", "HIP out of memory", "HIP error"),
}


def _runtime_of(text: LogText) -> Literal["cuda", "rocm"] | None:
    for runtime in ("cuda", "rocm"):
        if any(text.positions(word) for word in _OF_RUNTIMES[runtime]):
            return runtime
    return None
