"""Which format each weight of a checkpoint is stored in: its quantization_config, or the caller's precision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError, UnknownFormatError, shown
from ..operators import FEED_FORWARD_PARTS, Weight
from ..report import Note
from . import checkpoint, gguf, labels
from .checkpoint import QUANTIZED_ROLES
from .module_rules import Rule, looked_up, uneven
from .numerics import (
    FORMATS,
    KV_FORMATS,
    LABELS,
    WEIGHT_FORMATS,
    Format,
    kv_bits,
    parse_format,
    spelling,
    unknown_format,
)

_PLAIN = ("fp32", "bf16", "fp16")
# What an error names of the many precisions.
_FEW = (*WEIGHT_FORMATS, "GGUF mixes such as q4_k_m", *LABELS[:3])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightScheme:
    """The format of every weight: that of the first rule that takes it, or `plain`."""

    plain: Format
    """What no rule takes, and what activations are counted in."""
    rules: tuple[Rule, ...] = ()
    quantized: Format | None = None
    """The format of most of what is quantised: it decides what products run in."""
    label: str = ""
    kv_cache: Format = FORMATS["bf16"]
    """The cache's format unless the caller names one: the plain one, or 16 bits for a checkpoint stored in 32."""
    factor: float = 1.0
    """What the weights' file holds over what the formats give: other than 1 where the two disagree."""
    notes: tuple[Note, ...] = ()
    uneven: frozenset[str] = frozenset()
    """The paths of layers of which some rule takes one and not another."""

    def formats_of(self, weight: Weight, path: str) -> list[tuple[Format, float]]:
        """(format, part of the weight's copies that has it): one format, but for experts that are named singly."""
        name, left = f"{path}{weight.name}", 1.0
        found = []
        for rule in self.rules:
            share = min(left, rule.share(weight.role, name))
            if share:
                found.append((rule.form, share))
                left -= share
            if left <= 0:
                return found
        return [*found, (FORMATS["fp32"] if weight.role == "buffer" else self.plain, left)]


def by_name(formats: Mapping[str, Format]) -> tuple[Rule, ...]:
    """Rules for weights of which each has a format of its own, by module path."""
    names: dict[Format, dict[str, float]] = {}
    for name, form in formats.items():
        names.setdefault(form, {})[name] = 1.0
    return tuple(Rule(form=form, taken=found) for form, found in names.items())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alike:
    """The layers of a group whose weights have the same formats, and what one of them stores."""

    indices: tuple[int, ...] | None
    sizes: tuple[float, ...]
    """Stored bytes of each operator, scales included."""
    formats: tuple[Format, ...]
    """The format of most of each operator's weight."""

    @property
    def count(self) -> int:
        return 1 if self.indices is None else len(self.indices)


@lru_cache(maxsize=4096)
def alike(layer: Layer, scheme: WeightScheme) -> tuple[Alike, ...]:
    """The layers of a group by the formats of their weights: all together, unless rules name single layers."""
    paths = [f"{path}." if path else "" for path in layer.module_paths()]
    by_layer = layer.path in scheme.uneven
    judged = paths if by_layer else paths[:1]
    weights = [operator.weights() for operator in layer.operators]
    places: dict[tuple[_WeightFormats, ...], list[int]] = {}
    for place, path in enumerate(judged):
        formats = tuple(tuple(tuple(scheme.formats_of(weight, path)) for weight in those) for those in weights)
        places.setdefault(formats, []).append(place)
    found = []
    for formats, where in places.items():
        indices = layer.indices
        if indices is not None and by_layer:
            indices = tuple(indices[place] for place in where)
        stored = [_stored(those, parts, scheme) for those, parts in zip(weights, formats, strict=True)]
        found.append(
            Alike(
                indices=indices,
                sizes=tuple(size for size, _ in stored),
                formats=tuple(form for _, form in stored),
            )
        )
    return tuple(found)


_WeightFormats = tuple[tuple[tuple[Format, float], ...], ...]
"""The formats of each weight of an operator, and the part of it that has each."""


def _stored(weights: tuple[Weight, ...], formats: _WeightFormats, scheme: WeightScheme) -> tuple[float, Format]:
    """Bytes of an operator's weights, and the format of most of them."""
    by_format = dict[Format, float]()
    for weight, parts in zip(weights, formats, strict=True):
        for form, part in parts:
            size = part * weight.copies * form.stored_bytes(weight.rows, weight.columns)
            by_format[form] = by_format.get(form, 0.0) + size
    total = sum(by_format.values()) * scheme.factor
    return total, max(by_format, key=lambda form: by_format[form]) if by_format else scheme.plain


def stored_bytes(architecture: Architecture, scheme: WeightScheme) -> int:
    """Bytes of all weights that are stored, scales included."""
    return round(
        sum(group.count * sum(group.sizes) for layer in architecture.layers() for group in alike(layer, scheme))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Formats:
    """The number formats of an answer."""

    scheme: WeightScheme
    kv_cache: Format
    uniform: bool = False
    """Whether every part of the cache is in that format, also what an engine keeps in another."""
    kv_bytes: float = field(init=False)
    activation_bytes: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kv_bytes", kv_bits(self.kv_cache) / 8)
        object.__setattr__(self, "activation_bytes", self.scheme.plain.bits / 8)


def formats_for(scheme: WeightScheme, kv_precision: str | None) -> Formats:
    """The KV cache keeps the format of unquantised weights, 16 bits as a rule, unless told otherwise."""
    if kv_precision is not None:
        return Formats(scheme=scheme, kv_cache=parse_format(kv_precision, argument="kv_precision", accepted=KV_FORMATS))
    return Formats(scheme=scheme, kv_cache=scheme.kv_cache)


# --- schemes -------------------------------------------------------------------------------------------------------


def scheme_for(config: Config, architecture: Architecture, precision: str | None) -> WeightScheme:
    """The scheme of a checkpoint, or of `precision` where the caller gives one.

    A given quantised precision holds for the matrices of the layers; tables, head, routers, norms and biases stay in
    16 bits, as every common quantiser leaves them.
    """
    if precision is None:
        return checkpoint_scheme(config, architecture)
    mix = gguf.mix_of(spelling(precision))
    if mix is not None:
        return gguf_scheme(architecture, mix)
    if spelling(precision) not in WEIGHT_FORMATS:
        return _labelled(config, architecture, precision)
    wanted = parse_format(precision)
    try:
        stated = checkpoint_scheme(config, architecture)
    except ConfigError as error:
        # what the caller asked for can be counted without it, and the report says what was not read
        unread = f"The checkpoint's own format was not read, and {wanted.name} was counted. {error}"
        plain = WeightScheme(plain=FORMATS["bf16"], label="unread")
        return _asked_for(wanted, plain, architecture, [Note(subject="precision", text=unread, origin="override")])
    if stated.quantized is not None and stated.label in (wanted.name, f"{wanted.name}_block"):
        return stated
    notes = []
    if wanted.name != stated.label:
        notes.append(
            Note(
                subject="precision",
                text=f"The checkpoint is stored as {stated.label}; {wanted.name} was asked for and counted instead.",
                # what is stored whole is made into any other; what is quantised is not made whole again
                origin="source" if stated.quantized is None else "override",
            )
        )
    return _asked_for(wanted, stated, architecture, notes)


def _labelled(config: Config, architecture: Architecture, precision: object) -> WeightScheme:
    """The scheme of a label that means more than one format: as checkpoints of that kind are stored."""
    if checkpoint.holder(config) is not None:
        own = checkpoint_scheme(config, architecture)
        if own.label in (precision, spelling(precision)):
            return own
    if isinstance(precision, str) and "+" in precision:
        raise UnknownFormatError(
            f"precision {shown(precision)} is the label of a checkpoint that mixes formats by module, and says nothing "
            f"of another: give one of them, such as {precision.split('+')[0]!r}."
        )
    stated = labels.quantization_of(spelling(precision))
    if stated is None or "plain" in stated.config:
        raise unknown_format(precision, "precision", (*WEIGHT_FORMATS, *gguf.mixes()), _FEW)
    plain = {name: value for name, value in config.values.items() if name not in checkpoint.HOLDING}
    found = checkpoint_scheme(Config({**plain, "quantization_config": stated.config}), architecture)
    # names of modules that are not there are of other models of that kind, and none of this one's
    own_notes = (note for note in found.notes if note.subject != _IDLE)
    text = f"{found.label} was asked for and is counted as checkpoints of this kind are stored: {stated.said}."
    if stated.warning:
        text += f" {stated.warning}"
    return replace(found, notes=(*own_notes, Note(subject="precision", text=text, origin="assumption")))


def _asked_for(wanted: Format, stated: WeightScheme, architecture: Architecture, notes: list[Note]) -> WeightScheme:
    if not wanted.quantized:
        cache = FORMATS["fp32"] if wanted.bits == 32 else wanted
        return WeightScheme(plain=wanted, label=wanted.name, kv_cache=cache, notes=tuple(notes))
    plain = stated.plain if stated.plain.bits == 16 else FORMATS["bf16"]
    rule, what, rest = Rule(form=wanted, roles=QUANTIZED_ROLES), "the layers' matrices", "embedding, head"
    if wanted.name == "nvfp4" and (taken := _feed_forwards(architecture)):
        # as NVIDIA's own checkpoints of mixtures are (DeepSeek-R1-FP4's hf_quant_config.json excludes self_attn)
        rule, what, rest = Rule(form=wanted, taken=taken), "experts and feed-forwards", "attention, embedding, head"
    notes.append(
        Note(
            subject="precision",
            text=f"{wanted.name} holds for {what} ({wanted.bits_per_weight():.3g} bits a weight with "
            f"scales); {rest}, routers, norms and biases are counted in {plain.name}.",
            origin="assumption",
        )
    )
    return WeightScheme(
        plain=plain,
        rules=(rule,),
        quantized=wanted,
        label=wanted.name,
        kv_cache=plain,
        notes=tuple(notes),
    )


def _feed_forwards(architecture: Architecture) -> dict[str, float]:
    """The matrices of feed-forwards and experts by path, of a mixture; none of any other model."""
    if not any(operator.expert_count for layer in architecture.stack for operator in layer.operators):
        return {}
    return {
        f"{path}.{weight.name}" if path else weight.name: 1.0
        for layer in architecture.stack
        for path in layer.module_paths()
        for operator in layer.operators
        for weight in operator.weights()
        if weight.role in QUANTIZED_ROLES and weight.part in FEED_FORWARD_PARTS
    }


def gguf_scheme(architecture: Architecture, mix: str, *, before_2024: bool = False) -> WeightScheme:
    """The scheme of a GGUF file of this mix, as llama-quantize makes it of the whole model."""
    found = gguf.formats(architecture, mix, before_2024=before_2024)
    table = gguf.table_of(architecture)
    most = gguf.default_format(mix, before_2024=before_2024)
    by_ollama = mix.startswith("ollama_")
    makes = "ollama makes of models that it quantises itself" if by_ollama else "llama-quantize makes by this name"
    if own := gguf.maker_of(mix):
        makes = f"the llama-quantize of {own} makes by this name"
    mixed = (
        f"{mix} is the mix of formats that {makes}; a file is larger by its vocabulary and metadata, some megabytes."
    )
    text = ""
    if not before_2024 and gguf.changed_in_2024(architecture, mix):
        text += " llama.cpp changed it in January 2024: files of before, such as TheBloke's, have another size."
    if own:
        text += " Recipes that name a type for each tensor make files of another size by this name."
    if architecture.towers:
        where = "the same file" if by_ollama else "a file of their own (mmproj)"
        text += f" Towers are counted in fp16, which {'ollama' if by_ollama else 'llama.cpp'} keeps in {where}."
    kept = gguf.kept_experts(architecture)
    if kept is not None:
        text += f" The experts stay in {kept}, in which they are published."
    notes = [Note(subject="precision", text=mixed, origin="source")]
    if text:
        notes.append(Note(subject="precision", text=f"Of {mix}:{text}", origin="assumption"))
    # a pipeline's last stage has a copy of a tied table
    rules = (*by_name(found), *(() if table is None else (Rule(form=found[table], roles=frozenset({"head"})),)))
    return WeightScheme(
        plain=FORMATS["fp16"],
        rules=rules,
        uneven=uneven(rules, architecture),
        quantized=most if most.quantized else None,
        label=mix,
        kv_cache=FORMATS["fp16"],
        notes=tuple(notes),
    )


# a GGUF file whose mix has no name: its header says the rest
_UNMIXED = WeightScheme(
    plain=FORMATS["fp16"],
    rules=(Rule(form=FORMATS["fp32"], roles=frozenset({"vector", "buffer", "router"})),),
    label="gguf",
    kv_cache=FORMATS["fp16"],
)


def checkpoint_scheme(config: Config, architecture: Architecture) -> WeightScheme:
    """The scheme that the config itself states."""
    notes: list[Note] = []
    if architecture.dtype is None:
        notes.append(
            Note(
                subject="torch_dtype",
                text="The config states no number format for its weights; bf16 was assumed.",
                origin="assumption",
            )
        )
        plain = FORMATS["bf16"]
    else:
        plain = parse_format(architecture.dtype, argument="The config's torch_dtype", accepted=_PLAIN)
    where = checkpoint.holder(config)
    of_parts = checkpoint.read_parts(config, plain) if where is None and architecture.task == "diffusion" else None
    if of_parts is not None:
        return _by_rules(of_parts, architecture, plain, notes)
    if where is None:
        if plain.bits == 32:
            notes.append(
                Note(
                    subject="precision",
                    text="The checkpoint is stored in fp32, which is what its weights are counted in; engines serve "
                    "it in 16 bits, which precision='bf16' counts.",
                    origin="warning",
                )
            )
        cache = plain if plain.bits == 16 else FORMATS["bf16"]
        return WeightScheme(plain=plain, label=plain.name, kv_cache=cache, notes=tuple(notes))
    gguf_mix = checkpoint.gguf_mix(where)
    if gguf_mix is not None:
        name, before_2024 = gguf_mix
        mix = gguf.mix_of(name)
        return _UNMIXED if mix is None else gguf_scheme(architecture, mix, before_2024=before_2024)
    return _by_rules(checkpoint.read(where, plain), architecture, plain, notes)


def _by_rules(stated: checkpoint.Stated, architecture: Architecture, plain: Format, notes: list[Note]) -> WeightScheme:
    """The scheme of what a quantization_config states, its names looked up in the architecture."""
    rules, idle = looked_up(stated.rules, architecture)
    # what takes no weight is no format of this checkpoint
    rules = tuple(rule for rule in rules if rule.taken is None or rule.taken)
    forms = list(dict.fromkeys(rule.form for rule in rules if rule.form is not plain))
    main = stated.main if stated.main in forms else next(iter(forms), plain)
    cache = plain if plain.bits == 16 else FORMATS["bf16"]
    notes = [*notes, *_idle(idle, architecture.depth)]
    if stated.kv_cache is not None:
        text = (
            f"The checkpoint states a KV cache in {stated.kv_cache.name}, in which vLLM and TensorRT-LLM then keep it; "
            f"kv_precision={cache.name!r} counts 16 bits."
        )
        notes.append(Note(subject="kv_precision", text=text, origin="source"))
    return WeightScheme(
        plain=plain,
        rules=rules,
        quantized=main if main.quantized else None,
        label="+".join(sorted({form.name for form in forms})) or plain.name,
        kv_cache=stated.kv_cache or cache,
        notes=tuple(notes),
        uneven=uneven(rules, architecture),
    )


_ABSENT = re.compile(r"(^|\.|\*)(mtp|nextn|eagle|draft)\b|rotary_emb|inv_freq")


_IDLE = "quantization_config"


def _idle(names: tuple[str, ...], depth: int) -> list[Note]:
    """That names of modules took no weight; left out are those of what is never counted (other predictors, buffers),
    and those that a recipe lists for models of every kind."""
    layers = {name: re.search(r"\blayers\.(\d{1,9})\b", name) for name in names}
    strange = [
        name
        for name, layer in layers.items()
        if name not in labels.IGNORED_BY_COMPRESSOR
        and not _ABSENT.search(name)
        and not (layer is not None and int(layer[1]) >= depth)
    ]
    if not strange:
        return []
    some = ", ".join(repr(name) for name in strange[:3]) + (" …" if len(strange) > 3 else "")
    text = (
        f"The config's quantization_config names {len(strange):,} module(s) that are no weight of this model, which "
        f"changed nothing: {some}."
    )
    return [Note(subject=_IDLE, text=text, origin="warning")]
