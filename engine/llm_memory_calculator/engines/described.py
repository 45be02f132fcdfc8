"""What engines have in common: a table of a version, settings on top of it, and the answers that most give alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..facts import table
from ..stacks import stacked
from ..units import larger, smaller, somewhere
from .base import (
    CacheLayout,
    CacheRoom,
    Condition,
    HostCost,
    HostLayers,
    KernelCost,
    Place,
    Range,
    Scheduler,
    Spread,
    Standing,
    TimeRanges,
)
from .device import UNNAMED, Device, Runtime
from .places import caching
from .releases import engine_table, release_of
from .settings import Value
from .times import nearest_measured

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..formats.scheme import Formats
    from ..memory.ledger import Ledger
    from ..operators import Entry, State
    from ..operators.base import Split
    from ..parallel import Parallelism
    from ..report import Note
    from ..units import Quantity

MIB = 2**20
# Settings, with the values by which engines run without graphs.
_UNCAPTURED: Mapping[str, Value] = {
    "enforce_eager": True,
    "disable_cuda_graph": True,
    "cuda_graphs": False,
    "cuda_graph_max_batch_size": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Described:
    """An engine of one version, on one kind of device, with the settings that were given."""

    name: str
    version: str
    facts: Mapping[str, Any]
    """The version's table."""
    given: Mapping[str, Value] = field(default_factory=dict)
    device: Device = UNNAMED
    notes: tuple[Note, ...] = ()
    again: Callable[[Device, Mapping[str, Value]], Any]
    """The same engine on another device, or told more."""
    beside: tuple[Any, ...] = ()
    """Of a fleet: the same engine on each of its machines, along the last axis of arrays."""
    settings: Mapping[str, Value] = field(default_factory=dict)
    host: HostCost
    kernels: KernelCost
    scheduler: Scheduler
    ranges: TimeRanges | None = None
    kin: str
    """The engine whose kernels it runs."""
    timed: bool
    """Whether times of it on this runtime were measured."""
    cache: Mapping[str, Mapping[str, CacheLayout]]
    """By format of the cache, or any, and by kind of value: what is kept otherwise than in that format."""
    recurrent_bytes: float
    refused_adapters: tuple[str, ...]

    TITLE: ClassVar[str] = ""
    """The engine as people write it."""
    LENGTH: ClassVar[str] = ""
    """The setting that says how long a request may be."""
    SLOTS: ClassVar[str] = ""
    """The setting that says among how many requests that length is divided; empty where each has all of it."""
    SEQUENCES: ClassVar[str] = ""
    """The setting that says how many sequences a step takes."""
    POLLS: ClassVar[str] = ""
    """The setting that says after how many decode steps it looks for new requests."""
    STREAMS: ClassVar[str] = ""
    """The setting that says after how many steps it hands tokens out."""
    PIECES: ClassVar[str] = ""
    """The setting that says whether prompts are taken in in pieces."""
    EAGER: ClassVar[str] = ""
    """The setting by which no graphs are captured."""
    SMALL_CACHE: ClassVar[str] = ""
    """The 8-bit format that its cache can be kept in."""
    PAGED: ClassVar[bool] = False
    """Whether a sequence takes pages for its own tokens alone; else it has room for the longest beside it."""
    CHOOSES_STATES: ClassVar[bool] = False
    """Whether it keeps recurrent states in the model's format where nobody says."""
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("fp8", "int4")
    """Formats of weights that it serves, from large to small, to which a caller may turn."""
    OFFLOADS: ClassVar[tuple[str, ...]] = ()
    """Words of its setting `offload` by which the host keeps a part."""
    ALONE: ClassVar[bool] = False
    """Whether a model runs on one device alone."""
    BEAMS: ClassVar[bool] = False
    """Whether it keeps several continuations of a sequence (beam search) where a request asks for them."""
    BEAM_WIDTH: ClassVar[str] = ""
    """The setting that says how many of them it is started for; empty where it has none."""
    DISAGGREGATES: ClassVar[bool] = False
    """Whether workers that take in prompts alone hand the cache over to others that decode."""
    NO_PREFIXES: ClassVar[tuple[str, bool] | None] = None
    """The setting, and its value, by which no prefixes are kept for later requests."""
    PROFILES: ClassVar[bool] = False
    """Whether its peaks hang on no load, since it reserves what a profile run takes."""
    BY_CARD: ClassVar[tuple[str, ...]] = ()
    """Settings whose default goes by the device, and which laws of places alone ask for."""
    BY_RUNTIME: ClassVar[bool] = False
    """Whether laws of a load ask on which runtime it is."""
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = (
        "cuda",
        "rocm",
        "cpu",
        "tpu",
        "gaudi",
        "neuron",
        "ascend",
        "xpu",
        "other",
    )
    """The runtimes that it serves on."""
    TASKS: ClassVar[tuple[str, ...]] = ("decoder", "encoder", "encoder-decoder")
    """What it serves of what models do."""
    HEARS_ALONE: ClassVar[bool] = False
    """Whether it serves nothing but models that make text of sound."""
    MIXES_ALONE: ClassVar[bool] = False
    """Whether it serves nothing but mixtures of experts."""
    SHARE: ClassVar[str] = ""
    """The setting that says how much of the memory it may use; empty where it has none."""

    def __str__(self) -> str:
        return self.said

    @property
    def eager(self) -> bool:
        """Whether it was told to capture no graphs."""
        return any(self.given.get(word) == value for word, value in _UNCAPTURED.items())

    @property
    def alike(self) -> Hashable:
        """What its laws of a load ask of it beside the laws of places: engines that agree in it go side by side."""
        settings = tuple((name, value) for name, value in self.settings.items() if name not in self.BY_CARD)
        return type(self), self.version, self.device.runtime if self.BY_RUNTIME else "", settings, tuple(self.given)

    @property
    def at_places(self) -> Hashable:
        """What the laws of places ask of it: engines that agree in it answer them alike."""
        device = replace(self.device, name="", total_bytes=None, generation=self.design)
        return type(self), self.version, device, self.memory_class, tuple(self.settings.items()), *self.given.items()

    @property
    def at_caches(self) -> Hashable:
        """What those of them ask of it that say how it keeps a cache."""
        return self.at_places

    @property
    def memory_class(self) -> float:
        """How laws of places see the size of its device: as it is, where an engine does not say that they see less."""
        return self.device.total_gib

    @property
    def design(self) -> str:
        """The design of its device as they see it."""
        return self.device.generation

    @property
    def measured_release(self) -> str | None:
        """The nearest release of which times were measured, where its own is beyond them."""
        return nearest_measured(self.name, self.version, self.device)

    @property
    def BY_LAYERS(self) -> bool:
        """Whether devices share whole layers and not each layer, where nobody says."""
        return False

    @property
    def PACKS(self) -> bool:
        """Whether whole layers go to the fewest devices that hold them, and to no others that there are."""
        return False

    def refused(self, layout: Parallelism) -> str:
        """Of one device alone only those that share a model; an engine whose settings say how has it otherwise."""
        if refused := self.refused_context(layout):
            return refused
        if not self.ALONE or layout.devices_of_copy == 1:
            return ""
        return (
            f"{self.TITLE} runs a model on one device, and {layout} shares it; give data_parallel "
            f"{layout.devices_of_copy} for a copy on each, or another engine."
        )

    def refused_context(self, layout: Parallelism) -> str:
        """Why its ranks do not share the tokens of a cache so; empty where they do."""
        rule = engine_table(self.name).get("context")
        if layout.context == 1:
            return ""
        if rule is None:
            reason = "of which it is not counted"
        elif release_of(self.version) < release_of(rule["since"]):
            reason = f"of which it is counted from {rule['since']} on"
        elif self.device.runtime not in rule["runtimes"]:
            reason = f"of which it is counted on {' and '.join(rule['runtimes'])} alone"
        else:
            return ""
        return (
            f"context_parallel {layout.context} is asked of {self.TITLE} {self.version}, {reason}; leave it out, or "
            f"name another engine or release."
        )

    @property
    def said(self) -> str:
        share = f", {float(self.settings[self.SHARE]):.0%} of the memory" if self.SHARE in self.settings else ""
        return f"{self.TITLE} {self.version}{share}"

    def on(self, device: Device) -> Self:
        found: Self = self if device == self.device else self.again(device, self.given)
        return found

    def told(self, **settings: Value) -> Self:
        found: Self = self.again(self.device, {**self.given, **settings})
        return found

    def settled(self, declared: Iterable[str]) -> Self:
        """With every setting that it has: as given, or as it takes it on this device; none that it leaves open."""
        found: dict[str, Value] = {}
        for name in declared:
            value = self.given.get(name)
            value = self.default(name) if value is None else value
            if value is not None:
                found[name] = value
        scheduler = replace(
            self.scheduler,
            whole_prompts=self.scheduler.whole_prompts or found.get(self.PIECES) is False,
            poll_steps=int(found.get(self.POLLS, self.scheduler.poll_steps)),
            stream_steps=int(found.get(self.STREAMS, self.scheduler.stream_steps)),
        )
        return replace(self, settings=found, scheduler=scheduler)

    def default(self, name: str) -> Value | None:
        """What this version takes where a setting is not given; a subclass chooses by the device."""
        value: Value | None = self.facts["settings"].get(name)
        return value

    # --- memory ---

    @property
    def total_bytes(self) -> int | None:
        return self.device.total_bytes

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        return total_bytes

    @property
    def step_tokens(self) -> int:
        return int(self.settings[self.CHUNK])

    @property
    def step_budget(self) -> Quantity:
        return _budgets(self) if self.beside else self.step_tokens

    CHUNK: ClassVar[str] = ""
    """The setting that says how many tokens a step takes."""

    def spread(self, place: Place) -> Spread:
        return spread_of(self.facts["spread"])

    def standing(self, place: Place) -> Standing:
        return Standing(context=self.context_bytes())

    def context_bytes(self) -> float:
        """The device's context: none where the runtime is the host's own."""
        if not self.device.has_context:
            return 0.0
        context: float = self.facts["context"]["bytes"]
        return context

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """The forward pass over a step's tokens, and an encoder's where there is one.

        Attention to both sides cannot be cut into chunks, so an encoder takes its sequences whole.
        """
        least = tokens if place.architecture.task == "encoder" else sequences
        step = smaller(sequences * tokens, larger(self.step_budget, least))
        found = {"forward pass": forward_bytes(place, step)}
        if somewhere(place.holding.encoder_alive):
            found["encoder"] = encoder_bytes(place, sequences, encoded, self.step_budget)
        return found

    @property
    def leaves_layers(self) -> bool:
        """Whether layers, or parts of them, are left to the host."""
        return False

    @property
    def offloaded_bytes(self) -> float:
        """None."""
        return 0.0

    def on_the_host(self, place: Place) -> Sequence[HostLayers]:
        """None."""
        return ()

    def explained(self, place: Place) -> Mapping[str, str]:
        factor, width = table("memory")["forward"]["factor"], place.formats.activation_bytes
        alive = f"{factor:g} x {place.holding.live_values:,} values alive"
        return {"forward pass": f"{alive} x {width:g} B x tokens of a step, {self.step_tokens:,} at most"}

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """The cache of the tokens and no more."""
        total: Quantity = 0
        for layers in caching(self, place):
            total = total + layers.total * layers.operator.cached_entries(tokens, encoded)
        return total + self.state_bytes(place.holding.state, place.formats.activation_bytes)

    def held_bytes(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Those of each sequence; an engine that allocates for its slots has it otherwise."""
        return sequences * self.kept_bytes(place, tokens, encoded)

    def host_held_bytes(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Quantity:
        """None: what is kept of sequences is on the device."""
        return 0

    def own_length(self, architecture: Architecture) -> int | None:
        """The model's own, where there is a setting for it."""
        return architecture.max_length if self.LENGTH else None

    def draft_bytes(self, place: Place) -> float:
        return place.holding.weights

    def cache_room(self, place: Place, room_bytes: Quantity, longest: Quantity) -> CacheRoom | None:
        return None

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        """All that is held fits what the runtime shows."""
        room = self.room(place, need, total_bytes)
        return (
            Condition(
                name="memory of the device",
                margin=room.margin - need.kept,
                parts=room.parts,
                message=self.facts.get("messages", {}).get("memory", "out of memory"),
                takes="sequences",
            ),
        )

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        """What is left for what it keeps of sequences."""
        return Condition(
            name="room for a cache",
            margin=self.budget_bytes(total_bytes) - (need.total - need.kept),
            parts=dict.fromkeys(Spread.PARTS, -1.0),
        )

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        own, always = self.cache.get(formats.kv_cache.name, {}), self.cache.get("any", {})
        total = 0.0
        for kind, values in entry:
            layout = None if formats.uniform else own.get(kind) or always.get(kind)
            total += values * formats.kv_bytes if layout is None else layout.bytes_of(values)
        return total

    def unmultiplied(self, formats: Formats) -> str:
        form = formats.scheme.quantized
        least: float = 0.0 if form is None else self.facts.get("capability", {}).get(form.name, 0.0)
        if not 0 < self.device.capability < least:
            return ""
        return (
            f"{self.TITLE} {self.version} has no kernel for {formats.scheme.label} weights on {self.device.name}, of "
            f"compute capability {self.device.capability:g}: it needs {least:g}"
        )

    def kept_in(self, formats: Formats) -> str:
        return formats.kv_cache.name

    def state_bytes(self, state: State, activation_bytes: float) -> float:
        return (state.window + state.lean) * activation_bytes + state.recurrent * self.recurrent_bytes

    def stage_depths(self, depth: int, stages: int) -> tuple[int, ...]:
        """Evenly, what remains one each to the stages before the last (vLLM's get_pp_indices)."""
        base, remainder = divmod(depth, stages)
        depths = [base] * stages
        for extra in range(remainder):
            depths[-(extra + 2) % stages] += 1
        return tuple(depths)

    def adapter_shards(self, split: Split, tensor: int, *, fully_sharded: bool) -> tuple[int, int]:
        """A of a column-split projection and B of a row-split one are whole on every rank, unless fully sharded."""
        shards = tensor if fully_sharded else 1
        return shards if split == "columns" else 1, shards if split == "rows" else 1


@lru_cache(maxsize=256)
def _budgets(engine: Described) -> Quantity:
    return stacked([one.step_tokens for one in engine.beside])


def forward_bytes(place: Place, tokens: Quantity) -> Quantity:
    """Intermediate results of a step: two copies of the residual and the widest operator's inputs and outputs."""
    factor: float = table("memory")["forward"]["factor"]
    return factor * place.holding.live_values * tokens * place.formats.activation_bytes


def encoder_bytes(place: Place, sequences: Quantity, encoded: Quantity, step_tokens: Quantity) -> Quantity:
    """Intermediate results of an encoder over what a step takes of it: whole sources, one at least."""
    positions = smaller(sequences * encoded, larger(step_tokens, encoded))
    factor: float = table("memory")["forward"]["factor"]
    return factor * place.holding.encoder_alive * positions * place.formats.activation_bytes


def spread_of(facts: Mapping[str, Any]) -> Spread:
    """The ranges of a table: four numbers a part (bytes below, bytes above, shares below and above)."""
    return Spread(
        evidence=facts["evidence"],
        **{
            part: Range(low_bytes=low, high_bytes=high, low_share=less, high_share=more)
            for part in Spread.PARTS
            for low, high, less, more in [facts[part]]
        },
    )
