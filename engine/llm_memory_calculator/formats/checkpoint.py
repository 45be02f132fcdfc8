"""The quantization_config of a checkpoint, read into rules: what has which format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..config import Config
from ..errors import ConfigError, did_you_mean, kind_of, shown
from ..operators import Role
from .module_rules import ModulePatterns, Rule
from .numerics import FORMATS, Format
from .quantisers import (
    READERS,
    algorithm_of,
    exl,
    fqn_configs,
    group_format,
    groups_of,
    hqq,
    mlx,
    names_of,
    packed,
    quark,
    targets_of,
    torchao_form,
    vptq_of,
)

# What a quantiser leaves alone unless it says otherwise: tables, heads, routers and the towers of images and audio.
QUANTIZED_ROLES: frozenset[Role] = frozenset({"linear", "expert"})
_ALL_MATRICES: frozenset[Role] = QUANTIZED_ROLES | {"head", "router", "tower"}
# Those that name all they leave alone: the head, routers and towers too.
_MODELOPT = ("modelopt", "modelopt_fp4")
_BY_TARGETS = ("compressed-tensors", "quark", *_MODELOPT)
# Where a config has it; MLX writes "quantization", in older repositories alone.
HOLDING = ("quantization_config", "compression_config", "quantization")
_KEPT_FIELDS = (
    "modules_to_not_convert",
    "ignore",
    "exclude_modules",
    "exclude",
    "ignored_layers",
    "llm_int8_skip_modules",
    "linear_weights_not_to_quantize",
    "skip_modules",
)
# Those that transformers puts in the place of every linear layer, towers' too, unless they are named as left alone.
_IN_TOWERS = ("bitsandbytes", "eetq", "quanto", "torchao", "hqq")
# Those whose plain names mean one module, and not all that is in it.
_ONE_MODULE = ("compressed-tensors", "mlx", "auto-round", "vptq")
# mlx-vlm leaves towers in 16 bits, and quantises the projectors behind them.
_PROJECTORS = (
    "multi_modal_projector",
    "mm_projector",
    "vision_projector",
    "connector",
    "aligner",
    "modality_projection",
    "mlp1",
    "embed_vision",
    "embed_audio",
)
_MLX_DEFAULTS = {"bits": 4, "group_size": 64, "mode": "affine"}
_MLX_FIELDS = frozenset({"bits", "group_size", "mode", "quant_method", "quant_algo"})
_CACHES = {"FP8": "fp8", "INT8": "int8", "NVFP4": "nvfp4"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a quantization_config says."""

    rules: tuple[Rule, ...]
    """In the order in which they hold: the first that takes a weight gives its format."""
    main: Format
    """The format of most of what is quantised."""
    kv_cache: Format | None
    """The format of the KV cache that the checkpoint has scales for."""


def read(config: Config, plain: Format) -> Stated:
    """The rules of the config's quantization_config; `plain` is the format of what it leaves alone.

    Raises ConfigError for a method or a field that is not known, and for what could take too long to match.
    """
    section = _section(config)
    method = _method(section)
    _refuse_sparse(section)
    cache = _cache(section)
    if method in _MODELOPT and cache is not None and not _quantises_weights(section):
        return Stated(rules=(), main=plain, kv_cache=cache)
    rules = (*_leaving(section, method, plain), *_by_module(section, method, plain))
    if not _names_all(section, method):
        rules = (*rules, *_experts_of(config, section), *_general(section, method, plain))
    forms = list(dict.fromkeys(rule.form for rule in rules if rule.form is not plain))
    if not any(form.quantized for form in forms) and method == "bitnet":
        return Stated(rules=(), main=plain, kv_cache=cache)
    if not forms:
        raise ConfigError("The config's quantization_config quantises nothing; give precision to count one format.")
    main = rules[-1].form if rules[-1].form is not plain else forms[0]
    return Stated(rules=rules, main=main, kv_cache=cache)


def _quantises_weights(section: Config) -> bool:
    if section.has("config_groups", "quantized_layers"):
        return True
    return section.text("quant_algo", default="NO_QUANT").upper() != "NO_QUANT"


def _general(section: Config, method: str, plain: Format) -> tuple[Rule, ...]:
    """The rules of what has no format of its own."""
    groups = groups_of(section)
    if groups:
        return _of_groups(section, groups)
    main = READERS[method](section)
    inside = _inside(section)
    modules = ModulePatterns(inside) if inside else None
    if method == "mlx":
        main = _mlx_scaled(main, plain)
        projectors = Rule(form=main, roles=frozenset({"tower"}), modules=ModulePatterns(_PROJECTORS, stated=False))
        return (projectors, Rule(form=main, roles=QUANTIZED_ROLES | {"head", "router", "table"}, outside_towers=True))
    if method in ("exl2", "exl3"):
        head = Rule(form=exl(section)[1], roles=frozenset({"head"}))
        return (head, Rule(form=main, roles=QUANTIZED_ROLES))
    roles = _ALL_MATRICES if method in _BY_TARGETS else QUANTIZED_ROLES
    if method in _IN_TOWERS:
        roles |= {"tower"}
    if method == "auto-round" and inside:
        # its blocks may be those of a tower
        roles |= {"tower"}
    if method == "bitsandbytes" and section.has("llm_int8_skip_modules"):
        # what is skipped by default is named there, or is not skipped
        roles |= {"head"}
    if _flag(section, "lm_head") or _flag(section, "include_input_output_embeddings"):
        roles |= {"head"}
    return (Rule(form=main, roles=roles, modules=modules),)


def _flag(section: Config, name: str) -> bool:
    return section.boolean(name, default=False)


def _cache(section: Config) -> Format | None:
    """The KV cache's format by kv_cache_quant_algo (modelopt) or kv_cache_scheme (compressed-tensors)."""
    stated = section.values.get("kv_cache_quant_algo") or section.values.get("kv_cache_scheme")
    if isinstance(stated, Mapping):
        scheme = Config(stated, where="quantization_config.kv_cache_scheme.")
        bits, kind = scheme.integer("num_bits", default=8, least=2, most=16), scheme.text("type", default="float")
        stated = {(8, "float"): "FP8", (8, "int"): "INT8", (4, "float"): "NVFP4"}.get((bits, kind), f"{kind} {bits}")
    if stated is None or str(stated).upper() in ("NONE", "AUTO", "16", ""):
        return None
    if str(stated).upper() not in _CACHES:
        raise ConfigError(
            f"The config's quantization_config states a KV cache in {shown(stated)}, which is not known; known are "
            f"{', '.join(_CACHES)}. Give precision and kv_precision to count others."
        )
    return FORMATS[_CACHES[str(stated).upper()]]


def read_parts(config: Config, plain: Format) -> Stated | None:
    """The rules of a pipeline, whose parts have each a quantization_config of its own; None where none has."""
    found = {
        part: read(config.section(part), plain)
        for part, value in config.values.items()
        if isinstance(value, Mapping) and any(value.get(field) for field in HOLDING)
    }
    if not found:
        return None
    return Stated(
        rules=tuple(replace(rule, within=f"{part}.") for part, stated in found.items() for rule in stated.rules),
        main=next(iter(found.values())).main,
        kv_cache=None,
    )


def holder(config: Config) -> Config | None:
    """The object that has a quantization_config: the config, or the part of it that describes its decoder."""
    for part in ("", "text_config", "llm_config", "language_config"):
        values = config.values.get(part) if part else config.values
        if isinstance(values, Mapping) and any(values.get(field) for field in HOLDING):
            return config if not part else config.section(part)
    return None


def gguf_mix(config: Config) -> tuple[str, bool] | None:
    """The mix of formats of a GGUF file, empty where it has no name, and whether it is an old one; None for others."""
    section = _section(config)
    if section.values.get("quant_method") != "gguf":
        return None
    return section.text("mix", default=""), section.values.get("before_2024") is True


def _section(config: Config) -> Config:
    stated = next((config.values[field] for field in HOLDING if config.values.get(field)), None)
    if not isinstance(stated, Mapping):
        raise ConfigError(f"The config's quantization_config must be an object, and is {kind_of(stated)}.")
    inner = stated.get("quantization")
    if isinstance(inner, Mapping):
        # the layout of modelopt's own hf_quant_config.json
        stated = {"quant_method": "modelopt", **stated, **inner}
    return Config(stated, where="quantization_config.")


def _method(section: Config) -> str:
    method = section.text(
        "quant_method", default="modelopt" if section.has("quant_algo", "kv_cache_quant_algo") else ""
    )
    method = method.removesuffix("_marlin").replace("compressed_tensors", "compressed-tensors")
    method = {"auto_round": "auto-round", "intel/auto-round": "auto-round"}.get(method, method)
    if not method:
        method = _method_by_fields(section)
    if method not in READERS:
        near = did_you_mean(method, tuple(READERS))
        raise ConfigError(
            f"The config's quantization_config has quant_method {shown(method)}, which is not known.{near} "
            f"Known: {', '.join(READERS)}. Give precision to count another format."
        )
    return method


def _method_by_fields(section: Config) -> str:
    """The method of a quantization_config that names none."""
    if section.has("load_in_4bit", "load_in_8bit"):
        return "bitsandbytes"
    if section.has("w_bit", "zero_point", "q_group_size"):
        return "awq"
    if section.has("bits") and section.has("desc_act", "sym", "damp_percent", "true_sequential", "static_groups"):
        return "gptq"
    # which writes no more than these
    return "mlx" if section.has("bits") and section.has("group_size") else ""


def _refuse_sparse(section: Config) -> None:
    """Weights with zeros left out (2:4) have other bytes than their bits say."""
    sparse = section.values.get("sparsity_config")
    layout = sparse.get("format", "dense") if isinstance(sparse, Mapping) and sparse else "dense"
    found = next(
        (name for name in (section.values.get("format"), layout) if "24" in str(name) or "sparse" in str(name)), ""
    )
    if found:
        raise ConfigError(
            f"The config's quantization_config stores sparse weights ({found}), whose size is not described; give "
            "precision to count a dense format."
        )


def _leaving(section: Config, method: str, plain: Format) -> tuple[Rule, ...]:
    """What the quantiser names as left alone."""
    names = [name for field in _KEPT_FIELDS for name in names_of(section.values.get(field), field)]
    if not names or (method == "fp8" and section.values.get("quantized_layers")):
        # modelopt over an fp8 checkpoint: what it leaves alone keeps its fp8
        return ()
    return (Rule(form=plain, roles=_ALL_MATRICES, modules=ModulePatterns(names, below=method not in _ONE_MODULE)),)


def _names_all(section: Config, method: str) -> bool:
    """Whether the rules by module name all that is quantised."""
    if method == "vptq":
        return bool(section.values.get("config_for_layers"))
    if method == "hqq":
        return bool(_hqq_by_module(section))
    if method == "torchao":
        # modules that no name takes have the default, or are left alone where there is none
        by_name = fqn_configs(section)
        return bool(by_name) and not by_name.get("_default")
    return method != "fp8" and bool(section.values.get("quantized_layers"))


def _inside(section: Config) -> tuple[str, ...]:
    """What the quantiser names as quantised; empty when that is every linear layer."""
    names = names_of(section.values.get("modules_in_block_to_quantize"), "modules_in_block_to_quantize")
    for field in ("block_name_to_quantize", "to_quant_block_names"):
        blocks = section.values.get(field)
        # auto-round writes them as one text, or as lists of the layers of each block
        names += blocks.split(",") if isinstance(blocks, str) else names_of(blocks, field)
    return tuple(name.strip() for name in names if name.strip())


def _of_groups(section: Config, groups: list[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The formats of config_groups: of the modules that a group names first, then of classes."""
    layout = section.text("format", default="")
    named: list[Rule] = []
    patterns: list[Rule] = []
    of_class: list[Rule] = []
    for group in groups:
        form, (classes, modules) = group_format(group, layout), targets_of(group)
        # a module's own name holds before a pattern, and that before a class
        for kind, spelled in ((named, False), (patterns, True)):
            chosen = [module for module in modules if module.startswith("re:") is spelled]
            if chosen:
                meant = ModulePatterns(chosen, below=False)
                kind.append(Rule(form=form, roles=_ALL_MATRICES | {"table"}, modules=meant))
        if "Linear" in classes:
            of_class.append(Rule(form=form, roles=_ALL_MATRICES))
        if "Embedding" in classes:
            of_class.append(Rule(form=form, roles=frozenset({"table"})))
    return (*named, *patterns, *of_class)


# --- several formats -----------------------------------------------------------------------------------------------


def _by_module(section: Config, method: str, plain: Format) -> tuple[Rule, ...]:
    """Rules of modules that have a format of their own."""
    if section.values.get("quantized_layers"):
        return _of_each(section.values["quantized_layers"], algorithm_of, "quantized_layers")
    if section.values.get("layer_quant_config"):
        return _of_each(section.values["layer_quant_config"], quark, "layer_quant_config")
    if method == "vptq":
        return _of_each(section.values.get("config_for_layers") or {}, vptq_of, "config_for_layers")
    if method == "hqq":
        return _of_each(_hqq_by_module(section), hqq, "quant_config")
    if method == "mlx":
        return _mlx_overrides(section, plain)
    if method == "torchao":
        return _torchao_overrides(section, plain)
    if section.has("dynamic"):
        return _overrides(section, "dynamic", plain, _dynamic)
    if section.has("extra_config"):
        return _overrides(section, "extra_config", plain, _by_key)
    return ()


def _hqq_by_module(section: Config) -> Mapping[str, Any]:
    """HQQ's parameters by the name that modules of all layers share (self_attn.q_proj); empty where one is of all."""
    stated = section.values.get("quant_config")
    if not isinstance(stated, Mapping) or "weight_quant_params" in stated:
        return {}
    return stated


def _of_each(entries: Any, form_of: Callable[[Config], Format], field: str) -> tuple[Rule, ...]:
    """Modules that each have an object of their own: modelopt's quantized_layers and the like."""
    if not isinstance(entries, Mapping):
        raise ConfigError(f"The config's quantization_config.{field} must be an object of modules.")
    modules: dict[Format, list[str]] = {}
    forms: dict[Any, Format] = {}
    for name, entry in entries.items():
        if not isinstance(entry, Mapping):
            raise ConfigError(f"The config's quantization_config.{field}[{name!r}] must be an object.")
        # thousands of modules are alike
        spelled = _frozen(entry)
        if spelled not in forms:
            forms[spelled] = form_of(Config(entry, where=f"quantization_config.{field}."))
        modules.setdefault(forms[spelled], []).append(name)
    return tuple(Rule(form=form, roles=_ALL_MATRICES, modules=ModulePatterns(names)) for form, names in modules.items())


def _frozen(value: Any) -> Any:
    """The same as a key, of whatever depth."""
    if isinstance(value, Mapping):
        return tuple((key, _frozen(one)) for key, one in value.items())
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else (type(value), value)


def _dynamic(keys: list[str]) -> ModulePatterns:
    """GPTQModel's dynamic: a regex from the begin of a name; `-:` before it leaves what it matches alone."""
    return ModulePatterns(["re:" + key.removeprefix("+:").removeprefix("-:") for key in keys])


def _by_key(keys: list[str]) -> ModulePatterns:
    """auto-round's extra_config: a module's name, or a regex that may match any part of one."""
    spelled = ["re:" + key if re.search(r"[*+?^$()\[\]{}|\\]", key) else key for key in keys]
    return ModulePatterns(spelled, below=False, anywhere=True)


def _overrides(
    section: Config, field: str, plain: Format, meant: Callable[[list[str]], ModulePatterns]
) -> tuple[Rule, ...]:
    entries = section.values[field]
    if not isinstance(entries, Mapping):
        raise ConfigError(f"The config's quantization_config.{field} must be an object of modules.")
    found: list[tuple[Format, list[str]]] = []
    for key, own in entries.items():
        skips = key.startswith("-:")
        if not skips and not isinstance(own, Mapping):
            raise ConfigError(f"The config's quantization_config.{field}[{key!r}] must be an object.")
        merged = Config({**section.values, **({} if skips else own)}, where=f"quantization_config.{field}.")
        alone = skips or merged.values.get("bits") in (16, 32)
        form = plain if alone else packed(merged)
        # those of one format that follow each other are one rule
        if not found or found[-1][0] != form:
            found.append((form, []))
        found[-1][1].append(key)
    roles: frozenset[Role] = QUANTIZED_ROLES | {"head", "tower"}
    return tuple(Rule(form=form, roles=roles, modules=meant(keys)) for form, keys in found)


def _mlx_scaled(form: Format, plain: Format) -> Format:
    """The same with scales and biases as wide as the weights were."""
    if plain.bits != 32 or not form.name.endswith("bit"):
        return form
    return replace(form, scales=tuple(replace(entry, bits=2 * entry.bits) for entry in form.scales))


def _mlx_overrides(section: Config, plain: Format) -> tuple[Rule, ...]:
    """MLX writes a module's own bits and group, or false where it is left alone, under the module's name."""
    modules: dict[Format, list[str]] = {}
    for name, own in section.values.items():
        if name not in _MLX_FIELDS and own is False:
            modules.setdefault(plain, []).append(name)
        elif name not in _MLX_FIELDS and isinstance(own, Mapping):
            # what it leaves out is MLX's own default, and not that of the whole
            merged = Config({**_MLX_DEFAULTS, **own}, where=f"quantization_config.{name}.")
            modules.setdefault(_mlx_scaled(mlx(merged), plain), []).append(name)
    roles: frozenset[Role] = _ALL_MATRICES | {"table"}
    return tuple(
        Rule(form=form, roles=roles, modules=ModulePatterns(names, below=False)) for form, names in modules.items()
    )


def _torchao_overrides(section: Config, plain: Format) -> tuple[Rule, ...]:
    """torchao's FqnToConfig: a module's name or `re:` and a regex to a config of its own, or null."""
    rules = []
    for name, own in fqn_configs(section).items():
        if name == "_default":
            continue
        form = torchao_form(own) if isinstance(own, Mapping) else plain
        rules.append(Rule(form=form, roles=_ALL_MATRICES | {"table"}, modules=ModulePatterns([name], below=False)))
    return tuple(rules)


def _experts_of(config: Config, section: Config) -> tuple[Rule, ...]:
    """DeepSeek-V4: routed experts in 4 bits (e2m1, an 8-bit exponent a block of 32) in an fp8 checkpoint."""
    if section.values.get("quant_method") != "fp8":
        return ()
    where = section if section.has("expert_dtype") else config
    if not where.has("expert_dtype") or where.text("expert_dtype") != "fp4":
        return ()
    return (Rule(form=FORMATS["mxfp4"], roles=frozenset({"expert"})),)
