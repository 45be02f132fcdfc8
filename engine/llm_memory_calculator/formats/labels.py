"""The number format that a name or a label says: AWQ, GPTQ-Int4, FP8-dynamic, w4a16, Q4_K_M, MLX-4bit, 4.0bpw-exl2.

Each is read as the quantization_config that checkpoints of this kind have, so that one reader counts both. A name that
fixes its format only in part (4bit, q4) is taken as the most usual one where a user wrote it, and says so; in a
repository's name it is left to the repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UnknownFormatError
from .gguf import maker_of, mix_of
from .quantisers import ALGORITHMS


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFormat:
    """A number format as a name says it."""

    said: str
    """As a note says it."""
    config: Mapping[str, Any]
    """The quantization_config that checkpoints of this kind have; or {"plain": torch dtype}."""
    warning: str = ""
    """What the name does not say of it."""

    @property
    def kind(self) -> str:
        return kind_of(self.config)


def kind_of(config: Mapping[str, Any]) -> str:
    """The kind of a quantization_config in one word, which is the same for formats that mean the same: fp8, awq4."""
    method = str(config.get("quant_method", ""))
    groups = config.get("config_groups")
    if isinstance(groups, Mapping) and groups:
        first = next(iter(groups.values()))
        weights = first.get("weights") if isinstance(first, Mapping) else None
        if isinstance(weights, Mapping):
            kind = "fp" if weights.get("type") == "float" else "int"
            by_channel = "_by_channel" if kind == "fp" and weights.get("strategy") == "channel" else ""
            return f"{kind}{weights.get('num_bits')}{by_channel}"
    if method in ("fp8", "fbgemm_fp8"):
        return "fp8"
    return f"{method}{config.get('bits', '')}"


_IGNORED = ["lm_head"]
# Towers and the projections of gated delta nets stay in 16 bits in llm-compressor's recipes (its examples of multimodal
# models and of Qwen3.5), and in copies made by them: of Qwen3.6-35B-A3B in NVFP4 these are 21.77 GiB, where vLLM prints
# 21.86, of Mistral-Small-3.1-24B in w8a8 24.05 of 24.07.
IGNORED_BY_COMPRESSOR = [
    *_IGNORED,
    "re:.*linear_attn.*",
    "re:.*visual.*",
    "re:.*vision_tower.*",
    "re:.*vision_model.*",
    "re:.*multi_modal_projector.*",
]


def _groups(weights: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """As llm-compressor writes it: every linear layer but the head."""
    return {
        "quant_method": "compressed-tensors",
        "ignore": IGNORED_BY_COMPRESSOR,
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, **more}},
    }


def _integers(bits: int, activations: int = 16, group: int = 0, *, symmetric: bool = True) -> dict[str, Any]:
    """Whole numbers of so many bits, with a scale a group; where none is said eight with one a channel."""
    weights: dict[str, Any] = {"num_bits": bits, "type": "int", "strategy": "channel"}
    group = group or (0 if bits == 8 else 128)
    if group > 0:
        weights |= {"strategy": "group", "group_size": group}
    if not symmetric:
        weights["symmetric"] = False
    return _groups(weights, **({"input_activations": {"num_bits": 8, "type": "int"}} if activations == 8 else {}))


def _digit(word: str | None) -> str:
    """The digit of int4, w4 and 4bit."""
    return "".join(filter(str.isdigit, word or ""))


def _group(match: re.Match[str], default: int = 128) -> int:
    """Weights of a group, by either spelling (g32, 32g); -1, of which a label keeps the digit alone, is all inputs."""
    group = int(match["group"] or match["grouped"] or default)
    return -1 if group == 1 else group


def _groups_of(group: int) -> str:
    return "a group for all inputs" if group == -1 else f"groups of {group}"


def _awq(match: re.Match[str], _: str) -> NamedFormat:
    bits, group = int(match["bits"] or _digit(match["own"]) or 4), _group(match)
    config = {"quant_method": "awq", "bits": bits, "group_size": group, "zero_point": True}
    return NamedFormat(said=f"AWQ, {bits} bits in {_groups_of(group)}", config=config)


def _gptq(match: re.Match[str], _: str) -> NamedFormat:
    bits, group = int(match["bits"] or _digit(match["own"]) or 4), _group(match)
    config = {"quant_method": "gptq", "bits": bits, "group_size": group}
    return NamedFormat(said=f"GPTQ, {bits} bits in {_groups_of(group)}", config=config)


def _fp8(match: re.Match[str], organisation: str) -> NamedFormat:
    more = match["more"] or ""
    scaled = {"kv_cache_scheme": {"num_bits": 8, "type": "float"}} if "kv" in more else {}
    if "block" in more or organisation in ("qwen", "zai-org", "deepseek-ai"):
        config = {"quant_method": "fp8", "weight_block_size": [128, 128], **scaled}
        return NamedFormat(said="fp8 with a scale a block of 128 x 128", config=config)
    strategy = "channel" if "dynamic" in more else "tensor"
    config = _groups({"num_bits": 8, "type": "float", "strategy": strategy}) | scaled
    return NamedFormat(said=f"fp8 with a scale a {strategy}, the head in 16 bits", config=config)


def _modelopt(match: re.Match[str], _: str) -> NamedFormat:
    """The labels of TensorRT-LLM and ModelOpt, as their hf_quant_config.json spells them."""
    label = re.sub("-", "_", match["label"]).upper()
    label = {
        "FP8_PC_PT": "FP8_PER_CHANNEL_PER_TOKEN",
        "W8A8_SQ": "INT8_SQ",
        "W4A8_NVFP4_FP8": "NVFP4",
        "W4A16_GPTQ": "W4A16_AWQ",
    }.get(label, label)
    config = {"quant_method": "modelopt", "quant_algo": label, "ignore": _IGNORED}
    return NamedFormat(said=f"ModelOpt's {label}, the head in 16 bits", config=config)


def _auto_round(match: re.Match[str], _: str) -> NamedFormat:
    bits, group = int(match["bits"] or match["own"] or 4), _group(match)
    config = {"quant_method": "auto-round", "bits": bits, "group_size": group}
    return NamedFormat(said=f"AutoRound, {bits} bits in {_groups_of(group)}", config=config)


def _int(match: re.Match[str], _: str) -> NamedFormat:
    """llm-compressor's INT8-dynamic, and the like."""
    bits = int(match["bits"])
    config = _integers(bits, 8 if bits == 8 else 16)
    return NamedFormat(said=f"int{bits} weights, the head in 16 bits", config=config)


def _mxfp8(_: re.Match[str], __: str) -> NamedFormat:
    return NamedFormat(said="mxfp8", config={"quant_method": "modelopt", "quant_algo": "MXFP8", "ignore": _IGNORED})


def _w_a(match: re.Match[str], _: str) -> NamedFormat:
    bits, activations, group = int(match["w"]), int(match["a"]), _group(match, 0)
    config = _integers(bits, activations, group, symmetric=match["asym"] is None)
    zero = "" if match["asym"] is None else " with a zero point"
    shared = f" in {_groups_of(group)}" if group else ""
    said = f"int{bits} weights (w{bits}a{activations}){shared}{zero}, the head in 16 bits"
    return NamedFormat(said=said, config=config)


def _nvfp4(_: re.Match[str], __: str) -> NamedFormat:
    return NamedFormat(
        said="nvfp4, the head in 16 bits", config=_groups({"num_bits": 4, "type": "float", "group_size": 16})
    )


def _mxfp4(_: re.Match[str], __: str) -> NamedFormat:
    return NamedFormat(said="mxfp4", config={"quant_method": "mxfp4"})


def _bitsandbytes(match: re.Match[str], _: str) -> NamedFormat:
    if match["bits"] == "8" or "int8" in match[0]:
        return NamedFormat(said="bitsandbytes int8", config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    config = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True}
    warning = (
        "Unsloth's dynamic 4 bits leave some layers in 16 bits, which the name does not list: the checkpoint is larger."
        if match["unsloth"]
        else ""
    )
    return NamedFormat(said="bitsandbytes nf4 with double quantisation", config=config, warning=warning)


def _hqq(match: re.Match[str], _: str) -> NamedFormat:
    bits, group = int(match["bits"] or match["own"] or 4), _group(match, 64)
    params = {"nbits": bits, "group_size": group}
    return NamedFormat(
        said=f"HQQ, {bits} bits in {_groups_of(group)}",
        config={"quant_method": "hqq", "quant_config": {"weight_quant_params": params}},
    )


def _torchao(match: re.Match[str], _: str) -> NamedFormat | str:
    """torchao's own words for its configs, which have the classes' defaults."""
    name, group = re.sub(r"[-_]?weight[-_]only", "wo", match["ao"]), int(match["alone"] or _group(match))
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "int4wo": ("Int4WeightOnlyConfig", {"group_size": group}),
        "int8wo": ("Int8WeightOnlyConfig", {}),
        "int8dq": ("Int8DynamicActivationInt8WeightConfig", {}),
        "float8wo": ("Float8WeightOnlyConfig", {}),
        "float8dq": ("Float8DynamicActivationFloat8WeightConfig", {}),
    }
    name = name.replace("fp8", "float8")
    kind, data = kinds[name if name.endswith(("wo", "dq")) else f"{name}wo"]
    if not data and (match["alone"] or match["group"] or match["grouped"]):
        return f"torchao's {kind} is counted without groups of weights: leave the group out"
    return NamedFormat(
        said=f"torchao's {kind}" + (f" in {_groups_of(group)}" if data else ""),
        config={"quant_method": "torchao", "quant_type": {"default": {"_type": kind, "_data": data}}},
    )


_BITNET = NamedFormat(said="BitNet's packed ternary weights", config={"quant_method": "bitnet"})


def _bitnet(_: re.Match[str], __: str) -> NamedFormat:
    return _BITNET


def _aqlm(match: re.Match[str], _: str) -> NamedFormat | str:
    """AQLM: 2Bit-1x16 is one codebook of 2**16 vectors, whose length makes it 2 bits a weight."""
    if match["books"] is None:
        return "AQLM's size is that of its codebooks: say which, such as AQLM-2Bit-1x16"
    bits, books, nbits = int(match["bits"] or 2), int(match["books"]), int(match["nbits"])
    config = {
        "quant_method": "aqlm",
        "in_group_size": books * nbits // bits or 1,
        "out_group_size": 1,
        "num_codebooks": books,
        "nbits_per_codebook": nbits,
    }
    return NamedFormat(said=f"AQLM, {books} x {nbits} bits for {books * nbits // bits or 1} weights", config=config)


def _higgs(match: re.Match[str], _: str) -> NamedFormat:
    bits = int(match["bits"] or 4)
    config = {"quant_method": "higgs", "bits": bits, "p": 2, "group_size": 256}
    return NamedFormat(said=f"HIGGS, {bits} bits in groups of 256", config=config)


def _vptq(match: re.Match[str], _: str) -> NamedFormat:
    """VPTQ as its repositories are named: v8-k65536-256, vectors of 8 and so many centroids, residual ones behind."""
    length, centroids, residual = (int(match[name] or 0) for name in ("length", "centroids", "residual"))
    layer = {
        "vector_lens": [-1, length],
        "num_centroids": [-1, centroids],
        "num_res_centroids": [-1, residual or -1],
    }
    config = {"quant_method": "vptq", "shared_layer_config": {"all": layer}}
    return NamedFormat(said=f"VPTQ, vectors of {length} of {centroids:,} and {residual:,} centroids", config=config)


def _quanto(match: re.Match[str], _: str) -> NamedFormat:
    weights = match["quanto"].removeprefix("q").replace("fp8", "float8")
    return NamedFormat(said=f"quanto's {weights}", config={"quant_method": "quanto", "weights": weights})


def _eetq(_: re.Match[str], __: str) -> NamedFormat:
    return NamedFormat(said="EETQ int8", config={"quant_method": "eetq"})


def _mlx(match: re.Match[str], _: str) -> NamedFormat:
    bits, group = int(match["bits"]), _group(match, 64)
    return NamedFormat(
        said=f"MLX, {bits} bits in groups of {group}, table and head included",
        config={"quant_method": "mlx", "bits": bits, "group_size": group},
    )


def _mlx_mode(match: re.Match[str], _: str) -> NamedFormat:
    """MLX's microscaling modes, each with the block that it has by definition."""
    mode = match["mode"]
    bits, group = (8 if mode == "mxfp8" else 4), (16 if mode == "nvfp4" else 32)
    return NamedFormat(
        said=f"MLX {mode}, table and head included",
        config={"quant_method": "mlx", "mode": mode, "bits": bits, "group_size": group},
    )


def gguf_format(mix: str, organisation: str) -> NamedFormat:
    config: dict[str, Any] = {"quant_method": "gguf", "mix": mix}
    if organisation == "thebloke":
        config["before_2024"] = True
    return NamedFormat(said=f"GGUF {mix.removeprefix('gguf_')}", config=config)


_BEGIN, _END = r"(?:^|(?<=[-_.:]))", r"(?=$|[-_.:])"
_BITS = r"[-_]?bits?"
# weights that share a scale: g32, gs32, group-size-32, 32g
_GROUP = r"(?:g(?:s|roup(?:[-_]?size)?)?[-_=]?(?P<group>-?\d{1,4})|(?P<grouped>-?\d{1,4})g)"
_LABELS = (
    r"(?P<label>w4a16[-_](?:awq|gptq)|w4a8[-_]awq|int4[-_]awq|nvfp4[-_]awq|fp8[-_]pb[-_]wo|fp8[-_]pc[-_]pt"
    r"|fp8[-_]per[-_]channel[-_]per[-_]token|int8[-_]sq|w8a8[-_]sq(?:[-_]per[-_]channel)?|w4a8[-_]mxfp4[-_]fp8"
    r"|w4a8[-_]nvfp4[-_]fp8|w4a16[-_]nvfp4)"
)
_READERS = tuple(
    (re.compile(_BEGIN + pattern + _END), read)
    for pattern, read in (
        (_LABELS, _modelopt),
        (
            rf"(?:(?P<own>(?:int|w)[348]|[348]{_BITS})[-_])?awq"
            rf"(?:[-_](?:(?:int|w)?(?P<bits>[348])(?:{_BITS}|a16)?|{_GROUP}|gemm|gemv|marlin))*",
            _awq,
        ),
        (
            rf"(?:(?P<own>(?:int|w)[2348]|[2348]{_BITS})[-_])?"
            rf"(?:auto[-_]?)?gptq(?:model|v2)?(?:[-_]?(?:int|w)?(?P<bits>[2348])(?:{_BITS})?)?"
            rf"(?:[-_]{{1,2}}(?:{_GROUP}|actorder|act|order|true|false|marlin|w4a16))*",
            _gptq,
        ),
        (
            r"(?:(?:int|w)(?P<own>[2348])(?:[-_](?:sym|asym))?[-_])?(?:auto[-_]?round|inc)"
            rf"(?:[-_](?:int)?(?P<bits>[2348])(?:{_BITS})?)?(?:[-_](?:{_GROUP}|sym|asym|gptq|awq))*",
            _auto_round,
        ),
        (r"int(?P<bits>[48])[-_]dynamic", _int),
        (r"mxfp8", _mxfp8),
        (r"(?:float|fp)[-_]?8(?P<more>(?:[-_](?:dynamic|block|kv|static|e4m3(?:fn)?|per[-_]tensor))*)", _fp8),
        (
            r"(?:quantized[-_.])?w(?P<w>[2-8])a(?P<a>8|16)"
            rf"(?:[-_](?:{_GROUP}|int4|int8|sym|(?P<asym>asym)))*",
            _w_a,
        ),
        (r"(?:nv)?fp4(?:a16)?", _nvfp4),
        (
            rf"(?P<unsloth>unsloth[-_])?(?:bnb|bitsandbytes|load[-_]in)[-_](?:(?P<bits>[48]){_BITS}|nf4|int8)(?:[-_]nf4)?",
            _bitsandbytes,
        ),
        (
            rf"(?:(?P<own>[2348]){_BITS}[-_])?hqq(?:[-_]?(?P<bits>[2348])(?:{_BITS})?)?(?:[-_]{_GROUP})?",
            _hqq,
        ),
        (
            r"(?:torch)?(?:ao[-_])?(?P<ao>int[48](?:wo|[-_]weight[-_]only)|int8dq|(?:float|fp)8(?:wo|dq|[-_]weight[-_]only)|(?<=ao[-_])(?:int[48]|float8|fp8))"
            rf"(?:[-_](?:{_GROUP}|(?P<alone>32|64|128|256)))?(?:[-_](?:hqq|torchao))?",
            _torchao,
        ),
        (
            rf"(?:b?1\.58(?:{_BITS})?[-_]bitnet|(?<=[-_])bitnet(?:[-_]b?1\.58(?:{_BITS})?)?"
            rf"|(?<!bitnet[-_])b1\.58(?:{_BITS})?)",
            _bitnet,
        ),
        (rf"aqlm(?:[-_]pv)?(?:[-_](?P<bits>[1-4]){_BITS})?(?:[-_](?P<books>\d)x(?P<nbits>\d\d?))?", _aqlm),
        (rf"higgs(?:[-_]gptq)?(?:[-_](?P<bits>[234]){_BITS})?", _higgs),
        (r"vptq[-_]v(?P<length>\d{1,2})[-_]k(?P<centroids>\d{2,5})(?:[-_](?P<residual>\d{1,5}))?(?:[-_]woft)?", _vptq),
        (r"quanto[-_](?P<quanto>q?int[248]|q?float8|q?fp8)", _quanto),
        (r"eetq", _eetq),
    )
)
_MIX = re.compile(
    _BEGIN
    + r"(?P<own>ud[-_])?(?P<mix>(?:ollama[-_])?(?:i?q[1-8]|tq[12])[-_]"
    + r"(?:[01]|k(?:[-_][a-z]{1,3})?|kss?|kl|xxs|xs|s|m|nl)(?:[-_]qkv)?|mxfp4[-_]moe)"
    + _END
)
_MXFP4 = re.compile(_BEGIN + "mxfp4(?:a16)?" + _END)
_MLX = re.compile(_BEGIN + rf"(?:mlx[-_])?(?P<bits>[234568]){_BITS}(?:[-_](?:dwq|mlx|{_GROUP}))*" + _END)
_MLX_MODE = re.compile(_BEGIN + r"(?:mlx[-_])?(?P<mode>mxfp4|mxfp8|nvfp4)" + _END)
_PLAIN = re.compile(_BEGIN + r"(?P<kind>bf16|bfloat16|f16|fp16|float16|half|f32|fp32|float32|16[-_]?bits?)" + _END)
_DTYPES = {
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "f16": "float16",
    "fp16": "float16",
    "float16": "float16",
    "half": "float16",
    "f32": "float32",
    "fp32": "float32",
    "float32": "float32",
}
_EXL = re.compile(_BEGIN + r"exl(?:lama)?[-_]?(?:v)?(?P<version>[23])" + _END)
_BPW = re.compile(_BEGIN + r"(?P<bits>\d(?:[._]\d{1,2})?)[-_]?bpw(?:[-_]h(?:b)?(?P<head>[4-8]))?" + _END)

# 1.58bit, 2.51bit: what a mix has on average, by which the makers of dynamic GGUF files call them
_AVERAGE = re.compile(_BEGIN + rf"(?:dynamic[-_])?\d\.\d{{1,2}}{_BITS}(?:[-_]dynamic)?" + _END)

_HEAD = re.compile(_BEGIN + r"hb?(?P<head>[4-8])" + _END)
_RUN_TOGETHER = re.compile(_BEGIN + r"(i?q[1-8])k([sml])" + _END)
# a name without any of these says no format: most of them, of which each pattern is spared
_ANY = re.compile(
    r"awq|gptq|round|inc|int[248]|fp?\d|float|half|w[2-8]a|bnb|bit|hqq|aqlm|higgs|vptq|quant|eetq|mlx|q\d|gguf|exl|bpw|1\.58|qat"
)

Read = tuple[str, NamedFormat | None, str, str]


def quantization_of(label: str) -> NamedFormat | None:
    """The format of a label that says a format and nothing else, with what was assumed of it as its warning.

    Raises UnknownFormatError for a label that says too little to be counted.
    """
    if label.upper() in ALGORITHMS:
        config = {"quant_method": "modelopt", "quant_algo": label.upper(), "ignore": _IGNORED}
        return NamedFormat(said=f"ModelOpt's {label.upper()}", config=config)
    if label == "bitnet":
        return _BITNET
    rest, form, assumed, refusal = format_in(label.replace(" ", "-"), "", bare=True)
    # of mixes the known ones are listed by who asks
    if re.search(r"[a-z0-9]", rest) or _MIX.search(label):
        return None
    if refusal:
        raise UnknownFormatError(f"precision {label!r} cannot be counted: {refusal}.")
    return form if form is None or not assumed else replace(form, warning=assumed)


def format_in(text: str, organisation: str, *, bare: bool = False) -> Read:
    """(the text without its format, the format, what was assumed of it, why it cannot be counted).

    bare: a user wrote it, so that what it leaves open has its most usual reading.
    """
    if not _ANY.search(text):
        return text, None, "", ""
    if bare:
        text = _RUN_TOGETHER.sub(r"\1_k_\2", text)
    average = None if "bitnet" in text or "b1.58" in text or _EXL.search(text) else _AVERAGE.search(text)
    if average:
        why = f"{average[0]!r} is the average of a mix of its maker's own; the .gguf file itself can be read"
        return _cut(text, average), None, "", why
    mixed = _MIX.search(text)
    if "unquantized" in re.split(r"[-_.:]", text):
        # trained for a mix, and published in the format of the base
        rest = text if mixed is None else _cut(text, mixed)
        return re.sub(_BEGIN + "(?:unquantized|int4)" + _END, "", rest), None, "", ""
    if mixed:
        trained_for = "google" if bare and "qat" in re.split(r"[-_.:]", text) else organisation
        return _mixed(_cut(text, mixed), mixed, trained_for)
    plain = _PLAIN.search(text)
    if "gguf" in re.split(r"[-_.:]", text):
        return _in_gguf(text, plain, organisation)
    bits, packed = _BPW.search(text), _EXL.search(text)
    if packed or (bits and bare):
        return _exllama(text, bits, packed)
    in_mlx = organisation == "mlx-community" or re.search(_BEGIN + "mlx" + _END, text.replace("_", "-"))
    if in_mlx:
        for reader, read_mlx in ((_MLX_MODE, _mlx_mode), (_MLX, _mlx)):
            match = reader.search(text)
            if match:
                return _without_mlx(_cut(text, match)), read_mlx(match, organisation), "", ""
    for pattern, read in _READERS:
        match = pattern.search(text)
        if match:
            form = read(match, organisation)
            rest = re.sub(_BEGIN + "(?:torchao|ao)" + _END, "", _cut(text, match))
            return (rest, None, "", form) if isinstance(form, str) else (rest, form, "", "")
    match = _MXFP4.search(text)
    if match:
        return _cut(text, match), _mxfp4(match, organisation), "", ""
    if plain and not plain["kind"].startswith("16"):
        form = NamedFormat(said=plain["kind"], config={"plain": _DTYPES[plain["kind"]]})
        return _without_mlx(_cut(text, plain)), form, "", ""
    return _partly(text) if bare else (text, None, "", "")


def _cut(text: str, match: re.Match[str]) -> str:
    return text[: match.start()] + text[match.end() :]


# Who mixes types for each model by a recipe, and names the file by one of them.
_BY_RECIPE = frozenset(("ubergarm",))


def _mixed(rest: str, mixed: re.Match[str], organisation: str) -> Read:
    """A mix of llama-quantize, or one of its maker's own."""
    mix = mix_of(mixed["mix"].replace("-", "_"))
    if mix is not None and maker_of(mix) and organisation in _BY_RECIPE:
        why = (
            f"{mixed[0].upper()} names one type of a recipe of its maker's own; precision {mix!r} of that id counts "
            f"{str(maker_of(mix)).replace('_cpp', '.cpp')}'s mix of this name, which may be smaller"
        )
        return rest, None, "", why
    if mixed["own"] or mix is None:
        return rest, None, "", f"{mixed[0].upper()} is a mix of its maker's own; the .gguf file itself can be read"
    if mix == "q4_0" and organisation == "google":
        mix = "q4_0_qat"
    return rest, gguf_format(mix, organisation), "", ""


def _in_gguf(text: str, plain: re.Match[str] | None, organisation: str) -> Read:
    """A repository of GGUF files that says no mix."""
    if plain or _MXFP4.search(text):
        kind = _DTYPES.get(plain["kind"], "float16") if plain else ""
        short = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}
        rest = _PLAIN.sub("", _MXFP4.sub("", text))
        return rest, gguf_format(f"gguf_{short[kind]}" if kind else "mxfp4_moe", organisation), "", ""
    assumed = "The name gives no file of the repository; q4_k_m was taken, which llama.cpp and ollama take by default."
    return text, gguf_format("q4_k_m", organisation), assumed, ""


def _exllama(text: str, bits: re.Match[str] | None, packed: re.Match[str] | None) -> Read:
    """ExLlamaV2 and V3 files, whose size is their bits a weight."""
    rest = _EXL.sub("", _BPW.sub("", text))
    head_alone = _HEAD.search(rest)
    rest = _HEAD.sub("", rest)
    if bits is None:
        return rest, None, "", "a file of exllama has any number of bits a weight: say how many, such as 4.0bpw"
    version = packed["version"] if packed else "2"
    weight, head = float(bits["bits"].replace("_", ".")), int(bits["head"] or (head_alone and head_alone["head"]) or 6)
    assumed = []
    if packed is None:
        assumed.append("bpw was taken for a file of exllamav2.")
    if bits["head"] is None and head_alone is None:
        assumed.append("The name gives no bits of the head; 6 were taken, the converter's default.")
    config = {"quant_method": f"exl{version}", "bits": weight, "head_bits": head}
    said = f"exl{version}, {weight:g} bits a weight, the head in {head}"
    return rest, NamedFormat(said=said, config=config), " ".join(assumed), ""


_SOME_BITS = re.compile(
    _BEGIN + rf"(?:(?P<bits>[2-8]){_BITS}|int(?P<int>[48])|q(?P<q>[2-8])|(?P<half>16{_BITS}))" + _END
)
_SOME_QUANTISER = re.compile(_BEGIN + r"(?P<name>nf4|bnb|bitsandbytes|mlx|qat|quanti[sz]ed)" + _END)
_USUAL_MIX = {"2": "q2_k", "3": "q3_k_m", "4": "q4_k_m", "5": "q5_k_m", "6": "q6_k", "8": "q8_0"}


def _partly(text: str) -> Read:
    """What a user's words leave open: the most usual reading, and that it is one; or why there is none."""
    match = _SOME_BITS.search(text)
    named = _SOME_QUANTISER.search(text)
    if named and named["name"] in ("nf4", "bnb", "bitsandbytes") and (match is None or "8" not in match[0]):
        rest = _SOME_BITS.sub("", _cut(text, named))
        config = {"quant_method": "bitsandbytes", "load_in_4bit": True}
        assumed = "" if match or named["name"] == "nf4" else "The name says bitsandbytes alone; its 4 bits were taken."
        return rest, NamedFormat(said="bitsandbytes nf4", config=config), assumed, ""
    if named and match is None and named["name"] == "qat" and "gemma" in text:
        assumed = "QAT alone names no format; q4_0 was taken, in which Google publishes what it trains for one."
        return _cut(text, named), gguf_format("q4_0_qat", "google"), assumed, ""
    if named and match is None:
        return _cut(text, named), None, "", f"{named['name']!r} does not say in how many bits it is stored, nor how"
    if match is None:
        return text, None, "", ""
    rest = _cut(text, match)
    if match["half"]:
        return rest, NamedFormat(said="16 bits", config={"plain": "bfloat16"}), "", ""
    if match["q"]:
        mix = _USUAL_MIX.get(match["q"])
        if mix is None:
            return rest, None, "", f"{match[0]!r} is no mix of llama-quantize"
        assumed = f"{match[0].upper()} alone names no mix; {mix} was taken, the usual one of its bits."
        return rest, gguf_format(mix, ""), assumed, ""
    bits = int(match["bits"] or match["int"])
    if bits not in (4, 8):
        return (
            rest,
            None,
            "",
            (
                f"{match[0]!r} does not say how it is stored: name the quantiser, such as q{bits}_k, hqq{bits} or "
                f"gptq-int{bits}"
            ),
        )
    form = NamedFormat(
        said=f"int{bits} weights, tables and head in 16 bits", config=_integers(bits, 8 if bits == 8 else 16)
    )
    if match["int"]:
        return rest, form, "", ""
    others = "awq, gptq, nf4, q4_k_m, mlx_4bit" if bits == 4 else "fp8, q8_0, gptq-int8, mlx_8bit"
    assumed = (
        f"{match[0]!r} does not say whose {bits} bits; int{bits} was taken. Other quantisers' files may be a fifth "
        f"smaller or larger: name one ({others}) to count it."
    )
    return rest, form, assumed, ""


def bits_alone(label: object) -> str:
    """The digit of a label that says how many bits and nothing else (4bit, 8-bit); empty for any other."""
    found = _BITS_ALONE.fullmatch(label.strip()) if isinstance(label, str) else None
    return found["bits"] if found else ""


_BITS_ALONE = re.compile(rf"(?P<bits>[2-8]) ?{_BITS}", re.IGNORECASE)


def _without_mlx(text: str) -> str:
    return re.sub(_BEGIN + "mlx" + _END, "", text)
