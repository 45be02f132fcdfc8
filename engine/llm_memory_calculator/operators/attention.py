"""Attention over cached keys and values: multi-head, grouped, multi-query, windowed; and multi-head latent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ..units import ceil_div, choose, fullest, larger, mean_share, smaller
from .base import KV_HEADS, CacheGrowth, CacheLaw, Entry, HeadSharing, Stateless, Step, Weight, Work, WorkKind

if TYPE_CHECKING:
    from ..units import Quantity


def attended_pairs(query: Quantity, context: Quantity, window: int | None) -> Quantity:
    """(query, key) pairs of one causal sequence: the token at position t attends min(t, window) keys.

    The sum over t = context + 1 … context + query in closed form, so that chunks add up to the whole prompt.
    """

    def first(tokens: Quantity) -> Quantity:
        ramp = tokens if window is None else smaller(tokens, window)
        whole = ramp * (ramp + 1)
        triangle = whole // 2 if isinstance(whole, int) else whole / 2
        return triangle if window is None else triangle + window * (tokens - ramp)

    return first(context + query) - first(context)


def chunk_pairs(query: Quantity, context: Quantity, chunk: int) -> Quantity:
    """(query, key) pairs of one causal sequence whose tokens attend no further back than their chunk begins."""

    def first(tokens: Quantity) -> Quantity:
        rest = tokens % chunk
        whole = (tokens - rest) * (chunk + 1) + rest * (rest + 1)
        return whole // 2 if isinstance(whole, int) else whole / 2

    return first(context + query) - first(context)


def visible_tokens(query: Quantity, context: Quantity, window: int | None) -> Quantity:
    """Cached tokens of one sequence that some query of the step attends, the new ones included."""
    everything = context + query
    return everything if window is None else smaller(everything, window + query - 1)


def shared_law(kind: str, values: int, ranks: int) -> CacheLaw:
    """Of a cache that grows with every token, which so many ranks share."""
    return CacheLaw(kind, values, "tokens" if ranks == 1 else f"tokens / {ranks}", ratio=ranks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention(Stateless):
    """softmax(q kᵀ) v over the cache, causal, `window` tokens wide where one is set.

    Stored: min(tokens, window) keys and values for each KV head. Tensor parallelism shares the heads; KV heads fewer
    than ranks are replicated. Sinks are one learned logit a head (gpt-oss). `shared` layers attend the keys and values
    of an earlier layer and store none (Gemma 3n). With a `chunk` tokens attend those of their own chunk (Llama 4): as
    many are stored as of a window, and half as many are attended on average. Where an indexer picks the tokens that a
    query attends (MiniMax-M3), `picked` is how many at most; all are stored. `context` ranks may share the tokens: each
    keeps every so many-th of them, attends these for the heads of all, and they merge what they found.
    """

    heads: int
    kv_heads: int
    head_dim: int
    value_dim: int | None = None
    window: int | None = None
    chunk: int | None = None
    sinks: bool = False
    shared: bool = False
    picked: int | None = None
    context: int = 1

    @property
    def head_sharing(self) -> HeadSharing:
        if self.kv_heads == self.heads:
            return "MHA"
        return "MQA" if self.kv_heads == 1 else "GQA"

    @property
    def looks_back(self) -> bool:
        return True

    @property
    def heads_per_key(self) -> int:
        return self.heads // self.kv_heads

    @property
    def query_heads(self) -> int:
        return self.heads

    @property
    def query_width(self) -> int:
        return self.head_dim

    @property
    def kind(self) -> WorkKind:
        return "attention"

    @property
    def values_dim(self) -> int:
        return self.head_dim if self.value_dim is None else self.value_dim

    @property
    def values_per_token(self) -> int:
        return self.kv_heads * (self.head_dim + self.values_dim)

    def weights(self) -> tuple[Weight, ...]:
        return (Weight(name="self_attn.sinks", rows=self.heads, role="vector"),) if self.sinks else ()

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor), kv_heads=ceil_div(self.kv_heads, tensor))

    @property
    def shares_tokens(self) -> bool:
        return self.window is None and self.chunk is None and self.picked is None

    def over_context(self, ranks: int) -> Self:
        return replace(self, context=ranks)

    def exchanged_values(self, step: Step) -> Quantity:
        return step.tokens * self.heads * larger(self.head_dim, self.values_dim)

    def cached_entry(self) -> Entry:
        return (("key_value", self.values_per_token),)

    @property
    def caches(self) -> bool:
        return not self.shared

    def cached_entries(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        if self.shared:
            return 0
        reach = self.chunk if self.window is None else self.window
        return fullest(tokens, self.context) if reach is None else smaller(tokens, reach)

    def cache_law(self) -> CacheLaw:
        reach = self.chunk if self.window is None else self.window
        if reach is None:
            return shared_law("full attention", self.values_per_token, self.context)
        kind = "windowed attention" if self.chunk is None else "chunked attention"
        growth: CacheGrowth = "window" if self.chunk is None else "chunk"
        return CacheLaw(kind, self.values_per_token, f"min(tokens, {reach:,})", growth, reach)

    def work(self, step: Step) -> Work:
        if self.chunk is None:
            reach = self.window if self.picked is None else self.picked
            pairs = step.batch * attended_pairs(step.query, step.context, reach)
            visible = visible_tokens(step.query, step.context, self.window)
            if self.picked is not None:
                visible = smaller(visible, self.picked * step.query)
        else:
            pairs = step.batch * chunk_pairs(step.query, step.context, self.chunk)
            visible = step.context % self.chunk + step.query
        query_values = self.heads * (self.head_dim + self.values_dim)
        visible = mean_share(visible, self.context)
        return Work(
            flops=2 * pairs * query_values,
            # the rotary embedding rewrites q and k, then the kernel reads q and writes its output
            activations=step.tokens * (2 * query_values * self.context + 2 * self.values_per_token),
            cache_read=step.batch * visible * self.values_per_token,
            cache_written=0 if self.shared else mean_share(step.tokens, self.context) * self.values_per_token,
            rows=step.query,
            reach=visible,
            queries=step.batch * (self.heads * self.context),
        )

    def live_values(self) -> int:
        return self.heads * (self.head_dim + self.values_dim) + self.values_per_token

    def divides(self) -> tuple[tuple[str, int], ...]:
        return (("the attention heads", self.heads), (KV_HEADS, self.kv_heads))


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossAttention(Stateless):
    """Attention to the positions of an encoder: their keys and values are made once a sequence and cached whole.

    `length` is their number where the encoder always gives as many (Whisper's 1,500), else the step and the caller say.
    """

    heads: int
    kv_heads: int
    head_dim: int
    length: int | None = None
    cached: bool = True
    """False: made anew in every pass, as the denoiser of a diffusion model does."""

    @property
    def query_heads(self) -> int:
        return self.heads

    @property
    def query_width(self) -> int:
        return self.head_dim

    @property
    def kind(self) -> WorkKind:
        return "attention"

    @property
    def values_per_position(self) -> int:
        return 2 * self.kv_heads * self.head_dim

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor), kv_heads=ceil_div(self.kv_heads, tensor))

    def cached_entry(self) -> Entry:
        return (("key_value", self.values_per_position),)

    @property
    def caches(self) -> bool:
        return self.cached

    def cached_entries(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        if not self.cached:
            return 0
        return source if self.length is None else self.length

    def cache_law(self) -> CacheLaw:
        counted = "positions of the source" if self.length is None else f"{self.length:,} positions"
        return CacheLaw("cross-attention", self.values_per_position, counted, "source", self.length or 0)

    def work(self, step: Step) -> Work:
        source = step.source if self.length is None else self.length
        values = self.heads * self.head_dim
        return Work(
            flops=4 * step.tokens * source * values,
            activations=step.tokens * 2 * values,
            cache_read=step.batch * source * self.values_per_position,
            cache_written=step.batch * step.encoded * self.values_per_position,
            rows=step.query,
            reach=source,
            queries=step.batch * self.heads,
        )

    def live_values(self) -> int:
        return 2 * self.heads * self.head_dim

    def divides(self) -> tuple[tuple[str, int], ...]:
        return (("the attention heads", self.heads), (KV_HEADS, self.kv_heads))


@dataclass(frozen=True, slots=True, kw_only=True)
class BidirectionalAttention(Stateless):
    """Attention of an encoder: every position attends every other (or `window` around it), nothing is cached.

    `relative` is the number of relative positions whose keys and queries are attended beside those of the tokens
    (DeBERTa's disentangled attention). `joint`: the positions of an encoded prompt attend too and are attended, as if
    they stood beside the others (SD3). `linear`: no scores, but the sum of keys times values, by which each query is
    multiplied (Sana, arXiv 2410.10629).
    """

    heads: int
    head_dim: int
    window: int | None = None
    relative: int = 0
    joint: bool = False
    linear: bool = False

    @property
    def head_sharing(self) -> HeadSharing:
        return "MHA"

    @property
    def query_heads(self) -> int:
        return self.heads

    @property
    def query_width(self) -> int:
        return self.head_dim

    @property
    def kind(self) -> WorkKind:
        return "attention"

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor))

    def work(self, step: Step) -> Work:
        values = self.heads * self.head_dim
        query = step.query + step.encoded if self.joint else step.query
        seen = query if self.window is None else smaller(query, self.window)
        if self.linear:
            seen = self.head_dim
        tokens = step.batch * query
        return Work(
            flops=4 * tokens * (seen + self.relative) * values,
            activations=tokens * 4 * values,
            rows=query,
            reach=seen,
            queries=step.batch * self.heads,
        )

    def live_values(self) -> int:
        return 4 * self.heads * self.head_dim

    def divides(self) -> tuple[tuple[str, int], ...]:
        return (("the attention heads", self.heads),)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentAttention(Stateless):
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): one latent of rank + rope values a token is cached.

    Two forms give the same result. Absorbed: queries are taken into the latent space, each head attends the latents
    themselves. Expanded: keys and values are made from the latents (those of the context too) and attended as in
    multi-head attention. The step decides: the quicker form runs, absorbed in decode, expanded in prefill. The
    latent is the same for all heads, so every tensor-parallel rank keeps all of it.

    Where an indexer picks the tokens that a query attends (DeepSeek-V3.2), `picked` is how many at most: the absorbed
    form works on these alone, the expanded one masks the rest. `context` ranks may share the tokens of the latents.
    """

    heads: int
    latent_rank: int
    rope_dim: int
    nope_dim: int
    value_dim: int
    picked: int | None = None
    context: int = 1

    @property
    def head_sharing(self) -> HeadSharing:
        return "MLA"

    @property
    def looks_back(self) -> bool:
        return True

    @property
    def query_heads(self) -> int:
        return self.heads

    @property
    def query_width(self) -> int:
        return self.nope_dim + self.rope_dim

    @property
    def kind(self) -> WorkKind:
        return "latent_attention"

    @property
    def values_per_token(self) -> int:
        return self.latent_rank + self.rope_dim

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor))

    @property
    def shares_tokens(self) -> bool:
        return self.picked is None

    def over_context(self, ranks: int) -> Self:
        return replace(self, context=ranks)

    def exchanged_values(self, step: Step) -> Quantity:
        """In decode queries in the latent space and what they found there; in prefill latents of the context alone,
        which only go one way."""
        decoded = step.tokens * self.heads * (self.latent_rank + self.rope_dim)
        gathered = step.batch * step.context / self.context * self.values_per_token / 2
        return choose(step.query > 1, gathered, decoded)

    def cached_entry(self) -> Entry:
        if self.picked is None:
            return (("latent", self.values_per_token),)
        return ("picked_latent", self.latent_rank), ("picked_rope", self.rope_dim)

    def cached_entries(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        return fullest(tokens, self.context)

    def cache_law(self) -> CacheLaw:
        return shared_law("latent attention", self.values_per_token, self.context)

    def work(self, step: Step) -> Work:
        pairs = step.batch * attended_pairs(step.query, step.context, None)
        visible = visible_tokens(step.query, step.context, None)
        if self.picked is not None:
            visible = smaller(visible, self.picked * step.query)
        picked_pairs = step.batch * attended_pairs(step.query, step.context, self.picked)
        absorbed = 2 * picked_pairs * self.heads * (2 * self.latent_rank + self.rope_dim)
        expansion = 2 * step.batch * step.context * self.latent_rank * self.heads * (self.nope_dim + self.value_dim)
        expanded = 2 * pairs * self.heads * (self.nope_dim + self.rope_dim + self.value_dim) + expansion
        query_values = self.heads * (self.nope_dim + self.rope_dim + self.value_dim)
        visible = mean_share(visible, self.context)
        return Work(
            flops=expanded,
            steady_flops=expansion,
            # the heads share one latent and fill the rows of a product however short the query is
            absorbed_flops=absorbed,
            activations=step.tokens * (2 * query_values * self.context),
            cache_read=step.batch * visible * self.values_per_token,
            cache_written=mean_share(step.tokens, self.context) * self.values_per_token,
            rows=step.query,
            reach=visible,
            queries=step.batch * (self.heads * self.context),
        )

    def live_values(self) -> int:
        return self.heads * (2 * (self.nope_dim + self.rope_dim) + 2 * self.value_dim)

    def absorbed_values(self) -> int:
        return self.heads * self.latent_rank * (self.nope_dim + self.value_dim)

    def divides(self) -> tuple[tuple[str, int], ...]:
        return (("the attention heads", self.heads),)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedAttention(Stateless):
    """Attention of DeepSeek-V4: heads that share one key, which is the value too, over a window and compressed tokens.

    Kept: the last `window` tokens, and one entry for each whole `ratio` tokens (None: the window is all). Of these
    entries a query attends those that an indexer picks, `picked` at most, or all. Every tensor-parallel rank keeps all.
    """

    heads: int
    head_dim: int
    rope_dim: int
    """Of these values, those that turn with the position."""
    window: int
    ratio: int | None = None
    picked: int | None = None

    @property
    def head_sharing(self) -> HeadSharing:
        return "MQA"

    @property
    def looks_back(self) -> bool:
        return True

    @property
    def query_heads(self) -> int:
        return self.heads

    @property
    def query_width(self) -> int:
        return self.head_dim

    @property
    def kind(self) -> WorkKind:
        return "attention"

    def weights(self) -> tuple[Weight, ...]:
        return (Weight(name=f"{self.name}.attn_sink", rows=self.heads, role="vector"),)

    def shard(self, tensor: int, expert: int) -> Self:
        return replace(self, heads=ceil_div(self.heads, tensor))

    def cached_entry(self) -> Entry:
        return ("compressed", self.head_dim - self.rope_dim), ("compressed_rope", self.rope_dim)

    def cached_entries(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        kept = smaller(tokens, self.window)
        return kept if self.ratio is None else kept + tokens // self.ratio

    def cache_law(self) -> CacheLaw:
        counted = f"min(tokens, {self.window:,})"
        if self.ratio is not None:
            counted = f"({counted} + tokens // {self.ratio:,})"
        ratio = self.ratio or 0
        return CacheLaw("compressed attention", self.head_dim, counted, "window and ratio", self.window, ratio)

    def work(self, step: Step) -> Work:
        pairs = attended_pairs(step.query, step.context, self.window)
        seen = visible_tokens(step.query, step.context, self.window)
        if self.ratio is not None:
            reach = None if self.picked is None else self.picked * self.ratio
            pairs = pairs + attended_pairs(step.query, step.context, reach) / self.ratio
            seen = seen + visible_tokens(step.query, step.context, reach) / self.ratio
        values = self.heads * self.head_dim
        return Work(
            flops=4 * step.batch * pairs * values,
            activations=step.tokens * (4 * values + 2 * self.head_dim),
            cache_read=step.batch * seen * self.head_dim,
            cache_written=step.tokens * self.head_dim * (1 if self.ratio is None else 1 + 1 / self.ratio),
            rows=step.query,
            reach=seen,
            queries=step.batch * self.heads,
        )

    def live_values(self) -> int:
        return 2 * self.heads * self.head_dim + self.head_dim

    def divides(self) -> tuple[tuple[str, int], ...]:
        return (("the attention heads", self.heads),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexer(Stateless):
    """The scores by which DeepSeek sparse attention picks tokens: relu(q kᵀ) of small heads that share one key.

    The key of every token is cached, or of each whole `ratio` tokens. All tensor-parallel ranks score with all heads,
    since each needs the same picks.
    """

    heads: int
    head_dim: int
    ratio: int = 1
    of_blocks: bool = False
    """What it picks are blocks of tokens (MiniMax-M3)."""

    @property
    def looks_back(self) -> bool:
        return True

    @property
    def kind(self) -> WorkKind:
        return "attention"

    def cached_entry(self) -> Entry:
        return (("block_index_key" if self.of_blocks else "index_key", self.head_dim),)

    def cached_entries(self, tokens: Quantity, source: Quantity = 0) -> Quantity:
        return tokens // self.ratio

    def cache_law(self) -> CacheLaw:
        counted = f"tokens // {self.ratio:,}" if self.ratio > 1 else "tokens"
        return CacheLaw("keys of the indexer", self.head_dim, counted, ratio=self.ratio)

    def work(self, step: Step) -> Work:
        pairs = step.batch * attended_pairs(step.query, step.context, None)
        return Work(
            flops=2 * pairs * self.heads * self.head_dim / self.ratio,
            activations=step.tokens * 2 * (self.heads + 1) * self.head_dim,
            cache_read=step.batch * visible_tokens(step.query, step.context, None) * self.head_dim / self.ratio,
            cache_written=step.tokens * self.head_dim / self.ratio,
            rows=step.query,
            reach=visible_tokens(step.query, step.context, None) / self.ratio,
            queries=step.batch * self.heads,
        )

    def live_values(self) -> int:
        return (self.heads + 1) * self.head_dim
