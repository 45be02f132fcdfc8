"""What a start-up log of a serving engine says: data, in bytes, with the line that each number came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Setting = int | float | str | bool
Outcome = Literal["started", "free", "no_blocks", "length", "states", "oom", "weights", "unknown"]
TokensMeaning = Literal["pool", "requests"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One amount of memory as the engine printed it."""

    name: str
    """total, free (at start), context, budget, weights, non_torch, consumed (weights and non_torch as one), activation,
    graphs, graphs_estimate, kv_cache, state, compute, output, required, and what an engine has beside these. What lies
    in host memory begins with host_, what a draft model holds with draft_, what was planned before the real buffers
    were printed with planned_."""
    device: str
    """The rank (TP0, DP1 TP0), or the device's own name (CUDA0); '' where the log names none."""
    value_bytes: float
    line: str
    """Terms of one name on one device add up: a sliding and a full cache, graphs of prefill and of decode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One number without a unit of memory."""

    name: str
    """kv_tokens, gpu_blocks, cpu_blocks, block_size, max_concurrency, at_length (of that concurrency), mamba_slots,
    max_running_requests, layers_offloaded, layers."""
    device: str
    value: float
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartupLog:
    """The last start in a text."""

    engine: str
    """vllm, sglang, llama.cpp, ik_llama.cpp, koboldcpp, ollama, tensorrt-llm or mlx; pytorch where nothing but its own
    words of a full device were found."""
    version: str | None = None
    model: str | None = None
    """As the engine was given it: an id, a path, a name in a GGUF header."""
    card: str | None = None
    """The first device, as its driver names it."""
    runtime: Literal["cuda", "rocm"] | None = None
    """What its lines are of; None where they are of any."""
    starts: int = 1
    """How many starts the text holds; all that is said here is of the last."""
    settings: Mapping[str, Setting]
    """By the engine's own names; None and nested values are left out, and all that says nothing of memory."""
    terms: tuple[Term, ...] = ()
    counts: tuple[Count, ...] = ()
    kv_tokens_meaning: TokensMeaning | None = None
    """pool: the tokens that all blocks hold. requests: the concurrency times the longest length, which is less where
    layers have windows or states. None: nothing was printed, or the numbers agree with both and no version is known."""
    outcome: Outcome = "unknown"
    """free: too little free memory at the start. no_blocks: none left for a cache. length: less than one request of the
    longest length. states: fewer blocks than sequences that each keep a state. weights: out of memory while they were
    loaded. oom: out of memory later. unknown: the log ends before it is decided, or fails in a way that is no question
    of memory."""
    message: str | None = None
    """The engine's own line of the failure."""
    failure: Mapping[str, float] = field(default_factory=dict)
    """What that line says: request_bytes (wanted) and kv_cache_bytes (there), at_length, longest (proposed),
    tried_bytes (to allocate), total_bytes, free_bytes, held_bytes (by the process), budget_bytes, required_bytes,
    blocks and sequences (of states)."""

    def named(self, name: str) -> tuple[Term, ...]:
        """The terms of a name, over all devices."""
        return tuple(term for term in self.terms if term.name == name)

    def counted(self, name: str) -> tuple[Count, ...]:
        """The counts of a name, over all devices."""
        return tuple(count for count in self.counts if count.name == name)
