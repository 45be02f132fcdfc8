"""Which format each weight of a checkpoint is stored in: its quantization_config, or the caller's precision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ..architecture import Architecture, Layer
from ..config import Config
from ..errors import ConfigError
from ..operators import Weight
from ..report import Note
from . import checkpoint, gguf
from .checkpoint import QUANTIZED_ROLES
from .module_rules import Rule
from .numerics import FORMATS, KV_FORMATS, WEIGHT_FORMATS, Format, kv_bits, parse_format, spelling, unknown_format

_PLAIN = ("fp32", "bf16", "fp16")


# A config is not trusted: more names and patterns than this are refused, not matched.
_MOST_MATCHES = 50_000


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

    @property
    def regexes(self) -> int:
        """How many regexes each name is matched against."""
        return sum(len(rule.modules.regexes) for rule in self.rules if rule.modules is not None)

    @property
    def by_layer(self) -> bool:
        """Whether some rule names single layers."""
        return any(rule.by_layer for rule in self.rules)

    def formats_of(self, weight: Weight, path: str) -> list[tuple[Format, float]]:
        """(format, part of the weight's copies that has it): one format, but for experts that are named singly."""
        name, left = f"{path}{weight.name}", 1.0
        found = []
        for rule in self.rules:
            share = min(left, rule.share(weight.role, name, weight.copies))
            if share:
                found.append((rule.form, share))
                left -= share
            if left <= 0:
                return found
        return [*found, (FORMATS["fp32"] if weight.role == "buffer" else self.plain, left)]


def by_name(formats: Mapping[str, Format]) -> tuple[Rule, ...]:
    """Rules for weights of which each has a format of its own, by module path."""
    names: dict[Format, set[str]] = {}
    for name, form in formats.items():
        names.setdefault(form, set()).add(name)
    return tuple(Rule(form=form, names=frozenset(found)) for form, found in names.items())


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
    judged = paths if scheme.by_layer else paths[:1]
    matches = len(judged) * sum(len(operator.weights()) for operator in layer.operators) * scheme.regexes
    if matches > _MOST_MATCHES:
        raise ConfigError(
            f"The config's quantization_config would match {matches:,} names and patterns, more than "
            f"{_MOST_MATCHES:,}; give precision to count one format."
        )
    places: dict[tuple[_WeightFormats, ...], list[int]] = {}
    for place, path in enumerate(judged):
        formats = tuple(
            tuple((weight, *part) for weight in operator.weights() for part in scheme.formats_of(weight, path))
            for operator in layer.operators
        )
        places.setdefault(formats, []).append(place)
    found = []
    for formats, where in places.items():
        indices = layer.indices
        if indices is not None and scheme.by_layer:
            indices = tuple(indices[place] for place in where)
        stored = [_stored(parts, scheme) for parts in formats]
        found.append(
            Alike(
                indices=indices,
                sizes=tuple(size for size, _ in stored),
                formats=tuple(form for _, form in stored),
            )
        )
    return tuple(found)


_WeightFormats = tuple[tuple[Weight, Format, float], ...]


def _stored(parts: _WeightFormats, scheme: WeightScheme) -> tuple[float, Format]:
    """Bytes of an operator's weights, and the format of most of them."""
    by_format = dict[Format, float]()
    for weight, form, part in parts:
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
        raise unknown_format(precision, "precision", (*WEIGHT_FORMATS, *gguf.mixes()))
    wanted = parse_format(precision)
    try:
        stated = checkpoint_scheme(config, architecture)
    except ConfigError as error:
        # what the caller asked for can be counted without it, and the report says what was not read
        unread = f"The checkpoint's own format was not read, and {wanted.name} was counted. {error}"
        plain = WeightScheme(plain=FORMATS["bf16"], label="unread")
        return _asked_for(wanted, plain, [Note(subject="precision", text=unread, origin="override")])
    if stated.quantized is not None and stated.label in (wanted.name, f"{wanted.name}_block"):
        return stated
    notes = []
    if wanted.name != stated.label:
        notes.append(
            Note(
                subject="precision",
                text=f"The checkpoint is stored as {stated.label}; {wanted.name} was asked for and counted instead.",
                origin="override",
            )
        )
    return _asked_for(wanted, stated, notes)


def _asked_for(wanted: Format, stated: WeightScheme, notes: list[Note]) -> WeightScheme:
    if not wanted.quantized:
        cache = FORMATS["fp32"] if wanted.bits == 32 else wanted
        return WeightScheme(plain=wanted, label=wanted.name, kv_cache=cache, notes=tuple(notes))
    plain = stated.plain if stated.plain.bits == 16 else FORMATS["bf16"]
    notes.append(
        Note(
            subject="precision",
            text=f"{wanted.name} holds for the layers' matrices ({wanted.bits_per_weight():.3g} bits a weight with "
            f"scales); embedding, head, routers, norms and biases are counted in {plain.name}.",
            origin="assumption",
        )
    )
    return WeightScheme(
        plain=plain,
        rules=(Rule(form=wanted, roles=QUANTIZED_ROLES),),
        quantized=wanted,
        label=wanted.name,
        kv_cache=plain,
        notes=tuple(notes),
    )


def gguf_scheme(architecture: Architecture, mix: str, *, before_2024: bool = False) -> WeightScheme:
    """The scheme of a GGUF file of this mix, as llama-quantize makes it of the whole model."""
    found = gguf.formats(architecture, mix, before_2024=before_2024)
    table = gguf.table_of(architecture)
    most = gguf.default_format(mix, before_2024=before_2024)
    text = (
        f"{mix} is the mix of formats that llama-quantize makes by this name; a file is larger by its vocabulary and "
        "metadata, some megabytes."
    )
    if not before_2024 and gguf.changed_in_2024(architecture, mix):
        text += " llama.cpp changed it in January 2024: files of before, such as TheBloke's, have another size."
    if architecture.towers:
        text += " Towers are counted in fp16, which llama.cpp keeps in a file of their own (mmproj)."
    kept = gguf.kept_experts(architecture)
    if kept is not None:
        text += f" The experts stay in {kept}, in which they are published."
    return WeightScheme(
        plain=FORMATS["fp16"],
        # a pipeline's last stage has a copy of a tied table
        rules=(*by_name(found), *(() if table is None else (Rule(form=found[table], roles=frozenset({"head"})),))),
        quantized=most if most.quantized else None,
        label=mix,
        kv_cache=FORMATS["fp16"],
        notes=(Note(subject="precision", text=text, origin="assumption"),),
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
        return WeightScheme(
            plain=plain, rules=of_parts.rules, quantized=of_parts.main, label=of_parts.label, kv_cache=plain
        )
    if where is None:
        if plain.bits == 32:
            notes.append(
                Note(
                    subject="precision",
                    text="The checkpoint is stored in fp32, which is what its weights are counted in; engines serve "
                    "it in 16 bits, which precision='bf16' counts. The KV cache is counted in bf16.",
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
    if plain.bits == 32:
        plain = FORMATS["bf16"]
    stated = checkpoint.read(where, plain)
    if stated.scales_cache:
        notes.append(
            Note(
                subject="kv_precision",
                text="The checkpoint carries scales for an 8-bit KV cache; it is counted in 16 bits unless "
                "kv_precision says 'fp8'.",
                origin="warning",
            )
        )
    return WeightScheme(
        plain=plain,
        rules=stated.rules,
        quantized=stated.main,
        label=stated.label,
        kv_cache=plain,
        notes=tuple(notes),
    )
