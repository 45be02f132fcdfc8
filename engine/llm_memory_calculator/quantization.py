"""Which format each weight of a checkpoint is stored in: its quantization_config, or the caller's precision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

from .architecture import Architecture, Layer
from .config import Config
from .errors import ConfigError, did_you_mean
from .numerics import FORMATS, Format, Scales, parse_format
from .operators import Operator, Role, Weight
from .report import Note

_PLAIN = ("fp32", "bf16", "fp16")
# What a quantiser leaves alone unless it says otherwise: tables, heads, routers and the towers of images and audio.
_QUANTIZED_ROLES: frozenset[Role] = frozenset({"linear", "expert"})


# A config is not trusted, and a regex can run for ever: what is more than this is refused, not run.
_LONGEST_PATTERN, _MOST_REPEATS = 300, 3
_MOST_ALIKE, _MOST_MATCHES = 200, 50_000


class ModulePatterns:
    """Modules as a quantiser names them: exact, a path component or prefix, a glob, or `re:` and a regex."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        for pattern in patterns:
            if re.search(r"experts\.\d", pattern):
                raise ConfigError(
                    f"The config's quantization_config names single experts ({pattern!r}), which is not described; "
                    "give precision to count one format."
                )
        plain = {pattern for pattern in patterns if not pattern.startswith("re:") and "*" not in pattern}
        self.plain = frozenset(plain)
        # by what stands before the first wildcard, so that a long list of globs is not tried one by one
        self.globs: dict[str, list[str]] = {}
        for pattern in patterns:
            if "*" in pattern and not pattern.startswith("re:"):
                literal, wildcard, rest = pattern.partition("*")
                self.globs.setdefault(literal, []).append(wildcard + rest)
        self.regexes = tuple(_compiled(pattern) for pattern in patterns if pattern.startswith("re:"))
        if max((len(rests) for rests in self.globs.values()), default=0) > _MOST_ALIKE:
            raise ConfigError(
                f"The config's quantization_config has more than {_MOST_ALIKE} patterns that begin alike; give "
                "precision to count one format."
            )
        self.by_layer = any(re.search(r"\.\d+(\.|$|\*)", pattern) for pattern in patterns)

    def __bool__(self) -> bool:
        return bool(self.plain or self.globs or self.regexes)

    def match(self, path: str) -> bool:
        pieces = path.split(".")
        runs = (".".join(pieces[i:j]) for i in range(len(pieces)) for j in range(len(pieces), i, -1))
        if self.plain and any(run in self.plain for run in runs):
            return True
        heads = [".".join(pieces[: i + 1]) for i in range(len(pieces))]
        if self.globs and any(
            fnmatchcase(head[end:], rest)
            for head in heads
            for end in range(len(head) + 1)
            for rest in self.globs.get(head[:end], ())
        ):
            return True
        return any(regex.match(path) for regex in self.regexes)


def _compiled(pattern: str) -> re.Pattern[str]:
    expression = pattern.removeprefix("re:")
    bare = re.sub(r"\\.", "x", expression)
    if (
        len(expression) > _LONGEST_PATTERN
        or re.search(r"\)[*+{]", bare)
        or len(re.findall(r"[*+{]", bare)) > _MOST_REPEATS
        or re.search(r"\\\d|\(\?P=", expression)
    ):
        raise ConfigError(
            f"The config's quantization_config has the pattern {expression[:60]!r}, which could take too long to match "
            f"(a repeated group, a back-reference, or more than {_MOST_REPEATS} repeats); give precision to count one "
            "format."
        )
    try:
        return re.compile(expression)
    except re.error as error:
        raise ConfigError(f"The config's quantization_config names {pattern!r}, which is no regex: {error}.") from error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightScheme:
    """The format of every weight: `plain` for what is not quantised, `quantized` for what is."""

    plain: Format
    quantized: Format | None = None
    roles: frozenset[Role] = _QUANTIZED_ROLES
    exclusions: ModulePatterns | None = None
    inclusions: ModulePatterns | None = None
    """Where the quantiser names what it quantised: only that."""
    label: str = ""
    kv_cache: Format = FORMATS["bf16"]
    """The cache's format unless the caller names one: the plain one, or 16 bits for a checkpoint stored in 32."""
    notes: tuple[Note, ...] = ()

    @property
    def regexes(self) -> int:
        """How many regexes each name is matched against."""
        return sum(len(found.regexes) for found in (self.exclusions, self.inclusions) if found is not None)

    def format_of(self, weight: Weight, path: str) -> Format:
        if weight.role == "buffer":
            return FORMATS["fp32"]
        if self.quantized is None or weight.role not in self.roles:
            return self.plain
        name = f"{path}{weight.name}"
        if self.inclusions is not None and not self.inclusions.match(name):
            return self.plain
        return self.plain if self.exclusions is not None and self.exclusions.match(name) else self.quantized


@lru_cache(maxsize=512)
def layer_bytes(layer: Layer, scheme: WeightScheme) -> tuple[tuple[float, ...], tuple[Format, ...]]:
    """Stored bytes of each operator over all the layers of a group, and the format of most of its weight."""
    paths = layer.module_paths()
    prefixes = [f"{path}." if path else "" for path in paths]
    by_layer = any(found is not None and found.by_layer for found in (scheme.exclusions, scheme.inclusions))
    judged = prefixes if by_layer else prefixes[:1]
    matches = len(judged) * sum(len(operator.weights()) for operator in layer.operators) * scheme.regexes
    if matches > _MOST_MATCHES:
        raise ConfigError(
            f"The config's quantization_config would match {matches:,} names and patterns, more than "
            f"{_MOST_MATCHES:,}; give precision to count one format."
        )
    scale = layer.repeat / len(judged) if judged else 0
    sizes, formats = [], []
    for operator in layer.operators:
        total, share = 0.0, dict[Format, float]()
        for weight in operator.weights():
            for prefix in judged:
                form = scheme.format_of(weight, prefix)
                size = weight.copies * form.stored_bytes(weight.rows, weight.columns)
                total += size
                share[form] = share.get(form, 0.0) + size
        sizes.append(total * scale)
        formats.append(max(share, key=lambda form: share[form]) if share else scheme.plain)
    return tuple(sizes), tuple(formats)


def stored_bytes(architecture: Architecture, scheme: WeightScheme) -> int:
    """Bytes of all weights that are stored, scales included."""
    return round(sum(sum(layer_bytes(layer, scheme)[0]) for layer in architecture.layers()))


@lru_cache(maxsize=4096)
def operator_bytes(layer: Layer, scheme: WeightScheme) -> tuple[tuple[Operator, float, Format], ...]:
    """Each operator of one layer of the group with its stored bytes and the format that its product runs from."""
    sizes, formats = layer_bytes(layer, scheme)
    return tuple(
        (operator, size / layer.repeat, form)
        for operator, size, form in zip(layer.operators, sizes, formats, strict=True)
    )


# --- schemes -------------------------------------------------------------------------------------------------------


def scheme_for(config: Config, architecture: Architecture, precision: str | None) -> WeightScheme:
    """The scheme of a checkpoint, or of `precision` where the caller gives one.

    A given quantised precision holds for the matrices of the layers; tables, head, routers, norms and biases stay in
    16 bits, as every common quantiser leaves them.
    """
    if precision is None:
        return checkpoint_scheme(config, architecture)
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
    return WeightScheme(plain=plain, quantized=wanted, label=wanted.name, kv_cache=plain, notes=tuple(notes))


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
    stated = config.values.get("quantization_config") or config.values.get("compression_config")
    if stated is None:
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
    if not isinstance(stated, Mapping):
        raise ConfigError(f"The config's quantization_config must be an object, and is {type(stated).__name__}.")
    section = Config(stated, where="quantization_config.")
    if plain.bits == 32:
        plain = FORMATS["bf16"]
    return _quantized_scheme(section, plain, notes)


def _quantized_scheme(section: Config, plain: Format, notes: list[Note]) -> WeightScheme:
    method = section.text("quant_method", default="modelopt" if section.has("quant_algo") else "")
    readers = {
        "gptq": _gptq,
        "awq": _awq,
        "fp8": _fp8,
        "fbgemm_fp8": _fp8,
        "mxfp4": lambda _: FORMATS["mxfp4"],
        "bitsandbytes": _bitsandbytes,
        "compressed-tensors": _groups,
        "compressed_tensors": _groups,
        "modelopt": _groups,
        "modelopt_fp4": _groups,
    }
    if method not in readers:
        near = did_you_mean(method, tuple(readers))
        raise ConfigError(
            f"The config's quantization_config has quant_method {method!r}, which is not known.{near} "
            f"Known: {', '.join(readers)}. Give precision to count another format."
        )
    quantized = readers[method](section)
    fields = ("modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers", "llm_int8_skip_modules")
    kept = [name for field in fields for name in _module_names(section.values.get(field), field)]
    inclusions = _inclusions(section)
    by_targets = method in ("compressed-tensors", "compressed_tensors", "modelopt", "modelopt_fp4")
    roles: frozenset[Role] = _QUANTIZED_ROLES | {"head", "router", "tower"} if by_targets else _QUANTIZED_ROLES
    if section.boolean("lm_head", default=False):
        roles |= {"head"}
    kv_scheme = section.values.get("kv_cache_scheme") or section.values.get("kv_cache_quant_algo")
    if kv_scheme:
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
        quantized=quantized,
        roles=roles,
        exclusions=ModulePatterns(tuple(kept)) if kept else None,
        inclusions=inclusions,
        label=quantized.name,
        kv_cache=plain,
        notes=tuple(notes),
    )


def _module_names(value: Any, field: str) -> list[str]:
    """A list of module names, one level of nesting flattened (modules_in_block_to_quantize)."""
    if value is None:
        return []
    names: list[Any] = []
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        names += entry if isinstance(entry, (list, tuple)) else [entry]
    if not isinstance(value, (list, tuple)) or any(not isinstance(name, str) for name in names):
        raise ConfigError(f"The config's quantization_config.{field} must be a list of module names.")
    return names


def _inclusions(section: Config) -> ModulePatterns | None:
    """What the quantiser names as quantised; None when that is every linear layer."""
    if section.has("dynamic"):
        raise ConfigError(
            "The config's quantization_config.dynamic gives modules formats of their own, which is not described; give "
            "precision to count one format."
        )
    names = _module_names(section.values.get("modules_in_block_to_quantize"), "modules_in_block_to_quantize")
    groups = section.values.get("config_groups")
    for group in groups.values() if isinstance(groups, Mapping) else ():
        targets = _module_names(group.get("targets") if isinstance(group, Mapping) else None, "config_groups.targets")
        if not targets or "Linear" in targets:
            return ModulePatterns(tuple(names)) if names else None
        if any(not target.startswith("re:") and "." not in target and target[:1].isupper() for target in targets):
            raise ConfigError(
                f"The config's quantization_config targets {', '.join(targets)}, which is not described; known are "
                "'Linear', module names and re: patterns. Give precision to count one format."
            )
        names += targets
    return ModulePatterns(tuple(names)) if names else None


def _grouped(form: Format, bits: int, group: int) -> Format:
    """`form` with `bits` an element, its zero point as wide, and groups of `group` inputs (-1: all inputs)."""
    scales = tuple(
        replace(entry, bits=entry.bits - form.bits + bits, columns=None if group == -1 else group)
        if entry.columns and entry.columns > 1
        else entry
        for entry in form.scales
    )
    name = form.name if bits == form.bits else f"w{bits}a16"
    return replace(form, name=name, bits=bits, scales=scales)


def _group_size(section: Config) -> int:
    return _checked_group(section.integer("group_size", "q_group_size", default=128, least=-1))


def _checked_group(size: int) -> int:
    if size == 0:
        raise ConfigError(
            "The config's quantization_config.group_size must be -1 (all inputs) or at least 1, and is 0."
        )
    return size


def _gptq(section: Config) -> Format:
    return _grouped(FORMATS["gptq"], section.integer("bits", "w_bit", least=2, most=8), _group_size(section))


def _awq(section: Config) -> Format:
    bits = section.integer("bits", "w_bit", default=4, least=2, most=8)
    symmetric = not section.boolean("zero_point", default=True)
    return _grouped(FORMATS["int4" if symmetric else "awq"], bits, _group_size(section))


# one float32 scale a tensor: modelopt, and fp8 checkpoints that state no blocks
_FP8_BY_TENSOR = replace(FORMATS["fp8"], scales=(Scales(bits=32, rows=None),))


def _fp8(section: Config) -> Format:
    if not section.has("weight_block_size"):
        return FORMATS["fp8"] if section.text("quant_method") == "fbgemm_fp8" else _FP8_BY_TENSOR
    block = section.integers("weight_block_size", least=1)
    if len(block) != 2:
        raise ConfigError(f"The config's quantization_config.weight_block_size must be two numbers, and is {block}.")
    return replace(FORMATS["fp8_block"], scales=(Scales(bits=32, rows=block[0], columns=block[1]),))


def _bitsandbytes(section: Config) -> Format:
    if section.boolean("load_in_4bit", default=False):
        if section.boolean("bnb_4bit_use_double_quant", default=False):
            # 8-bit maxima, themselves scaled by one float32 a 256 of them
            return replace(FORMATS["nf4"], scales=(Scales(bits=8 + 32 / 256, columns=64),))
        return FORMATS["nf4"]
    if section.boolean("load_in_8bit", default=False):
        return FORMATS["int8"]
    raise ConfigError("The config's quantization_config (bitsandbytes) says neither load_in_4bit nor load_in_8bit.")


def _groups(section: Config) -> Format:
    """compressed-tensors and modelopt: config_groups of weights {num_bits, type, strategy, group_size}."""
    groups = section.values.get("config_groups")
    if isinstance(groups, Mapping) and groups:
        found = {_group_format(group) for group in groups.values()}
        if len(found) > 1:
            names = ", ".join(sorted(form.name for form in found))
            raise ConfigError(
                f"The config's quantization_config mixes formats ({names}) by module, which is not described yet; "
                "give precision to count one format."
            )
        return found.pop()
    algorithm = section.text("quant_algo", default="").upper()
    known = {
        "FP8": _FP8_BY_TENSOR,
        "NVFP4": FORMATS["nvfp4"],
        "W4A16_AWQ": FORMATS["awq"],
        "INT4_AWQ": FORMATS["awq"],
        "INT8_SQ": FORMATS["int8"],
    }
    if algorithm not in known:
        raise ConfigError(
            f"The config's quantization_config has neither config_groups nor a known quant_algo ({algorithm!r}); "
            f"known: {', '.join(known)}."
        )
    return known[algorithm]


def _group_format(group: Any) -> Format:
    weights = group.get("weights") if isinstance(group, Mapping) else None
    if not isinstance(weights, Mapping):
        raise ConfigError("The config's quantization_config.config_groups has a group without weights.")
    section = Config(weights, where="quantization_config.config_groups.weights.")
    bits, kind = section.integer("num_bits", least=2, most=8), section.text("type", default="int")
    group_size = _checked_group(section.integer("group_size", default=-1, least=-1))
    inputs = group.get("input_activations")
    if kind == "float" and bits == 8:
        # compressed-tensors states its strategy, modelopt has one scale a tensor and states none
        return _FP8_BY_TENSOR if section.text("strategy", default="tensor") == "tensor" else FORMATS["fp8"]
    if kind == "float" and bits == 4:
        return FORMATS["mxfp4"] if group_size == 32 else FORMATS["nvfp4"]
    if kind == "int" and bits == 8 and inputs:
        return FORMATS["int8"]
    if kind == "int":
        form = FORMATS["int4"]
        if not section.boolean("symmetric", default=True):
            form = replace(form, scales=(Scales(bits=16 + form.bits, columns=128),))
        return _grouped(form, bits, group_size)
    raise ConfigError(f"The config's quantization_config has weights of {bits} bits and type {kind!r}, not known here.")
