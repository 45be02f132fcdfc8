"""What an answer is made of: notes, lines and intervals; the reports themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .units import GB

Origin = Literal["default", "assumption", "override", "warning", "source"]
TTFT, TPOT = "time to first token (TTFT)", "time per output token (TPOT)"
GOALS = ("throughput", "latency", "decode", "prefill")
"""What layouts and accelerators are ordered by."""
OF_EACH = ("per_device", "per_watt", "per_dollar")
"""Of what throughput is ordered by beside that of all devices."""
GRID_GOALS = (*GOALS, "cost")
"""What the candidates of a grid are ordered by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something that was assumed, taken by default, overridden, or that the reader must know."""

    subject: str
    """The field or the argument that it is about."""
    text: str
    """One sentence."""
    origin: Origin
    """default: a field was absent and its family's default was taken; assumption: nothing said it; override: the caller
    said otherwise than the checkpoint; warning: the answer may not be what was meant; source: where a fact is from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The range that should hold the true value in `level` of all cases."""

    low: float
    """Lower end, in the unit of the estimate."""
    high: float
    """Upper end, in the unit of the estimate."""
    level: float
    """Share of cases that the range is meant to hold, 0 to 1."""
    evidence: str
    """What the range rests on, or that there is no evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry of a sum, with what it is made of."""

    name: str
    """What it is."""
    value: float
    """How much."""
    unit: str
    """Unit of the value."""
    why: str = ""
    """The numbers that give it."""
    parts: tuple[Line, ...] = ()
    """What it is the sum of, or the largest of where its `why` says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Devices of one kind that hold the model as asked."""

    hardware: str
    """The accelerator's name in the catalogue."""
    devices: int
    """Fewest devices that hold it whatever the range, as one group that shares layers or deals them, or as asked."""
    memory_gb: float
    """Memory of one device by its datasheet, GB."""
    used_share: float
    """Total over what the runtime sees of one device, 0 to 1."""
    borderline_devices: int | None = None
    """Fewer devices that hold it by the estimate, and not by its whole range; null where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A part of a pipeline."""

    name: str
    """What it is: transformer, text_encoder, vae, ..."""
    parameter_count: int
    """Its parameters."""
    weight_memory_bytes: int
    """Its weights over all devices, bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Sequences of one length in a mix."""

    tokens: int
    """Tokens of each, prompt and output together."""
    share: float
    """Their share of all sequences, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One thing that must hold for an engine to start, or to serve all that is asked at once."""

    name: str
    """What must hold."""
    margin_bytes: int
    """Bytes to spare; below 0: bytes that are missing."""
    margin_interval: Interval
    """Range of the margin, bytes."""
    message: str
    """What the engine prints, or does, where it does not hold; empty where its range does."""
    starts: bool
    """Whether the engine does not start without it; else it starts and serves less at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A change that mends a verdict, or widens it, and what it gives."""

    change: str
    """What to change, with its value as the engine or this calculator takes it."""
    kind: str
    """cache format, length, sequences, step, share, eager, weights, devices or device."""
    gain_bytes: int
    """Bytes that the binding condition gains on a device."""
    margin_bytes: int
    """What is then to spare, bytes."""
    verdict: Literal["fits", "borderline", "does not fit"] = "fits"
    """What it then is: fits, or borderline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """What the engine reserves on the fullest device when it starts, what it prints and whether it starts."""

    settings: dict[str, Any]
    """Settings by the engine's own names, as given or as it takes them on this device."""
    device_bytes: int
    """What the runtime shows of the device."""
    context_bytes: int
    """The device's context and libraries."""
    budget_bytes: int
    """What the engine takes for all that it counts."""
    weights_bytes: int
    """Weights as loaded, those of a draft too."""
    weights_interval: Interval
    """Range of these, bytes."""
    non_torch_bytes: int
    """What communication and libraries hold outside the allocator."""
    non_torch_interval: Interval
    """Range of it, bytes."""
    activation_bytes: int
    """Peak of the profile run, or of a step."""
    activation_interval: Interval
    """Range of it, bytes."""
    activation_rule: str
    """Which part ruled: the sampler, the forward pass, an encoder."""
    graphs_bytes: int
    """Captured graphs."""
    graphs_counted_bytes: int
    """What the engine takes away for graphs in its own sum; 0 where it takes none."""
    cache_room_bytes: int
    """What is left for the cache; below 0 where nothing is."""
    cache_room_interval: Interval
    """Range of it, bytes."""
    max_model_len: int
    """Tokens of the longest request that it is started for."""
    block_tokens: int | None = None
    """Tokens of a block of the cache."""
    groups: tuple[str, ...] = ()
    """The groups that layers form in the cache, in words."""
    blocks: int | None = None
    """Blocks that the room holds."""
    cache_tokens: int | None = None
    """Tokens of the cache, as this version prints them."""
    cache_tokens_interval: Interval | None = None
    """Range of these."""
    concurrency: float | None = None
    """Requests of the longest length that are held at once."""
    concurrency_interval: Interval | None = None
    """Range of it."""
    request_bytes: int
    """What one request of the longest length keeps, bytes."""
    allocates: bool = False
    """Whether cache_tokens are those that the engine is told to allocate, whatever the room is."""
    longest: int | None = None
    """Tokens of the longest request that the room holds; 0 where it holds none."""
    starts: bool
    """Whether it starts by the estimate."""
    verdict: Literal["fits", "borderline", "does not fit"]
    """fits, borderline (the range straddles), does not fit."""
    message: str
    """What it prints where it does not start by the estimate."""
    conditions: tuple[Checked, ...]
    """What must hold, in the order in which it is checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTerm:
    """One amount of memory as a start-up log says it, beside its estimate."""

    name: str
    """What it is: weights, non_torch, activation, graphs, kv_cache, compute, ...; what lies in host memory begins with
    host_, what a draft model holds with draft_."""
    device: str
    """The rank or the device that the log names; empty where it names none."""
    measured_bytes: int
    """What the log says, bytes."""
    estimated_bytes: int | None = None
    """The estimate, bytes; null where nothing here is counted so."""
    residual_bytes: int | None = None
    """Measured - estimated, bytes."""
    interval: Interval | None = None
    """Range of the estimate, bytes."""
    in_range: bool | None = None
    """Whether the range holds what was measured."""
    line: str
    """The log's line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCount:
    """One number of a start-up log without a unit of memory, beside its estimate."""

    name: str
    """kv_tokens, gpu_blocks, block_size, max_concurrency, ..."""
    device: str
    """The rank that says it; empty where the log names none."""
    measured: float
    """What the log says."""
    estimated: float | None = None
    """The estimate."""
    of_room: float | None = None
    """What the log's own room for a cache would give."""
    line: str
    """The log's line."""


class Told:
    """Printed in the words of `sentences`."""

    __slots__ = ()

    def __str__(self) -> str:
        # the words know the reports, which stay as light to import as they are
        from .sentences import text_of

        return text_of(self)


@dataclass(frozen=True, kw_only=True)
class Answer(Told):
    """What every answer is about."""

    model: str
    """The model as it was resolved."""
    precision: str
    """Number format of the weights: the checkpoint's own, or the one asked for."""
    kv_precision: str
    """Number format of the KV cache, by the engine's own setting where one says it: keys/values where these differ;
    none where the model keeps no cache."""


@dataclass(frozen=True, kw_only=True)
class Served(Answer):
    """What is served, and by what."""

    engine: str
    """The serving engine whose memory and host cost were counted, and its share of a device's memory."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How devices share a model."""

    tensor_parallel: int
    """Devices that share each layer."""
    pipeline_parallel: int
    """Groups of devices that share the stack of layers."""
    data_parallel: int
    """Copies of the model."""
    expert_parallel: int
    """Groups among the tensor-parallel devices that share the experts."""
    context_parallel: int
    """Tensor-parallel devices that share the tokens of each sequence's cache."""
    devices: int
    """Devices in all."""


@dataclass(frozen=True, kw_only=True)
class Generation(Served):
    """A batch of prompts and its outputs."""

    batch_size: int
    """Sequences served at once, over all data-parallel copies."""
    input_tokens: int
    """Tokens of each prompt."""
    output_tokens: int
    """Tokens generated for each sequence."""


@dataclass(frozen=True, kw_only=True)
class Timed(Layout, Generation):
    """A batch on devices in a layout."""

    hardware: str
    """The accelerator."""


@dataclass(frozen=True, kw_only=True)
class Ranking(Generation):
    """What is best for a batch."""

    goal: str
    """What decides the order: throughput (most output tokens a second; of each device, watt or dollar), decode,
    prefill, latency (least time per output token); or of accelerators the largest batch, the longest context, the
    fewest devices."""


@dataclass(frozen=True, kw_only=True)
class DeviceMemory:
    """What one device holds, part by part; of a layout of several the one that holds most."""

    worst_device: str
    """Which device the bytes below are of."""
    weight_memory_bytes: int
    """Weights on that device, scales and zero points included, bytes."""
    weight_padding_bytes: int = 0
    """What the engine's copy of the weights holds beyond these: padding, tables, matrices kept once more, bytes; below
    0 where it leaves some out, as towers that are in a file of their own."""
    host_memory_bytes: int = 0
    """What of these stays in the host's memory, and is on no device, bytes."""
    kv_cache_bytes: int
    """Keys and values of its sequences, bytes."""
    cache_padding_bytes: int = 0
    """What the engine keeps of its sequences beyond cache and state, in whole pages and longer windows, bytes."""
    host_cache_bytes: int = 0
    """What of cache, padding and state lies in the host's memory, and is on no device, bytes."""
    activation_memory_bytes: int
    """Peak of what the engine runs, of which it reserves the largest: a step, the sampler, an encoder, bytes."""
    state_memory_bytes: int = 0
    """Recurrent state that does not grow with the length, bytes."""
    draft_weight_bytes: int = 0
    """What is loaded to draft tokens: a draft model, a head, layers for multi-token prediction, bytes."""
    draft_cache_bytes: int = 0
    """Keys and values of the same sequences in the draft's layers, bytes."""
    image_memory_bytes: int = 0
    """The towers' activations for images, video and sound of one step, and their embeddings, bytes."""
    lora_adapter_memory_bytes: int = 0
    """Adapters, bytes."""
    gradient_memory_bytes: int = 0
    """Gradients, where they were asked for, bytes."""
    extra_work_bytes: int
    """Overhead: device context, communication buffers, captured graphs, bytes."""
    total_memory_bytes: int = field(init=False)
    """Sum of the parts above on that device, bytes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "total_memory_bytes", sum(value for _, value in self.parts()))

    def parts(self) -> list[tuple[str, int]]:
        """The parts of the total, by name, bytes."""
        return [
            ("weights", self.weight_memory_bytes),
            ("weight padding", self.weight_padding_bytes),
            ("left on the host", -self.host_memory_bytes),
            ("KV cache", self.kv_cache_bytes),
            ("cache padding", self.cache_padding_bytes),
            ("cache on the host", -self.host_cache_bytes),
            ("activations", self.activation_memory_bytes),
            ("state", self.state_memory_bytes),
            ("draft weights", self.draft_weight_bytes),
            ("draft cache", self.draft_cache_bytes),
            ("media", self.image_memory_bytes),
            ("LoRA adapters", self.lora_adapter_memory_bytes),
            ("gradients", self.gradient_memory_bytes),
            ("overhead", self.extra_work_bytes),
        ]


@dataclass(frozen=True, kw_only=True)
class MemoryReport(DeviceMemory, Layout, Served):
    """What one device must hold; on layouts of several devices, the one that holds most."""

    model_type: str
    """The family, as the model's config names it."""
    attention_type: str
    """MHA, GQA, MQA or MLA."""
    parameter_count: int
    """Parameters of the whole model that engines load, tied weights once."""
    active_parameter_count: int
    """Parameters that one token multiplies; fewer than all only in a mixture of experts."""
    embedding_parameter_count: int
    """Parameters of the input tables."""
    batch_size: int
    """Sequences held at once, over all data-parallel copies."""
    seq_length: int
    """Tokens of each sequence, prompt and output together."""
    image_tokens: int = 0
    """Tokens of each sequence that its images are."""
    video_tokens: int = 0
    """Tokens that its video is."""
    audio_tokens: int = 0
    """Tokens that its sound is."""
    hardware: str | None = None
    """The accelerator, or the device by its memory; null when none was named."""
    max_length: int | None = None
    """Longest sequence that the model's config allows, tokens; null where it says none."""
    kv_cache_bytes_per_token: int
    """Bytes that one token adds to that device's cache while no sliding window is full (over all its stages)."""
    kv_cache_bytes_per_further_token: int
    """The same once every sliding window is full, bytes."""
    kv_cache_bytes_per_token_mean: int
    """The cache of a sequence of seq_length tokens over these, bytes."""
    total_memory_interval: Interval
    """Range of the total, bytes."""
    components: tuple[Component, ...] = ()
    """The parts of a pipeline, each with what it holds; none for a single model."""
    adapter_parameter_count: int = 0
    """Parameters of all adapters that have room at once, over all devices."""
    recommended_gpu_memory_gb: int
    """Smallest memory on sale, GB a device, every card of which holds the total with 8 % left free."""
    fits: tuple[Fit, ...] = ()
    """Accelerators, and how many, that hold the model with this batch and length."""
    fewest_devices: int | None = None
    """Fewest devices of which some layout holds it, which is this report's; null unless looked for."""
    smallest_devices: tuple[Fit, ...] = ()
    """Accelerators of least memory that hold it in this layout, smallest first, which is this report's; none unless
    looked for."""
    fits_device: bool | None = None
    """Whether it fits the hardware or memory that was named, by the estimate; null when none was."""
    verdict: Literal["fits", "borderline", "does not fit"] | None = None
    """The same with its range: fits, borderline (the range straddles), does not fit; null when none was named."""
    binding: str | None = None
    """What the margin is of: what is missing or in doubt; where nothing is, all that is served at once."""
    device_budget_bytes: int | None = None
    """Bytes of that device that the engine may use."""
    device_margin_bytes: int | None = None
    """Bytes that this has to spare: where all holds, what is left on a device for more sequences or longer ones; below
    0: that are missing."""
    device_margin_interval: Interval | None = None
    """Range of the margin, bytes."""
    beyond: str | None = None
    """Where seq_length is beyond max_length, what becomes of that; null where it is not, or no device was named."""
    refused: str | None = None
    """The same where the engine does not start so, named or not: fits_device is then false whatever the margin."""
    remedies: tuple[Remedy, ...] = ()
    """The smallest changes that mend it, one of each kind, and what each gains; none where it fits."""
    startup: Startup | None = None
    """What the engine reserves, prints and refuses when it starts; null when no device was named."""
    launch: str | None = None
    """The line that starts the engine so; null where no device was named, or no flag makes weights of that format: name
    a repository that has them."""
    ledger: Line | None = None
    """The tree of what was summed, with the numbers that give each part; in full detail only."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""

    @property
    def weight_memory_gb(self) -> float:
        return self.weight_memory_bytes / GB

    @property
    def kv_cache_gb(self) -> float:
        return self.kv_cache_bytes / GB

    @property
    def activation_memory_gb(self) -> float:
        return self.activation_memory_bytes / GB

    @property
    def state_memory_gb(self) -> float:
        return self.state_memory_bytes / GB

    @property
    def image_memory_gb(self) -> float:
        return self.image_memory_bytes / GB

    @property
    def lora_adapter_memory_gb(self) -> float:
        return self.lora_adapter_memory_bytes / GB

    @property
    def extra_work_gb(self) -> float:
        return self.extra_work_bytes / GB

    @property
    def total_memory_gb(self) -> float:
        return self.total_memory_bytes / GB

    @property
    def can_fit_24gb_gpu(self) -> bool:
        """Whether it fits every card sold as 24 GB; `fits` names cards that show the runtime more than their name."""
        return self.recommended_gpu_memory_gb <= 24

    @property
    def can_fit_80gb_gpu(self) -> bool:
        """Whether it fits every card sold as 80 GB."""
        return self.recommended_gpu_memory_gb <= 80


@dataclass(frozen=True, kw_only=True)
class BatchReport(DeviceMemory, Layout, Served):
    """The largest batch that devices hold, and what limits it; the parts are of the fullest device at that batch, at
    one sequence a copy when none fits, or of a longest context at the sequences that it is of."""

    hardware: str
    """The accelerator, or the memory that was given."""
    max_batch_size: int
    """Largest number of sequences held at once over all copies, of a longest context at that length; 0 when not even
    one fits."""
    max_batch_interval: Interval
    """Range of it, sequences."""
    max_length: int | None
    """Longest sequence that the model's config allows, tokens; null where it says none."""
    remedies: tuple[Remedy, ...] = ()
    """Where none fits: the smallest changes that mend it, one of each kind, and what each gains."""
    reason: str
    """What limits it."""
    seq_length: int
    """Tokens of each sequence, prompt and output together; of a mix, of the longest; of a longest context, that."""
    mix: tuple[Share, ...] = ()
    """Lengths of the sequences with their shares; none where all have seq_length."""
    longest_context: int | None = None
    """Longest context of batch_size sequences, tokens, prompt and output together, up to what the model or the engine
    allows; 0 when not even the shortest fits; null unless looked for."""
    longest_context_interval: Interval | None = None
    """Range of it, tokens."""
    batch_size: int | None = None
    """Sequences over all copies that the longest context is of."""
    kv_tokens: int | None = None
    """Tokens of KV cache that the engine makes of the room in each copy, as it prints them; null unless looked for."""
    device_budget_bytes: int
    """Bytes of one device that may be used."""
    kv_cache_bytes_per_sequence: int
    """KV cache of one sequence on one device, bytes."""
    ledger: Line | None = None
    """The tree of what was summed on the fullest device at that batch; in full detail only."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, kw_only=True)
class PhaseReport(Timed):
    """Prefill of a batch, or one decode step of it."""

    phase: Literal["prefill", "decode"]
    """Which phase."""
    latency_ms: float
    """Prefill: milliseconds until the last prompt of the batch has its first token (TTFT). Decode: mean milliseconds of
    a step (TPOT), over the output tokens after the first. Engine time: no HTTP, no tokenisation, no queue. Under a
    served load of a prompt alone, and of a step that only decodes: both are parts of what users see."""
    latency_interval_ms: Interval
    """Range of latency_ms."""
    tokens_per_s: float
    """Prompt tokens a second in prefill, output tokens a second in decode, over all devices."""
    requests_per_s: float
    """Requests a second, were this phase all there is."""
    bound: str
    """What takes most of the time: memory, compute, link (messages between devices), launch (of kernels) or host
    (scheduling, sampling)."""
    compute_share: float
    """Operations over what the devices' dense peak would do in that time (MFU), 0 to 1."""
    bandwidth_share: float
    """Bytes over what the devices' memory would move in that time (MBU), 0 to 1."""
    breakdown: tuple[Line, ...]
    """Milliseconds by kind of work; in full detail with the operators that they are the sum of."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """How a time is spread over the requests."""

    mean_ms: float
    """Mean, milliseconds."""
    p50_ms: float
    """Median."""
    p90_ms: float
    """90th percentile."""
    p95_ms: float
    """95th percentile."""
    p99_ms: float
    """99th percentile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisaggregatedReport:
    """Workers that take in prompts alone, the way of the cache, and the devices that decode."""

    prefill_workers: int
    """Workers that take in prompts."""
    prefill_tensor_parallel: int
    """Devices of each that share each layer."""
    prefill_expert_parallel: int
    """Groups on each that share the experts."""
    prefill_devices: int
    """Devices of all of them."""
    decode_devices: int
    """Devices that decode."""
    output_tokens_per_s_per_device: float
    """Output tokens a second over the devices of both sides."""
    transfer_bytes: int
    """Cache of a mean prompt that the fullest device sends or takes, bytes."""
    transfer_ms: float
    """Milliseconds in which it crosses, without a queue."""
    prefill_saturation_requests_per_s: float
    """Requests a second that the prefill workers can take in."""
    transfer_saturation_requests_per_s: float | None
    """Requests a second whose caches can cross; null for one output token, for which none does."""
    decode_saturation_requests_per_s: float | None
    """Requests a second that can be decoded; null likewise."""
    bound: Literal["prefill", "transfer", "decode"]
    """Which of the three is the least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingReport:
    """What users see of requests that come and go."""

    concurrency: int | None = None
    """Users, over all copies, who each ask, wait and ask again; null where requests come at a rate."""
    request_rate: float | None = None
    """Requests a second that come, over all copies; null where there are users."""
    requests: int
    """Requests in all; the first of all users come at once."""
    ttft: Percentiles
    """To the first token, its queue included, from when a request is sent; no network."""
    tpot: Percentiles | None
    """A token after the first, with the prompts of others taken in between; null where none follows."""
    e2e: Percentiles
    """To the last token."""
    requests_per_s: float
    """Requests that ended a second, over all copies."""
    requests_per_s_interval: Interval | None = None
    """Range of it; null where as many end as come, whatever the times are."""
    goodput_requests_per_s: float | None = None
    """Those of them that kept the targets; null where none were given."""
    decoding: float
    """Sequences that decode at once, on average."""
    room: int
    """Sequences of mean lengths that the caches of all copies have room for at once, as the engine lets them in."""
    queued_share: float
    """Share of the requests that waited for room in a cache, 0 to 1."""
    saturation_requests_per_s: float
    """Requests a second beyond which the queue grows without end; no less than are served."""
    saturation_interval: Interval
    """Range of it, as that of the time to the last token."""
    disaggregated: DisaggregatedReport | None = None
    """Both sides, where workers of their own take in prompts."""


@dataclass(frozen=True, kw_only=True)
class EndToEndReport(Timed):
    """A static batch from its prompts to its last tokens."""

    beam_size: int = 1
    """Beams of each sequence in decode."""
    ttft_ms: float
    """Time to first token: milliseconds until the last prompt of the batch has its first token. Engine time, without
    HTTP, tokenisation and queue."""
    ttft_interval_ms: Interval
    """Range of ttft_ms."""
    tpot_ms: float | None
    """Time per output token: mean milliseconds over the output tokens after the first; null for one output token."""
    tpot_interval_ms: Interval | None
    """Range of tpot_ms."""
    total_ms: float
    """Milliseconds from the prompts to the last token: ttft + tpot x (output_tokens - 1)."""
    total_interval_ms: Interval
    """Range of total_ms."""
    output_tokens_per_s: float
    """Output tokens a second over all devices, from prompts to last tokens; prompt tokens are not counted."""
    output_tokens_per_s_interval: Interval | None = None
    """Range of these; null for an encoder, and where as many requests are served as come."""
    total_tokens_per_s: float
    """Prompt and output tokens a second over all devices."""
    requests_per_s: float
    """Sequences a second over all devices, from prompt to last token; of an encoder, its passes."""
    requests_per_s_interval: Interval | None = None
    """Range of these; null under a served load, which has its own."""
    decode_tokens_per_s: float | None = None
    """Output tokens a second over all devices while all sequences decode: prompts take none of the time."""
    decode_tokens_per_s_each: float | None = None
    """Tokens a second that each sequence sees after its first: 1 / TPOT."""
    decode_tokens_per_s_each_interval: Interval | None = None
    """Range of these."""
    prefill_bound: str
    """What takes most of the prefill: memory, compute, link, launch or host."""
    decode_bound: str | None
    """What takes most of a decode step."""
    memory_share: float
    """Use of the fullest device's memory over what the runtime sees, 0 to 1."""
    memory_spare_bytes: int
    """What is left on a device for more sequences or longer ones, bytes; below 0: what is missing."""
    memory_spare_range_bytes: tuple[int, int] | None = None
    """Where it is borderline the range of memory_spare_bytes, from missing to left; else null."""
    max_length: int | None
    """Longest sequence that the model's config allows, tokens; null where it says none."""
    serving: ServingReport | None = None
    """What users see where requests come and go (concurrency, request_rate); the times above are then its means, and
    batch_size is the sequences that decode at once."""
    prefill_phase: PhaseReport | None = None
    """The prefill in full, under a served load of a prompt alone; left out of concise answers."""
    decode_phase: PhaseReport | None = None
    """The mean decode step in full, under a served load of one that carries no prompt; left out of concise answers."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelinePart:
    """A part of a pipeline that makes images: all that it does for the prompts of one device."""

    name: Literal["text encoders", "denoiser", "decoder"]
    """Which part."""
    passes: int
    """How often it runs: the denoiser for every step, and twice where the guidance's two passes are not run at once."""
    total_ms: float
    """Milliseconds of all its passes."""
    flops: float
    """Operations of all its passes; a multiply-add is two."""
    bound: str
    """What takes most of its time: memory, compute, launch (of kernels) or host."""
    compute_share: float
    """Operations over what the device's dense peak would do in that time (MFU), 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class ImagesReport(Layout, Served):
    """The images or videos that a pipeline of diffusion makes of a batch of prompts."""

    hardware: str
    """The accelerator."""
    batch_size: int
    """Prompts served at once, over all copies."""
    num_images: int
    """Images or videos of each prompt."""
    height: int
    """Rows of pixels."""
    width: int
    """Columns of pixels."""
    num_frames: int
    """Frames of each: 1 for images."""
    num_inference_steps: int
    """Steps of the denoiser."""
    guidance_passes: int
    """Passes of the denoiser in each step: two with classifier-free guidance."""
    total_ms: float
    """Milliseconds from the prompts to all that is made of them: encoders, steps, decoder. No queue."""
    total_interval_ms: Interval
    """Range of total_ms."""
    step_ms: float
    """Milliseconds of a step."""
    seconds_per_image: float
    """Seconds over the images or videos that a copy makes in them."""
    images_per_s: float
    """Images or videos a second over all devices."""
    images_per_s_interval: Interval
    """Range of images_per_s."""
    bound: str
    """What takes most of the time: memory, compute, launch (of kernels) or host."""
    memory_share: float
    """Use of the fullest device's memory over what the runtime sees, 0 to 1."""
    memory_spare_bytes: int
    """What is left on a device for more or larger images, bytes; below 0: what is missing."""
    memory_spare_range_bytes: tuple[int, int] | None = None
    """Where it is borderline the range of memory_spare_bytes, from missing to left; else null."""
    parts: tuple[PipelinePart, ...]
    """What the time is the sum of."""
    breakdown: tuple[Line, ...] = ()
    """Milliseconds by part and kind of work."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, kw_only=True)
class LayoutRow(Layout):
    """One layout with its times."""

    micro_batch: int
    """Sequences that pass one stage of one copy together."""
    ttft_ms: float
    """Time to the first token of the last prompt of the batch, milliseconds."""
    tpot_ms: float
    """Mean time per output token after the first, milliseconds."""
    output_tokens_per_s: float
    """Output tokens a second over all devices, prefill included."""
    decode_tokens_per_s: float
    """Output tokens a second in decode alone."""
    prefill_tokens_per_s: float
    """Prompt tokens a second in prefill alone."""
    memory_share: float
    """Use of the fullest device's memory over what the runtime sees, 0 to 1."""
    ttft_interval_ms: Interval | None = None
    """Range of ttft_ms; of the rows of a report alone."""
    tpot_interval_ms: Interval | None = None
    """Range of tpot_ms likewise."""
    output_tokens_per_s_interval: Interval | None = None
    """Range of output_tokens_per_s likewise."""
    borderline: bool = False
    """Whether it may not fit: the range of its memory straddles what there is; of the rows of a report alone."""
    equal: tuple[int, ...] = ()
    """The other rows, the best counted as 1, whose ranges of what the goal ranks by overlap its own: the evidence does
    not tell which is better."""


@dataclass(frozen=True, kw_only=True)
class LayoutReport(Ranking):
    """The best layout of a number of devices, and the next best."""

    hardware: str
    """The accelerator."""
    devices: int
    """Devices that were offered."""
    best: LayoutRow
    """The best layout."""
    tpot_interval_ms: Interval
    """Range of the best layout's tpot_ms."""
    others: tuple[LayoutRow, ...]
    """The next best, best first."""
    considered: int
    """Layouts that the model and the devices can take."""
    fitting: int
    """Those of them that fit."""
    ledger: Line | None = None
    """The tree of what the best layout's fullest device holds; in full detail only."""
    breakdown: tuple[Line, ...] = ()
    """The best layout's times with the operators that they are the sum of, ms; in full detail only."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareRow:
    """One accelerator with the best layout of its devices."""

    hardware: str
    """The accelerator."""
    fits: bool
    """Whether the model fits on these devices."""
    reason: str | None = None
    """Why not, how far it is off and how many devices would do; or why it could not be timed or ranked."""
    devices: int | None = None
    """Devices of its best layout, or of the one that is nearest to hold the load."""
    layout: LayoutRow | None = None
    """Its best layout, with its times; null where it has none."""
    max_batch_size: int | None = None
    """Most sequences that they hold at once, where goal is batch; the times are of so many."""
    longest_context: int | None = None
    """Most tokens that each sequence may have, prompt and output together, where goal is context."""
    input_tokens: int | None = None
    """Prompt tokens of each sequence that the times are then of."""
    ttft_interval_ms: Interval | None = None
    """Range of ttft_ms."""
    tpot_interval_ms: Interval | None = None
    """Range of tpot_ms."""
    output_tokens_per_s_interval: Interval | None = None
    """Range of output_tokens_per_s."""
    decode_tokens_per_s_interval: Interval | None = None
    """Range of decode_tokens_per_s."""
    ranked_by: float | None = None
    """What the goal ranks by where that is another than output_tokens_per_s, a time or an amount: output tokens a joule
    (per_watt), a dollar (per_dollar), a second and device of several (per_device, or throughput of as many devices as
    each needs), tokens a second of decode or prefill, then of each device too."""
    ranked_by_interval: Interval | None = None
    """Range of ranked_by."""
    output_tokens_per_s_per_device: float | None = None
    """output_tokens_per_s over the devices."""
    output_tokens_per_joule: float | None = None
    """output_tokens_per_s over the devices' thermal design power, watts; null where none is published."""
    usd_per_hour: float | None = None
    """Of the devices at their lowest on-demand list price; null where none is known."""
    usd_per_million_input_tokens: float | None = None
    """The price of the devices for as long as a million prompt tokens take in prefill."""
    usd_per_million_output_tokens: float | None = None
    """The price of the devices for as long as a million output tokens take in decode; prompts are not in it."""
    evidence: str | None = None
    """What stands behind the times: measured, sister, class, law, none."""
    equal: tuple[int, ...] = ()
    """The other rows, counted from 1, whose ranges of what the goal ranks by overlap its own: neither is known to be
    better."""
    missing_bytes: int | None = None
    """Where it does not fit: bytes that the fullest device of the nearest layout is short of."""
    devices_needed: int | None = None
    """Where it does not fit: the fewest devices that hold the load, in whatever layout, across nodes too."""
    ledger: Line | None = None
    """The tree of what the fullest device holds; in full detail only."""


Meets = Literal["surely", "likely", "perhaps", "no"]


@dataclass(frozen=True, kw_only=True)
class Plan(Layout):
    """A deployment that serves a load within targets, as it was simulated."""

    why: tuple[str, ...]
    """What it is the best of: cheapest that surely meets, cheapest measured, cheapest unquantised (as published, where
    that is quantised), quickest within twice the first's price, fewest devices; where no rate was given, the highest
    rate in place of the cheapest."""
    meets: Meets
    """surely: the upper ends of both ranges keep the targets, and the rate is served where all is as slow; likely: the
    estimates do; perhaps: a lower end does; no: not even that."""
    hardware: str
    """The accelerator."""
    engine: str
    """The serving engine."""
    precision: str
    """Format of the weights."""
    kv_precision: str
    """Format of the KV cache."""
    usd_per_hour: float | None
    """Of all devices at the lowest on-demand list price; null where none is known."""
    usd_per_million_output_tokens: float | None
    """At the rate that is served; prompts are not charged apart."""
    ttft_ms: float
    """Time to first token at the percentile asked, queue included."""
    ttft_range_ms: tuple[float, float]
    """Its range, which holds four of five."""
    tpot_ms: float | None
    """Time per output token likewise; null for one output token."""
    tpot_range_ms: tuple[float, float] | None
    """Its range likewise."""
    request_rate: float | None
    """Requests a second that come: as asked, the highest, or what users who think come to; null where they ask again at
    once."""
    requests_per_s: float
    """Requests served a second over all copies."""
    requests_per_s_range: tuple[float, float] | None = None
    """Its range; null where as many are served as come."""
    output_tokens_per_s: float
    """Output tokens a second over all copies."""
    decoding: float
    """Sequences that decode at once, on average."""
    room: int
    """Sequences that the caches of all copies let in at once."""
    saturation_requests_per_s: float
    """Requests a second beyond which the queue grows without end: the room to grow."""
    saturation_range: tuple[float, float] | None = None
    """Its range."""
    memory_share: float
    """Use of the fullest device's memory over what the runtime sees while as many decode, 0 to 1."""
    weights_gb: float
    """Of it weights as the engine holds them."""
    cache_gb: float
    """Cache and state of the sequences that decode."""
    rest_gb: float
    """Activations, context, buffers, graphs."""
    usable_gb: float
    """What the runtime sees of a device."""
    binds: Literal["ttft", "tpot", "rate", "none"]
    """The target that has least to spare, or the rate at which the queue grows; none where nothing was asked."""
    evidence: str
    """What stands behind the times: measured, sister, class, law, none."""
    launch: str | None
    """The line that starts it, all copies where the engine has a flag for these; null where no line is known."""
    no_launch: str | None = None
    """Why none is."""
    warnings: tuple[str, ...] = ()
    """What its estimate warns of."""
    ledger: Line | None = None
    """The tree of what the fullest device holds; in full detail only."""


@dataclass(frozen=True, kw_only=True)
class PlanSearch:
    """What plans were looked for, and among what."""

    request_rate: float | None
    """Requests a second that come; null with concurrency null: the highest rate was looked for."""
    concurrency: int | None
    """Users, where these were given."""
    think_time_s: float = 0.0
    """Seconds for which each thinks before he asks again."""
    input_tokens: float
    """Mean tokens of a prompt."""
    output_tokens: float
    """Mean tokens of an answer."""
    ttft_target_ms: float | None
    """As asked."""
    tpot_target_ms: float | None
    """As asked."""
    percentile: str
    """Of which both are."""
    hardware: tuple[str, ...]
    """Accelerators that were looked at."""
    formats: tuple[str, ...]
    """Formats of weights that were."""
    considered: int
    """Operating points that have room: a layout of a copy on an accelerator in a format with so many users."""
    meeting: int
    """Those of them that keep the targets by the steady state."""
    max_devices: int | None
    """As asked; null: 64 for a load, and one copy for the highest rate, where nothing else bounds it."""
    budget_usd_per_hour: float | None
    """As asked."""
    spare_copies: int = 0
    """Copies of each plan beyond those that keep the targets."""
    least_ttft_ms: float | None
    """The least that any operating point comes to."""
    least_tpot_ms: float | None
    """The same of a token."""


@dataclass(frozen=True, kw_only=True)
class PlanReport(Told):
    """The few deployments worth a person's time, of all layouts, accelerators and formats that were looked at."""

    model: str
    """The model."""
    asked: PlanSearch
    """What was asked, and how much was looked at."""
    plans: tuple[Plan, ...]
    """At most five, the cheapest first (of highest rates the highest); none where nothing keeps the targets."""
    nearest: Plan | None = None
    """Where nothing keeps the targets, what comes nearest within the limits."""
    beyond: Plan | None = None
    """Where nothing within budget_usd_per_hour and max_devices does, the cheapest that does without them, up to 1,024
    devices; null where none of these does either, which more money or devices do not mend."""
    first_to_start: int | None = None
    """The first plan that has a launch line, counted from 1; null where none has."""
    launch: str | None = None
    """Its launch line; those of others are theirs in full detail."""
    binding: tuple[str, ...] = ()
    """Where there is no plan: the arguments that leave none, by name."""
    most_requests_per_s: float | None = None
    """Where there is no plan: requests a second at which the queue of any within the limits grows."""
    left_out: tuple[str, ...] = ()
    """What is not among them, and why."""
    equal: tuple[tuple[int, int], ...] = ()
    """Pairs of plans, counted from 1, whose ranges of a token overlap: the evidence does not tell which is quicker."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, kw_only=True)
class ComparisonReport(Ranking):
    """Accelerators side by side for one model and one load, best first."""

    rank_by: Literal["worst", "estimate"]
    """worst: by the worse end of each range, so that none leads because less is known of it; or estimate."""
    devices: int | None
    """Devices of each accelerator; null where they differ."""
    fewest_devices: bool
    """Whether each takes the fewest of one node that hold the load; rates, batches are then ranked by device."""
    rows: tuple[HardwareRow, ...]
    """Best first; those that cannot be ranked or do not fit last."""
    compared: int
    """Accelerators looked at."""
    left_out: str | None = None
    """How many cannot be ranked, by reason, with the one that is nearest to fit, and how many were not compared; null
    where there is none."""
    would_do: tuple[Fit, ...] = ()
    """Where nothing fits: the fewest devices of those asked for that hold the load, then of a few others."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, kw_only=True)
class GridRow(Layout):
    """A candidate of a grid: the arguments that ask it again, and its figures."""

    hardware: str
    """The accelerator."""
    engine: str
    """The serving engine."""
    precision: str
    """Format of the weights."""
    batch_size: int
    """Sequences served at once, over all copies."""
    input_tokens: int
    """Prompt tokens of each sequence."""
    output_tokens: int
    """Output tokens of each sequence."""
    ttft_ms: float
    """Time to the first token of the last prompt of the batch, milliseconds."""
    tpot_ms: float
    """Mean time per output token after the first, milliseconds."""
    ttft_high_ms: float
    """The worse end of the range of ttft_ms, milliseconds."""
    tpot_high_ms: float
    """The worse end of the range of tpot_ms, milliseconds."""
    output_tokens_per_s: float
    """Output tokens a second over all devices, prefill included."""
    memory_gb: float
    """What the fullest device holds, GB."""
    memory_share: float
    """The same over what the runtime sees, 0 to 1."""
    usd_per_hour: float | None
    """Of all devices at the lowest on-demand list price; null where none is known."""
    usd_per_million_output_tokens: float | None
    """At that price with the devices always busy; null where none is known."""
    evidence: str
    """What the efficiencies rest on."""


@dataclass(frozen=True, kw_only=True)
class GridReport(Told):
    """The best of a grid of formats, accelerators, layouts, batches and lengths."""

    model: str
    """The model."""
    goal: str
    """What best means."""
    rank_by: Literal["worst", "estimate"]
    """What rows are ranked by: worst, the worse end of each range, so that none leads because less is known of it; or
    estimate."""
    candidates: int
    """Cells of the grid: a layout on an accelerator in a format with a batch of such lengths."""
    answered: int
    """Those that were looked at: all, unless the search was ended before."""
    fitting: int
    """Those of them that fit."""
    rows: tuple[GridRow, ...]
    """The best by the goal over all lengths, best first; each answered as estimate_performance answers it."""
    front: Sequence[GridRow]
    """Those that no other candidate of the same lengths equals or beats in all of time per output token, output tokens
    a second and dollars an hour, each by the estimate; by lengths, the quickest first. Their times are those of arrays,
    which differ from those of rows in the last digit at most."""
    notes: tuple[Note, ...] = ()
    """What was assumed, overridden, or needs attention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepReport:
    """What a sweep added to its file."""

    output: str
    """The file."""
    models: int
    """Models that were asked for."""
    kept: int
    """Those that the file had already."""
    answered: int
    """Those that were added."""
    rows: int
    """Rows that were added, one a model, accelerator and workload."""
    errors: int
    """Those of them that say an error."""
    abandoned: int
    """Models that were under way when the sweep was cancelled, whose rows are lost: an executor of one's own still ends
    those that it has begun."""
    complete: bool
    """Whether the file now has every model; false where the sweep was cancelled."""

    def __str__(self) -> str:
        kept = f", {self.kept:,} were there" if self.kept else ""
        left = "" if self.complete else f" {self.models - self.kept - self.answered:,} are left: ask again to go on."
        left += f" {abandoned(self.abandoned)}" if self.abandoned else ""
        return (
            f"{self.output}: {self.rows:,} rows of {self.answered:,} of {self.models:,} models were added{kept}; "
            f"{self.errors:,} of the rows have an error.{left}"
        )


def abandoned(models: int) -> str:
    """What became of models that a sweep waited for when it was cancelled."""
    return f"{models:,} were under way when it was cancelled: their rows are lost, and what is begun may still run."


@dataclass(frozen=True, kw_only=True)
class ModelReport(Answer):
    """What a model is."""

    source: str
    """Where its config is from."""
    model_type: str
    """The family, as the model's config names it."""
    attention_type: str
    """MHA, GQA, MQA or MLA."""
    parameter_count: int
    """Parameters that engines load, tied weights once; the bytes below are theirs."""
    stored_parameter_count: int | None
    """Values that the checkpoint's files hold by its family: with buffers, layers for multi-token prediction and copies
    that engines do not load. Null where that is not known."""
    active_parameter_count: int
    """Parameters that one token multiplies."""
    embedding_parameter_count: int
    """Parameters of the input tables."""
    layers: int
    """Layers of the stack."""
    hidden_size: int
    """Values of a token's hidden state."""
    vocab_size: int
    """Entries of the vocabulary."""
    max_length: int | None
    """Longest sequence that the config allows, tokens."""
    weight_memory_bytes: int
    """Bytes of what engines load of the checkpoint (parameter_count, and buffers), scales included."""
    kv_cache_bytes_per_token: int
    """Bytes that one token adds to the cache of one sequence while no sliding window is full."""
    kv_cache_bytes_per_further_token: int
    """Bytes that each further token adds once every sliding window is full."""
    kv_cache_bytes_per_token_mean: int
    """The cache of a sequence of seq_length tokens over these, bytes."""
    seq_length: int
    """Tokens of the sequence that the mean is of."""
    state_bytes_per_sequence: int = 0
    """Recurrent state and convolution windows of one sequence, which do not grow with its length, bytes."""
    tensor_parallel: tuple[int, ...]
    """Tensor-parallel sizes that the model can take, up to 64."""
    ledger: Line | None = None
    """The checkpoint's weights by part and format; in full detail only."""
    notes: tuple[Note, ...] = ()
    """What was assumed, or needs attention."""


@dataclass(frozen=True, kw_only=True)
class StartupLogReport(Told):
    """What a start-up log of a serving engine says, beside the estimate, and what to change."""

    engine: str
    """The engine that wrote it."""
    version: str | None
    """Its release; null where the log does not say."""
    model: str | None
    """The model as the log or the caller names it; null where neither does."""
    precision: str | None = None
    """Format of the weights that the estimate is of; null where there is none."""
    kv_precision: str | None = None
    """Format of the KV cache that the estimate is of."""
    hardware: str | None = None
    """The accelerator that the estimate is of; null where none is known."""
    layout: str | None = None
    """How devices share the model, in words."""
    settings: dict[str, Any]
    """Settings by the engine's own names, as the log says them."""
    starts: int
    """Starts that the text holds; all else is of the last."""
    rows: tuple[LogTerm, ...]
    """One a term and device."""
    counts: tuple[LogCount, ...]
    """Tokens, blocks and requests."""
    budget_bytes: int | None
    """What the engine may use of a device, by the log; null where it does not say."""
    room_bytes: int | None
    """What is left for a cache, as the log prints it or its terms leave it; below 0 where nothing is."""
    outcome: str
    """started, free (too little free memory), no_blocks (none left for a cache), length (less than one longest
    request), states (fewer blocks than sequences), weights (out of memory as they load), oom (later), unknown."""
    message: str | None
    """The engine's own line of a failure."""
    binding: str | None
    """What has least to spare, the estimate corrected by the log's own terms."""
    margin_bytes: int | None
    """What it has to spare, bytes; below 0: what is missing."""
    remedies: tuple[Remedy, ...] = ()
    """The smallest changes that mend a failure, one of each kind."""
    calibration: dict[str, Any] | None
    """What later estimates of this card take as `calibration`; null where nothing can be compared."""
    notes: tuple[Note, ...] = ()
    """What was assumed, what disagrees, what was not read."""
