"""The format that one quantiser's own fields describe: the body of a quantization_config, by its quant_method."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..config import Config
from ..errors import ConfigError, shown
from .numerics import FORMATS, Format, Scales, weights_only

# one float32 scale a tensor: modelopt, and fp8 checkpoints that state no blocks
_FP8_BY_TENSOR = replace(FORMATS["fp8"], scales=(Scales(bits=32, rows=None),))
# OCP microscaling 1.0: one 8-bit exponent a block of 32
_MXFP8 = replace(FORMATS["fp8"], name="mxfp8", scales=(Scales(bits=8, columns=32),))


def _grouped(form: Format, bits: int, group: int) -> Format:
    """`form` with `bits` an element, its zero point as wide, and groups of `group` inputs (-1: all inputs)."""
    scales = tuple(
        replace(
            entry,
            # a 16-bit scale, and behind it the zero point where the format has one
            bits=16 + bits if entry.bits > 16 else entry.bits,
            columns=None if group == -1 else group,
        )
        if entry.columns and entry.columns > 1
        else entry
        for entry in form.scales
    )
    other = f"w{bits}a16" if form.name == "int4" else f"{form.name}_{bits}bit"
    return replace(form, name=form.name if bits == form.bits else other, bits=bits, scales=scales)


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


def packed(section: Config) -> Format:
    """GPTQ's file format; auto-round's own is the same without the group index of each input."""
    kind = section.text("data_type", default="int")
    floats = {"mx_fp": ("mxfp4", _MXFP8), "nv_fp": ("nvfp4", _FP8_BY_TENSOR), "fp": ("", _FP8_BY_TENSOR)}
    for name, (four, eight) in floats.items():
        if kind.startswith(name):
            bits = section.integer("bits", least=4, most=8)
            return FORMATS[four] if bits == 4 and four else eight
    bits, group = _bits(section), _group_size(section)
    if section.text("quant_method", default="gptq").startswith("gptq"):
        return _grouped(FORMATS["gptq"], bits, group)
    return replace(_grouped(FORMATS["awq"], bits, group), name=f"auto_round_{bits}bit")


def _awq(section: Config) -> Format:
    symmetric = not section.boolean("zero_point", default=True)
    return _grouped(FORMATS["int4" if symmetric else "awq"], _bits(section, 4), _group_size(section))


def hqq(section: Config) -> Format:
    """Half-quadratic quantisation: a 16-bit scale and a 16-bit zero point a group."""
    weights = section.values.get("quant_config", section.values)
    inner = weights.get("weight_quant_params") if isinstance(weights, Mapping) else None
    own = Config(inner, where="quantization_config.quant_config.") if isinstance(inner, Mapping) else section
    bits, group = _bits(own, 4), _group_size(own, 64)
    scales = (Scales(bits=32, columns=None if group == -1 else group),)
    # ten of 3 bits lie in 32
    return replace(FORMATS["int4"], name=f"hqq{bits}", bits=3.2 if bits == 3 else bits, scales=scales)


def fp8(section: Config) -> Format:
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


def mlx(section: Config) -> Format:
    """MLX: a 16-bit scale and a 16-bit bias a group, in every table and matrix; or a microscaling mode."""
    mode = section.text("mode", default="affine")
    if mode in ("mxfp4", "mxfp8", "nvfp4"):
        return _MXFP8 if mode == "mxfp8" else FORMATS[mode]
    if mode != "affine":
        raise ConfigError(
            f"The config's quantization_config.mode {shown(mode)} is not known; known: affine, mxfp4, mxfp8, nvfp4."
        )
    bits = section.integer("bits", least=2, most=8)
    group = section.integer("group_size", least=1)
    scales = Scales(bits=32, columns=group)
    name = f"mlx_{bits}bit"
    return weights_only(name, bits, scales, block=group)


def _quanto(section: Config) -> Format:
    weights = section.text("weights")
    # few bits have a 16-bit scale and shift a group of 128
    few = {f"int{bits}": weights_only(f"quanto_int{bits}", bits, Scales(bits=32, columns=128)) for bits in (2, 4)}
    known = {"int8": FORMATS["int8"], "float8": FORMATS["fp8"], **few}
    if weights not in known:
        raise ConfigError(
            f"The config's quantization_config.weights must be {', '.join(known)}, and is {shown(weights)}."
        )
    return known[weights]


def names_of(value: Any, field: str) -> list[str]:
    """A list of module names, one level of nesting flattened (modules_in_block_to_quantize)."""
    if value is None:
        return []
    names: list[Any] = []
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        names += entry if isinstance(entry, (list, tuple)) else [entry]
    if not isinstance(value, (list, tuple)) or any(not isinstance(name, str) for name in names):
        raise ConfigError(f"The config's quantization_config.{field} must be a list of module names.")
    return names


def groups_of(section: Config) -> list[Mapping[str, Any]]:
    groups = section.values.get("config_groups")
    if not groups:
        return []
    if not isinstance(groups, Mapping) or not all(isinstance(group, Mapping) for group in groups.values()):
        raise ConfigError("The config's quantization_config.config_groups must be an object of objects.")
    return list(groups.values())


def targets_of(group: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the classes of modules, the modules) that a group names; every linear layer where it names none."""
    targets = names_of(group.get("targets"), "config_groups.targets") or ["Linear"]
    classes = tuple(target for target in targets if re.fullmatch(r"[A-Z]\w*", target))
    if set(classes) - {"Linear", "Embedding"}:
        raise ConfigError(
            f"The config's quantization_config targets {', '.join(map(str, targets))}, which is not described; known "
            "are 'Linear', 'Embedding', module names and re: patterns. Give precision to count one format."
        )
    return classes, tuple(target for target in targets if target not in classes)


def quark(section: Config) -> Format:
    """AMD Quark: the weight {dtype, qscheme, group_size} of a layer's or of the global config."""
    weight = section.section("weight")
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


def _algorithms(section: Config) -> Mapping[str, Format]:
    """What modelopt and TensorRT-LLM name (quant_algo), with the section's group."""
    block = _group_size(section, 128)
    # AWQ as modelopt stores it: symmetric unless it says otherwise, and a 16-bit factor for each input
    whole = _grouped(FORMATS["awq" if section.boolean("has_zero_point", default=False) else "int4"], 4, block)
    awq = replace(whole, name="awq", scales=(*whole.scales, Scales(bits=16, rows=None, columns=1)))
    # weights in blocks of 128 x 128, as DeepSeek's
    blocks = replace(FORMATS["fp8_block"], scales=(Scales(bits=32, rows=block, columns=block),))
    eight = weights_only("w8a16", 8, Scales(bits=16))
    # a 16-bit factor for each input, which AWQ multiplies activations by
    nvfp4_awq = replace(FORMATS["nvfp4"], scales=(*FORMATS["nvfp4"].scales, Scales(bits=16, rows=None, columns=1)))
    return {
        "FP8": _FP8_BY_TENSOR,
        "FP8_PER_CHANNEL_PER_TOKEN": FORMATS["fp8"],
        "FP8_PB_WO": blocks,
        "FP8_BLOCK_SCALES": blocks,
        "MXFP8": _MXFP8,
        "NVFP4": FORMATS["nvfp4"],
        "W4A16_NVFP4": FORMATS["nvfp4"],
        "W4A8_NVFP4_FP8": FORMATS["nvfp4"],
        "NVFP4_AWQ": nvfp4_awq,
        "MXFP4": FORMATS["mxfp4"],
        "W4A16_MXFP4": FORMATS["mxfp4"],
        "W4A8_MXFP4_FP8": FORMATS["mxfp4"],
        "W4A8_MXFP4_MXFP8": FORMATS["mxfp4"],
        "W4A16": _grouped(FORMATS["int4"], 4, -1),
        "W4A16_AWQ": awq,
        "W4A8_AWQ": awq,
        "INT4_AWQ": awq,
        "W4A16_GPTQ": _grouped(FORMATS["awq"], 4, block),
        "W8A16_GPTQ": _grouped(FORMATS["awq"], 8, block),
        "INT8": FORMATS["int8"],
        "INT8_SQ": FORMATS["int8"],
        "W8A8_SQ_PER_CHANNEL": FORMATS["int8"],
        "W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN": FORMATS["int8"],
        "W8A8_SQ_PER_CHANNEL_PER_TENSOR_PLUGIN": FORMATS["int8"],
        "W8A8_SQ_PER_TENSOR_PER_TOKEN_PLUGIN": FORMATS["int8"],
        "W8A8_SQ_PER_TENSOR_PLUGIN": FORMATS["int8"],
        "W8A16": eight,
    }


def algorithm_of(section: Config) -> Format:
    """The format of a quant_algo."""
    algorithm, known = section.text("quant_algo", default="").upper(), _algorithms(section)
    if algorithm not in known:
        raise ConfigError(
            f"The config's quantization_config has neither config_groups nor a known quant_algo ({shown(algorithm)}); "
            f"known: {', '.join(known)}."
        )
    return known[algorithm]


def group_format(group: Mapping[str, Any], layout: str = "") -> Format:
    """The format of a group of compressed-tensors or modelopt; `layout`: how the checkpoint packs it (format)."""
    layout = str(group.get("format") or layout)
    weights = group.get("weights")
    if not isinstance(weights, Mapping):
        raise ConfigError("The config's quantization_config.config_groups has a group without weights.")
    section = Config(weights, where="quantization_config.config_groups.weights.")
    bits, kind = section.integer("num_bits", least=2, most=8), section.text("type", default="int")
    if kind == "int" and layout in ("int-quantized", "naive-quantized"):
        # one byte a weight, whatever bits it uses
        bits = 8
    group_size = _group_size(section, -1)
    inputs = group.get("input_activations")
    # compressed-tensors' scales have the weights' own 16 bits; modelopt has one float32 scale a tensor and states none
    strategy = section.text("strategy", default="tensor")
    if kind == "float" and bits == 8:
        if strategy == "block":
            rows, columns = section.integers("block_structure", least=1, default=(128, 128))
            return replace(FORMATS["fp8_block"], scales=(Scales(bits=16, rows=rows, columns=columns),))
        if strategy == "group" and group_size == 32:
            return _MXFP8
        return _FP8_BY_TENSOR if strategy == "tensor" else replace(FORMATS["fp8"], scales=(Scales(bits=16),))
    if kind == "float" and bits == 4:
        return FORMATS["mxfp4"] if group_size == 32 else FORMATS["nvfp4"]
    if kind == "int" and bits == 8 and inputs:
        by_group = None if group_size == -1 else group_size
        by_tensor = None if strategy == "tensor" else 1
        return replace(FORMATS["int8"], scales=(Scales(bits=16, rows=by_tensor, columns=by_group),))
    if kind == "int":
        form = FORMATS["int4"]
        if not section.boolean("symmetric", default=True):
            form = replace(form, scales=(Scales(bits=16 + form.bits, columns=128),))
        if section.values.get("actorder") in ("group", "dynamic", True):
            # the order of the inputs is kept
            form = replace(form, scales=(*form.scales, Scales(bits=32, rows=None, columns=1)))
        return _grouped(form, bits, group_size)
    raise ConfigError(
        f"The config's quantization_config has weights of {bits} bits and type {shown(kind)}, not known here."
    )


# --- formats of single libraries -----------------------------------------------------------------------------------


def exl(section: Config) -> tuple[Format, Format]:
    """ExLlamaV2 and V3: (layers, head), each by an average of bits a weight; the head has 6 unless it says otherwise.

    EXL2 measures its average with its scales, and stores whole bits by column, so that a file is some per mille larger
    (convert_exl2.py). EXL3 adds a 16-bit sign and scale for every input and every output (doc/exl3.md of exllamav3).
    """
    method, bits = section.text("quant_method"), section.real("bits", most=16)
    vectors = (Scales(bits=16), Scales(bits=16, rows=None, columns=1)) if method == "exl3" else ()
    name = f"{method}_{bits:g}bpw"
    head = section.real("head_bits", default=6, most=16)
    return weights_only(name, bits, *vectors), weights_only(name, head, *vectors)


def fqn_configs(section: Config) -> Mapping[str, Any]:
    """The configs by module of a torchao FqnToConfig; empty where one config is of all."""
    stated = section.values.get("quant_type")
    inner = stated.get("default", stated) if isinstance(stated, Mapping) else None
    data = inner.get("_data") if isinstance(inner, Mapping) else None
    named = (
        next((data[name] for name in ("fqn_to_config", "module_fqn_to_config") if name in data), None)
        if isinstance(data, Mapping)
        else None
    )
    return named if isinstance(named, Mapping) else {}


def _torchao(section: Config) -> Format:
    """torchao's configurations by their class, or by the name of before (int4_weight_only)."""
    stated = section.values.get("quant_type")
    if isinstance(stated, Mapping):
        stated = stated.get("default", stated)
    named = fqn_configs(section)
    if named:
        stated = named.get("_default")
    if isinstance(stated, str):
        more = section.values.get("quant_type_kwargs")
        return _torchao_kind(stated, Config(more if isinstance(more, Mapping) else {}, where="quant_type_kwargs."))
    if not isinstance(stated, Mapping):
        raise ConfigError(
            "The config's quantization_config.quant_type must be the name or the object of a torchao config."
        )
    return torchao_form(stated)


def torchao_form(stated: Mapping[str, Any]) -> Format:
    """The format of one torchao config object, {"_type": class, "_data": its fields}."""
    data = stated.get("_data")
    fields = Config(data if isinstance(data, Mapping) else {}, where="quantization_config.quant_type.")
    return _torchao_kind(Config(stated, where="quantization_config.quant_type.").text("_type"), fields)


def _torchao_kind(kind: str, fields: Config) -> Format:
    plain = kind.lower().replace("_", "").removesuffix("config")
    # https://docs.pytorch.org/ao: int4 has a 16-bit scale and zero point a group, int8 a 16-bit scale a row or group
    if plain in ("int4weightonly", "int4wo", "int8dynamicactivationint4weight", "int4dynamicactivationint4weight"):
        group = fields.integer("group_size", default=32 if plain.startswith("int8") else 128, least=1)
        return weights_only("torchao_int4", 4, Scales(bits=32, columns=group), block=group)
    if plain in ("int8weightonly", "int8wo"):
        return weights_only("torchao_int8", 8, Scales(bits=16, columns=fields.optional_integer("group_size")))
    if plain in ("int8dynamicactivationint8weight", "int8dq"):
        return replace(FORMATS["int8"], name="torchao_int8dq")
    if plain in ("intxweightonly", "int8dynamicactivationintxweight"):
        # few bits lie unpacked, one in a byte
        inner = fields.values.get("granularity", fields.values.get("weight_granularity"))
        data = inner.get("_data") if isinstance(inner, Mapping) else None
        size = data.get("group_size") if isinstance(data, Mapping) else None
        scales = Scales(bits=32, columns=size if isinstance(size, int) and size > 0 else None)
        return weights_only("torchao_int8", 8, scales)
    if plain.startswith(("float8weightonly", "float8wo", "float8dynamicactivationfloat8weight", "float8dq")):
        return replace(FORMATS["fp8"], name="torchao_fp8")
    raise ConfigError(
        f"The config's quantization_config.quant_type {shown(kind)} is not known; known are torchao's Int4WeightOnly, "
        "Int8WeightOnly, Int8DynamicActivationInt8Weight, Int8DynamicActivationInt4Weight, Float8WeightOnly and "
        "Float8DynamicActivationFloat8Weight. Give precision to count another format."
    )


def _bitnet(section: Config) -> Format:
    """Ternary weights, four in a byte, and one 16-bit scale a matrix; trained on line they are stored in 16 bits."""
    if section.text("quantization_mode", default="offline") == "online":
        return FORMATS["bf16"]
    return weights_only("bitnet", 2, Scales(bits=16, rows=None))


def _aqlm(section: Config) -> Format:
    """Additive codebooks (arXiv 2401.06118): codes of groups of weights, codebooks and a 16-bit scale an output."""
    outputs, inputs = section.integer("out_group_size", default=1), section.integer("in_group_size", default=8)
    books = section.integer("num_codebooks", default=1, most=64)
    bits = section.integer("nbits_per_codebook", default=16, most=16)
    # codes lie in whole bytes
    code = 8 * math.ceil(bits / 8)
    return weights_only(
        f"aqlm_{books}x{bits}",
        books * code / (inputs * outputs),
        Scales(bits=16, rows=outputs),
        Scales(bits=books * 2**bits * outputs * inputs * 16, rows=None),
        block=inputs,
    )


def _higgs(section: Config) -> Format:
    """Hadamard incoherence with grids (arXiv 2411.17525): packed codes and a 16-bit scale a group."""
    bits, group = section.integer("bits", default=4, least=2, most=4), section.integer("group_size", default=256)
    return weights_only(f"higgs_{bits}bit", bits, Scales(bits=16, columns=group))


def vptq_of(section: Config) -> Format:
    """Vector post-training quantisation (arXiv 2409.17066) of one matrix: indices into centroids of vectors."""
    lengths, main = section.integers("vector_lens", least=-1), section.integers("num_centroids", least=-1)
    residual = section.integers("num_res_centroids", default=(-1, -1), least=-1)
    length, centroids, residuals = lengths[-1], main[-1], residual[-1]
    if length < 1 or not 1 < centroids <= 2**24 or residuals > 2**24:
        raise ConfigError("The config's quantization_config has a vptq layer without vector_lens and num_centroids.")
    groups = section.integer("group_num", default=1, most=1024)
    indices = math.ceil(math.log2(centroids)) + (math.ceil(math.log2(residuals)) if residuals > 1 else 0)
    books = groups * length * 16 * (centroids + max(residuals, 0))
    # a 16-bit scale and bias for each input where it is normed, a 16-bit place where it is permuted
    beside = 32 * section.boolean("enable_norm", default=False) + 16 * section.boolean("enable_perm", default=False)
    scales = (Scales(bits=books, rows=None), *((Scales(bits=beside, rows=None, columns=1),) if beside else ()))
    return weights_only(f"vptq_v{length}_k{centroids}_{max(residuals, 0)}", indices / length, *scales)


def _vptq(section: Config) -> Format:
    shared = section.values.get("shared_layer_config") or section.values.get("config_for_layers")
    entries = list(shared.values()) if isinstance(shared, Mapping) else []
    if not entries or not isinstance(entries[0], Mapping):
        raise ConfigError(
            "The config's quantization_config (vptq) has no config_for_layers; give the whole config.json."
        )
    return vptq_of(Config(entries[0], where="quantization_config.config_for_layers."))


def _fp_quant(section: Config) -> Format:
    """FP-Quant: OCP's or NVIDIA's four bits."""
    kind = section.text("forward_dtype", default="nvfp4")
    if kind not in ("mxfp4", "nvfp4"):
        raise ConfigError(
            f"The config's quantization_config.forward_dtype must be mxfp4 or nvfp4, and is {shown(kind)}."
        )
    return FORMATS[kind]


READERS: dict[str, Callable[[Config], Format]] = {
    "gptq": packed,
    "auto-round": packed,
    "awq": _awq,
    "hqq": hqq,
    "fp8": fp8,
    "fbgemm_fp8": fp8,
    "mxfp4": lambda _: FORMATS["mxfp4"],
    "bitsandbytes": _bitsandbytes,
    "mlx": mlx,
    "eetq": lambda _: FORMATS["int8"],
    "quanto": _quanto,
    # what has config_groups is read before, by each group
    "compressed-tensors": algorithm_of,
    "modelopt": algorithm_of,
    "modelopt_fp4": algorithm_of,
    "quark": lambda section: quark(section.section("global_quant_config")),
    "exl2": lambda section: exl(section)[0],
    "exl3": lambda section: exl(section)[0],
    "torchao": _torchao,
    "bitnet": _bitnet,
    "aqlm": _aqlm,
    "higgs": _higgs,
    "vptq": _vptq,
    "fp_quant": _fp_quant,
}

# the names of quant_algo, which are also labels
ALGORITHMS = frozenset(_algorithms(Config({})))
