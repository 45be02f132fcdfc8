"""Ollama: llama.cpp's laws with its own settings, its own sum of what a device needs, and layers that go to the CPU.

Up to 0.29 it decides by an estimate of its own, from 0.12 on by what its runner allocates; from 0.30 on it runs
llama-server. Numbers stand in data/engines/ollama.toml.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, ClassVar

from ..units import are_plain, larger
from .base import Condition, Place, Standing
from .described import MIB
from .llama_cpp import FLOAT_BYTES, LlamaCpp, Pools, attending, heads_of
from .places import by_place, caching

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..memory.ledger import Ledger
    from ..units import Quantity
    from .device import Runtime
    from .settings import Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ollama(LlamaCpp):
    """Ollama, which loads what does not fit on the CPU and never refuses for a card."""

    TITLE: ClassVar[str] = "Ollama"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda", "rocm", "metal", "cpu", "xpu")
    CHUNK: ClassVar[str] = "num_batch"
    LENGTH: ClassVar[str] = "num_ctx"
    SLOTS: ClassVar[str] = ""
    SEQUENCES: ClassVar[str] = "num_parallel"
    BY_CARD: ClassVar[tuple[str, ...]] = ("num_ctx",)

    def default(self, name: str) -> Value | None:
        if name == "num_ctx":
            rows = self.facts["contexts"]
            told: int = next(row["num_ctx"] for row in rows if self.device.total_gib >= row["least_gib"])
            return told
        if name == "num_batch" and self.device.runtime in self.facts["wide_batch"]["runtimes"]:
            wide: int = self.facts["wide_batch"]["num_batch"]
            return wide
        return super(Ollama, self).default(name)

    # --- what is told ---

    @property
    def PACKS(self) -> bool:
        """Unless it is told to spread (llm/server.go, assignLayers)."""
        return not self.settings["sched_spread"]

    @property
    def micro_batch(self) -> int:
        return int(self.settings["num_batch"])

    @property
    def slots(self) -> int:
        return int(self.settings["num_parallel"])

    @property
    def unified(self) -> bool:
        return not self.facts["streams"]

    @property
    def layers_told(self) -> int | None:
        told = self.settings.get("num_gpu")
        return None if told is None or int(told) < 0 else int(told)

    @property
    def cache_types(self) -> tuple[str | None, str | None]:
        told = self.settings.get("kv_cache_type")
        return (None, None) if told is None else (str(told), str(told))

    def flash(self, place: Place) -> bool:
        told = self.settings.get("flash_attention")
        if told is not None:
            return bool(told)
        by_model: Sequence[str] = self.facts["flash_models"]
        own = "all" in by_model or place.architecture.model_type in by_model
        return own and self.device.runtime in self.facts["flash_runtimes"]

    def context_told(self, place: Place, slots: Quantity, sequences: Quantity, tokens: Quantity) -> Quantity:
        """num_ctx for every slot: as given, else as long as is asked, which the line that starts it says."""
        return slots * (self.given.get("num_ctx", tokens))

    def own_length(self, architecture: Architecture) -> int | None:
        """Its default for the memory of the device, up to the model's own."""
        told = int(self.settings["num_ctx"])
        return min(told, architecture.max_length or told)

    # --- what it sums ---

    def standing(self, place: Place) -> Standing:
        """What llama.cpp holds, with what it keeps free besides: a minimum, a layer, what it was told to."""
        held = super(Ollama, self).standing(place)
        kept = float(self.settings["gpu_overhead"])
        if self.device.runtime != "cpu":
            kept += float(self.facts["minimum"].get(self.device.runtime, self.facts["minimum"]["cuda"])) * MIB
        if self.facts["estimates"]:
            kept += max((kind.stored_bytes for _, kind in place.holding.stack), default=0.0)
        return replace(held, buffers=held.buffers + kept)

    def buffers(self, place: Place, pools: Pools, batch: Quantity, slots: Quantity) -> Mapping[str, Quantity]:
        if not self.facts["estimates"]:
            return super(Ollama, self).buffers(place, pools, batch, slots)
        return {"graph": self._graph(place, pools, batch, slots)}

    def _graph(self, place: Place, pools: Pools, batch: Quantity, slots: Quantity) -> Quantity:
        """Its own estimate of the compute buffer, by family (fs/ggml/ggml.go, GraphSize)."""
        architecture = place.architecture
        rule = self.facts["graph"]["models"].get(architecture.model_type)
        flash = self.facts["graph"]["flash"].get(architecture.model_type)
        if flash is not None and self.flash(place):
            return (flash["mib"] + flash["slot_mib"] * slots) * MIB + pools.cells * flash["cell_bytes"]
        if rule is None:
            return self._heads_a_key(place) * self._filled(place, pools) / self.facts["graph"]["cache_parts"]
        heads = reduce(larger, (layers.most for layers in attending(self, place)), 0)
        width = architecture.hidden_size
        queries = rule.get("queries", 0) * self._query_width(place)
        layer = 1 + rule["residuals"] * width + pools.cells * (1 + heads) + queries
        return FLOAT_BYTES * batch * larger(layer, rule.get("outputs", 1) * width + architecture.vocab_size)

    @by_place()
    def _heads_a_key(self, place: Place) -> int:
        """Query heads that share a key in the layer in which most do."""
        operators = (operator for _, kind in place.holding.stack for operator in kind.layer.operators)
        return max((operator.heads_per_key for operator in operators if heads_of(operator)), default=1)

    @by_place()
    def _query_width(self, place: Place) -> int:
        """Values of all queries of a token in a layer."""
        return max(
            (
                weight.rows
                for _, kind in place.holding.stack
                for operator in kind.layer.operators
                for weight in operator.weights()
                if weight.part == "q"
            ),
            default=0,
        )

    def _filled(self, place: Place, pools: Pools) -> Quantity:
        """The cache of all slots, on the device or not."""
        total: Quantity = 0
        for layers in caching(self, place):
            total = total + layers.total * self.cells(pools, layers.operator, 0)
        return total

    # --- whether it starts ---

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        messages, room = self.facts["messages"], self.room(place, need, total_bytes)
        margin = room.margin - need.kept - float(self.facts["spare_mib"]) * MIB
        on_cpu = self.device.runtime == "cpu"
        found = [
            Condition(
                name="memory of the system" if on_cpu else "all layers on the device",
                margin=margin,
                parts=room.parts,
                message=messages["system"] if on_cpu else self._said_layers(place, need, margin),
                starts=on_cpu,
                takes="sequences",
            )
        ]
        if "num_ctx" in self.given:
            found.append(self._context(place, need))
        return found

    def _said_layers(self, place: Place, need: Ledger, margin: Quantity) -> str:
        """How many layers stay on the device: the head leaves it first, then one after the other from the front. Of a
        sweep, nothing: there is a number for each."""
        if place.members or not are_plain(margin):
            return ""
        holding = place.holding
        head = sum(size for _, kind in holding.text for operator, size, _ in kind.operators if operator.gives_logits)
        stacked = sum(count * kind.stored_bytes for count, kind in holding.stack)
        layer = max(1, stacked + need.kept) / max(holding.depth, 1)
        missing, whole = max(0, -margin), holding.depth + 1
        told = whole if self.layers_told is None else min(self.layers_told, whole)
        leave = min(1, missing) + math.ceil(max(0, missing - head) / layer)
        return f"{max(0, told - math.ceil(leave))} of {whole} layers on the device, the others on the CPU, slow"
