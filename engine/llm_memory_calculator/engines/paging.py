"""vLLM's paged cache: layers of a kind in groups, one size of page, blocks that all groups share.

The rules are those of v1/core/kv_cache_utils.py and v1/core/single_type_kv_cache_manager.py: layers of a kind form
groups of as many layers as the rarest kind has; a block holds `block_tokens` tokens of every layer of a group; each
request takes blocks of its own in every group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ..units import are_plain, ceil_div, larger, smaller, whole_down, whole_near, whole_up
from ..work import looked
from .base import CacheRoom

if TYPE_CHECKING:
    from ..units import Quantity

Kept = Literal["full attention", "window", "chunk", "encoded positions", "state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What layers of a kind keep of a request."""

    kept: Kept
    token_bytes: float = 0
    """Of a token in a layer; of all of a state."""
    reach: int = 0
    """Tokens of a window or a chunk, or positions where they are always as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The groups of one kind."""

    spec: Spec
    count: int
    layers: int
    """Layers of the kind."""
    block_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pages:
    """How a device's layers are paged."""

    groups: tuple[Group, ...]
    group_layers: int
    """Layers of a group, those that only pad it too."""
    block_bytes: float
    """A block of a group."""
    states_kept: int
    """Blocks of a state that a request holds."""
    in_flight: int
    """Tokens of the steps that a window holds beside itself."""

    @property
    def count(self) -> int:
        """Groups of all kinds."""
        return sum(group.count for group in self.groups)

    @property
    def block_tokens(self) -> int:
        """Of the kind that grows with every token, as the engine prints it."""
        grows = [group.block_tokens for group in self.groups if group.spec.kept == "full attention"]
        return (grows or [group.block_tokens for group in self.groups] or [1])[0]

    @property
    def keeps_states(self) -> bool:
        """Whether layers of some device keep states, which take a block of their own."""
        return any(group.spec.kept == "state" for group in self.groups)

    @property
    def _plain(self) -> bool:
        counts = [number for group in self.groups for number in (group.count, group.layers, group.block_tokens)]
        return are_plain(self.block_bytes, self.group_layers, *counts)

    @property
    def said(self) -> tuple[str, ...]:
        """The groups in words."""
        return tuple(_said(group, self.group_layers) for group in self.groups)

    def request_blocks(self, tokens: Quantity, encoded: Quantity = 0) -> Quantity:
        """Blocks of one request of `tokens` tokens over all groups, at the most that it holds."""
        total: Quantity = 0
        for group in self.groups:
            total = total + group.count * self._of_group(group, tokens, encoded)
        return total

    def _of_group(self, group: Group, tokens: Quantity, encoded: Quantity) -> Quantity:
        spec, block = group.spec, group.block_tokens
        match spec.kept:
            case "state":
                return self.states_kept
            case "encoded positions":
                return ceil_div(spec.reach or encoded, block)
            case "window":
                # the window may begin within a block
                return ceil_div(smaller(spec.reach - 1 + self.in_flight, tokens), block) + 1
            case "chunk":
                return ceil_div(smaller(spec.reach + self.in_flight, tokens), block)
        return ceil_div(tokens, block)

    def request_bytes(self, tokens: Quantity, encoded: Quantity = 0) -> Quantity:
        return self.request_blocks(tokens, encoded) * self.block_bytes

    def room(self, room_bytes: Quantity, longest: Quantity, encoded: Quantity, *, by_request: bool) -> CacheRoom:
        """What the engine makes of so much room. by_request: tokens as concurrency x the longest length, as newer ones
        print them."""
        blocks = larger(0, whole_down(room_bytes / self.block_bytes))
        request = self.request_blocks(longest, encoded)
        concurrency = blocks / request
        held = whole_down(concurrency * longest) if by_request else blocks // self.count * self.block_tokens
        return CacheRoom(
            block_tokens=self.block_tokens,
            block_bytes=whole_near(self.block_bytes),
            groups=self.count,
            blocks=blocks,
            tokens=held,
            request_blocks=request,
            request_bytes=whole_up(request * self.block_bytes),
            concurrency=concurrency,
            parts=self.said if self._plain else (),
        )


def with_groups_alike(pages: Sequence[Pages | None]) -> list[Pages]:
    """The same with groups of the same kinds in all, none of those that one has not."""
    by_kind = [{} if one is None else _by_kind(one.groups) for one in looked(pages)]
    specs: dict[tuple[Kept, int, int], Spec] = {}
    for there in by_kind:
        for key, group in there.items():
            specs.setdefault(key, group.spec)
    found = []
    for one, there in looked(zip(pages, by_kind, strict=True)):
        groups = tuple(
            there.get(key) or Group(spec=replace(spec, token_bytes=0), count=0, layers=0, block_tokens=1)
            for key, spec in specs.items()
        )
        found.append(replace(one, groups=groups) if one is not None else _empty(groups))
    return found


def _by_kind(groups: Iterable[Group]) -> dict[tuple[Kept, int, int], Group]:
    """By what is kept and how far it reaches, the first, the second ... of such groups."""
    found: dict[tuple[Kept, int, int], Group] = {}
    for group in groups:
        kind = group.spec.kept, group.spec.reach
        found[*kind, sum(key[:2] == kind for key in found)] = group
    return found


def _empty(groups: tuple[Group, ...]) -> Pages:
    return Pages(groups=groups, group_layers=0, block_bytes=0.0, states_kept=0, in_flight=0)


def _said(group: Group, layers: int) -> str:
    groups = "1 group" if group.count == 1 else f"{group.count} groups"
    padded = group.count * layers - group.layers
    padding = f", {padded} of them padding" if padded else ""
    return (
        f"{group.layers} layers of {group.spec.kept} in {groups} of {layers}{padding}, blocks of {group.block_tokens:,}"
    )


def paged(
    layers: Iterable[tuple[int, Spec]],
    *,
    block_tokens: int,
    in_flight: int,
    states_kept: int,
    padded_rather: float,
    as_full: bool = False,
) -> Pages | None:
    """The pages of layers, each with how many; None where nothing is kept.

    padded_rather: groups are as large as the commonest kind where that is less than so many times the rarest.
    as_full: without the manager of hybrids, every window is kept like full attention.
    """
    counts: dict[Spec, int] = {}
    for count, spec in layers:
        kind = Spec(kept="full attention", token_bytes=spec.token_bytes) if as_full and _windowed(spec) else spec
        counts[kind] = counts.get(kind, 0) + count
    if not counts:
        return None
    if len({(spec.kept, spec.reach) for spec in counts}) == 1 and "state" not in {spec.kept for spec in counts}:
        # one group; a layer's page may differ from another's (an indexer's keys beside latents)
        first, layers_of_all = next(iter(counts)), sum(counts.values())
        mean = sum(spec.token_bytes * count for spec, count in counts.items()) / layers_of_all
        counts = {replace(first, token_bytes=mean): layers_of_all}
    fewest, most = min(counts.values()), max(counts.values())
    # as many as the commonest has, where groups of the rarest would be mostly padding
    size = most if most < padded_rather * fewest else fewest
    blocks, page = _blocks(counts, block_tokens)
    return Pages(
        groups=tuple(
            Group(spec=spec, count=ceil_div(count, size), layers=count, block_tokens=blocks[spec])
            for spec, count in counts.items()
        ),
        group_layers=size,
        block_bytes=size * page,
        states_kept=states_kept,
        in_flight=in_flight,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compressed:
    """Layers that keep a window and one entry for each `ratio` tokens; 0: a window alone."""

    layers: int
    ratio: int
    window: int
    entry_bytes: float
    index_bytes: float
    """Of an indexer's key beside each entry."""


def compressed(kinds: Sequence[Compressed], facts: Mapping[str, Any], *, in_flight: int) -> Pages:
    """The pages of DeepSeek-V4's cache: three kinds of page side by side in every block, and states of compressors.

    facts: tokens of a block, bytes that a page is a multiple of, tokens of a block of windows, and of each ratio the
    (tokens of a block, reach) of its compressor's state. Source: vLLM 0.20's deepseek_v4_attention.py, sparse_swa.py
    and _get_kv_cache_config_deepseek_v4; a request of 30,000 tokens takes 6.66 GiB, one of 13,528 5.44, as printed.
    """
    block, multiple, sparse = facts["block_tokens"], facts["page_bytes"], [kind for kind in kinds if kind.ratio]

    def page(ratio: int, size: float) -> int:
        whole: int = ceil_div(round(block // ratio * size), multiple) * multiple
        return whole

    sizes = {page(kind.ratio, size) for kind in sparse for size in (kind.entry_bytes, kind.index_bytes) if size}
    counts = [kind.layers for kind in sparse]
    layers = sum(kind.layers for kind in kinds)
    group = _nearest_divisor([max(counts), layers, *counts], max(counts))
    window = Spec(kept="window", reach=max(kind.window for kind in kinds))
    groups = [
        Group(spec=Spec(kept="full attention"), count=1, layers=max(counts), block_tokens=block),
        Group(spec=window, count=ceil_div(layers, group), layers=layers, block_tokens=facts["window_tokens"]),
    ]
    for kind in sparse:
        tokens, reach = facts["states"][str(kind.ratio)]
        spec, count = Spec(kept="window", reach=reach), ceil_div(kind.layers, group)
        groups.append(Group(spec=spec, count=count, layers=kind.layers, block_tokens=tokens))
    return Pages(
        groups=tuple(groups), group_layers=group, block_bytes=group * sum(sizes), states_kept=1, in_flight=in_flight
    )


def _nearest_divisor(counts: Sequence[int], least: int) -> int:
    """The size of group, `least` or more, that pads all counts least; the largest of those alike."""
    sizes = range(least, max(counts) + 1)
    found: int = min(sizes, key=lambda size: (sum(-count % size for count in counts), -size))
    return found


def _windowed(spec: Spec) -> bool:
    return spec.kept in ("window", "chunk")


def _blocks(counts: dict[Spec, int], block_tokens: int) -> tuple[dict[Spec, int], float]:
    """(tokens of a block by kind, bytes of a page), the page being the same for all."""
    attending = [spec for spec in counts if spec.kept != "state"]
    states = [spec.token_bytes for spec in counts if spec.kept == "state"]
    if not attending:
        return dict.fromkeys(counts, 1), max(states)
    widest = max(spec.token_bytes for spec in attending)
    base = block_tokens
    if states:
        # attention takes larger blocks, so that a page of it holds a state
        base = max(base, block_tokens * ceil_div(max(states), block_tokens * widest).__ceil__())
    page = base * widest
    return {
        spec: 1 if spec.kept == "state" else base * max(1, int(widest // spec.token_bytes)) for spec in counts
    }, page
