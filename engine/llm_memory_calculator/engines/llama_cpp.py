"""llama.cpp: weights, a cache that is allocated whole at start, and compute buffers, layer by layer on each device.

The laws are those of its source (llama-context.cpp, llama-kv-cache-iswa.cpp, llama-memory-recurrent.cpp,
llama-model.cpp) and of the buffers that it prints; numbers stand in data/engines/llama_cpp.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

from ..formats.numerics import Format, kv_bits, parse_format
from ..units import are_plain, ceil_div, choose, larger, smaller, somewhere, whole_near
from .base import CacheRoom, Condition, HostLayers, Place, Spread, Standing
from .described import MIB, Described, spread_of
from .device import GGML_RUNTIMES
from .places import Layers, by_growth, by_place, caching, growing_alike

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..formats.scheme import Formats
    from ..memory.ledger import Ledger
    from ..operators import Entry, Operator, State
    from ..parallel import Parallelism
    from ..ranks import Kind
    from ..units import Quantity
    from .device import Runtime
    from .settings import Value

SHARES_LAYERS = ("row", "tensor", "graph")
"""Words of split_mode by which devices share each layer."""
FLOAT_BYTES = 4
"""Of a value of an activation, a score, a logit or a state: all are float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """The cells of a cache: one pool that all slots share, or one for each."""

    count: Quantity
    cells: Quantity
    """Of each; a cell holds a token of every layer that attends all tokens."""
    slots: Quantity
    """Sequences that share one."""
    micro_batch: int
    pad: int

    def ring(self, reach: int) -> Quantity:
        """Cells of each in a layer that attends the last `reach` tokens: a window a slot, and what a step adds."""
        return padded(smaller(self.cells, reach * self.slots + self.micro_batch), self.pad)


class Shared(NamedTuple):
    """Layers of a kind between a device and the host."""

    here: int
    """On the device, all but their experts at least."""
    front: int
    """On the host."""
    apart: int
    """On the device, their experts on the host."""
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LlamaCpp(Described):
    """llama.cpp's llama-server, whose devices share whole layers (split mode layer), the stages of a pipeline, where
    nobody says that they share each layer.
    """

    TITLE: ClassVar[str] = "llama.cpp"
    RUNTIMES: ClassVar[tuple[Runtime, ...]] = GGML_RUNTIMES
    SMALLER_WEIGHTS: ClassVar[tuple[str, ...]] = ("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m", "iq2_xs")
    CHUNK: ClassVar[str] = "n_ubatch"
    LENGTH: ClassVar[str] = "n_ctx"
    SLOTS: ClassVar[str] = "n_parallel"
    SEQUENCES: ClassVar[str] = "n_parallel"
    SMALL_CACHE: ClassVar[str] = "q8_0"
    BY_RUNTIME: ClassVar[bool] = True

    def settled(self, declared: Iterable[str]) -> Self:
        found = super(LlamaCpp, self).settled(declared)
        kernels = replace(found.kernels, sum_launch=found.kernels.shared_sum.get(found.way_of_sharing, 0.0))
        return replace(found, kernels=kernels)

    @property
    def BY_LAYERS(self) -> bool:
        return self.settings.get("split_mode", "layer") not in SHARES_LAYERS

    @property
    def way_of_sharing(self) -> str:
        """How devices share each layer where they do: as told, or as this build does it best."""
        told = str(self.settings.get("split_mode", ""))
        return told if told in SHARES_LAYERS else str(self.facts["shares_layers"])

    def refused(self, layout: Parallelism) -> str:
        if refused := self.refused_context(layout):
            return refused
        told = self.given.get("split_mode")
        if told == "layer" and layout.tensor > 1:
            return (
                f"split_mode 'layer' deals whole layers, and tensor_parallel is {layout.tensor}; give "
                f"pipeline_parallel {layout.tensor} instead, or split_mode {self.facts['shares_layers']!r}."
            )
        if told in SHARES_LAYERS and layout.pipeline > 1:
            return (
                f"split_mode {told!r} shares each layer, and pipeline_parallel is {layout.pipeline}; give "
                f"tensor_parallel {layout.pipeline} instead, or split_mode 'layer'."
            )
        if told == "none" and layout.devices_of_copy > 1:
            return (
                f"split_mode 'none' runs the model on one device, and {layout} shares it; give data_parallel "
                f"{layout.devices_of_copy} for a copy on each, or split_mode 'layer'."
            )
        return ""

    def default(self, name: str) -> Value | None:
        if name == "kv_unified" and self.facts["streams"] and "n_parallel" in self.given:
            # the slots share one pool only where their number was left to the server
            return False
        return super(LlamaCpp, self).default(name)

    # --- what is told ---

    @property
    def micro_batch(self) -> int:
        """Most tokens of one pass."""
        return min(int(self.settings["n_ubatch"]), int(self.settings["n_batch"]))

    @property
    def step_tokens(self) -> int:
        return self.micro_batch

    @property
    def slots(self) -> int:
        """Sequences that it serves at once; a number that was given divides the context among them."""
        told = self.settings.get("n_parallel")
        return int(self.facts["slots"] if told is None else told)

    @property
    def unified(self) -> bool:
        """Whether all slots share one pool of cells."""
        return bool(self.settings.get("kv_unified")) or not self.facts["streams"]

    @property
    def layers_told(self) -> int | None:
        """Layers that were asked for on the devices, the head among them; None: all."""
        told = self.settings.get("n_gpu_layers")
        return None if told is None or int(told) < 0 else int(told)

    @property
    def cache_types(self) -> tuple[str | None, str | None]:
        """Formats of keys and values; None: that of the question."""
        key, value = self.settings.get("cache_type_k"), self.settings.get("cache_type_v")
        return None if key is None else str(key), None if value is None else str(value)

    @property
    def fits_itself(self) -> bool:
        """Whether it moves layers to the host by itself where they do not fit."""
        told = "n_gpu_layers" in self.given or self.settings.get("split_mode") in SHARES_LAYERS
        return self.settings.get("fit") == "on" and self.device.runtime != "cpu" and not told

    @property
    def sees_on_device(self) -> bool:
        """Whether towers run on the first device."""
        return bool(self.settings.get("mmproj", True) and self.settings.get("mmproj_offload", True))

    def flash(self, place: Place) -> bool:
        """Whether attention holds no scores."""
        told = self.settings["flash_attn"]
        return self.device.runtime in self.facts["flash_runtimes"] if told == "auto" else told == "on"

    def context_told(self, place: Place, slots: Quantity, sequences: Quantity, tokens: Quantity) -> Quantity:
        """Tokens of all slots together: as told, or as many as the sequences need."""
        told = self.settings.get("n_ctx")
        if told is not None:
            return int(told)
        return (sequences if self.unified else slots) * tokens

    # --- which layers are where ---

    def on_host(self, depth: int) -> tuple[int, bool]:
        """(layers from the front that stay on the host, whether the head does)."""
        told = self.layers_told
        if self.device.runtime == "cpu" or told is None:
            return 0, False
        if self.facts["head_first"]:
            return max(0, depth + 1 - told) if told else depth, told == 0
        return max(0, depth - told), told <= depth

    def stage_depths(self, depth: int, stages: int) -> tuple[int, ...]:
        """Whole layers by the devices' shares of the free memory, which are taken as equal; the head counts as one
        more layer, and what stays on the host is counted with the first device.
        """
        kept, head_too = self.on_host(depth)
        dealt = depth - kept + (0 if head_too else 1)
        ends = [min(depth, kept + ceil_div(stage * dealt, stages)) for stage in range(1, stages)]
        ends.append(depth)
        return tuple(end - begin for begin, end in zip([0, *ends], ends, strict=False))

    def layers_of(self, place: Place) -> tuple[Shared, ...]:
        """The kinds of layers of a device's stage, and where they lie."""
        return _layers_of(self, place)

    @property
    def leaves_layers(self) -> bool:
        return self.layers_told is not None or bool(self.settings.get("n_cpu_moe"))

    def on_the_host(self, place: Place) -> Sequence[HostLayers]:
        return _on_the_host(self, place)

    # --- what it holds whatever is asked ---

    def standing(self, place: Place) -> Standing:
        towers = sum(kind.count * kind.stored_bytes for kind in place.holding.towers)
        reasons, loaded, host = [], 0.0, 0.0
        if towers and not self.settings.get("mmproj", True):
            loaded, towers = -towers, 0.0
            reasons.append("towers left out")
        if self.device.runtime != "cpu":
            head = _sizes(place, lambda operator: operator.gives_logits)
            # the input layer is always the host's
            host = _sizes(place, lambda operator: any(weight.role == "table" for weight in operator.weights()))
            borrowed = place.architecture.has_tied_head and place.layout.pipeline == 1
            if self.on_host(place.architecture.depth)[1]:
                host += 0.0 if borrowed else head
            elif borrowed:
                loaded += head
                reasons.append("the tied table once more, as the head")
            if not self.settings.get("mmproj_offload", True):
                host += towers
            for _, front, apart, kind in self.layers_of(place):
                host += front * kind.stored_bytes
                host += apart * sum(size for operator, size, _ in kind.operators if operator.expert_count)
        return Standing(
            loaded=loaded,
            loaded_why=", ".join(reasons),
            host=host,
            context=self.context_bytes(),
            buffers=self.vision_bytes(place),
        )

    @property
    def memory_class(self) -> float:
        return self.context_bytes()

    def context_bytes(self) -> float:
        """The device's context and its libraries, by the class of the card."""
        if not self.device.has_context:
            return 0.0
        rows = self.facts["context"]
        return float(next(row["mib"] for row in rows if self.device.total_gib >= row["least_gib"])) * MIB

    def vision_bytes(self, place: Place) -> float:
        """The compute buffer of a tower, which is reserved for the largest image that it takes."""
        rule, towers = place.architecture.images, place.holding.towers
        if rule is None or not towers or not self.sees_on_device:
            return 0.0
        side = self.facts["vision"]["side"]
        positions, values = rule.size(side, side).positions, 0.0
        for kind in (kind for kind in towers if not kind.layer.of_sound):
            inner = max((feed_forward_width(operator) for operator, _, _ in kind.operators), default=0)
            values = max(values, 2 * (kind.residual_width + inner) / kind.layer.reduction)
            if not self.facts["vision"]["flash"]:
                heads = max((heads_of(operator) for operator, _, _ in kind.operators), default=0)
                values = max(values, heads * positions)
        return float(FLOAT_BYTES * positions * values)

    # --- the cache ---

    def pools(self, place: Place, sequences: Quantity, tokens: Quantity) -> Pools:
        slots = larger(sequences, self.slots)
        total = self.context_told(place, slots, sequences, tokens)
        pad = self.facts["pad"]["flash" if self.flash(place) else "plain"]
        count, shared = (1, slots) if self.unified else (slots, 1)
        return Pools(
            count=count,
            cells=padded(total // count, pad),
            slots=shared,
            micro_batch=self.micro_batch,
            pad=pad,
        )

    def cells(self, pools: Pools, operator: Operator, encoded: Quantity) -> Quantity:
        """Cells that all pools keep of a layer."""
        law = operator.cache_law()
        assert law is not None
        if law.growth == "source":
            return pools.count * pools.slots * (law.reach or encoded)
        reach = law.reach if self.facts["rings"] and not self.settings.get("swa_full") else 0
        if law.growth == "window and ratio":
            entries = pools.cells // law.ratio if law.ratio else 0
            return pools.count * (entries + (pools.ring(reach) if reach else pools.cells))
        return pools.count * (pools.ring(reach) if reach else pools.cells // law.ratio)

    def held_bytes(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Quantity:
        """Cache and states of all slots of such sequences on the device, allocated at start."""
        return 0 if self.settings.get("no_kv_offload") else self._kept(place, sequences, tokens, encoded, False)

    def host_held_bytes(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Quantity:
        """The same of layers on the host; of all where no cache goes to the device."""
        apart = bool(self.settings.get("no_kv_offload"))
        if not (apart or self.leaves_layers):
            return 0
        total = self._kept(place, sequences, tokens, encoded, True)
        return total + (self._kept(place, sequences, tokens, encoded, False) if apart else 0)

    def _kept(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity, on_host: bool) -> Quantity:
        """Cache and states of all slots of such sequences in layers on the device, or on the host."""
        pools = self.pools(place, sequences, tokens)
        total = self._states_in(place, on_host) * pools.count * pools.slots
        for layers in _caching_in(self, place, on_host):
            total = total + layers.total * self.cells(pools, layers.operator, encoded)
        total = total * self._heads_here(place)
        if place.draft is None or place.draft.place is None:
            return total
        return total + self._kept(place.draft.place, sequences, tokens, encoded, on_host)

    @by_place()
    def _states_in(self, place: Place, on_host: bool) -> float:
        """Bytes of the states of a sequence in layers on the device, or on the host."""
        return sum(
            (front if on_host else here) * self.state_bytes(operator.in_engine("fp32").state(), FLOAT_BYTES)
            for here, front, _, kind in self.layers_of(place)
            for operator in kind.layer.operators
        )

    @by_place()
    def _heads_here(self, place: Place) -> float:
        """How many times a rank's share of the cache the fullest device has: split by rows, the first keeps all."""
        if place.layout.tensor == 1 or self.way_of_sharing != "row":
            return 1.0
        shared = place.architecture.shard(place.layout.tensor, place.layout.expert)
        return float(place.architecture.cached_values(1, 1) / max(shared.cached_values(1, 1), 1))

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        return self.held_bytes(place, 1, tokens, encoded)

    def draft_bytes(self, place: Place) -> float:
        standing = self.standing(place)
        return place.holding.weights + standing.loaded - standing.host

    def cache_room(self, place: Place, room_bytes: Quantity, longest: Quantity) -> CacheRoom | None:
        """The cells that it allocates, whatever room is left beside them."""
        encoded = place.architecture.source_of(longest)
        held = self.held_bytes(place, 1, longest, encoded)
        if not somewhere(held):
            return None
        pools = self.pools(place, 1, longest)
        cells = pools.count * pools.cells
        plain = not place.members and are_plain(cells)
        return CacheRoom(
            block_tokens=1,
            block_bytes=whole_near(held / cells),
            groups=1,
            blocks=cells,
            tokens=cells,
            request_blocks=longest,
            request_bytes=held,
            concurrency=cells / longest,
            parts=tuple(self._said(place, pools)) if plain else (),
        )

    def _said(self, place: Place, pools: Pools) -> Iterator[str]:
        """The layers of each kind, with the cells of each."""
        kinds: dict[tuple[str, float], int] = {}
        for here, _, _, kind in self.layers_of(place):
            for operator in kind.caching:
                law = operator.cache_law()
                assert law is not None
                key = law.kind, self.cells(pools, operator, 0)
                kinds[key] = kinds.get(key, 0) + here
        for (name, cells), layers in kinds.items():
            yield f"{layers} layers of {name} of {cells:,.0f} cells"

    def _cache_formats(self, formats: Formats) -> tuple[Format, Format]:
        """Of keys and values."""
        key, value = (
            formats.kv_cache if told is None else parse_format(told, accepted=_CACHE_TYPES) for told in self.cache_types
        )
        return key, value

    def kept_in(self, formats: Formats) -> str:
        """Keys and values apart where they differ."""
        return "/".join(dict.fromkeys(one.name for one in self._cache_formats(formats)))

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        key, value = (kv_bits(one) / 8 for one in self._cache_formats(formats))
        # keys and values are as many; a latent, and an indexer's key, is a key alone
        return sum(values * ((key + value) / 2 if kind == "key_value" else key) for kind, values in entry)

    def state_bytes(self, state: State, activation_bytes: float) -> float:
        return sum(state) * self.recurrent_bytes

    # --- the compute buffer ---

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """The two stages of a pass that rule the compute buffer: a layer under its masks, and the logits."""
        pools = self.pools(place, sequences, tokens)
        batch = smaller(self.micro_batch, pools.cells)
        found = self.buffers(place, pools, batch, larger(sequences, self.slots))
        if place.draft is None or place.draft.place is None:
            return found
        # a draft has a buffer of its own beside the model's
        drafting = self.peaks(place.draft.place, sequences, tokens, encoded)
        beside = choose(place.draft.place.holding.depth > 0, reduce(larger, drafting.values(), 0), 0)
        return {f"{part} and the draft's": value + beside for part, value in found.items()}

    def buffers(self, place: Place, pools: Pools, batch: Quantity, slots: Quantity) -> Mapping[str, Quantity]:
        facts, flash, hidden = self.facts["compute"], self.flash(place), place.architecture.hidden_size
        reaches = self._reaches(place, pools)
        mask = batch * sum(reaches.values())
        scores: Quantity = 0
        if not flash:
            for layers in attending(self, place):
                scores = larger(scores, layers.most * reaches[_mask_of(layers.operator)] * batch * FLOAT_BYTES)
        residuals = facts["residuals"] * hidden * batch * FLOAT_BYTES
        inner = _widths(self, place) * batch * FLOAT_BYTES
        copies: Quantity = 0
        if somewhere(place.layout.pipeline > 1) and self.on_host(place.architecture.depth) == (0, False):
            # inputs of a pipeline's splits are kept several times: the mask, and what the stage before hands over
            count = facts["pipeline_copies"]
            copies = (count - 1) * mask * facts["mask_input"] + count * hidden * batch * FLOAT_BYTES
            copies = choose(place.layout.pipeline > 1, copies, 0)
        rebuilt = self._rebuilt(place, pools) if flash else 0
        inside, beside = (rebuilt, 0) if facts["rebuilt_inside"] else (0, rebuilt)
        # scores are gone when the feed-forward runs; the mask stays
        layer = larger(scores + residuals + inside, inner + self._in_transit(place))
        layer = layer + mask * facts["mask_flash" if flash else "mask_plain"]
        found = {"attention and feed-forward": layer + copies + beside}
        samples = place.holding.samples
        if somewhere(samples) and not self.on_host(place.architecture.depth)[1]:
            outputs = slots if facts["outputs"] == "slots" else batch
            logits = (outputs * place.architecture.vocab_size + batch * hidden) * FLOAT_BYTES
            found["logits"] = samples * (logits + copies + beside)
        return found

    def _reaches(self, place: Place, pools: Pools) -> dict[str, Quantity]:
        """Cells that a pass attends, by the masks that it has."""
        found: dict[str, Quantity] = {}
        for layers in attending(self, place):
            operator = layers.operator
            cells = self.cells(pools, operator, 0) / pools.count if operator.caches else pools.cells
            mask = _mask_of(operator)
            found[mask] = larger(found.get(mask, 0), choose(layers.most > 0, cells, 0))
        return found

    def _rebuilt(self, place: Place, pools: Pools) -> Quantity:
        """The largest layer's keys and values in 16 bits, which flash attention makes of quantised ones (CUDA)."""
        most: Quantity = 0
        if self.device.runtime in ("cuda", "rocm"):
            for layers in _quantised(self, place):
                most = larger(most, 2 * layers.most * self.cells(pools, layers.operator, 0))
        return most

    @by_place()
    def _in_transit(self, place: Place) -> float:
        """Matrices of the host that a long step multiplies on the device, which come there one after the other."""
        largest = 0.0
        for _, front, apart, kind in self.layers_of(place):
            for operator, size, _ in kind.operators:
                if front or (apart and operator.expert_count):
                    values = [weight.size for weight in operator.weights()]
                    largest = max(largest, size * max(values) / sum(values) if values else 0.0)
        return largest * float(self.facts["compute"]["in_transit"])

    # --- whether it starts ---

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        room, messages = self.room(place, need, total_bytes), self.facts["messages"]
        own = self.fits_itself
        margin = room.margin - need.kept
        found = [
            Condition(
                name="weights, cache and compute buffers on the device",
                margin=margin,
                parts=room.parts,
                message=messages["fit"] if own else messages.get(self.device.runtime, messages["cuda"]),
                starts=not own,
                takes="sequences",
            )
        ]
        if own:
            # what it leaves free by itself: below that it puts layers on the host, unless it is told not to
            left = float(self.settings["fit_target"]) * MIB
            found.append(
                Condition(
                    name="what llama.cpp leaves free unless n_gpu_layers is told",
                    margin=margin - left,
                    parts=room.parts,
                    message=messages["fit"],
                    starts=False,
                    warns=True,
                )
            )
        if "n_ctx" in self.given:
            found.append(self._context(place, need))
        return found

    def _context(self, place: Place, need: Ledger) -> Condition:
        """The sequences fill no more cells than there are."""
        pools, total, encoded = self.pools(place, self.slots, 1), 0, place.architecture.source_of(1)
        for layers in caching(self, place):
            total = total + layers.total * self.cells(pools, layers.operator, encoded)
        return Condition(
            name="context of the sequences",
            margin=total - need.kv_cache,
            parts={},
            message=self.facts["messages"]["context"],
            starts=False,
        )

    def spread(self, place: Place) -> Spread:
        facts = self.facts["spread"]
        known = self.device.runtime in facts["known_runtimes"]
        return spread_of(facts["known" if known else "other"])


_CACHE_TYPES = ("fp32", "fp16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")


def padded(tokens: Quantity, pad: int) -> Quantity:
    """Rounded up to a multiple."""
    return ceil_div(tokens, pad) * pad


def heads_of(operator: Operator) -> int:
    """Query heads of what attends, as an operator says what tensor parallelism must divide."""
    return dict(operator.divides()).get("the attention heads", 0)


def feed_forward_width(operator: Operator) -> int:
    """Width between the matrices of a feed-forward or of an expert; 0 for what is none."""
    widths = [
        weight.rows // (2 if weight.part == "gate_up" else 1)
        for weight in operator.weights()
        if weight.part in ("up", "gate", "gate_up")
    ]
    return max(widths, default=0)


@by_place()
def _widths(_: LlamaCpp, place: Place) -> int:
    """Values a token that a layer's feed-forward holds: gate and up, or what each of its experts takes and gives."""
    widest = 0
    for _, kind in place.holding.stack:
        for operator in kind.layer.operators:
            inner, experts = feed_forward_width(operator), operator.expert_count
            if experts:
                stored = sum(weight.parameters for weight in operator.weights())
                active = round(operator.active_parameters() * experts / stored)
                widest = max(
                    widest, active * (place.architecture.hidden_size + inner) + 2 * place.architecture.hidden_size
                )
            else:
                widest = max(widest, 2 * inner)
    return widest


@lru_cache(maxsize=8192)
def _layers_of(engine: LlamaCpp, place: Place) -> tuple[Shared, ...]:
    holding, depth = place.holding, place.architecture.depth
    kept, _ = engine.on_host(depth)
    begin = sum(engine.stage_depths(depth, place.layout.pipeline)[: holding.stage])
    experts = 0 if engine.device.runtime == "cpu" else int(engine.settings.get("n_cpu_moe", 0))
    found = []
    for count, kind in holding.stack:
        indices = kind.layer.indices or ()
        front = sum(index < kept for index in indices) if holding.stage == 0 else 0
        apart = sum(max(begin, kept) <= index < min(experts, begin + holding.depth) for index in indices)
        found.append(Shared(count - front, front, apart if kind.mixes else 0, kind))
    return tuple(found)


@lru_cache(maxsize=8192)
def _on_the_host(engine: LlamaCpp, place: Place) -> tuple[HostLayers, ...]:
    if not engine.leaves_layers:
        return ()
    found = [
        HostLayers(kind=kind, whole=front, experts=apart)
        for _, front, apart, kind in engine.layers_of(place)
        if front or apart
    ]
    if engine.on_host(place.architecture.depth)[1]:
        stack = {id(kind) for _, kind in place.holding.stack}
        heads = (kind for _, kind in place.holding.text if id(kind) not in stack)
        found += [
            HostLayers(kind=kind, whole=1, experts=0)
            for kind in heads
            if any(operator.gives_logits for operator, _, _ in kind.operators)
        ]
    return tuple(found)


@by_place(growing_alike)
def attending(_: LlamaCpp, place: Place) -> tuple[Layers, ...]:
    """Query heads of what attends on a device, by how its cache grows."""
    kinds = (*(kind for _, kind in place.holding.stack), *place.holding.encoder)
    operators = (operator for kind in kinds for operator in kind.layer.operators)
    return by_growth((1, operator, heads) for operator in operators if (heads := heads_of(operator)))


@by_place(growing_alike)
def _caching_in(engine: LlamaCpp, place: Place, on_host: bool) -> tuple[Layers, ...]:
    """Bytes of an entry of what layers on the device, or on the host, cache, by how it grows."""
    return by_growth(
        (front if on_host else here, operator, engine.entry_bytes(operator.cached_entry(), place.formats))
        for here, front, _, kind in engine.layers_of(place)
        for operator in kind.caching
    )


@by_place(growing_alike)
def _quantised(engine: LlamaCpp, place: Place) -> tuple[Layers, ...]:
    """Values of an entry of what is cached in fewer than 16 bits, by how it grows."""
    entries = ((operator, operator.cached_entry()) for _, operator in place.holding.caching)
    sizes = ((operator, entry, sum(values for _, values in entry)) for operator, entry in entries)
    return by_growth(
        (1, operator, values)
        for operator, entry, values in sizes
        if engine.entry_bytes(entry, place.formats) < 2 * values
    )


def _mask_of(operator: Operator) -> str:
    """The mask that an attention needs: one for all tokens, one for windows."""
    law = operator.cache_law()
    return "window" if law is not None and law.reach and law.growth != "source" else "all"


def _sizes(place: Place, wanted: Callable[[Operator], bool]) -> float:
    """Bytes of those operators of a device that lie outside the stack."""
    stack = {id(kind) for _, kind in place.holding.stack}
    return sum(
        size
        for _, kind in place.holding.text
        if id(kind) not in stack
        for operator, size, _ in kind.operators
        if wanted(operator)
    )
