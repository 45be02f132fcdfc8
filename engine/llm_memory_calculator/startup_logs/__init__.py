"""Start-up logs of serving engines, read into facts: what each term of memory was, what was set, how it ended.

One file an engine. Nothing here compares with what the calculator would have said.
"""

from __future__ import annotations

from ..errors import ArgumentError
from .llama_cpp import read_llama_cpp
from .log import Count, Outcome, Setting, StartupLog, Term, TokensMeaning
from .mlx import read_mlx
from .ollama import read_ollama
from .sglang import read_sglang
from .tensorrt_llm import read_tensorrt_llm
from .text import LONGEST, LogText
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
        raise ArgumentError(
            "No line of a start-up log was found: vLLM, SGLang, llama.cpp (with ik_llama.cpp and koboldcpp), ollama, "
            "TensorRT-LLM and mlx-lm are read, by lines such as 'Available KV cache memory: 17.36 GiB', 'KV Cache is "
            "allocated', 'KV buffer size', 'memory.required.full' or 'paged KV cache'."
        )
    return most.log()
