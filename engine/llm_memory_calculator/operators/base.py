"""What every operator answers: what it stores, what it caches, what a step costs, what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..units import Quantity

    Shards = Callable[["Split"], tuple[int, int]]

Role = Literal["linear", "expert", "router", "head", "tower", "table", "vector", "buffer"]
Split = Literal["columns", "rows", "none"]
AttentionPart = Literal["q", "k", "v", "qkv", "q_a", "q_b", "kv_a", "kv_b", "out", "mixer"]
"""A projection of an attention: qkv is one matrix of all three, q_a to kv_b are latent attention's, and mixer is any of
what stands in the place of an attention, or is beside its projections."""
FeedForwardPart = Literal["gate", "up", "gate_up", "down", "shared_gate", "shared_up", "shared_gate_up", "shared_down"]
"""A projection of a feed-forward or of routed experts, or of what all tokens run beside these; gate_up is one matrix of
both."""
TablePart = Literal["vocabulary", "layer_vocabulary", "positions"]
"""What a table is of: tokens, tokens once more for every layer (Gemma 3n), or positions, segments and classes."""
Part = AttentionPart | FeedForwardPart | TablePart | Literal["router", "shared_router"]
HeadSharing = Literal["MHA", "GQA", "MQA", "MLA"]
CacheKind = Literal[
    "key_value",
    "latent",
    "picked_latent",
    "picked_rope",
    "compressed",
    "compressed_rope",
    "index_key",
    "block_index_key",
]
"""What a cached value is: an engine may keep kinds of one cache in different formats. picked is of latent attention to
tokens that an indexer picks, compressed of entries that stand for several tokens; an indexer's key is of a token, or of
one whose blocks it picks whole."""
StateChoice = Literal["auto", "fp32", "model"]
"""What an engine is told of recurrent states: float32, the format of the activations, or its own choice."""
WorkKind = Literal["matmul", "experts", "attention", "latent_attention", "recurrence", "scan", "elementwise"]

ATTENTION_PARTS: frozenset[Part | None] = frozenset(get_args(AttentionPart))
FEED_FORWARD_PARTS: frozenset[Part | None] = frozenset(get_args(FeedForwardPart))

KV_HEADS, STATE_GROUPS = "the KV heads", "the groups of the state space"
REPLICATED = frozenset({KV_HEADS, STATE_GROUPS})
"""Of what tensor parallelism divides, that of which each rank keeps one where there are fewer than ranks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One forward pass: `batch` sequences of `query` new tokens each, after `context` tokens already cached.

    Prefill is Step(batch=B, query=prompt), decode Step(batch=B, query=1, context=c). Each field may be a NumPy array of
    a sweep; `samples` is the number of positions whose logits are computed (None: one a sequence). Cross-attention sees
    `source` positions of an encoder, of which `encoded` are new in this step.
    """

    batch: Quantity
    query: Quantity
    context: Quantity = 0
    samples: Quantity | None = None
    source: Quantity = 0
    encoded: Quantity = 0
    verifies: bool = False
    """Whether the new tokens were drafted, and the step is one of decode."""

    @property
    def tokens(self) -> Quantity:
        return self.batch * self.query

    @property
    def sampled(self) -> Quantity:
        return self.batch if self.samples is None else self.samples


Entry = tuple[tuple[CacheKind, int], ...]
"""What one entry of a cache is made of: (kind, how many values)."""


CacheGrowth = Literal["tokens", "window", "chunk", "source", "window and ratio"]


class CacheLaw(NamedTuple):
    """What an operator's cache grows by."""

    kind: str
    """In words: full attention, windowed attention, latent attention ..."""
    values: int
    """Values of each of what is counted: of an entry."""
    counted: str
    """What is counted, in words: tokens, min(tokens, 1,024), positions of the source."""
    growth: CacheGrowth = "tokens"
    reach: int = 0
    """Tokens of a window or a chunk; positions of a source that are always as many, or 0."""
    ratio: int = 1
    """Tokens that an entry stands for; 0 where a window is all."""


class State(NamedTuple):
    """Values of one sequence that do not grow with its length, by the format that they are kept in."""

    window: int = 0
    """The last inputs of a convolution, in the format of the activations."""
    recurrent: int = 0
    """The state of a recurrence, in float32."""
    lean: int = 0
    """The state of a recurrence that keeps it in the format of the activations."""


def sum_states(states: Iterable[tuple[int, State]]) -> State:
    """So many of each."""
    window = recurrent = lean = 0
    for count, state in states:
        window += count * state.window
        recurrent += count * state.recurrent
        lean += count * state.lean
    return State(window, recurrent, lean)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """`copies` equal tensors of rows x columns under the module path `name` inside their layer."""

    name: str
    rows: int
    columns: int = 1
    copies: int = 1
    role: Role = "linear"
    part: Part | None = None
    """What it is in its layer, where it is one of the usual matrices."""
    trained: bool = True
    """False: it is stored in the format of the others, and is no parameter (tables of positions that are computed)."""

    @property
    def size(self) -> int:
        return self.copies * self.rows * self.columns

    @property
    def parameters(self) -> int:
        """Trainable values: a buffer is stored and is not a parameter."""
        return self.size if self.trained and self.role != "buffer" else 0

    @property
    def takes_adapter(self) -> bool:
        """Whether adapters of low rank are trained beside it: it is a matrix of a layer."""
        return self.role in ("linear", "expert")


class Routed(NamedTuple):
    """What routed experts are asked on one of the ranks that share them."""

    tokens: Quantity
    """Of all copies."""
    active: int
    """Experts of each token."""
    experts: int
    held: int
    """Experts of the fullest rank."""
    hidden: int
    intermediate: int
    """Of an expert on this rank."""
    matrices: int

    @property
    def ranks(self) -> float:
        """Ranks that share them."""
        return self.experts / self.held


@dataclass(slots=True, kw_only=True)
class Work:
    """What one step asks of one operator on one rank, in values; the precision turns values into bytes.

    Not frozen: thousands are made in a search, and a frozen one takes three times as long to make.
    """

    flops: Quantity = 0
    """Floating-point operations; a multiply-add is two."""
    steady_flops: Quantity = 0
    """The part of `flops` whose rate does not hang on the query's length."""
    weight_share: Quantity = 0.0
    """The part of the operator's stored weights that is read, 0 to 1."""
    activations: Quantity = 0
    """Activation values read and written."""
    cache_read: Quantity = 0
    cache_written: Quantity = 0
    state: Quantity = 0
    """Values of a recurrent state read and written, in float32."""
    rows: Quantity = 1
    """Rows of the matrix product (tokens), or the query length of attention: what efficiency depends on."""
    inner: Quantity = 0
    """Values of a row of a product's input."""
    reach: Quantity = 0
    """Keys that the last query of a sequence sees."""
    queries: Quantity = 0
    """Sequences times heads."""
    routed: Routed | None = None
    """What routed experts are asked."""
    absorbed_flops: Quantity | None = None
    """Operations of the absorbed form, where the operator has one: its rate does not hang on the query's length either,
    and the quicker of the two forms runs."""


class Operator(Protocol):
    """One operator of a layer. `pooled` and `shard` give what one tensor-parallel (and expert-parallel) rank holds."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> WorkKind:
        """Which law its time follows."""
        ...

    @property
    def sums(self) -> bool:
        """Whether tensor-parallel ranks sum its results."""
        ...

    @property
    def head_sharing(self) -> HeadSharing | None:
        """How the heads of an attention share keys and values; None for what is no attention."""
        ...

    @property
    def heads_per_key(self) -> int:
        """Query heads that share a key and a value in the cache; 0 for what caches none a head."""
        ...

    @property
    def query_heads(self) -> int:
        """Heads of an attention that each score what it attends; 0 for what is none."""
        ...

    @property
    def query_width(self) -> int:
        """Values of a query of such a head."""
        ...

    @property
    def expert_count(self) -> int:
        """Routed experts that a token is sent to some of; 0 for all but a mixture."""
        ...

    @property
    def visited_share(self) -> float:
        """The part of the tokens that runs some of what this rank holds."""
        ...

    @property
    def residual_width(self) -> int:
        """Values a token of the residual stream that it norms; 0 for what is no norm."""
        ...

    @property
    def filters(self) -> int:
        """Channels that a convolution over images or sounds gives; 0 for what is none."""
        ...

    @property
    def gives_logits(self) -> bool:
        """Whether it is the head over the vocabulary."""
        ...

    @property
    def borrows(self) -> bool:
        """Whether it multiplies a matrix that is stored elsewhere, as a tied head does."""
        ...

    @property
    def looks_back(self) -> bool:
        """Whether its work hangs on the tokens before the step."""
        ...

    @property
    def reads_source(self) -> bool:
        """Whether it works on what an encoder has just given, and not at all in a step that encodes nothing."""
        ...

    def weights(self) -> tuple[Weight, ...]: ...

    def self_contained(self) -> Self:
        """The same with a borrowed matrix as its own: what a step reads, or a stage copies."""
        ...

    def active_parameters(self) -> int:
        """Parameters that one token multiplies."""
        ...

    def pooled(self, copies: int) -> Self:
        """The same where so many copies of the model share one set of routed experts."""
        ...

    def shard(self, tensor: int, expert: int) -> Self: ...

    @property
    def shares_tokens(self) -> bool:
        """Whether ranks can share the tokens of its cache: it attends all of them."""
        ...

    def over_context(self, ranks: int) -> Self:
        """The same where so many ranks share the tokens of its cache."""
        ...

    def exchanged_values(self, step: Step) -> Quantity:
        """Values that each of the ranks that share tokens hands over to the others, and as many that it gets back."""
        ...

    def ranks(self, tensor: int, expert: int) -> int:
        """Ranks that share one of its matrices, of `tensor` a copy of which `expert` groups share the experts."""
        ...

    def cached_entry(self) -> Entry:
        """What an entry of the cache is made of that it reads; empty for what reads none."""
        ...

    @property
    def caches(self) -> bool:
        """Whether it keeps a cache of its own."""
        ...

    def cached_entries(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        """Entries that it keeps of one sequence of `tokens` tokens that attends `source` encoded positions."""
        ...

    def cached_values(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        """Values of these entries."""
        ...

    def cache_law(self) -> CacheLaw | None:
        """The law of `cached_entries` in words; None for what caches nothing."""
        ...

    def state(self) -> State:
        """Values of one sequence that do not grow with its length."""
        ...

    @property
    def state_is_chosen(self) -> bool:
        """Whether engines keep its recurrent state in another format than the model's own code, unless told."""
        ...

    def in_engine(self, state: StateChoice) -> Self:
        """The same with its state as engines keep it that were told of a format."""
        ...

    def work(self, step: Step) -> Work: ...

    def live_values(self) -> int:
        """Values a token that are alive while the operator runs, its inputs and outputs."""
        ...

    def routed_buffers(self) -> int:
        """Values a token of the buffers between the products of routed experts; 0 for all but a mixture."""
        ...

    def padded_share(self, hidden: int, intermediate: int) -> float:
        """Its matrices padded to multiples of both widths, over themselves; 1 for all but a mixture."""
        ...

    def absorbed_values(self) -> int:
        """Values of the matrices that are kept once more where latent attention runs absorbed."""
        ...

    def reduced_values(self, step: Step) -> Quantity:
        """Values that all tensor-parallel ranks sum after this operator, where it `sums`."""
        ...

    def divides(self) -> tuple[tuple[str, int], ...]:
        """What tensor parallelism must divide evenly: (what, how many)."""
        ...

    def adapter_values(self, rank: int, shards: Shards, wanted: Callable[[Weight], bool]) -> float:
        """Values of an adapter of this rank beside its `wanted` matrices.

        A is rank x inputs and B outputs x rank; `shards` says by a product's split among how many tensor-parallel ranks
        an engine shares each of the two.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stateless:
    """The answers of an operator that stores, caches and sends nothing."""

    name: str

    @property
    def kind(self) -> WorkKind:
        return "elementwise"

    @property
    def sums(self) -> bool:
        return False

    @property
    def head_sharing(self) -> HeadSharing | None:
        return None

    @property
    def heads_per_key(self) -> int:
        return 0

    @property
    def query_heads(self) -> int:
        return 0

    @property
    def query_width(self) -> int:
        return 0

    @property
    def expert_count(self) -> int:
        return 0

    @property
    def visited_share(self) -> float:
        return 1.0

    @property
    def residual_width(self) -> int:
        return 0

    @property
    def filters(self) -> int:
        return 0

    @property
    def gives_logits(self) -> bool:
        return False

    @property
    def borrows(self) -> bool:
        return False

    @property
    def looks_back(self) -> bool:
        return False

    @property
    def reads_source(self) -> bool:
        return False

    def weights(self) -> tuple[Weight, ...]:
        return ()

    def self_contained(self) -> Self:
        return self

    def active_parameters(self) -> int:
        return sum(weight.parameters for weight in self.weights())

    def pooled(self, copies: int) -> Self:
        return self

    def shard(self, tensor: int, expert: int) -> Self:
        return self

    @property
    def shares_tokens(self) -> bool:
        return False

    def over_context(self, ranks: int) -> Self:
        return self

    def exchanged_values(self, step: Step) -> Quantity:
        return 0

    def ranks(self, tensor: int, expert: int) -> int:
        return tensor

    def cached_entry(self) -> Entry:
        return ()

    @property
    def caches(self) -> bool:
        return bool(self.cached_entry())

    def cached_entries(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        return 0

    def cached_values(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        return sum(values for _, values in self.cached_entry()) * self.cached_entries(tokens, source)

    def cache_law(self) -> CacheLaw | None:
        return None

    def state(self) -> State:
        return State()

    @property
    def state_is_chosen(self) -> bool:
        return False

    def in_engine(self, state: StateChoice) -> Self:
        return self

    def live_values(self) -> int:
        return 0

    def routed_buffers(self) -> int:
        return 0

    def padded_share(self, hidden: int, intermediate: int) -> float:
        return 1.0

    def absorbed_values(self) -> int:
        return 0

    def reduced_values(self, step: Step) -> Quantity:
        return 0

    def divides(self) -> tuple[tuple[str, int], ...]:
        return ()

    def adapter_values(self, rank: int, shards: Shards, wanted: Callable[[Weight], bool]) -> float:
        return 0.0
