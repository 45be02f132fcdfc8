"""What every serving engine answers: what it holds, how it keeps a cache, when it starts, what a step costs."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from ..units import ceil_div

if TYPE_CHECKING:
    from ..architecture import Architecture
    from ..formats.scheme import Formats
    from ..memory.ledger import Ledger
    from ..operators import Entry, State
    from ..operators.base import Split
    from ..parallel import Parallelism
    from ..ranks import Holding, Kind
    from ..report import Note
    from ..units import Quantity
    from .device import Device
    from .settings import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCost:
    """Seconds of the host that stand beside a device's time."""

    step: float
    """Of each step, its sampler included."""
    sequence: float
    """Of each sequence of a step."""
    layer: float
    """Of each layer in a step that graphs cover."""
    layer_prefill: float
    """Of each layer in a step that carries prefill."""
    experts_prefill: float = 0.0
    """More of each mixture's layer in a step that carries prefill."""
    request: float = 0.0
    """Of each request before its prompt is taken in: HTTP, tokens made of text, the queue's own work."""
    request_token: float = 0.0
    """Of each token of its prompt."""
    operator: float = 0.0
    """Of each operator in a step without prompts, where an engine launches them one by one."""
    operator_prefill: float = 0.0
    """Of each operator in a step that carries prefill."""
    graphed: int = 0
    """Tokens up to which a step that carries prefill replays graphs too."""
    experts: float = 0.0
    """Of each mixture's layer in a step without prompts."""
    recurrence: float = 0.0
    """Of each recurrent layer in a step without prompts."""
    dispatch: float = 0.0
    """Of each layer where an engine's program calls operators one by one while the device works on those before: only
    what it takes longer than the device is waited for."""
    dispatch_expert: float = 0.0
    """The same of each expert of a mixture's layer."""

    def slower(self, factor: float) -> HostCost:
        """The same with the launches of a step without prompts so many times as long."""
        return replace(
            self,
            step=self.step * factor,
            operator=self.operator * factor,
            experts=self.experts * factor,
            recurrence=self.recurrence * factor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductCost:
    """What an engine's products in a format take over the chip's own."""

    rate: float = 1.0
    """Factor on the attainable FLOP/s."""
    bandwidth: float = 1.0
    """Factor on the attainable bytes/s."""
    launch: float = 1.0
    """Factor on the seconds of a launch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCost:
    """Constants of the laws of local engines (performance/local.py). By class of a weight's bits: 16, bf16, 8, 4 (4 to
    6), 3 (2 and 3) and iq (1 to 3 with code books).
    """

    reads: Mapping[str, float]
    """Share of the bandwidth at which weights are read, by class."""
    unpacks: Mapping[str, float] = field(default_factory=dict)
    """Operations of the vector units that a weight takes to unpack, by class; none where nothing shows them."""
    halved: tuple[str, ...] = ()
    """Compute capabilities whose vector units do whole numbers at half of the fp32 rate."""
    peaks: tuple[tuple[str, float], ...]
    """The peak that products are a share of: the first of these formats that the accelerator has, times the factor."""
    share: Mapping[str, float]
    """Share of that peak that prompts reach, by format or class, or `any`."""
    vector: float
    """Share of it in the kernels for vectors, which multiply a few sequences one by one."""
    tile: float
    """Share of it of one tile of 32 rows."""
    experts_share: float
    """Factor on the share in routed experts."""
    experts_pad: float
    """Rows that each touched expert is filled up by."""
    attention_share: float
    """Share of it in attention of prompts."""
    attention: float = 0.0
    """Factor on the operations of one token's attention, which run on the vector units."""
    cache: float
    """Share of the bandwidth at which cache and states are read."""
    activations: float = 0.0
    """Times that 4 bytes of each activation are moved."""
    pass_reads: float
    """Times that kernels for matrices read each byte of the weights in a pass."""
    expands: float = 0.0
    """Bytes that each quantised weight is written and read in where it is expanded before a matrix product."""
    absorbs: bool = False
    """Whether latent attention always runs absorbed."""
    bandwidth: float = 1.0
    """Factor on the bandwidth that this chip reaches."""
    rate: float = 1.0
    """Factor on the rates that products reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMemory:
    """What the host takes of layers that lie in its memory."""

    bandwidth: float
    """Bytes/s of its memory where nobody says."""
    of_unified: float
    """Of a chip that shares its memory with the processor: the share of its bandwidth that the cores reach."""
    link: float
    """Bytes/s of the link to it where none is known."""
    reads: float
    """Share of its bandwidth at which weights are read."""
    cache: float
    """Share of its bandwidth at which attention reads a cache."""
    alone: tuple[float, float] | None = None
    """Both where no layer is on a device and its cores wait for none; None: as beside one."""
    crosses: float
    """Share of the link at which weights come to the device, once a pass; 0: they never do."""
    rate: float
    """FLOP/s of its cores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLayers:
    """Layers of a kind on a device of which a part lies on the host."""

    kind: Kind
    whole: int
    """Layers that lie there whole."""
    experts: int
    """Layers whose experts alone lie there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRanges:
    """Measured times over the estimates: the ends that hold four of five, of devices that were fitted and of others."""

    devices: frozenset[str]
    """Those that were fitted, by their names in the catalogue."""
    seen: Mapping[str, tuple[float, float]]
    """By phase: prefill, decode, batch (decode of several sequences); of a kind of model its own, as prefill_latent;
    host: with a part on the host; shared: devices share each layer.
    """
    unseen: Mapping[str, tuple[float, float]]
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelCost:
    """What an engine's kernels take over the chip's own."""

    launches: float = 1.0
    """Factor on all launches of products and messages: what a release has gained."""
    rate: float = 1.0
    """Factor on the attainable FLOP/s of all of them."""
    bandwidth: float = 1.0
    """Factor on the attainable bytes/s of all of them."""
    attention_em: float = 1.0
    """Factor on the bandwidth of decode attention."""
    attention_rate: float = 1.0
    """Factor on the rate of prompts' attention."""
    experts_launch: float = 1.0
    """Factor on the launches of routed experts."""
    experts_rate: float = 1.0
    """Factor on their rate."""
    experts_rate_in: Mapping[str, float] = field(default_factory=dict)
    """A factor more on it by format of the experts."""
    experts_bandwidth: float = 1.0
    """Factor on the bandwidth at which they are read."""
    latent_launch: float
    """Seconds of a latent-attention layer in each step."""
    latent_prefill: float
    """Seconds of a latent-attention layer in a step that carries prefill."""
    recurrence_launch: float = 0.0
    """Seconds of a recurrent layer in each step."""
    recurrence_prefill: float = 0.0
    """More of them in a step that carries prefill."""
    elementwise_passes: float
    """Passes over memory for each that the bytes say."""
    repeats_keys: bool = False
    """Whether a cache is written out for each query head before it is attended."""
    attends_once: bool = False
    """Whether one kernel attends for sequences that decode and for prompts in the same step."""
    reduce_launch: float = 1.0
    """Factor on the launches of sums over ranks."""
    reduce_bandwidth: float = 1.0
    """Factor on the bandwidth of large sums, which a switch that adds in flight raises."""
    shared_sum: Mapping[str, float] = field(default_factory=dict)
    """Seconds more of each sum over ranks, by the way in which an engine shares layers (split_mode)."""
    sum_launch: float = 0.0
    """The same of the way that is taken."""
    matmul: Mapping[str, ProductCost] = field(default_factory=dict)
    """By format of the weights."""
    local: LocalCost | None = None
    """Laws of its own in place of the chip's."""
    skips: bool = False
    """Whether layers that keep no keys of their own run for the last token of a prompt alone."""
    host_memory: HostMemory | None = None
    """What parts of a model on the host take; None where the engine leaves none there."""
    hand_over: float = 0.0
    """Seconds more of each hand-over from a stage of a pipeline to the next."""
    pipelined: float = 1.0
    """Share of the overlap of a pipeline's stages in prefill that is reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """How an engine fills its steps while requests come and go."""

    mixes: bool = True
    """Whether prompts and decodes share steps; else prompts go first, and decodes wait for them."""
    whole_prompts: bool = False
    """Whether a prompt that is taken beside others is taken whole, where it fits a step at all."""
    reserve: float = 1.0
    """Share of a request's output for which room in the cache is kept when it is let in."""
    ahead: int = 0
    """Steps that are made up before those that run have ended, for which a new request is too late."""
    poll_steps: int = 1
    """Decode steps after which new requests are looked for."""
    stream_steps: int = 1
    """Decode steps after which tokens are handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLayout:
    """How an engine keeps a kind of cached value that it does not keep in the cache's own format."""

    value_bytes: float
    scale_bytes: int = 0
    """Of a scale, where there are some beside the values."""
    scale_values: int = 1
    """Values that share one."""
    scales_padded_to: int = 1
    """Bytes of which all scales of an entry take a multiple."""

    def bytes_of(self, values: int) -> float:
        scales = self.scale_bytes * ceil_div(values, self.scale_values)
        return values * self.value_bytes + ceil_div(scales, self.scales_padded_to) * self.scales_padded_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """How far measured values lie from the estimate of a part: the ends that hold four of five, bytes and shares of it.

    A value of `estimate` lies between estimate x (1 + low_share) + low_bytes and the same of high.
    """

    low_bytes: float = 0.0
    high_bytes: float = 0.0
    low_share: float = 0.0
    high_share: float = 0.0

    def below(self, estimate: Quantity) -> Quantity:
        """How much less than the estimate it may be, bytes; 0 or negative."""
        return estimate * self.low_share + self.low_bytes

    def above(self, estimate: Quantity) -> Quantity:
        """How much more than the estimate it may be, bytes; 0 or positive."""
        return estimate * self.high_share + self.high_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The ranges of what is estimated, by part of the ledger, and what they rest on."""

    weights: Range
    """Weights as loaded over what the checkpoint's formats give."""
    context: Range
    buffers: Range
    """What communication and libraries take outside the allocator."""
    activations: Range
    graphs: Range
    evidence: str

    PARTS: ClassVar[tuple[str, ...]] = ("weights", "context", "buffers", "activations", "graphs")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """What a device of a deployment has: the model's share, and the formats it is in. Compared by identity."""

    architecture: Architecture
    formats: Formats
    layout: Parallelism
    holding: Holding
    draft: Draft | None = None
    """What drafts tokens for the model, where something does."""
    members: tuple[tuple[Engine, Place], ...] = ()
    """Of several layouts, or machines, side by side: the places of all with the engine there."""
    where: Any = None
    """Which of these each unlike stage of each layout is, in the shape of these arrays."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """What drafts tokens, as a device has it. Compared by identity."""

    method: str
    tokens: int
    """Drafted at once."""
    place: Place | None
    """The draft's own layers; None where none are on the device, or none anywhere (n-grams)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an engine holds on a device whatever it is asked to serve, bytes."""

    loaded: float = 0
    """Weights as loaded beyond what the checkpoint stores: padding, tables, copies. May be negative."""
    loaded_why: str = ""
    host: float = 0
    """Weights that stay in the host's memory and are not on the device (part of the checkpoint's)."""
    context: float = 0
    """The device's context and libraries."""
    buffers: float = 0
    """Buffers of communication and the like, outside the allocator."""
    graphs: float = 0
    """Captured graphs."""
    graphs_counted: float = 0
    """The part of its budget that it takes away for graphs, an estimate of its own; 0 where it takes none."""


@dataclass(slots=True, kw_only=True)
class Condition:
    """One thing that must hold for an engine to start or to serve, and by how much it does.

    Not frozen: many are made in a search, and a frozen one takes three times as long to make.
    """

    name: str
    margin: Quantity
    """Bytes to spare; negative: bytes that are missing."""
    parts: Mapping[str, float]
    """How the margin moves with each part of the ledger: -1 for one that it must hold."""
    message: str = ""
    """What the engine prints where it does not hold, with {missing}, {request} and {room} in GiB and {longest}."""
    starts: bool = True
    """Whether the engine does not start without it; else it starts and serves less at once."""
    takes: Literal["", "request", "sequences"] = ""
    """What of a load its margin falls with besides the ledger's own parts: one request, or all that is held."""
    warns: bool = False
    """Whether the engine only warns where it does not hold, and serves all the same."""
    claims: str = ""
    """The setting whose share of a device is what is too much where it does not hold; a smaller one mends that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheRoom:
    """What an engine makes of the room that is left for a cache, as it prints it."""

    block_tokens: int
    """Tokens of a block (a page); 1 where the cache is no paged one."""
    block_bytes: int
    """Bytes of a block over all the layers of a group on a device."""
    groups: int
    blocks: Quantity
    tokens: Quantity
    """As this version prints them."""
    request_blocks: Quantity
    """Of one request of the longest length."""
    request_bytes: Quantity
    concurrency: Quantity
    """Requests of the longest length that are held at once."""
    parts: tuple[str, ...] = ()
    """The groups in words."""


OutcomeWord = Literal["fits", "borderline", "does not fit"]


class Engine(Protocol):
    """A serving engine of one version with its settings, on one kind of device. Compared and hashed by identity."""

    def __hash__(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def said(self) -> str:
        """The engine in words."""
        ...

    @property
    def notes(self) -> tuple[Note, ...]:
        """What was assumed of it."""
        ...

    @property
    def device(self) -> Device: ...

    @property
    def facts(self) -> Mapping[str, Any]:
        """Its table of that version."""
        ...

    @property
    def given(self) -> Mapping[str, Value]:
        """The settings that were given."""
        ...

    @property
    def TITLE(self) -> str: ...

    # the names of settings, each empty where an engine has none

    @property
    def SHARE(self) -> str: ...

    @property
    def CHUNK(self) -> str: ...

    @property
    def LENGTH(self) -> str: ...

    @property
    def SLOTS(self) -> str: ...

    @property
    def SEQUENCES(self) -> str: ...

    @property
    def EAGER(self) -> str: ...

    @property
    def eager(self) -> bool:
        """Whether it was told to capture no graphs."""
        ...

    @property
    def measured_release(self) -> str | None:
        """The nearest release of which times were measured, where its own is beyond them."""
        ...

    @property
    def SMALL_CACHE(self) -> str: ...

    @property
    def CHOOSES_STATES(self) -> bool: ...

    @property
    def BY_LAYERS(self) -> bool: ...

    @property
    def PACKS(self) -> bool: ...

    @property
    def NO_PREFIXES(self) -> tuple[str, bool] | None: ...

    @property
    def PROFILES(self) -> bool: ...

    @property
    def alike(self) -> Hashable:
        """What its laws of a load ask of it beside the laws of places: engines that agree in it go side by side."""
        ...

    @property
    def beside(self) -> tuple[Engine, ...]: ...

    def refused(self, layout: Parallelism) -> str:
        """Why it does not share a model so, with what to give instead; empty where it does."""
        ...

    @property
    def SMALLER_WEIGHTS(self) -> tuple[str, ...]: ...

    @property
    def OFFLOADS(self) -> tuple[str, ...]: ...

    @property
    def ALONE(self) -> bool: ...

    @property
    def BEAMS(self) -> bool: ...

    @property
    def BEAM_WIDTH(self) -> str: ...

    @property
    def DISAGGREGATES(self) -> bool: ...

    @property
    def PAGED(self) -> bool:
        """Whether a sequence takes pages for its own tokens alone; else it has room for the longest beside it."""
        ...

    @property
    def settings(self) -> Mapping[str, Value]:
        """Every setting that bears on memory, as it was given or as the engine takes it on this device."""
        ...

    def on(self, device: Device) -> Engine:
        """The same on another device, which may change its defaults."""
        ...

    def told(self, **settings: Value) -> Engine:
        """The same with more settings given."""
        ...

    @property
    def step_tokens(self) -> int:
        """Most tokens of a step."""
        ...

    @property
    def step_budget(self) -> Quantity:
        """The same as laws of a load ask it: on machines side by side that of each."""
        ...

    @property
    def host(self) -> HostCost: ...

    @property
    def kernels(self) -> KernelCost: ...

    @property
    def scheduler(self) -> Scheduler: ...

    @property
    def ranges(self) -> TimeRanges | None:
        """The ranges of its own times on this runtime; None: those of the accelerator's kernels."""
        ...

    @property
    def kin(self) -> str:
        """The engine whose kernels it runs, by name: its own, or one like it."""
        ...

    @property
    def timed(self) -> bool:
        """Whether times of it on this runtime were measured."""
        ...

    @property
    def at_places(self) -> Hashable:
        """What the laws of places ask of it: engines that agree in it answer them alike."""
        ...

    @property
    def at_caches(self) -> Hashable:
        """What those of them ask of it that say how it keeps a cache."""
        ...

    # --- memory ---

    @property
    def total_bytes(self) -> int | None:
        """What the runtime shows of a device; None where no device was named."""
        ...

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        """What it may use of a device of which the runtime shows `total_bytes`."""
        ...

    def spread(self, place: Place) -> Spread:
        """The ranges of its estimates for such a model on such a device."""
        ...

    def standing(self, place: Place) -> Standing:
        """What it holds on a device whatever it is asked to serve."""
        ...

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """Peaks of what runs one after the other, by what it is; the largest is the activations."""
        ...

    @property
    def leaves_layers(self) -> bool:
        """Whether layers, or parts of them, are left to the host."""
        ...

    @property
    def offloaded_bytes(self) -> float:
        """Bytes of weights at most that a device leaves to the host, and reads over its link when it uses them."""
        ...

    def on_the_host(self, place: Place) -> Sequence[HostLayers]:
        """Layers that it was told to leave to the host, and the head where it is one of them."""
        ...

    def explained(self, place: Place) -> Mapping[str, str]:
        """The numbers that give each peak, where words can say them."""
        ...

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Bytes that it keeps of a sequence: its cache in pages, windows and states as it keeps them."""
        ...

    def held_bytes(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Bytes that it keeps of so many sequences alike, and of what it keeps room for whether it is asked or not."""
        ...

    def host_held_bytes(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Bytes that it keeps of so many sequences alike in the host's memory."""
        ...

    def own_length(self, architecture: Architecture) -> int | None:
        """Tokens of the longest request that it starts for where nobody says; None where it starts for none."""
        ...

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        """What is left of a device for what it keeps of sequences, with what that hangs on."""
        ...

    def draft_bytes(self, place: Place) -> float:
        """Weights of what drafts as it holds them on a device, by the draft's own place."""
        ...

    def cache_room(self, place: Place, room_bytes: Quantity, longest: Quantity) -> CacheRoom | None:
        """What it makes of so much room for a cache, for requests of `longest` tokens; None where it reserves none."""
        ...

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        """What must hold, in the order in which it is checked."""
        ...

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        """Bytes of an entry of a cache."""
        ...

    def unmultiplied(self, formats: Formats) -> str:
        """Why it has no kernel for such weights on its device; empty where it has one, or nothing is known of it."""
        ...

    def kept_in(self, formats: Formats) -> str:
        """The format of its cache: the one that its own settings say, or that of the question."""
        ...

    def state_bytes(self, state: State, activation_bytes: float) -> float:
        """Bytes of what a sequence keeps whatever its length: convolution windows and recurrent states."""
        ...

    @property
    def recurrent_bytes(self) -> float:
        """Bytes of a value of a recurrent state that is not kept in the format of the activations."""
        ...

    @property
    def refused_adapters(self) -> tuple[str, ...]:
        """Fields of PEFT with which it loads no adapter."""
        ...

    def stage_depths(self, depth: int, stages: int) -> tuple[int, ...]:
        """Layers in each stage of a pipeline."""
        ...

    def adapter_shards(self, split: Split, tensor: int, *, fully_sharded: bool) -> tuple[int, int]:
        """Ranks that share A (rank x inputs) and B (outputs x rank) of an adapter of a projection split so."""
        ...
