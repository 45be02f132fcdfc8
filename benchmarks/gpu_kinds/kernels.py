"""The calls of single kernels in PyTorch: products, attention, routed experts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from .bench import Bench, begun_before
from .rows import Timing
from .shapes import AnyShape, Decodes, Mixture, Product, Prompts

# Without the one that stores all scores, whose time says nothing of an accelerator.
_FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.EFFICIENT_ATTENTION]


def measured(shapes: Iterable[AnyShape], bench: Bench, until: float) -> Iterator[tuple[AnyShape, Timing | str]]:
    """The time of each kernel, or why there is none."""
    for shape in begun_before(until, shapes):
        yield shape, _tried(shape, bench)


def _tried(shape: AnyShape, bench: Bench) -> Timing | str:
    try:
        return _MEASURES[type(shape)](shape, bench)
    except (RuntimeError, ValueError) as error:
        # what the device or this PyTorch has no kernel for, or no memory
        return str(error)


def _product(shape: Product, bench: Bench) -> Timing:
    rows, columns, inner = shape.tokens, shape.operator.output_size, shape.operator.inputs
    copies = bench.copies((rows + columns) * inner * (1 if shape.precision == "fp8" else 2))
    inputs = [(bench.normal(rows, inner), bench.normal(columns, inner, scale=inner**-0.5)) for _ in range(copies)]
    if shape.precision == "bf16":
        timing = bench.time([partial(F.linear, x, weight) for x, weight in inputs])
        return Timing(timing.ms, f"linear, {timing.how}")
    narrow, scale = _float8(bench), torch.ones((), device=bench.device)
    in_8_bits = [(x.to(narrow), weight.to(narrow)) for x, weight in inputs]
    del inputs
    timing = bench.time([partial(_in_8_bits, x, weight, scale, bench.dtype) for x, weight in in_8_bits])
    return Timing(timing.ms, f"_scaled_mm of an input quantised before, {timing.how}")


def _in_8_bits(x: Tensor, weight: Tensor, scale: Tensor, gives: torch.dtype) -> Tensor:
    # summed as engines' kernels do, which on Hopper do not widen the sums every few products
    return torch._scaled_mm(x, weight.t(), scale_a=scale, scale_b=scale, out_dtype=gives, use_fast_accum=True)


def _float8(bench: Bench) -> torch.dtype:
    """The 8 bits of the device: MI300's have no negative zero."""
    if torch.version.hip is None or not bench.accelerated:
        return torch.float8_e4m3fn
    of_mi300 = "gfx94" in torch.cuda.get_device_properties(bench.device).gcnArchName
    return torch.float8_e4m3fnuz if of_mi300 else torch.float8_e4m3fn


def attend_prompts(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention of whole prompts: batch x tokens x heads x width each, fewer heads of keys than of queries."""
    query, key, value = (tensor.transpose(1, 2) for tensor in (query, key, value))
    with sdpa_kernel(_FUSED if query.is_cuda else [SDPBackend.MATH, *_FUSED]):
        found = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    return found.transpose(1, 2)


def attend_cache(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of one token a sequence to all keys: batch x 1 x heads x width, batch x keys x fewer heads x width.

    The heads that share a key stand as its queries, so that each key is read once.
    """
    batch, _, heads, width = query.shape
    shared = query.reshape(batch, key.shape[2], -1, width)
    with sdpa_kernel(_FUSED if query.is_cuda else [SDPBackend.MATH, *_FUSED]):
        found = F.scaled_dot_product_attention(shared, key.transpose(1, 2), value.transpose(1, 2))
    return found.reshape(batch, 1, heads, width)


def _prompts(shape: Prompts, bench: Bench) -> Timing:
    heads, kv_heads, width = shape.operator.heads, shape.operator.kv_heads, shape.operator.head_dim
    tokens = (shape.batch, shape.prompt)
    sizes = ((*tokens, heads, width), (*tokens, kv_heads, width), (*tokens, kv_heads, width))
    copies = bench.copies(2 * shape.batch * shape.prompt * (heads + 2 * kv_heads) * width)
    calls = [partial(attend_prompts, *(bench.normal(*size) for size in sizes)) for _ in range(copies)]
    timing = bench.time(calls)
    return Timing(timing.ms, f"scaled_dot_product_attention, {timing.how}")


def _decodes(shape: Decodes, bench: Bench) -> Timing:
    heads, kv_heads, width = shape.operator.heads, shape.operator.kv_heads, shape.operator.head_dim
    cached = (shape.batch, shape.keys, kv_heads, width)
    copies = bench.copies(2 * shape.batch * shape.keys * 2 * kv_heads * width)
    calls = [
        partial(attend_cache, bench.normal(shape.batch, 1, heads, width), bench.normal(*cached), bench.normal(*cached))
        for _ in range(copies)
    ]
    timing = bench.time(calls)
    return Timing(timing.ms, f"scaled_dot_product_attention, {timing.how}")


class Grouped(NamedTuple):
    """How the products of all experts are made."""

    run: Callable[[Tensor, Tensor, Tensor], Tensor]
    """(rows sorted by expert, experts x outputs x inputs, where the rows of each expert end) -> rows x outputs."""
    name: str


def _loop(rows: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    found, begin = rows.new_empty(rows.shape[0], weights.shape[1]), 0
    for expert, end in enumerate(ends.tolist()):
        if end > begin:
            torch.mm(rows[begin:end], weights[expert].t(), out=found[begin:end])
        begin = end
    return found


def _in_one(kernel: Callable[..., Tensor], rows: Tensor, weights: Tensor, ends: Tensor) -> Tensor:
    return kernel(rows, weights.transpose(1, 2), offs=ends)


@lru_cache
def grouped_product(bench: Bench) -> Grouped:
    """One kernel for all experts where this PyTorch has one that runs here, else a loop over them."""
    for name, home in (("grouped_mm", F), ("_grouped_mm", torch)):
        kernel = getattr(home, name, None)
        if kernel is None:
            continue
        rows, weights = bench.normal(4, 32), bench.normal(2, 64, 32)
        try:
            _in_one(kernel, rows, weights, torch.tensor([1, 4], dtype=torch.int32, device=bench.device))
        except RuntimeError:
            continue
        return Grouped(partial(_in_one, kernel), name)
    return Grouped(_loop, "loop over experts")


def routed(x: Tensor, picked: Tensor, shares: Tensor, gate_up: Tensor, down: Tensor, grouped: Grouped) -> Tensor:
    """What each token's experts give, summed by their shares: tokens x hidden.

    picked: tokens x active, which experts; gate_up: experts x 2 intermediate x hidden; down: experts x hidden x
    intermediate.
    """
    tokens, active = picked.shape
    by_expert, order = picked.flatten().sort()
    experts = torch.arange(gate_up.shape[0], device=x.device, dtype=by_expert.dtype)
    ends = torch.searchsorted(by_expert, experts, right=True).to(torch.int32)
    gate, up = grouped.run(x[order // active], gate_up, ends).chunk(2, dim=-1)
    given = grouped.run(F.silu(gate) * up, down, ends)
    in_turn = torch.empty_like(given)
    in_turn[order] = given
    return (in_turn.view(tokens, active, -1) * shares.unsqueeze(-1)).sum(dim=1)


def _picks(shape: Mixture, bench: Bench, copies: int) -> Iterator[Tensor]:
    """Which experts each token takes, another choice for every call."""
    active, count = shape.operator.active, shape.operator.count
    for copy in range(copies):
        if shape.distribution == "balanced":
            turns = torch.arange(shape.tokens * active, device=bench.device) + copy * shape.tokens * active
            yield (turns % count).view(shape.tokens, active)
        else:
            yield torch.rand(shape.tokens, count, device=bench.device).topk(active, dim=-1).indices


def _mixture(shape: Mixture, bench: Bench) -> Timing:
    operator, grouped = shape.operator, grouped_product(bench)
    hidden, width = operator.hidden, operator.intermediate
    gate_up = bench.normal(operator.count, 2 * width, hidden, scale=hidden**-0.5)
    down = bench.normal(operator.count, hidden, width, scale=width**-0.5)
    touched = 2 * (gate_up.numel() + down.numel()) * float(operator.work(shape.step).weight_share)
    shares = torch.full((shape.tokens, operator.active), 1 / operator.active, device=bench.device, dtype=bench.dtype)
    calls = [
        partial(routed, bench.normal(shape.tokens, hidden), picked, shares, gate_up, down, grouped)
        for picked in _picks(shape, bench, bench.copies(touched))
    ]
    timing = bench.time(calls)
    return Timing(timing.ms, f"{grouped.name} with sort and sum, {timing.how}")


_MEASURES: dict[type, Callable[..., Timing]] = {
    Product: _product,
    Prompts: _prompts,
    Decodes: _decodes,
    Mixture: _mixture,
}
