"""LoRA adapters (arXiv 2106.09685) that are served beside the weights: two matrices of low rank a projection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from llm_memory_hardware.wording import words

from ..architecture import Architecture, Layer
from ..checks import choice, flag, names, whole
from ..engines.places import by_place
from ..errors import ArgumentError, did_you_mean, shown
from ..formats.numerics import Format, parse_format
from ..operators import ATTENTION_PARTS, FEED_FORWARD_PARTS, Weight
from ..report import Note
from ..units import Quantity, whole_near
from ..untrusted import untrusted
from .peft import FIELDS, PeftAdapter, check_peft, is_peft, layer_values, read_peft

if TYPE_CHECKING:
    from ..engines import Engine, Place
    from ..operators.base import Shards, Split

_GROUPS = ("all-linear", "attn", "ffn")
_FORMATS = ("bf16", "fp16", "fp32")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraConfig:
    """Adapters of a deployment, by the original's names.

    `max_loras` adapters of `max_lora_rank` (or `rank`) have room at once on each device. `target_modules` are names of
    projections (q_proj), or attn, ffn, all-linear; None is all-linear, as engines reserve. `strategy` "merge" adds an
    adapter into the weights and takes no room beside them.
    """

    enabled: bool = True
    rank: int = 16
    target_modules: tuple[str, ...] | list[str] | None = None
    strategy: str = "dynamic"
    max_loras: int = 1
    max_lora_rank: int | None = None
    lora_dtype: str | None = None
    fully_sharded_loras: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """Adapters whose every field was checked."""

    count: Quantity
    rank: Quantity
    targets: tuple[str, ...]
    """Names of projections, or attn, ffn, all-linear; empty where none were given, which is all-linear."""
    form: Format
    fully_sharded: bool
    peft: PeftAdapter | None = None
    """What PEFT says of them, in place of rank and targets."""
    notes: tuple[Note, ...] = ()
    """What was assumed of them."""


def adapters_of(
    architecture: Architecture, config: LoraConfig | Mapping[str, Any], plain: Format, engine: Engine
) -> Adapters | None:
    """The adapters that a configuration reserves room for, or None when there are none beside the weights.

    Raises ArgumentError for a target that the model does not have, or a field that is wrong.
    """
    peft: PeftAdapter | None = None
    unread: tuple[str, ...] = ()
    if isinstance(config, Mapping):
        stated: Mapping[str, Any] = untrusted(config)
        known = tuple(LoraConfig.__dataclass_fields__)
        if is_peft(stated):
            peft = replace(read_peft(stated), of_making=architecture.task == "diffusion")
            unread = tuple(key for key, value in stated.items() if value and key not in FIELDS and key not in known)
            stated = {key: value for key, value in stated.items() if key in known and key != "target_modules"}
        for key in stated:
            choice("lora_config key", key, known)
        config = LoraConfig(**stated)
    if not isinstance(config, LoraConfig):
        raise ArgumentError(
            f"lora_config must be {words().adapter}, and is {shown(config)}. Accepted fields: "
            f"{', '.join(LoraConfig.__dataclass_fields__)}, or those of PEFT's adapter_config.json."
        )
    merged = choice("strategy", config.strategy, ("dynamic", "merge")) == "merge"
    count = whole("max_loras", config.max_loras, most=100_000)
    name = "rank" if config.max_lora_rank is None else "max_lora_rank"
    rank = whole(name, getattr(config, name), most=65_536)
    form = plain
    if config.lora_dtype not in (None, "auto"):
        form = parse_format(str(config.lora_dtype), argument="lora_dtype", accepted=_FORMATS)
    targets = _targets(architecture, config.target_modules)
    sharded = flag("fully_sharded_loras", config.fully_sharded_loras)
    notes: tuple[Note, ...] = ()
    if peft is not None:
        if config.max_lora_rank is not None:
            peft = peft.at_rank(rank)
        rank = peft.rank
        notes = _peft_notes(peft, check_peft(peft, architecture), unread, config.max_lora_rank, engine)
    elif not targets:
        text = "target_modules was not given: room for adapters on every projection but routed experts was counted."
        notes = (Note(subject="target_modules", text=text, origin="assumption"),)
    if merged or not flag("enabled", config.enabled):
        return None
    return Adapters(count=count, rank=rank, targets=targets, form=form, fully_sharded=sharded, peft=peft, notes=notes)


def _peft_notes(
    peft: PeftAdapter, absent: tuple[str, ...], unread: tuple[str, ...], reserved: int | None, engine: Engine
) -> tuple[Note, ...]:
    found = []
    refused = [name for name in peft.beside_low_rank if name in engine.refused_adapters]
    if refused:
        text = (
            f"{engine.name} loads no adapter that has {' or '.join(refused)}: it was counted as it is stored, and must "
            "be merged into the weights to be served."
        )
        found.append(Note(subject="lora_config", text=text, origin="warning"))
    if absent:
        names_of_none = shown(untrusted(list(absent)))
        text = f"target_modules of the adapter names {names_of_none}, which no matrix of this model is."
        found.append(Note(subject="target_modules", text=text, origin="warning"))
    if unread:
        text = f"What the adapter says of {shown(list(unread))} was not read."
        found.append(Note(subject="lora_config", text=text, origin="warning"))
    if reserved is None:
        text = (
            f"The adapter was counted at its own rank, {peft.rank}; an engine reserves its largest rank for each, "
            "which max_lora_rank counts."
        )
        found.append(Note(subject="max_lora_rank", text=text, origin="assumption"))
    return tuple(found)


def adapter_bytes(place: Place, adapters: Adapters | None, engine: Engine) -> Quantity:
    """Bytes of the adapters on one tensor-parallel rank, of which the engine may keep matrices whole."""
    if adapters is None:
        return 0
    if adapters.peft is not None:
        values: Quantity = _peft_values(engine, place, adapters.peft, adapters.fully_sharded)
        return whole_near(adapters.count * values * adapters.form.bits / 8)
    of_rank_one: Quantity = _values_of_rank_one(engine, place, adapters.targets, adapters.fully_sharded)
    return whole_near(adapters.count * adapters.rank * of_rank_one * adapters.form.bits / 8)


def adapter_parameters(whole: Place, adapters: Adapters | None, engine: Engine) -> int:
    """Parameters of all adapters that have room at once; `whole`: the model on one device."""
    if adapters is None:
        return 0
    return int(adapter_bytes(whole, adapters, engine) * 8 // adapters.form.bits)


@by_place()
def _values_of_rank_one(engine: Engine, place: Place, targets: tuple[str, ...], fully_sharded: bool) -> float:
    """Values of an adapter of rank 1."""
    layers = [(count, kind.layer) for count, kind in place.holding.stack]
    layers += [(kind.count, kind.layer) for kind in place.holding.encoder]
    tensor = place.layout.tensor
    values = (count * _layer_values(layer, targets, fully_sharded, tensor, engine) for count, layer in layers)
    return float(sum(values))


@lru_cache(maxsize=2048)
def _layer_values(layer: Layer, targets: tuple[str, ...], fully_sharded: bool, tensor: int, engine: Engine) -> float:
    """Values of an adapter of rank 1 beside a layer."""
    shards = _shards(fully_sharded, tensor, engine)
    return sum(
        operator.adapter_values(1, shards, lambda weight: weight.takes_adapter and _wanted(weight, targets))
        for operator in layer.operators
    )


def _shards(fully_sharded: bool, tensor: int, engine: Engine) -> Shards:
    def shards(split: Split) -> tuple[int, int]:
        return engine.adapter_shards(split, tensor, fully_sharded=fully_sharded)

    return shards


@by_place()
def _peft_values(engine: Engine, place: Place, peft: PeftAdapter, fully_sharded: bool) -> float:
    """Values of one adapter; of a stage that has some of the layers of a group, as if it had those that hold most."""
    shards, holding = _shards(fully_sharded, place.layout.tensor, engine), place.holding
    total = 0.0
    # no adapter is trained on the decoder of images or videos
    towers = () if peft.of_making else holding.towers
    for count, kind in (*holding.text, *((kind.count, kind) for kind in (*holding.encoder, *towers))):
        left = count
        for values, layers in sorted(layer_values(peft, kind.layer, shards), reverse=True):
            taken = min(left, layers)
            total += taken * values
            left -= taken
    return total


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _wanted(weight: Weight, targets: tuple[str, ...]) -> bool:
    """Whether a matrix is a target: by its name, or by what it is; routed experts are only where they are named."""
    if _last(weight.name) in targets:
        return True
    if weight.role == "expert":
        return False
    return (
        not targets
        or "all-linear" in targets
        or ("attn" in targets and weight.part in ATTENTION_PARTS)
        or ("ffn" in targets and weight.part in FEED_FORWARD_PARTS)
    )


def _targets(architecture: Architecture, given: Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    named = names("target_modules", given)
    targets = tuple("all-linear" if name == "all" else name for name in ((named,) if isinstance(named, str) else named))
    known = _GROUPS + tuple(
        dict.fromkeys(
            _last(weight.name)
            for layer in (*architecture.encoder, *architecture.stack)
            for operator in layer.operators
            for weight in operator.weights()
            if weight.takes_adapter
        )
    )
    if not targets:
        raise ArgumentError(f"target_modules is empty; accepted: {', '.join(known)}.")
    for target in targets:
        if target not in known:
            near = did_you_mean(str(target), known)
            raise ArgumentError(
                f"target_modules names {target!r}, which this model does not have.{near} Accepted: {', '.join(known)}."
            )
    return targets
