"""vLLM: a share of the memory taken at start, a profile run, a paged cache in what is left, CUDA graphs, NCCL.

Numbers stand in data/engines/vllm.toml.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import ArgumentError
from ..units import GIB, are_plain, ceil_div, larger, smaller, somewhere, whole_up
from .base import CacheRoom, Condition, Place, Range, Spread, Standing
from .described import Described, encoder_bytes, spread_of
from .paging import Compressed, Pages, Spec, compressed, paged, with_groups_alike
from .places import by_place
from .releases import engine_table

if TYPE_CHECKING:
    from ..formats.scheme import Formats
    from ..memory.ledger import Ledger
    from ..operators import Entry, Operator, StateChoice
    from ..ranks import Kind
    from ..units import Quantity
    from .settings import Value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vllm(Described):
    """vLLM's V1 engine."""

    TITLE: ClassVar[str] = "vLLM"
    SHARE: ClassVar[str] = "gpu_memory_utilization"
    CHUNK: ClassVar[str] = "max_num_batched_tokens"
    LENGTH: ClassVar[str] = "max_model_len"
    PAGED: ClassVar[bool] = True
    SEQUENCES: ClassVar[str] = "max_num_seqs"
    EAGER: ClassVar[str] = "enforce_eager"
    PIECES: ClassVar[str] = "enable_chunked_prefill"
    SMALL_CACHE: ClassVar[str] = "fp8"
    CHOOSES_STATES: ClassVar[bool] = True
    BEAMS: ClassVar[bool] = True
    DISAGGREGATES: ClassVar[bool] = True
    PROFILES: ClassVar[bool] = True
    BY_CARD: ClassVar[tuple[str, ...]] = ("max_num_seqs", "max_num_batched_tokens", "block_size")
    NO_PREFIXES: ClassVar[tuple[str, bool] | None] = ("enable_prefix_caching", False)

    def default(self, name: str) -> Value | None:
        if name in ("max_num_seqs", "max_num_batched_tokens"):
            value: int = self._tier()[name]
            return value
        if name == "block_size" and self.device.runtime == "cpu":
            return 128
        return super(Vllm, self).default(name)

    def caches_prefixes(self, *, states: bool) -> bool:
        """Whether blocks are kept for later requests, of a model with recurrent states or without."""
        told = self.given.get("enable_prefix_caching")
        return bool(self.facts["states_cached"] if states else True) if told is None else bool(told)

    def _in_flight(self, place: Place) -> int:
        """Steps whose tokens a window must hold at once."""
        if not self.facts["groups"]["in_flight"] or self.device.runtime == "cpu":
            return 1
        return place.layout.pipeline + 1 if self._runner(place) == "v2" else 2

    def _tier(self) -> Mapping[str, Any]:
        """The row of defaults by card: of the first that the device passes."""
        device = self.device
        for row in self.facts["tiers"]:
            if device.runtime not in row.get("runtimes", (device.runtime,)):
                continue
            if device.total_gib >= row["least_gib"] and not device.name.startswith(tuple(row.get("but", ()))):
                found: Mapping[str, Any] = row
                return found
        raise AssertionError("the last row of tiers takes every device")

    @property
    def at_caches(self) -> Hashable:
        """Of the card whether it is a processor, and whether the design keeps 8 bits plainly."""
        settings = tuple((name, value) for name, value in self.settings.items() if name != "max_num_seqs")
        plain = self.device.generation in self.facts["plain_fp8"]
        return type(self), self.version, self.device.runtime == "cpu", plain, settings, *self.given.items()

    @property
    def memory_class(self) -> float:
        shared = self.device.unified and self.device.has_context
        return self.device.total_gib if shared else float(self.device.total_gib >= _SMALL_GIB)

    @property
    def design(self) -> str:
        """One that no release's table names is like any other."""
        return self.device.generation if self.device.generation in _tables_said() else ""

    @property
    def sequences(self) -> int:
        """Most sequences of a step."""
        return min(int(self.settings["max_num_seqs"]), self.step_tokens)

    def budget_bytes(self, total_bytes: Quantity) -> Quantity:
        return whole_up(float(self.settings[self.SHARE]) * total_bytes)

    @property
    def offloaded_bytes(self) -> float:
        return float(self.given.get("cpu_offload_gb", 0)) * GIB

    # --- what it holds whatever is asked ---

    def standing(self, place: Place) -> Standing:
        loaded, why = self._loaded(place)
        graphs = self._graphs(place)
        counted = self.facts["graphs"]["counted"] in ("all", self._runner(place))
        return Standing(
            loaded=loaded,
            loaded_why=why,
            host=min(self.offloaded_bytes, place.holding.weights),
            context=self._context(place),
            buffers=self._buffers(place),
            graphs=graphs,
            graphs_counted=graphs if counted else 0.0,
        )

    def _runner(self, place: Place) -> str:
        """The model runner that serves such a model: v1 or v2."""
        rule = self.facts["runner"]
        if rule == "v2 for dense":
            return "v1" if place.holding.mixes else "v2"
        return str(rule)

    def _buffers(self, place: Place) -> float:
        """Outside the allocator: NCCL and what libraries load, by link and ranks."""
        if self.device.runtime in ("cpu", "metal", "tpu"):
            return 0.0
        facts, ranks = self.facts["non_torch"], place.layout.tensor * place.layout.data
        if ranks == 1:
            alone = float(facts["alone" if self.device.total_gib >= _SMALL_GIB else "alone_small"]) * GIB
            return alone + self._runner_state(place)
        hopper = self.device.linked and self.device.generation in facts["hopper"]
        linked = "linked_hopper_experts" if place.holding.mixes else "linked_hopper"
        by_ranks: Mapping[str, float] = facts[linked if hopper else "linked" if self.device.linked else "bus"]
        known = [int(count) for count in by_ranks]
        nearest = max((count for count in known if count <= ranks), default=min(known))
        return by_ranks[str(nearest)] * GIB + self._runner_state(place)

    def _runner_state(self, place: Place) -> float:
        """What the second runner keeps for each sequence that it may have."""
        if self._runner(place) != "v2" or place.architecture.task == "encoder":
            return 0.0
        slot: float = self.facts["non_torch"]["v2_slot_bytes"]
        return slot * place.architecture.vocab_size * int(self.settings["max_num_seqs"])

    def _context(self, place: Place) -> float:
        if not self.device.has_context:
            return 0.0
        facts = self.facts["context"]
        known = self.device.generation in facts["linked_generations"]
        if place.layout.tensor == 1 or not self.device.linked or not known:
            alone = float(facts["alone" if self.device.total_gib >= _SMALL_GIB else "alone_small"]) * GIB
            # of memory that it shares the host's programs and its page cache have taken some before the start
            return alone + (facts["unified_share"] * self.device.total_gib * GIB if self.device.unified else 0.0)
        return float(facts["linked_experts" if place.holding.mixes and place.layout.tensor == 2 else "linked"]) * GIB

    def _graphs(self, place: Place) -> float:
        """What captured graphs take, by layers, ranks and how many sizes are captured."""
        if self.settings["enforce_eager"] or self.device.runtime not in ("cuda", "rocm"):
            return 0.0
        facts, holding, ranks = self.facts["graphs"], place.holding, place.layout.tensor
        row = facts["ranks"][max((row for row in map(int, facts["ranks"]) if row <= ranks), default=1).__str__()]
        depth = holding.depth
        if place.draft is not None and place.draft.place is not None:
            depth += place.draft.place.holding.depth
        whole = (row["base"] + row["layer"] * depth + (facts["experts"] if holding.mixes else 0)) * GIB
        if self.device.total_gib < _SMALL_GIB:
            small = facts["small"]
            whole = (small["base"] + small["layer"] * depth * place.architecture.hidden_size / small["hidden"]) * GIB
        sizes = capture_sizes(self.sequences * self._tokens_verified(place))
        share = facts["first"] + (1 - facts["first"]) * sizes / capture_sizes(512)
        return float(whole * share)

    def _tokens_verified(self, place: Place) -> int:
        """Tokens of a sequence in a step of decode, by which the largest captured size grows: one and the drafted."""
        return 1 + place.draft.tokens if place.draft is not None and self.facts["graphs"]["by_drafted"] else 1

    def draft_bytes(self, place: Place) -> float:
        return place.holding.weights + self._loaded(place)[0]

    def _loaded(self, place: Place) -> tuple[float, str]:
        """Weights as loaded beyond the checkpoint's: padded mxfp4 experts, absorbed copies, tables of positions."""
        found: list[tuple[float, str]] = []
        padding = absorbed = 0.0
        for count, kind in place.holding.text:
            padded, values = _loaded_of(self, kind)
            padding += count * padded
            absorbed += count * values
        if padding:
            found.append((padding, "mxfp4 experts padded for their kernels"))
        if absorbed and self.facts["absorbs"]:
            found.append((absorbed * place.formats.activation_bytes, "latent attention's absorbed matrices"))
        if tables := place.architecture.rotary_values:
            found.append((tables * place.formats.activation_bytes, "tables of rotary positions"))
        if copied := self._whole_towers(place):
            found.append((copied, "a tower whole on every rank"))
        return sum(size for size, _ in found), ", ".join(why for _, why in found)

    def _whole_towers(self, place: Place) -> float:
        """What ranks hold more where each has a whole tower."""
        whole = self.given.get("mm_encoder_tp_mode") == "data"
        if place.layout.tensor == 1 or not (whole or place.architecture.tower_type in self.facts["whole_towers"]):
            return 0.0
        shared = sum(kind.count * kind.stored_bytes for kind in place.holding.towers)
        return shared * (place.layout.tensor - 1)

    # --- the profile run ---

    @property
    def library_bytes(self) -> float:
        """The workspace of libraries that the profile run's peak holds."""
        by_generation: Mapping[str, float] = self.facts["activations"]["library_bytes"]
        return float(by_generation.get(self.device.generation, by_generation["others"]))

    def peaks(self, place: Place, sequences: Quantity, tokens: Quantity, encoded: Quantity) -> Mapping[str, Quantity]:
        """What the profile run peaks at, whatever is served later; of an encoder, what its sequences do."""
        if place.architecture.task == "encoder":
            return super(Vllm, self).peaks(place, sequences, tokens, encoded)
        found = _peaks(self, place)
        if images := _encoder(self, place):
            longest = self._longest_shown(place, tokens)
            found = {**found, "encoder of images": images.peak(longest) + _kept_beside(self, place)}
        if somewhere(place.holding.encoder_alive):
            found = {**found, "encoder": encoder_bytes(place, sequences, encoded, self.step_budget)}
        return found

    def _longest_shown(self, place: Place, tokens: Quantity) -> Quantity:
        """The longest request of the profile run: as told, or as the line that starts it for such a load tells it."""
        told = self.given.get(self.LENGTH)
        if told is not None:
            return int(told)
        own = place.architecture.max_length or 0
        return own if isinstance(tokens, int) and not tokens else tokens

    def explained(self, place: Place) -> Mapping[str, str]:
        facts, width = self.facts["activations"], place.formats.activation_bytes
        hidden, vocabulary = place.architecture.hidden_size, place.architecture.vocab_size
        widest, kept = _widest(self, place), self.library_bytes / 1e6
        return {
            "forward pass": f"{self.step_tokens:,} tokens of a step x {width:g} B x ({widest:,} values of the widest "
            f"operator + {facts['residuals']:g} x {hidden:,}) + {kept:,.1f} MB and what is kept",
            "sampler": f"{self.sequences:,} sequences x {vocabulary:,} logits of {width:g} B with what the "
            f"{self._runner(place)} runner holds beside them, the hidden states of {self.step_tokens:,} tokens and "
            f"{kept:,.1f} MB",
            "rejection sampler": f"{self.sequences:,} sequences x {vocabulary:,} logits, of a bonus token and of one "
            "drafted, with their copies, probabilities and noise in float32",
            "draft": f"its pass over {self.step_tokens:,} tokens of a step, the model's hidden states beside it",
            _COMPILATION: f"a table of {vocabulary:,} x {hidden:,} values of {width:g} B over {place.layout.tensor} "
            "ranks, while the graph is compiled: none where the compiler's cache is warm",
        }

    # --- the cache ---

    def pages(self, place: Place) -> Pages | None:
        return _pages(self, place)

    def kept_bytes(self, place: Place, tokens: Quantity, encoded: Quantity) -> Quantity:
        pages = self.pages(place)
        return 0 if pages is None else pages.request_bytes(tokens, encoded)

    def cache_room(self, place: Place, room_bytes: Quantity, longest: Quantity) -> CacheRoom | None:
        pages = self.pages(place)
        if pages is None:
            return None
        encoded = place.architecture.source_of(longest)
        return pages.room(room_bytes, longest, encoded, by_request=self.facts["tokens_by_request"])

    def specs(self, place: Place) -> Iterator[tuple[int, Spec]]:
        """(how many layers, what they keep) of a device, those of a draft like any other."""
        if place.draft is not None and place.draft.place is not None:
            yield from self.specs(place.draft.place)
        for count, kind in place.holding.stack:
            for spec in _specs_of(self, kind, place.formats):
                yield count, spec

    def compressed(self, place: Place) -> Iterator[Compressed]:
        """The layers of a device that keep entries which stand for several tokens, by ratio."""
        found: dict[int, Compressed] = {}
        for count, kind in place.holding.stack:
            for one in _compressed_of(self, kind, place.formats):
                known = found[one.ratio].layers if one.ratio in found else 0
                found[one.ratio] = replace(one, layers=known + count)
        yield from found.values()

    def states(self) -> StateChoice:
        """How states are kept, as it was told."""
        told = self.given.get("mamba_ssm_cache_dtype", "auto")
        return "auto" if told == "auto" else "fp32" if told == "float32" else "model"

    def attention_specs(self, operator: Operator, formats: Formats) -> Iterator[Spec]:
        """What an attention keeps of a request."""
        law = operator.cache_law()
        assert law is not None
        size = self.entry_bytes(operator.cached_entry(), formats)
        match law.growth:
            case "tokens":
                yield Spec(kept="full attention", token_bytes=size / law.ratio)
            case "window" | "chunk":
                yield Spec(kept=law.growth, token_bytes=size, reach=law.reach)
            case "source":
                yield Spec(kept="encoded positions", token_bytes=size, reach=law.reach)
            case "window and ratio":
                yield Spec(kept="window", token_bytes=size, reach=law.reach)

    def entry_bytes(self, entry: Entry, formats: Formats) -> float:
        plain = formats.kv_cache.name == "fp8" and self.device.generation in self.facts["plain_fp8"]
        if plain and entry[0][0] == "picked_latent":
            return sum(values for _, values in entry) * formats.kv_bytes
        return super(Vllm, self).entry_bytes(entry, formats)

    # --- whether it starts ---

    def room(self, place: Place, need: Ledger, total_bytes: Quantity) -> Condition:
        """What is left for the cache of the share that it takes."""
        held = need.resident + need.adapters + need.images
        held = held + need.buffers + need.activations + need.graphs_counted
        parts = {"weights": -1.0, "buffers": -1.0, "activations": -1.0}
        if self.facts["context"]["counts"]:
            held, parts["context"] = held + need.context, -1.0
        # of places side by side nobody asks for the parts
        if self.facts["graphs"]["counted"] in ("all", self._runner(place.members[0][1] if place.members else place)):
            parts["graphs"] = -1.0
        margin = self.budget_bytes(total_bytes) - held
        if (told := self._told_cache(place)) is not None:
            margin, parts = told, {}
        return Condition(
            name="room for a cache", margin=margin, parts=parts, message=self.facts["messages"]["no_blocks"]
        )

    def _told_cache(self, place: Place) -> float | None:
        """Bytes of the cache where they are told, and not what is left."""
        if "num_gpu_blocks_override" in self.given and (pages := self.pages(place)) is not None:
            return int(self.given["num_gpu_blocks_override"]) * pages.block_bytes
        if "kv_cache_memory_bytes" in self.given:
            return float(self.given["kv_cache_memory_bytes"])
        return None

    def conditions(self, place: Place, need: Ledger, longest: Quantity, total_bytes: Quantity) -> Sequence[Condition]:
        messages, budget, room = (
            self.facts["messages"],
            self.budget_bytes(total_bytes),
            self.room(place, need, total_bytes),
        )
        request = self.kept_bytes(place, longest, place.architecture.source_of(longest))
        pages = self.pages(place)
        # one block is never given out
        spared = 0 if pages is None else self.facts["groups"]["spared_blocks"] * pages.block_bytes
        found = [] if not self.facts["free_check"] else [self._free(need, total_bytes)]
        if (told := self._told_cache(place)) is not None:
            found.append(self._allocated(need, told, total_bytes))
        found += [
            room,
            Condition(
                name="one request of max_model_len",
                margin=room.margin - request - spared,
                parts=room.parts,
                message=messages["length"],
                takes="request",
            ),
            *self._states_of_all(place, room, request + spared),
            Condition(
                name="all sequences at once",
                margin=room.margin - need.kept,
                parts=room.parts,
                message="requests wait, or are preempted",
                starts=False,
                takes="sequences",
            ),
        ]
        if not self.settings["enforce_eager"]:
            # graphs are captured beside the budget, but for what it took away for them
            outside = larger(need.graphs - need.graphs_counted, 0) + _warm_up(self, place)
            found.append(
                Condition(
                    name="graphs and warm-up beside the cache",
                    margin=total_bytes - need.context - budget - outside,
                    parts={"context": -1.0, "graphs": -1.0},
                    message=messages["graphs"],
                    claims=self.SHARE,
                )
            )
        return found

    def _states_of_all(self, place: Place, room: Condition, request: Quantity) -> Sequence[Condition]:
        """A block for the state of each sequence that a step takes, without which graphs are not captured."""
        pages = self.pages(place)
        if self.settings["enforce_eager"] or not self.facts["groups"]["state_each"] or place.draft is not None:
            return ()
        if pages is None or not pages.keeps_states:
            return ()
        # who starts it by its default is told of another, as the line that starts it tells it of a length
        told = self.SEQUENCES in self.given
        message = ""
        if are_plain(room.margin, pages.block_bytes, request):
            # where not one request has room, fewer of them mend nothing
            if not told and room.margin < request:
                return ()
            states = max(0, int(room.margin // pages.block_bytes))
            message = self.facts["messages"]["states"].format(sequences=self.sequences, states=states)
        return (
            Condition(
                name=f"a state for each of {self.SEQUENCES}",
                margin=room.margin - self.sequences * pages.block_bytes,
                parts=room.parts,
                message=message,
                starts=told,
                warns=not told,
            ),
        )

    def _free(self, need: Ledger, total_bytes: Quantity) -> Condition:
        return Condition(
            name="free memory at start",
            margin=total_bytes - need.context - self.budget_bytes(total_bytes),
            parts={"context": -1.0},
            message=self.facts["messages"]["free"],
            claims=self.SHARE,
        )

    def _allocated(self, need: Ledger, told: float, total_bytes: Quantity) -> Condition:
        """Nothing but the card bounds a cache that is told."""
        held = need.context + need.resident + need.adapters + need.images
        held = held + need.buffers + need.activations + need.graphs
        return Condition(
            name="the cache that is told beside all else",
            margin=total_bytes - held - told,
            parts={"context": -1.0, "weights": -1.0, "buffers": -1.0, "activations": -1.0, "graphs": -1.0},
            message=self.facts["messages"]["told"],
        )

    def spread(self, place: Place) -> Spread:
        return _spread(self, place)


@lru_cache(maxsize=8192)
def _spread(engine: Vllm, place: Place) -> Spread:
    """The ranges of the nearest evidence, down to a start whose compiler's cache is warm, and to logits alone where
    nobody measured what the sampler holds beside them."""
    found, taken = _nearest(engine, place), _compiled(engine, place)
    if place.architecture.task == "encoder":
        return found
    peaks = dict(_peaks(engine, place))
    highest = max(peaks.values())
    peaks.pop(_COMPILATION, 0)
    rows = engine.facts["activations"][engine._runner(place)]
    if "sampler" in peaks and "least_logit_bytes" in rows:
        unmeasured = rows["logit_bytes"] - rows["least_logit_bytes"]
        peaks["sampler"] -= unmeasured * _padded(place.architecture.vocab_size) * engine.sequences
    low = min(found.activations.low_bytes, max(peaks.values()) - highest)
    found = replace(found, activations=replace(found.activations, low_bytes=low))
    if not taken or not engine.facts["consumed"]:
        return found
    # what the compiler leaves has left the free memory too
    return replace(found, buffers=replace(found.buffers, high_bytes=found.buffers.high_bytes + taken))


def _padded(vocabulary: int) -> int:
    """Rows of a table of the vocabulary as engines pad it (VocabParallelEmbedding)."""
    return ceil_div(vocabulary, 64) * 64


def _nearest(engine: Vllm, place: Place) -> Spread:
    """By release, class of card, kind of model."""
    facts, device = engine.facts["spread"], engine.device
    if not device.has_context or not engine.facts["known"]:
        return spread_of(facts["unknown"])
    kind = "multimodal" if place.holding.towers else "mixture" if place.holding.mixes else "dense"
    if device.unified:
        found, shown = facts["unified"], device.total_gib * GIB
        low, high = (share * shown for share in found["context_of_total"])
        spread = spread_of({**facts[f"other_{kind}"], **found})
        return replace(spread, context=Range(low_bytes=low, high_bytes=high))
    known = device.generation in facts["generations"] or device.total_bytes is None
    return spread_of(facts[kind if known and engine.facts["measured"] else f"other_{kind}"])


# Cards of workstations and desks, whose libraries and graphs take less.
_SMALL_GIB = 60
# Tokens of a step of the starts that died in the warm-up.
_MEASURED_TOKENS = 8192


def capture_sizes(sequences: int) -> int:
    """How many batch sizes are captured: 1, 2, 4, by 8 to 256, by 16 to twice the sequences, 512 at most."""
    most = min(2 * sequences, 512)
    return (
        sum(size <= most for size in (1, 2, 4)) + len(range(8, min(most, 255) + 1, 8)) + len(range(256, most + 1, 16))
    )


@lru_cache(maxsize=4096)
def _loaded_of(engine: Vllm, kind: Kind) -> tuple[float, float]:
    """(bytes by which experts are padded, values that are kept once more) of a layer."""
    padding = absorbed = 0.0
    for operator, size, form in kind.operators:
        if form.name == "mxfp4" and operator.expert_count:
            hopper = "hopper" if engine.device.generation == "Hopper" else "others"
            padding += size * (operator.padded_share(*engine.facts["mxfp4"][hopper]) - 1)
        absorbed += operator.absorbed_values()
    return padding, absorbed


@lru_cache(maxsize=4096)
def _specs_of(engine: Vllm, kind: Kind, formats: Formats) -> tuple[Spec, ...]:
    """What a layer keeps of a request."""
    found = [
        spec
        for operator in kind.layer.operators
        if operator.caches
        for spec in engine.attention_specs(operator, formats)
    ]
    states, width = engine.states(), formats.activation_bytes
    state = sum(engine.state_bytes(operator.in_engine(states).state(), width) for operator in kind.layer.operators)
    return (*found, Spec(kept="state", token_bytes=state)) if state else tuple(found)


@lru_cache(maxsize=4096)
def _compressed_of(engine: Vllm, kind: Kind, formats: Formats) -> tuple[Compressed, ...]:
    """What a layer keeps of entries that stand for several tokens."""
    laws = [(operator, operator.cache_law()) for operator in kind.layer.operators if operator.caches]
    sizes = [engine.entry_bytes(operator.cached_entry(), formats) for operator, _ in laws]
    return tuple(
        Compressed(layers=1, ratio=law.ratio, window=law.reach, entry_bytes=size, index_bytes=sum(sizes) - size)
        for (_, law), size in zip(laws, sizes, strict=True)
        if law is not None and law.growth == "window and ratio"
    )


@lru_cache(maxsize=1)
def _tables_said() -> str:
    return str(engine_table("vllm"))


@by_place()
def _warm_up(engine: Vllm, place: Place) -> float:
    """What mxfp4's kernels take in the warm-up beside the profile's peak, by the experts' width on a rank."""
    mxfp4 = any(form.name == "mxfp4" for _, kind in place.holding.text for _, _, form in kind.operators)
    share = min(1.0, engine.step_tokens / _MEASURED_TOKENS) / place.layout.tensor
    return float(engine.facts["mxfp4"]["warm_up"]) * GIB * share if mxfp4 else 0.0


@by_place()
def _peaks(engine: Vllm, place: Place) -> Mapping[str, float]:
    """By the tensors that are alive when the profile run's passes are at their widest; rest of it kept by libraries."""
    architecture, holding, width = place.architecture, place.holding, place.formats.activation_bytes
    hidden, tokens, sequences = architecture.hidden_size, engine.step_tokens, engine.sequences
    facts, kept = engine.facts["activations"], _kept(engine, place)
    found = {"forward pass": tokens * width * (_widest(engine, place) + facts["residuals"] * hidden) + kept}
    if holding.samples:
        rows = facts[engine._runner(place)]
        # fewer rows are sorted, as all were before
        logit = (facts["sorted_bytes"] if sequences < facts["sorted_below"] else rows["logit_bytes"]) + width
        vocabulary = _padded(architecture.vocab_size)
        multiprocessors = engine.facts["multiprocessors"].get(engine.device.generation, 132) if rows["buffered"] else 0
        found["sampler"] = (
            logit * vocabulary * sequences
            + 4 * vocabulary * min(multiprocessors, sequences)
            + hidden * tokens * width
            + 2 * sequences * hidden * width
            + kept
        )
        if place.draft is not None and "refusing" in rows:
            # two rows a sequence of random logits and one that is taken out of them, then what a choice holds
            refusing = 3 * width + rows["refusing"]
            found["rejection sampler"] = refusing * vocabulary * sequences + hidden * tokens * width + kept
    if place.draft is not None and place.draft.place is not None:
        # after the model's pass, whose hidden states it takes
        drafting = place.draft.place
        own = drafting.architecture.hidden_size
        live = drafting.holding.live_values - 2 * own + facts["residuals"] * own
        found["draft"] = tokens * width * (live + hidden) + kept
    if engine.facts["experts_workspace"]:
        workspace = _workspace(place) * tokens * width
        found = {part: value + workspace for part, value in found.items()}
    if compiled := _compiled(engine, place):
        found[_COMPILATION] = compiled + kept
    return found


@by_place()
def _kept_beside(engine: Vllm, place: Place) -> float:
    return _kept(engine, place)


def _kept(engine: Vllm, place: Place) -> float:
    """What stays beside every pass of the profile run: libraries' workspace, and an encoder's outputs while the text
    runs."""
    architecture = place.architecture
    if not place.holding.towers or architecture.images is None:
        return engine.library_bytes
    return engine.library_bytes + engine.step_tokens * architecture.hidden_size * place.formats.activation_bytes


# A peak of the profile run, of a start whose compiler's cache is cold.
_COMPILATION = "compilation"


def _compiled(engine: Vllm, place: Place) -> float:
    """A rank's table of the vocabulary, of which the compiler holds a copy more; 0 where nothing is compiled."""
    architecture, settings = place.architecture, engine.settings
    if not engine.facts["compiles"] or engine.device.runtime not in ("cuda", "rocm"):
        return 0.0
    if settings["enforce_eager"] or settings["compile_cached"]:
        return 0.0
    if place.holding.towers or place.holding.encoder or architecture.images is not None:
        return 0.0
    rows = _padded(architecture.vocab_size) / place.layout.tensor
    return rows * architecture.hidden_size * place.formats.activation_bytes


def _widest(engine: Vllm, place: Place) -> int:
    """Values a token of the widest operator, of fused experts none where their workspace is counted beside it."""
    if not engine.facts["experts_workspace"] or not place.holding.mixes:
        return place.holding.live_values - 2 * place.architecture.hidden_size
    return max(
        (
            operator.live_values()
            for _, kind in place.holding.text
            for operator, _, form in kind.operators
            if not operator.expert_count or form.name in _OWN_WORKSPACE
        ),
        default=0,
    )


# Formats of experts whose kernels take their buffers otherwise than the fused experts' workspace.
_OWN_WORKSPACE = ("mxfp4", "nvfp4")


def _workspace(place: Place) -> int:
    """Values a token of the buffers that fused experts keep between steps; mxfp4's kernels take theirs otherwise."""
    return max(
        (
            operator.routed_buffers()
            for _, kind in place.holding.text
            for operator, _, form in kind.operators
            if operator.expert_count and form.name != "mxfp4"
        ),
        default=0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """The largest items that a tower is shown in the profile run."""

    tokens: int
    """Of an image, or of two frames of a video."""
    position_bytes: float
    """Of a pass, by token of the item."""
    handed_bytes: float
    """A token of what is handed on of a video."""
    pairs: int
    """Pairs of frames of a video at most; 1 where the largest item is an image."""
    step_tokens: int
    sequences: int
    capped: bool
    """Whether the item is no longer than the longest request."""

    def peak(self, longest: Quantity) -> Quantity:
        """Bytes of as many of the largest items as a step takes, where a request has `longest` tokens at most."""
        pairs = larger(1, smaller(self.pairs, longest // self.tokens))
        item = pairs * self.tokens
        shown = smaller(item, larger(longest, 1)) if self.capped else item
        items = smaller(larger(self.step_tokens, shown) // shown, self.sequences * larger(1, longest // shown))
        handed = (pairs > 1) * self.handed_bytes
        return (self.position_bytes + handed) * larger(1, items) * shown


def _shown_alike(shown: Sequence[_Shown | None]) -> Sequence[_Shown | None]:
    """Nothing is as good as items that take nothing, where some places show some."""
    some = next((one for one in shown if one is not None), None)
    if some is None:
        return shown
    none = replace(some, position_bytes=0.0, handed_bytes=0.0)
    return [one or none for one in shown]


@by_place(_shown_alike)
def _encoder(engine: Vllm, place: Place) -> _Shown | None:
    """What a tower is shown of images, or videos; None where the profile run shows it nothing."""
    images = place.architecture.images
    towers = [kind for kind in place.holding.towers if not kind.layer.of_sound]
    if images is None or not towers or engine.given.get("skip_mm_profiling"):
        return None
    try:
        size = images.size(_LARGE_SIDE, _LARGE_SIDE)
    except ArgumentError:
        return None
    facts, width = engine.facts["encoder"], place.formats.activation_bytes
    tokens = max(size.tokens, size.attended, 1)
    return _Shown(
        tokens=tokens,
        position_bytes=_tower_values(engine, place, towers) * size.positions / tokens * width,
        handed_bytes=place.architecture.hidden_size * width,
        pairs=facts["videos"].get(_tower_type(place), 1),
        step_tokens=engine.step_tokens,
        sequences=engine.sequences,
        capped=facts["capped"],
    )


def _tower_type(place: Place) -> str:
    """The tower's family; the model's, where the section of the tower names none."""
    return place.architecture.tower_type or place.architecture.model_type


def _tower_values(engine: Vllm, place: Place, towers: Sequence[Kind]) -> float:
    """Values a position that are alive in a tower's pass."""
    facts = engine.facts["encoder"]
    rule, factor = facts["alive"].get(_tower_type(place)), facts["factor"]
    if rule is not None:
        forms = {form.name for _, kind in place.holding.text for _, _, form in kind.operators}
        factor = max((facts["more"][name] for name in forms & facts["more"].keys()), default=0.0)
    if rule is not None and not factor:
        blocks = [kind for kind in towers if kind.layer.reduction == 1]
        widest, residual = (max(getattr(one, of) for one in blocks) for of in ("live_values", "residual_width"))
        return float(widest + rule["residuals"] * residual + rule["values"])
    return float(factor * max((kind.residual_width + kind.live_values) / kind.layer.reduction for kind in towers))


# Pixels a side beyond what any processor keeps of an image.
_LARGE_SIDE = 4096


@by_place(with_groups_alike, of_cache=True)
def _pages(engine: Vllm, place: Place) -> Pages | None:
    kinds = tuple(engine.compressed(place))
    if any(kind.ratio for kind in kinds):
        in_flight = engine.step_tokens * engine._in_flight(place)
        return compressed(kinds, engine.facts["compressed"], in_flight=in_flight)
    specs = tuple(engine.specs(place))
    states = any(spec.kept == "state" for _, spec in specs)
    return paged(
        specs,
        # of the tokens of a block each rank that shares them keeps as many as a block has else
        block_tokens=int(engine.settings["block_size"]) * place.layout.context,
        in_flight=engine.step_tokens * engine._in_flight(place),
        # and a state for each token that may be refused
        states_kept=(2 if states and engine.caches_prefixes(states=states) else 1)
        + (0 if place.draft is None else place.draft.tokens),
        padded_rather=engine.facts["groups"]["padded_rather"],
        as_full=bool(engine.settings["disable_hybrid_kv_cache_manager"]),
    )
