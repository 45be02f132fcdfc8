"""SGLang: a pool that leaves a share of the memory free, tokens in pages of one, states in slots beside them, graphs in
what was left free.

Numbers stand in data/engines/sglang.toml.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ..units import GIB, are_plain, ceil_div, choose, larger, smaller, somewhere, whole_down, whole_near, whole_up
from .base import CacheRoom, Condition, Place, Standing
from .blocks import Cell, beside_bytes, cell_of, communication_bytes
from .described import Described
from .places import by_place

if TYPE_CHECKING:
    from ..memory.ledger import Ledger
    from ..units import Quantity
    from .device import Runtime
    from .settings import Value

# Tensor ranks from which a card captures graphs of larger batches by itself.
_MANY_RANKS = 4
# Bytes of a token's place in the table of requests (int32).
_PLACE_BYTES = 4
_STATE_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """What the pools of a device are made of."""

    cell: Cell
    token_bytes: float
    """Of the pools for each token of the full one, a draft's with the model's."""
    split: int
    """Whether layers with windows have a pool of their own, 1 or 0."""
    window_share: float
    """Tokens of the pool of windows for each of the full one; of a model with windows alone there is no other."""
    slot_bytes: float
    """Of a slot of states."""
    over_cache: float
    """Bytes of the pools for each of the cache, where states take theirs as a share of it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sglang(Described):
    """SGLang's server."""

    TITLE: ClassVar[str] = "SGLang"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = ("cuda", "rocm", "cpu", "tpu", "gaudi", "xpu", "ascend")
    SHARE: ClassVar[str] = "mem_fraction_static"
    CHUNK: ClassVar[str] = "chunked_prefill_size"
    LENGTH: ClassVar[str] = "context_length"
    PAGED: ClassVar[bool] = True
    SEQUENCES: ClassVar[str] = "max_running_requests"
    POLLS: ClassVar[str] = "num_continuous_decode_steps"
    EAGER: ClassVar[str] = "disable_cuda_graph"
    SMALL_CACHE: ClassVar[str] = "fp8"
    NO_PREFIXES: ClassVar[tuple[str, bool] | None] = ("disable_radix_cache", True)
    DISAGGREGATES: ClassVar[bool] = True
    BY_CARD: ClassVar[tuple[str, ...]] = ("mem_fraction_static", "cuda_graph_max_bs")

    def settled(self, declared: Iterable[str]) -> Self:
        made = super(Sglang, self).settled(declared)
        told = self.given.get("mamba_ssm_dtype")
        return made if told is None else replace(made, recurrent_bytes=_STATE_BYTES[str(told)])

    def default(self, name: str) -> Value | None:
        """By the card; the fraction as of one device, which `fraction` takes by the layout."""
        match name:
            case "chunked_prefill_size":
                return int(self._tier()["chunk"])
            case "cuda_graph_max_bs":
                return int(self._tier()["graphs"])
            case "mem_fraction_static":
                return self._default_fraction()
        return super(Sglang, self).default(name)

    @property
    def step_tokens(self) -> int:
        """A chunk; without chunks (-1) a whole prefill."""
        chunk = int(self._taken("chunked_prefill_size"))
        return chunk if chunk > 0 else int(self._taken("max_prefill_tokens"))

    def _taken(self, name: str) -> Any:
        """A setting as given or by default, before all of them are settled too."""
        given = self.given.get(name)
        return self.default(name) if given is None else given

    # --- the share ---

    @property
    def driver_mib(self) -> float:
        """MiB of the card as nvidia-smi shows it, by which SGLang chooses: more than CUDA gives."""
        facts = self.facts["driver"]
        return float(facts["named"].get(self.device.name, self.device.total_gib * 1024 * facts["over"]))

    @property
    def memory_class(self) -> float:
        return self.driver_mib

    def _tier(self) -> Mapping[str, Any]:
        """The row of defaults by card."""
        gib = self.driver_mib / 1024
        found: Mapping[str, Any] = next(row for row in self.facts["tiers"] if gib < row["below_gib"])
        return found

    def _graph_batch(self, tensor: int) -> int:
        """The largest batch that is captured."""
        tier, given = self._tier(), self.given.get("cuda_graph_max_bs")
        return int(given or tier["graphs_shared" if tensor >= _MANY_RANKS else "graphs"])

    @by_place()
    def fraction(self, place: Place) -> float:
        """The share of the free memory that weights and pools may take on a device of a layout."""
        towers = self.facts["fraction"]["towers"]
        given = self.given.get(self.SHARE)
        layout, seen = place.layout, bool(place.holding.towers)
        share = given
        if share is None:
            share = self._default_fraction(layout.tensor, layout.pipeline, latent=_latent(place))
        if not seen or (given is not None and not towers["given_too"]):
            return float(share)
        less = float(towers["share"]) * (_by_tower(place) if towers["by_size"] else 1.0)
        return float(share) * less

    def _default_fraction(self, tensor: int = 1, pipeline: int = 1, *, latent: bool = False) -> float:
        facts, mib = self.facts["fraction"], self.driver_mib
        ranks = tensor * pipeline
        if facts["rule"] == "load":
            return float(round((mib - self._reserved_mib(tensor, ranks, latent=latent)) / mib, 3))
        if facts["rule"] == "card":
            row = next(row for row in facts["cards"] if mib / 1024 < row["below_gib"])
            return float(round((mib - (row["gib"] + row["rank_gib"] * ranks) * 1024) / mib, 3))
        share = next(row["share"] for row in facts["ranks"] if ranks >= row["least"])
        if "large_mib" in facts and mib > facts["small_mib"]:
            share = facts["large_share"]
            if mib > facts["large_mib"]:
                share = min(share + facts["add_mib"] * (1 - share) / mib, (mib - facts["least_mib"]) / mib)
        return float(share)

    def _reserved_mib(self, tensor: int, ranks: int, *, latent: bool) -> float:
        """What is to be left for steps and graphs, by their sizes."""
        facts = self.facts["fraction"]
        reserved = facts["base_mib"] + facts["token_mib"] * max(self.step_tokens, facts["least_tokens"])
        reserved += facts["graph_mib"] * self._graph_batch(tensor) + ranks / 8 * 1024
        if self._prefill_graphs:
            reserved += facts["latent_graph_mib"] if latent else facts["bucket_mib"] * self._buckets()
        if self.driver_mib > facts["floor_above_gib"] * 1024:
            reserved = max(reserved, facts["floor_mib"])
        return float(reserved)

    @property
    def _prefill_graphs(self) -> bool:
        """Whether passes over prompts are captured too."""
        off = self._taken("disable_prefill_cuda_graph") or self._taken("disable_cuda_graph")
        return bool(self.facts["prefill_graphs"]["default"]) and not off

    def _buckets(self) -> int:
        """How many sizes of a prompt's pass are captured, up to a chunk."""
        ladder = self.facts["prefill_graphs"]["ladder"]
        return sum(len(range(first, min(last, self.step_tokens) + 1, by)) for first, last, by in ladder)

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        """Weights and pools; NCCL's buffers, which count too, hang on the layout."""
        return float(self.settings[self.SHARE]) * (total_bytes - self.context_bytes())

    # --- what it holds whatever is asked ---

    def standing(self, place: Place) -> Standing:
        return Standing(
            loaded=self.facts["loaded"]["bytes"],
            loaded_why="what loading leaves allocated",
            context=self.context_bytes(),
            buffers=communication_bytes(self, place),
            graphs=self._graphs(place),
        )

    def _graphs(self, place: Place) -> float:
        if self.settings["disable_cuda_graph"] or self.device.runtime not in ("cuda", "rocm"):
            return 0.0
        facts: Mapping[str, float] = self.facts["graphs"]
        prefill = facts["prefill"] if self._prefill_graphs else 0.0
        sizes = decode_sizes(self._graph_batch(place.layout.tensor), fine=bool(self.facts["fine_sizes"]))
        return (facts["size"] * sizes + prefill) * GIB

    # --- the pools ---

    def _split(self, place: Place) -> bool:
        """Whether layers with windows have a pool of their own."""
        rule, model = self.facts["windows"], place.architecture.model_type
        if self.settings["disable_hybrid_swa_memory"] or not cell_of(self, place).window:
            return False
        named = any(model == name or model.startswith(f"{name}_") for name in rule["models"])
        return named if rule["split"] == "named" else not named and rule["split"] == "all but named"

    @by_place()
    def pools(self, place: Place) -> Pools:
        """What the pools are made of."""
        cell, slot, split = cell_of(self, place), self._slot_bytes(place), self._split(place)
        window_share = float(self.settings["swa_full_tokens_ratio"]) if cell.full else 1.0
        shared = slot and self._told_slots() is None
        return Pools(
            cell=cell,
            token_bytes=self._token_bytes(place, window_share if split else 1.0),
            split=int(split),
            window_share=window_share,
            slot_bytes=slot,
            over_cache=1 + float(self.settings["mamba_full_memory_ratio"]) if shared else 1.0,
        )

    def _token_bytes(self, place: Place, window_share: float) -> float:
        cell = cell_of(self, place)
        own = cell.full + window_share * cell.window
        if place.draft is None or place.draft.place is None:
            return own
        drafting = place.draft.place
        if place.draft.method == "draft_model":
            # of a model of its own the layers alone are counted, each like one of the model's
            layers, more = (sum(count for count, _ in one.holding.caching) for one in (place, drafting))
            return own * (1 + more / layers) if layers else own
        cell = cell_of(self, drafting)
        return own + cell.full + cell.window

    def _slot_bytes(self, place: Place) -> float:
        return self.state_bytes(place.holding.state, place.formats.activation_bytes)

    def _slots_of_request(self) -> int:
        """Slots of recurrent states that a request takes, with those that the prefix cache keeps."""
        facts: Mapping[str, int] = self.facts["states"]["slots"]
        if self.settings["disable_radix_cache"]:
            return facts["none"]
        strategy = str(self.settings["mamba_radix_cache_strategy"])
        return facts[str(self.facts["states"]["auto"]) if strategy == "auto" else strategy]

    def _states_of_request(self, place: Place) -> int:
        """The same with those that are kept of each token that is verified."""
        drafted = 0 if place.draft is None else place.draft.tokens + 1
        return self._slots_of_request() + drafted

    def _told_slots(self) -> int | None:
        """Slots where their number is given, or a release counts them and not bytes."""
        told = self.settings.get("max_mamba_cache_size")
        return None if told is None else int(told)

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        """The part of the pools that a request takes, by the pool that it fills first: tokens, windows or states."""
        page, pools = int(self.settings["page_size"]), self.pools(place)
        held, cell = page * ceil_div(tokens, page), pools.cell
        if somewhere(pools.split):
            window = smaller(held, cell.reach + page) / pools.window_share
            held = choose(pools.split > 0, larger(choose(cell.full > 0, held, 0), window), held)
        cache = (held * pools.token_bytes + beside_bytes(cell, tokens, encoded)) * pools.over_cache
        return larger(cache, self._states_bytes(place))

    def _states_bytes(self, place: Place) -> Quantity:
        """The part of the pools that the states of a request take, where they have a share of them; else none."""
        slot = self.pools(place).slot_bytes
        if not somewhere(slot) or self._told_slots() is not None:
            return 0
        ratio = float(self.settings["mamba_full_memory_ratio"])
        return self._states_of_request(place) * slot * (1 + ratio) / ratio

    def _pool_bytes(self, place: Place, room_bytes: Quantity) -> Quantity:
        """What the pools take of the room: all of it, or as many tokens as were told."""
        most, pools = self.settings.get("max_total_tokens"), self.pools(place)
        if most is None or not somewhere(pools.token_bytes):
            return larger(0, room_bytes)
        told = int(most) * pools.token_bytes * pools.over_cache
        return larger(0, smaller(room_bytes, choose(pools.token_bytes > 0, told, room_bytes)))

    def _tokens(self, place: Place, room_bytes: Quantity) -> Quantity:
        """max_total_num_tokens."""
        page, pools = int(self.settings["page_size"]), self.pools(place)
        # a device without a cache has as many as bytes
        size = choose(pools.token_bytes > 0, pools.token_bytes, 1) * pools.over_cache
        return whole_down(self._pool_bytes(place, room_bytes) / size) // page * page

    def cache_room(self, place: Place, room_bytes: Quantity, longest: Quantity) -> CacheRoom | None:
        pools = self.pools(place)
        if not somewhere(pools.token_bytes):
            return None
        page, tokens = int(self.settings["page_size"]), self._tokens(place, room_bytes)
        request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
        concurrency = self._pool_bytes(place, room_bytes) / request
        told = self._told_slots()
        if somewhere(pools.slot_bytes) and told is not None:
            most = smaller(concurrency, told // self._slots_of_request())
            concurrency = choose(pools.slot_bytes > 0, most, concurrency)
        said = () if place.members else self._said(place)
        return CacheRoom(
            block_tokens=page,
            block_bytes=whole_near(page * pools.token_bytes),
            groups=len(said),
            blocks=tokens // page,
            tokens=tokens,
            request_blocks=ceil_div(longest, page),
            request_bytes=whole_up(request),
            concurrency=concurrency,
            parts=said,
        )

    def _said(self, place: Place) -> tuple[str, ...]:
        """The pools in words."""
        cell, slot = cell_of(self, place), self._slot_bytes(place)
        if not self._split(place):
            found = [f"{cell.full + cell.window:,.0f} bytes a token of all layers"]
        else:
            found = [f"{cell.full:,.0f} bytes a token of full attention"] if cell.full else []
            share = self.pools(place).window_share
            found.append(f"{cell.window:,.0f} bytes a token of windows, {share:g} as many tokens")
        if slot:
            found.append(f"{slot:,.0f} bytes a slot of states, {self._slots_of_request()} slots a request")
        return tuple(found)

    @by_place()
    def _media_cache(self, place: Place) -> float:
        """Of what towers gave, for later requests."""
        size: float = self.facts["media_cache"]["bytes"]
        return size if place.holding.towers else 0.0

    # --- whether it starts ---

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        """What is free after loading, less the share of what was free before."""
        share, messages = self.fraction(place), self.facts["messages"]
        before = total_bytes - need.context - need.buffers
        loaded = need.resident + need.adapters
        told = self._told_slots()
        if told is not None:
            loaded = loaded + told * self.pools(place).slot_bytes
        loaded = loaded + self._media_cache(place)
        message = str(messages["no_blocks"])
        if are_plain(share, loaded, before):
            message = message.replace("{fraction}", f"{share:.3f}").replace("{least}", f"{loaded / before:.4f}")
        return Condition(
            name="room for a cache",
            margin=share * before - loaded,
            parts={"weights": -1.0, "context": -share, "buffers": -share},
            message=message,
        )

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        messages, room = self.facts["messages"], self.room(place, need, total_bytes)
        pool = smaller(room.margin, self._pool_bytes(place, room.margin))
        found = [room, *self._admission(place, room)]
        cached = self.pools(place).token_bytes
        if somewhere(cached):
            request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
            found += self._beside(place, need, longest, total_bytes, room)
            found.append(
                Condition(
                    name="one request of the longest length",
                    margin=choose(cached > 0, pool - request, pool),
                    parts=room.parts,
                    message=messages["length"],
                    starts=False,
                )
            )
        found.append(
            Condition(
                name="all sequences at once",
                margin=pool - need.kept,
                parts=room.parts,
                message="KV cache pool is full. Retract requests.",
                starts=False,
                takes="sequences",
            )
        )
        return found

    def _admission(self, place: Place, room: Condition) -> list[Condition]:
        """That each pool holds one request at all."""
        found, messages, pools = [], self.facts["messages"], self.pools(place)
        if somewhere(states := self._states_bytes(place)):
            found.append(
                Condition(
                    name="slots of states",
                    margin=room.margin - states,
                    parts=room.parts,
                    message=messages["states"],
                )
            )
        if somewhere(pools.split) and self.facts["windows"]["floor"]:
            page, reach = int(self.settings["page_size"]), pools.cell.reach
            floor = pools.split * ((reach + page) / pools.window_share * pools.token_bytes)
            found.append(
                Condition(
                    name="one request in the pool of windows",
                    margin=room.margin - floor,
                    parts=room.parts,
                    message=str(messages["window"]).replace("{reach}", str(reach)).replace("{page}", str(page)),
                )
            )
        return found

    def _beside(
        self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity, room: Condition
    ) -> list[Condition]:
        """Graphs, then a prompt's pass, in what the pools leave."""
        messages, share = self.facts["messages"], self.fraction(place)
        pools = self.pools(place)
        slots = (self._told_slots() or 0) * pools.slot_bytes
        loaded = need.context + need.buffers + need.resident + need.adapters + slots
        left = total_bytes - loaded - self._pool_bytes(place, room.margin) - self._request_table(place, longest, room)
        # a device without a cache is asked for neither
        left = choose(pools.token_bytes > 0, left, math.inf)
        parts = {"context": share - 1, "buffers": share - 1, "graphs": -1.0}
        return [
            Condition(
                name="graphs beside the pools",
                margin=left - need.graphs,
                parts=parts,
                message=messages["graphs"],
            ),
            Condition(
                name="a prompt's pass beside pools and graphs",
                margin=left - need.graphs - need.activations,
                parts={**parts, "activations": -1.0},
                message=messages["prefill"],
                starts=False,
            ),
        ]

    def _request_table(self, place: Place, longest: Quantity, room: Condition) -> Quantity:
        """The table of where each token of each request is, for as many as may run and as long as they may be."""
        length = self.settings.get("context_length") or place.architecture.max_length or longest
        facts, told = self.facts["request_table"], self.settings.get("max_running_requests")
        if told is None and place.draft is not None and place.draft.method != "ngram":
            rows: Quantity = self.facts["speculation"]["sequences"]
        elif told is None:
            rows = whole_down(self._tokens(place, room.margin) / length * facts["rows_a_length"])
            rows = smaller(larger(rows, facts["least_rows"]), facts["most_rows"])
        else:
            rows = int(told)
        return rows * (length + facts["more_tokens"]) * _PLACE_BYTES


def decode_sizes(most: int, *, fine: bool) -> int:
    """How many batch sizes are captured: 1, 2, 4, 8, by 8; newer ones have 12 too, and larger steps above 256."""
    sizes = [1, 2, 4, 8, *([12] if fine else []), *range(16, 257, 8), *range(272, 497, 16), *range(512, most + 1, 32)]
    return sum(size <= most for size in sizes)


def _latent(place: Place) -> bool:
    return any(kind in ("latent", "picked_latent") for _, op in place.holding.caching for kind, _ in op.cached_entry())


# A tower of 24 layers of width 1,024 (ViT-L) leaves the share as it is (adjust_mem_fraction_for_vlm).
_TOWER = 24 * 1024**2


def _by_tower(place: Place) -> float:
    """Less for a larger tower: by a tenth for each ViT-L that it is more than one."""
    width = max(kind.residual_width for kind in place.holding.towers)
    layers = sum(kind.count for kind in place.holding.towers if kind.residual_width == width)
    return min(1.05, max(0.8, 1 - 0.1 * (layers * width**2 / _TOWER - 1)))
