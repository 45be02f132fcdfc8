"""Forward passes of whole models with random weights, in plain PyTorch: the model is what its architecture says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from llm_memory_calculator.architecture import Architecture, Layer
from llm_memory_calculator.operators import Attention, Experts, Linear, Norm, Part

from .bench import Bench, begun_before
from .kernels import attend_cache, attend_prompts, grouped_product, routed
from .rows import Timing
from .shapes import Pass

_EPSILON, _ROPE_BASE = 1e-5, 500_000.0
"""Numbers that no time hangs on."""
Cache = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer: batch x tokens x heads x width."""


def measured(shapes: Iterable[Pass], bench: Bench, until: float) -> Iterator[tuple[Pass, Timing | str]]:
    """The time of each pass, or why there is none; the weights of one model at a time."""
    for model, group in groupby(begun_before(until, shapes), key=lambda shape: shape.model):
        decoder, reason = _built(model.architecture, bench)
        for shape in group:
            yield shape, reason if decoder is None else _tried(decoder, shape, bench)
        del decoder


# An error's frames hold what is on the device as long as it is kept: its text alone leaves these two.
def _built(architecture: Architecture, bench: Bench) -> tuple[Decoder | None, str]:
    try:
        return Decoder(architecture, bench), ""
    except RuntimeError as error:
        return None, str(error)


def _tried(decoder: Decoder, shape: Pass, bench: Bench) -> Timing | str:
    try:
        return _time(decoder, shape, bench)
    except RuntimeError as error:
        return str(error)


def _time(decoder: Decoder, shape: Pass, bench: Bench) -> Timing:
    cache = decoder.cache(shape.batch, shape.context + shape.query)
    tokens = torch.randint(decoder.vocabulary, (shape.batch, shape.query), device=bench.device)
    run = partial(decoder.logits, tokens, cache, shape.context)
    # engines replay graphs of decode and launch prompts one by one
    timing = bench.time([run], capture=shape.decodes)
    return Timing(timing.ms, f"random weights{decoder.experts_by}, {timing.how}")


class Decoder:
    """A decoder of equal layers: norms, attention with rotary positions, a feed-forward or routed experts."""

    def __init__(self, architecture: Architecture, bench: Bench) -> None:
        (layer,) = architecture.stack
        hidden = architecture.hidden_size
        self.vocabulary, self._attention = architecture.vocab_size, _only(layer, Attention)
        self._experts = next((operator for operator in layer.operators if isinstance(operator, Experts)), None)
        self._bench, self._grouped = bench, grouped_product(bench)
        self._embedding = bench.normal(self.vocabulary, hidden)
        self._layers = [self._weights(layer) for _ in range(layer.repeat)]
        self._last_norm = bench.normal(hidden)
        self._head = self._matrix(_only(architecture.last, Linear))
        width = self._attention.head_dim
        self._frequencies = _ROPE_BASE ** (-torch.arange(0, width, 2, device=bench.device) / width)

    @property
    def experts_by(self) -> str:
        return "" if self._experts is None else f", experts by {self._grouped.name}"

    def _weights(self, layer: Layer) -> Weights:
        normal, experts = self._bench.normal, self._experts
        norms = [operator for operator in layer.operators if isinstance(operator, Norm)]
        if experts is None:
            router = None
            gate_up, down = (self._matrix(_product(layer, part)) for part in ("gate", "down"))
        else:
            count, width, hidden = experts.count, experts.intermediate, experts.hidden
            router = self._matrix(_product(layer, "router"))
            gate_up = normal(count, 2 * width, hidden, scale=hidden**-0.5)
            down = normal(count, hidden, width, scale=width**-0.5)
        return Weights(
            norms=[normal(norm.width) for norm in norms if norm.heads == 1],
            qkv=self._matrix(_product(layer, "q")),
            head_norms=[normal(norm.width) for norm in norms if norm.heads > 1],
            out=self._matrix(_product(layer, "out")),
            router=router,
            gate_up=gate_up,
            down=down,
        )

    def _matrix(self, operator: Linear) -> Tensor:
        return self._bench.normal(operator.output_size, operator.inputs, scale=operator.inputs**-0.5)

    def cache(self, batch: int, tokens: int) -> Cache:
        """A static cache of random keys and values, as if that many tokens had been prefilled."""
        sizes = (batch, tokens, self._attention.kv_heads, self._attention.head_dim)
        return [(self._bench.normal(*sizes), self._bench.normal(*sizes)) for _ in self._layers]

    def logits(self, tokens: Tensor, cache: Cache, context: int) -> Tensor:
        """Of the last position of each sequence: batch x vocabulary, after `context` tokens that are in the cache."""
        x = self._embedding[tokens]
        positions = torch.arange(context, context + tokens.shape[1], device=x.device)
        angles = torch.outer(positions, self._frequencies).repeat(1, 2).unsqueeze(1)
        turns = (angles.cos().to(x.dtype), angles.sin().to(x.dtype))
        for weights, (keys, values) in zip(self._layers, cache, strict=True):
            x = x + self._attend(_normed(x, weights.norms[0]), weights, keys, values, turns, context)
            x = x + self._feed_forward(_normed(x, weights.norms[1]), weights)
        return F.linear(_normed(x[:, -1], self._last_norm), self._head)

    def _attend(
        self, x: Tensor, weights: Weights, keys: Tensor, values: Tensor, turns: tuple[Tensor, Tensor], context: int
    ) -> Tensor:
        heads, kv_heads, width = self._attention.heads, self._attention.kv_heads, self._attention.head_dim
        batch, new, _ = x.shape
        query, key, value = (
            F.linear(x, weights.qkv).view(batch, new, -1, width).split([heads, kv_heads, kv_heads], dim=2)
        )
        if weights.head_norms:
            query, key = (_normed(y, scale) for y, scale in zip((query, key), weights.head_norms, strict=True))
        query, seen = _turned(query, turns), slice(0, context + new)
        keys[:, context : context + new], values[:, context : context + new] = _turned(key, turns), value
        attend = attend_prompts if new > 1 else attend_cache
        return F.linear(attend(query, keys[:, seen], values[:, seen]).reshape(batch, new, -1), weights.out)

    def _feed_forward(self, x: Tensor, weights: Weights) -> Tensor:
        if weights.router is None or self._experts is None:
            gate, up = F.linear(x, weights.gate_up).chunk(2, dim=-1)
            return F.linear(F.silu(gate) * up, weights.down)
        rows = x.flatten(0, 1)
        scores, picked = F.linear(rows, weights.router).topk(self._experts.active, dim=-1)
        shares = scores.softmax(dim=-1, dtype=torch.float32).to(x.dtype)
        return routed(rows, picked, shares, weights.gate_up, weights.down, self._grouped).view_as(x)


@dataclass(frozen=True)
class Weights:
    """Of a layer: outputs x inputs, of experts with their number before it."""

    norms: list[Tensor]
    """Before the attention and before the feed-forward."""
    qkv: Tensor
    head_norms: list[Tensor]
    """Of queries and keys, where there are such."""
    out: Tensor
    router: Tensor | None
    gate_up: Tensor
    down: Tensor


_Wanted = TypeVar("_Wanted")


def _only(layer: Layer, kind: type[_Wanted]) -> _Wanted:
    """The only operator of a kind."""
    (found,) = (operator for operator in layer.operators if isinstance(operator, kind))
    return found


def _product(layer: Layer, part: Part) -> Linear:
    """The product that gives this part."""
    return next(
        operator
        for operator in layer.operators
        if isinstance(operator, Linear) and any(output.part == part for output in operator.outputs)
    )


def _normed(x: Tensor, scale: Tensor) -> Tensor:
    return F.rms_norm(x, scale.shape, scale, _EPSILON)


def _turned(x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions: batch x tokens x heads x width, turned by the cosines and sines of each position."""
    first, second = x.chunk(2, dim=-1)
    cosine, sine = turns
    return x * cosine + torch.cat((-second, first), dim=-1) * sine
