"""The quantization_config of a checkpoint, read into rules: what has which format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..config import Config
from ..errors import ConfigError, did_you_mean, shown
from ..operators import Role
from .module_rules import ModulePatterns, Rule
from .numerics import FORMATS, Format, Scales

# What a quantiser leaves alone unless it says otherwise: tables, heads, routers and the towers of images and audio.
QUANTIZED_ROLES: frozenset[Role] = frozenset({"linear", "expert"})
_ALL_MATRICES: frozenset[Role] = QUANTIZED_ROLES | {"head", "router", "tower"}
# Those that name all they leave alone: the head, routers and towers too.
_BY_TARGETS = ("compressed-tensors", "modelopt", "modelopt_fp4", "quark")
# MLX writes "quantization", in older repositories alone.
_HOLDING = ("quantization_config", "compression_config", "quantization")
_KEPT_FIELDS = (
    "modules_to_not_convert",
    "ignore",
    "exclude_modules",
    "exclude",
    "ignored_layers",
    "llm_int8_skip_modules",
)

# one float32 scale a tensor: modelopt, and fp8 checkpoints that state no blocks
_FP8_BY_TENSOR = replace(FORMATS["fp8"], scales=(Scales(bits=32, rows=None),))
# OCP microscaling 1.0: one 8-bit exponent a block of 32
_MXFP8 = replace(FORMATS["fp8"], name="mxfp8", scales=(Scales(bits=8, columns=32),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a quantization_config says."""

    rules: tuple[Rule, ...]
    """In the order in which they hold: the first that takes a weight gives its format."""
    main: Format
    """The format of most of what is quantised."""
    label: str
    """The format's name, or the names of all of them."""
    scales_cache: bool
    """Whether scales for an 8-bit KV cache are in the checkpoint."""


def read(config: Config, plain: Format) -> Stated:
    """The rules of the config's quantization_config; `plain` is the format of what it leaves alone.

    Raises ConfigError for a method or a field that is not known, and for what could take too long to match.
    """
    section = _section(config)
    method = _method(section)
    _refuse_sparse(section)
    kept = ModulePatterns(tuple(name for field in _KEPT_FIELDS for name in _names(section.values.get(field), field)))
    roles = _ALL_MATRICES if method in _BY_TARGETS else QUANTIZED_ROLES
    if method == "mlx":
        roles = _ALL_MATRICES | {"table"}
    if section.boolean("lm_head", default=False):
        roles |= {"head"}
    by_module = _by_module(section, method)
    if method == "fp8" and by_module:
        # modelopt over an fp8 checkpoint: what it leaves alone keeps its fp8
        rest: tuple[Rule, ...] = (Rule(form=_fp8(section), roles=QUANTIZED_ROLES),)
        rules = (*by_module, *rest)
    elif by_module and method not in ("gptq", "auto-round", "mlx"):
        rules = (*_leaving(kept, plain), *by_module)
    else:
        main = _READERS[method](section)
        inside = _inside(section)
        general = Rule(form=main, roles=roles, modules=ModulePatterns(inside) if inside else None)
        rules = (*_leaving(kept, plain), *by_module, *_experts_of(config, section), general)
    forms = list(dict.fromkeys(rule.form for rule in rules if rule.form is not plain))
    if not forms:
        raise ConfigError("The config's quantization_config quantises nothing; give precision to count one format.")
    main = rules[-1].form if rules[-1].form is not plain else forms[0]
    return Stated(
        rules=rules,
        main=main,
        label="+".join(sorted(dict.fromkeys(form.name for form in forms))),
        scales_cache=section.has("kv_cache_scheme", "kv_cache_quant_algo"),
    )


def read_parts(config: Config, plain: Format) -> Stated | None:
    """The rules of a pipeline, whose parts have each a quantization_config of its own; None where none has."""
    found = {
        part: read(config.section(part), plain)
        for part, value in config.values.items()
        if isinstance(value, Mapping) and any(value.get(field) for field in _HOLDING)
    }
    if not found:
        return None
    labels = {label for stated in found.values() for label in stated.label.split("+")}
    return Stated(
        rules=tuple(replace(rule, within=f"{part}.") for part, stated in found.items() for rule in stated.rules),
        main=next(iter(found.values())).main,
        label="+".join(sorted(labels)),
        scales_cache=False,
    )


def holder(config: Config) -> Config | None:
    """The object that has a quantization_config: the config, or the part of it that describes its decoder."""
    for part in ("", "text_config", "llm_config", "language_config"):
        values = config.values.get(part) if part else config.values
        if isinstance(values, Mapping) and any(values.get(field) for field in _HOLDING):
            return config if not part else config.section(part)
    return None


def gguf_mix(config: Config) -> tuple[str, bool] | None:
    """The mix of formats of a GGUF file, empty where it has no name, and whether it is an old one; None for others."""
    section = _section(config)
    if section.values.get("quant_method") != "gguf":
        return None
    return section.text("mix", default=""), section.values.get("before_2024") is True


def _section(config: Config) -> Config:
    stated = next((config.values[field] for field in _HOLDING if config.values.get(field)), None)
    if not isinstance(stated, Mapping):
        raise ConfigError(f"The config's quantization_config must be an object, and is {type(stated).__name__}.")
    inner = stated.get("quantization")
    if isinstance(inner, Mapping):
        # the layout of modelopt's own hf_quant_config.json
        stated = {"quant_method": "modelopt", **stated, **inner}
    return Config(stated, where="quantization_config.")


def _method(section: Config) -> str:
    method = section.text("quant_method", default="modelopt" if section.has("quant_algo") else "")
    method = method.removesuffix("_marlin").replace("compressed_tensors", "compressed-tensors")
    method = {"auto_round": "auto-round", "intel/auto-round": "auto-round"}.get(method, method)
    if not method and section.has("bits") and section.has("group_size"):
        method = "mlx"  # which writes no more than these
    if method not in _READERS:
        near = did_you_mean(method, tuple(_READERS))
        raise ConfigError(
            f"The config's quantization_config has quant_method {shown(method)}, which is not known.{near} "
            f"Known: {', '.join(_READERS)}. Give precision to count another format."
        )
    return method


def _refuse_sparse(section: Config) -> None:
    """Weights with zeros left out (2:4) have other bytes than their bits say."""
    sparse = section.values.get("sparsity_config")
    layout = sparse.get("format", "dense") if isinstance(sparse, Mapping) and sparse else "dense"
    found = next(
        (name for name in (section.values.get("format"), layout) if "24" in str(name) or "sparse" in str(name)), ""
    )
    if found:
        raise ConfigError(
            f"The config's quantization_config stores sparse weights ({found[0]}), whose size is not described; give "
            "precision to count a dense format."
        )


def _leaving(kept: ModulePatterns, plain: Format) -> tuple[Rule, ...]:
    return (Rule(form=plain, roles=_ALL_MATRICES, modules=kept),) if kept else ()


def _names(value: Any, field: str) -> list[str]:
    """A list of module names, one level of nesting flattened (modules_in_block_to_quantize)."""
    if value is None:
        return []
    names: list[Any] = []
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        names += entry if isinstance(entry, (list, tuple)) else [entry]
    if not isinstance(value, (list, tuple)) or any(not isinstance(name, str) for name in names):
        raise ConfigError(f"The config's quantization_config.{field} must be a list of module names.")
    return names


def _inside(section: Config) -> tuple[str, ...]:
    """What the quantiser names as quantised; empty when that is every linear layer."""
    names = _names(section.values.get("modules_in_block_to_quantize"), "modules_in_block_to_quantize")
    for group in _groups(section):
        names += _targets(group) or ()
    return tuple(names)


# --- several formats -----------------------------------------------------------------------------------------------


def _by_module(section: Config, method: str) -> tuple[Rule, ...]:
    """Rules of modules that have a format of their own."""
    layers = section.values.get("quantized_layers") or section.values.get("layer_quant_config")
    if layers:
        return _by_algorithm(layers)
    if method == "mlx":
        return _mlx_overrides(section)
    if section.has("dynamic"):
        return _dynamic(section)
    if section.has("extra_config"):
        return _overrides(section, "extra_config", lambda pattern: pattern)
    groups = _groups(section)
    if method != "gptq" and len(groups) > 1 and len({_group_format(group) for group in groups}) > 1:
        # 'Linear' means what no other group names
        found = sorted(((_targets(group), _group_format(group)) for group in groups), key=lambda entry: not entry[0])
        return tuple(
            Rule(form=form, roles=_ALL_MATRICES, modules=ModulePatterns(targets) if targets else None)
            for targets, form in found
        )
    return ()


def _by_algorithm(layers: Any) -> tuple[Rule, ...]:
    """modelopt's quantized_layers: a module to {quant_algo, group_size}."""
    if not isinstance(layers, Mapping):
        raise ConfigError("The config's quantization_config.quantized_layers must be an object of modules.")
    modules: dict[Format, list[str]] = {}
    for name, entry in layers.items():
        if not isinstance(entry, Mapping):
            raise ConfigError(f"The config's quantization_config.quantized_layers[{name!r}] must be an object.")
        form = _algorithm(Config(entry, where="quantization_config.quantized_layers."))
        modules.setdefault(form, []).append(name)
    return tuple(
        Rule(form=form, roles=_ALL_MATRICES, modules=ModulePatterns(tuple(names))) for form, names in modules.items()
    )


def _dynamic(section: Config) -> tuple[Rule, ...]:
    """GPTQModel's dynamic: a regex to the fields that differ; `-:` before it leaves what it matches alone."""
    return _overrides(section, "dynamic", lambda pattern: f"re:{pattern.removeprefix('+:').removeprefix('-:')}")


def _overrides(section: Config, field: str, spelled: Callable[[str], str]) -> tuple[Rule, ...]:
    entries = section.values[field]
    if not isinstance(entries, Mapping):
        raise ConfigError(f"The config's quantization_config.{field} must be an object of modules.")
    rules = []
    for pattern, own in entries.items():
        skips = str(pattern).startswith("-:")
        if not skips and not isinstance(own, Mapping):
            raise ConfigError(f"The config's quantization_config.{field}[{pattern!r}] must be an object.")
        merged = Config({**section.values, **({} if skips else own)}, where=f"quantization_config.{field}.")
        form = FORMATS["bf16"] if skips or merged.values.get("bits") == 16 else _packed(merged)
        rules.append(Rule(form=form, roles=QUANTIZED_ROLES | {"head"}, modules=ModulePatterns((spelled(pattern),))))
    return tuple(rules)


def _experts_of(config: Config, section: Config) -> tuple[Rule, ...]:
    """DeepSeek-V4: routed experts in 4 bits (e2m1, an 8-bit exponent a block of 32) in an fp8 checkpoint."""
    where = section if section.has("expert_dtype") else config
    if not where.has("expert_dtype") or where.text("expert_dtype") != "fp4":
        return ()
    return (Rule(form=FORMATS["mxfp4"], roles=frozenset({"expert"})),)


# --- one format ----------------------------------------------------------------------------------------------------


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


def _group_size(section: Config, default: int = 128) -> int:
    size = section.integer("group_size", "q_group_size", default=default, least=-1)
    if size == 0:
        raise ConfigError(
            "The config's quantization_config.group_size must be -1 (all inputs) or at least 1, and is 0."
        )
    return size


def _bits(section: Config, default: int | None = None) -> int:
    names = ("bits", "w_bit", "nbits")
    if default is None:
        return section.integer(*names, least=2, most=8)
    return section.integer(*names, default=default, least=2, most=8)


def _packed(section: Config) -> Format:
    """GPTQ's file format, which auto-round writes too."""
    return _grouped(FORMATS["gptq"], _bits(section), _group_size(section))


def _awq(section: Config) -> Format:
    symmetric = not section.boolean("zero_point", default=True)
    return _grouped(FORMATS["int4" if symmetric else "awq"], _bits(section, 4), _group_size(section))


def _hqq(section: Config) -> Format:
    """Half-quadratic quantisation: a 16-bit scale and a 16-bit zero point a group."""
    weights = section.values.get("quant_config")
    inner = weights.get("weight_quant_params") if isinstance(weights, Mapping) else None
    own = Config(inner, where="quantization_config.quant_config.") if isinstance(inner, Mapping) else section
    bits, group = _bits(own, 4), _group_size(own, 64)
    scales = (Scales(bits=32, columns=None if group == -1 else group),)
    return replace(FORMATS["int4"], name=f"hqq{bits}", bits=bits, scales=scales)


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


def _mlx_overrides(section: Config) -> tuple[Rule, ...]:
    """MLX writes a module's own bits and group, or false where it is left alone, under the module's name."""
    rules = []
    for name, own in section.values.items():
        if own is False and "." in name:
            rules.append(Rule(form=FORMATS["bf16"], modules=ModulePatterns((name,))))
        elif isinstance(own, Mapping) and "bits" in own:
            merged = Config({**section.values, **own}, where=f"quantization_config.{name}.")
            rules.append(Rule(form=_mlx(merged), roles=_ALL_MATRICES | {"table"}, modules=ModulePatterns((name,))))
    return tuple(rules)


def _mlx(section: Config) -> Format:
    """MLX: a 16-bit scale and a 16-bit bias a group, in every table and matrix; or a microscaling mode."""
    mode = section.text("mode", default="affine")
    if mode in ("mxfp4", "mxfp8", "nvfp4"):
        return _MXFP8 if mode == "mxfp8" else FORMATS[mode]
    if mode != "affine":
        raise ConfigError(
            f"The config's quantization_config.mode {shown(mode)} is not known; known: affine, mxfp4, mxfp8, nvfp4."
        )
    bits = section.integer("bits", least=2, most=8)
    scales = Scales(bits=32, columns=section.integer("group_size", least=1))
    return Format(name=f"mlx_{bits}bit", bits=bits, scales=(scales,), computes_in=FORMATS["awq"].computes_in)


def _quanto(section: Config) -> Format:
    weights = section.text("weights")
    known = {"int8": FORMATS["int8"], "int4": FORMATS["int4"], "float8": FORMATS["fp8"]}
    if weights not in known:
        raise ConfigError(
            f"The config's quantization_config.weights must be {', '.join(known)}, and is {shown(weights)}."
        )
    return known[weights]


def _groups(section: Config) -> list[Mapping[str, Any]]:
    groups = section.values.get("config_groups")
    if not groups:
        return []
    if not isinstance(groups, Mapping) or not all(isinstance(group, Mapping) for group in groups.values()):
        raise ConfigError("The config's quantization_config.config_groups must be an object of objects.")
    return list(groups.values())


def _targets(group: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules that a group names; empty for every linear layer."""
    targets = _names(group.get("targets"), "config_groups.targets")
    if not targets or "Linear" in targets:
        return ()
    if any(not target.startswith("re:") and "." not in target and target[:1].isupper() for target in targets):
        raise ConfigError(
            f"The config's quantization_config targets {', '.join(targets)}, which is not described; known are "
            "'Linear', module names and re: patterns. Give precision to count one format."
        )
    return tuple(targets)


def _by_groups(section: Config) -> Format:
    """compressed-tensors and modelopt: config_groups of {num_bits, type, strategy, group_size}, or a quant_algo."""
    groups = _groups(section)
    return _group_format(groups[0]) if groups else _algorithm(section)


def _quark(section: Config) -> Format:
    """AMD Quark: global_quant_config.weight {dtype, qscheme, group_size}."""
    weight = section.section("global_quant_config").section("weight")
    dtype, group = weight.text("dtype"), _group_size(weight, -1) if weight.has("group_size") else -1
    if dtype in ("fp8_e4m3", "fp8_e5m2"):
        return FORMATS["fp8"] if weight.text("qscheme", default="per_tensor") == "per_channel" else _FP8_BY_TENSOR
    known = {"fp4": FORMATS["mxfp4"], "int8": FORMATS["int8"], "int4": _grouped(FORMATS["int4"], 4, group)}
    if dtype not in known:
        raise ConfigError(
            f"The config's quantization_config.global_quant_config.weight.dtype {shown(dtype)} is not known; known: "
            f"fp8_e4m3, fp8_e5m2, {', '.join(known)}."
        )
    return known[dtype]


def _algorithm(section: Config) -> Format:
    """The format of modelopt's quant_algo."""
    algorithm = section.text("quant_algo", default="").upper()
    block = _group_size(section, 128)
    known = {
        "FP8": _FP8_BY_TENSOR,
        "FP8_PER_CHANNEL_PER_TOKEN": FORMATS["fp8"],
        # weights in blocks of 128 x 128, as DeepSeek's
        "FP8_PB_WO": replace(FORMATS["fp8_block"], scales=(Scales(bits=32, rows=block, columns=block),)),
        "MXFP8": _MXFP8,
        "NVFP4": FORMATS["nvfp4"],
        "W4A16_NVFP4": FORMATS["nvfp4"],
        # a 16-bit factor for each input, which AWQ multiplies activations by
        "NVFP4_AWQ": replace(
            FORMATS["nvfp4"], scales=(*FORMATS["nvfp4"].scales, Scales(bits=16, rows=None, columns=1))
        ),
        "MXFP4": FORMATS["mxfp4"],
        "W4A8_MXFP4_FP8": FORMATS["mxfp4"],
        "W4A16_AWQ": _grouped(FORMATS["awq"], 4, block),
        "W4A8_AWQ": _grouped(FORMATS["awq"], 4, block),
        "INT4_AWQ": _grouped(FORMATS["awq"], 4, block),
        "INT8_SQ": FORMATS["int8"],
        "W8A8_SQ_PER_CHANNEL": FORMATS["int8"],
        "W8A16": FORMATS["int8"],
    }
    if algorithm not in known:
        raise ConfigError(
            f"The config's quantization_config has neither config_groups nor a known quant_algo ({shown(algorithm)}); "
            f"known: {', '.join(known)}."
        )
    return known[algorithm]


def _group_format(group: Mapping[str, Any]) -> Format:
    weights = group.get("weights")
    if not isinstance(weights, Mapping):
        raise ConfigError("The config's quantization_config.config_groups has a group without weights.")
    section = Config(weights, where="quantization_config.config_groups.weights.")
    bits, kind = section.integer("num_bits", least=2, most=8), section.text("type", default="int")
    group_size = _group_size(section, -1)
    inputs = group.get("input_activations")
    if kind == "float" and bits == 8:
        if section.text("strategy", default="tensor") == "block":
            rows, columns = section.integers("block_structure", least=1, default=(128, 128))
            return replace(FORMATS["fp8_block"], scales=(Scales(bits=16, rows=rows, columns=columns),))
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
    raise ConfigError(
        f"The config's quantization_config has weights of {bits} bits and type {shown(kind)}, not known here."
    )


_READERS: dict[str, Callable[[Config], Format]] = {
    "gptq": _packed,
    "auto-round": _packed,
    "awq": _awq,
    "hqq": _hqq,
    "fp8": _fp8,
    "fbgemm_fp8": _fp8,
    "mxfp4": lambda _: FORMATS["mxfp4"],
    "bitsandbytes": _bitsandbytes,
    "mlx": _mlx,
    "eetq": lambda _: FORMATS["int8"],
    "quanto": _quanto,
    "compressed-tensors": _by_groups,
    "modelopt": _by_groups,
    "modelopt_fp4": _by_groups,
    "quark": _quark,
}
