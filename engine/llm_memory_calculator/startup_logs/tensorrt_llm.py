"""TensorRT-LLM's lines: the C++ runtime of built engines, and the PyTorch backend. Its GB are GiB."""

from __future__ import annotations

import re

from . import torch_memory
from .reading import NUMBER, UNIT, Reading, Rule, hits, read, rule, starts, version
from .text import LogText

_SPEAKER = re.compile(r"\[RANK (\d{1,4})\]", re.ASCII)
_INSIDE = r"in memory usage profiling"
_RULES: tuple[Rule, ...] = (
    rule("TensorRT-LLM version", r"TensorRT-LLM version:? ([\w.]{1,60})", begins=0, take=version),
    rule("Engine version", r"Engine version ([\w.]{1,60}) found", begins=0, take=version),
    rule("[TRT-LLM] [I] Loading", reaches="loading"),
    rule("Loaded engine size", rf"Loaded engine size: (?P<weights>{NUMBER}) {UNIT}", begins=2),
    rule("execution context memory", rf"Allocated (?P<activation>{NUMBER}) {UNIT} for execution context memory"),
    rule("for runtime buffers", rf"Allocated (?P<runtime_buffers>{NUMBER}) {UNIT} GPU memory for runtime buffers"),
    rule("for decoder", rf"Allocated (?P<decoder>{NUMBER}) {UNIT} GPU memory for decoder"),
    rule(
        "max tokens in paged kv cache",
        rf"total: (?P<total>{NUMBER}) GiB, available: (?P<free_before_cache>{NUMBER}) GiB",
    ),
    rule("KV cache primary pool", r"blocks in KV cache primary pool: (?P<gpu_blocks>\d{1,12})", begins=3),
    rule("tokens per block", r"[Nn]umber of tokens per block: (?P<block_size>\d{1,9})"),
    rule(
        "for max tokens",
        rf"Allocated (?P<kv_cache>{NUMBER}) {UNIT} for max tokens(?: in paged KV cache)? \((?P<kv_tokens>\d{{1,15}})\)",
        begins=3,
    ),
    rule("for k/v cache", r"Allocate (?P<kv_cache>\d{1,15}) bytes for k/v cache", unit="bytes", begins=3),
    rule("in paged KV cache", r"Using (?P<kv_tokens>\d{1,15}) tokens in paged KV cache", begins=3),
    rule(
        "after loading model weights (inside torch)",
        rf"\(inside torch\) {_INSIDE}: (?P<weights>{NUMBER}) GiB",
        begins=2,
    ),
    rule("Memory dynamically allocated", rf"\(inside torch\) {_INSIDE}: (?P<activation>{NUMBER}) GiB"),
    rule("Memory used outside torch", rf"\) {_INSIDE}: (?P<non_torch>{NUMBER}) GiB"),
    rule(
        "Peak memory during memory usage profiling",
        rf"\(torch \+ non-torch\): (?P<peak>{NUMBER}) GiB, available KV cache memory when calculating max tokens: "
        rf"(?P<kv_room>{NUMBER}) GiB(?:, fraction is set (?P<set_free_gpu_memory_fraction>{NUMBER}))?",
    ),
    rule("device total memory", rf"device total memory (?P<total>{NUMBER}) GiB"),
    rule("Executor instance created", reaches="nearly_ready"),
    rule("successfully loaded 'tensorrt_llm'", reaches="nearly_ready"),
    rule("CUDA runtime error", r"CUDA runtime error[^\n]{0,120}?out of memory", outcome="oom"),
    *torch_memory.RULES,
)


def read_tensorrt_llm(text: LogText) -> Reading:
    """The last start in a log of TensorRT-LLM."""
    found = hits(text, _RULES, _speaker)
    reading = Reading(engine="tensorrt-llm")
    read(reading, found, starts(found))
    if reading.counted("kv_tokens"):
        reading.kv_tokens_meaning = "pool"
    return reading


def _speaker(piece: str) -> str:
    spoken = _SPEAKER.search(piece, 0, 200)
    return f"rank {spoken[1]}" if spoken else ""
