"""vLLM: paged cache, chunked prefill, CUDA graphs, NCCL between the ranks. Numbers stand in data/engines/vllm.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..units import choose, whole_down
from .base import CacheLayout, HostCost, KernelCost, Spread

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..operators import Entry, State
    from ..operators.base import Split
    from ..report import Note
    from ..units import Quantity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vllm:
    """vLLM of one version with its settings."""

    version: str
    measured: str
    """The version that its numbers were measured on."""
    facts: Mapping[str, Any]
    """The version's table."""
    spread: Spread
    utilization: float
    step_tokens: int
    host: HostCost
    kernels: KernelCost
    cache: Mapping[str, Mapping[str, CacheLayout]]
    """By format of the cache, or any, and by kind of value: what is kept otherwise than in that format."""
    recurrent_bytes: float
    refused_adapters: tuple[str, ...]
    notes: tuple[Note, ...] = ()
    name: str = "vllm"
    said: str = ""
    """The engine in words."""

    def __str__(self) -> str:
        return self.said

    def budget_bytes(self, usable_bytes: Quantity) -> Quantity:
        return whole_down(self.utilization * usable_bytes)

    def context_bytes(self, peers: object) -> Quantity:
        return self._with_peers("context", peers)

    def buffer_bytes(self, peers: object) -> Quantity:
        return self._with_peers("buffers", peers)

    def _with_peers(self, part: str, peers: object) -> Quantity:
        facts = self.facts[part]
        return choose(peers, facts["with_peers_bytes"], facts["alone_bytes"])

    def graph_bytes(self, layers: int, *, mixes: bool) -> Quantity:
        facts = self.facts["graphs"]
        bytes_: int = facts["base_bytes"] + facts["layer_bytes"] * layers
        return bytes_ + facts["experts_bytes"] if mixes else bytes_

    def sampler_bytes(self, vocabulary: int, sequences: Quantity) -> Quantity:
        bytes_per_logit: float = self.facts["sampler"]["bytes_per_logit"]
        return bytes_per_logit * vocabulary * sequences

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        own, always = self.cache.get(formats.kv_cache.name, {}), self.cache["any"]
        total = 0.0
        for kind, values in entry:
            layout = None if formats.uniform else own.get(kind) or always.get(kind)
            total += values * formats.kv_bytes if layout is None else layout.bytes_of(values)
        return total

    def state_bytes(self, state: State, activation_bytes: float) -> float:
        return (state.window + state.lean) * activation_bytes + state.recurrent * self.recurrent_bytes

    def stage_depths(self, depth: int, stages: int) -> tuple[int, ...]:
        """Evenly, what remains one each to the stages before the last."""
        base, remainder = divmod(depth, stages)
        depths = [base] * stages
        for extra in range(remainder):
            depths[-(extra + 2) % stages] += 1
        return tuple(depths)

    def adapter_shards(self, split: Split, tensor: int, *, fully_sharded: bool) -> tuple[int, int]:
        """A of a column-split projection and B of a row-split one are whole on every rank, unless fully sharded."""
        shards = tensor if fully_sharded else 1
        return shards if split == "columns" else 1, shards if split == "rows" else 1


def from_facts(version: str, measured: str, facts: Mapping[str, Any], notes: tuple[Note, ...], **settings: Any) -> Vllm:
    """vLLM by the table of a version, with settings in place of its defaults."""
    by = "" if version.startswith(measured) else f", by numbers of {measured}"
    stated = facts["settings"] | {name: value for name, value in settings.items() if value is not None}
    return Vllm(
        version=version,
        measured=measured,
        facts=facts,
        spread=Spread(**facts["interval"]),
        utilization=stated["gpu_memory_utilization"],
        step_tokens=stated["max_num_batched_tokens"],
        host=HostCost(**facts["host"]),
        kernels=KernelCost(**facts["kernels"]),
        cache={
            form: {kind: CacheLayout(**layout) for kind, layout in kinds.items()}
            for form, kinds in facts["cache"].items()
        },
        recurrent_bytes=facts["state"]["recurrent_bytes"],
        refused_adapters=tuple(facts["adapters"]["refused"]),
        notes=notes,
        said=f"vllm {version}{by}, {stated['gpu_memory_utilization']:.0%} of the memory",
    )
