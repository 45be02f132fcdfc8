"""The number format that a name says: AWQ, GPTQ-Int4, FP8-dynamic, w4a16, Q4_K_M, MLX-4bit and the like.

Each is read as the quantization_config that checkpoints of this kind have, so that one reader counts both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..formats.gguf import mix_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFormat:
    """A number format as a name says it."""

    said: str
    """As a note says it."""
    config: Mapping[str, Any]
    """The quantization_config that checkpoints of this kind have; or {"plain": torch dtype}."""
    warning: str = ""
    """What the name does not say of it."""


_IGNORED = ["lm_head"]


def _groups(weights: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """As llm-compressor writes it: every linear layer but the head."""
    return {
        "quant_method": "compressed-tensors",
        "ignore": _IGNORED,
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, **more}},
    }


def _awq(_: re.Match[str], __: str) -> NamedFormat:
    config = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}
    return NamedFormat(said="AWQ, 4 bits in groups of 128", config=config)


def _gptq(match: re.Match[str], _: str) -> NamedFormat:
    bits, group = int(match["bits"] or 4), int(match["group"] or 128)
    config = {"quant_method": "gptq", "bits": bits, "group_size": group}
    return NamedFormat(said=f"GPTQ, {bits} bits in groups of {group}", config=config)


def _fp8(match: re.Match[str], organisation: str) -> NamedFormat:
    more = match["more"] or ""
    scaled = {"kv_cache_scheme": {"num_bits": 8, "type": "float"}} if "kv" in more else {}
    if "block" in more or organisation in ("qwen", "zai-org", "deepseek-ai"):
        config = {"quant_method": "fp8", "weight_block_size": [128, 128], **scaled}
        return NamedFormat(said="fp8 with a scale a block of 128 x 128", config=config)
    strategy = "channel" if "dynamic" in more else "tensor"
    config = _groups({"num_bits": 8, "type": "float", "strategy": strategy}) | scaled
    return NamedFormat(said=f"fp8 with a scale a {strategy}, the head in 16 bits", config=config)


def _auto_round(match: re.Match[str], _: str) -> NamedFormat:
    bits = int(match["bits"] or match["own"] or 4)
    config = {"quant_method": "auto-round", "bits": bits, "group_size": 128}
    return NamedFormat(said=f"AutoRound, {bits} bits in groups of 128", config=config)


def _int(match: re.Match[str], _: str) -> NamedFormat:
    """llm-compressor's INT8-dynamic, and the like."""
    bits = int(match["bits"])
    weights: dict[str, Any] = {"num_bits": bits, "type": "int", "strategy": "channel"}
    more = {"input_activations": {"num_bits": 8, "type": "int"}} if bits == 8 else {}
    if bits == 4:
        weights |= {"strategy": "group", "group_size": 128}
    return NamedFormat(said=f"int{bits} weights, the head in 16 bits", config=_groups(weights, **more))


def _mxfp8(_: re.Match[str], __: str) -> NamedFormat:
    return NamedFormat(said="mxfp8", config={"quant_method": "modelopt", "quant_algo": "MXFP8", "ignore": _IGNORED})


def _w_a(match: re.Match[str], _: str) -> NamedFormat:
    bits, activations = int(match["w"]), int(match["a"])
    weights: dict[str, Any] = {"num_bits": bits, "type": "int", "strategy": "channel"}
    if bits == 4:
        weights |= {"strategy": "group", "group_size": 128}
    more = {"input_activations": {"num_bits": 8, "type": "int"}} if activations == 8 else {}
    return NamedFormat(
        said=f"int{bits} weights (w{bits}a{activations}), the head in 16 bits", config=_groups(weights, **more)
    )


def _nvfp4(_: re.Match[str], __: str) -> NamedFormat:
    return NamedFormat(
        said="nvfp4, the head in 16 bits", config=_groups({"num_bits": 4, "type": "float", "group_size": 16})
    )


def _mxfp4(_: re.Match[str], __: str) -> NamedFormat:
    return NamedFormat(said="mxfp4", config={"quant_method": "mxfp4"})


def _bitsandbytes(match: re.Match[str], _: str) -> NamedFormat:
    if match["bits"] == "8":
        return NamedFormat(said="bitsandbytes int8", config={"quant_method": "bitsandbytes", "load_in_8bit": True})
    config = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_use_double_quant": True}
    warning = (
        "Unsloth's dynamic 4 bits leave some layers in 16 bits, which the name does not list: the checkpoint is larger."
        if match["unsloth"]
        else ""
    )
    return NamedFormat(said="bitsandbytes nf4 with double quantisation", config=config, warning=warning)


def _mlx(match: re.Match[str], _: str) -> NamedFormat:
    bits = int(match["bits"])
    return NamedFormat(
        said=f"MLX, {bits} bits in groups of 64, table and head included",
        config={"quant_method": "mlx", "bits": bits, "group_size": 64},
    )


def gguf_format(mix: str, organisation: str) -> NamedFormat:
    config: dict[str, Any] = {"quant_method": "gguf", "mix": mix}
    if organisation == "thebloke":
        config["before_2024"] = True
    return NamedFormat(said=f"GGUF {mix.removeprefix('gguf_')}", config=config)


_BEGIN, _END = r"(?:^|(?<=[-_.:]))", r"(?=$|[-_.:])"
_READERS = tuple(
    (re.compile(_BEGIN + pattern + _END), read)
    for pattern, read in (
        (r"awq(?:[-_](?:int4|4bit|w4a16|g128|gemm|gemv|marlin))*", _awq),
        (
            r"gptq(?:[-_]?(?:int|w)?(?P<bits>[2348])(?:[-_]?bits?)?)?"
            r"(?:[-_](?:g?(?P<group>32|64|128)g?|actorder|act|order|true|marlin|w4a16))*",
            _gptq,
        ),
        (
            r"(?:(?:int|w)(?P<own>[2348])(?:[-_](?:sym|asym))?[-_])?(?:auto[-_]?round|inc)"
            r"(?:[-_](?:int)?(?P<bits>[2348])(?:bit)?)?(?:[-_](?:sym|asym|gptq|awq))*",
            _auto_round,
        ),
        (r"int(?P<bits>[48])[-_]dynamic", _int),
        (r"mxfp8", _mxfp8),
        (r"fp8(?P<more>(?:[-_](?:dynamic|block|kv|static|e4m3|per[-_]tensor))*)", _fp8),
        (r"(?:quantized[-_.])?w(?P<w>[48])a(?P<a>8|16)(?:[-_](?:g128|int4|int8|sym))*", _w_a),
        (r"(?:nv)?fp4(?:a16)?", _nvfp4),
        (r"(?P<unsloth>unsloth[-_])?bnb[-_](?P<bits>[48])bit(?:[-_]nf4)?", _bitsandbytes),
    )
)
_MIX = re.compile(
    _BEGIN + r"(?P<own>ud[-_])?(?P<mix>(?:i?q[1-8]|tq[12])_(?:[01]|k(?:_[a-z]{1,3})?|xxs|xs|s|m|nl)|mxfp4_moe)" + _END
)
_MXFP4 = re.compile(_BEGIN + "mxfp4" + _END)
_MLX = re.compile(_BEGIN + r"(?:mlx[-_])?(?P<bits>[234568])[-_]?bit(?:[-_](?:dwq|mlx))?" + _END)
_PLAIN = re.compile(_BEGIN + r"(?P<kind>bf16|f16|fp16|f32|fp32)" + _END)
_DTYPES = {"bf16": "bfloat16", "f16": "float16", "fp16": "float16", "f32": "float32", "fp32": "float32"}


def format_in(text: str, organisation: str) -> tuple[str, NamedFormat | None, str, str]:
    """(the text without its format, the format, what was assumed of it, why it cannot be counted)."""
    mixed = _MIX.search(text)
    if "unquantized" in re.split(r"[-_.:]", text):
        # trained for a mix, and published in the format of the base
        rest = text if mixed is None else text[: mixed.start()] + text[mixed.end() :]
        return rest.replace("unquantized", ""), None, "", ""
    if mixed:
        rest = text[: mixed.start()] + text[mixed.end() :]
        mix = mix_of(mixed["mix"])
        if mixed["own"] or mix is None:
            return rest, None, "", f"{mixed[0].upper()} is a mix of its maker's own; the .gguf file itself can be read"
        if mix == "q4_0" and organisation == "google":
            mix = "q4_0_qat"
        return rest, gguf_format(mix, organisation), "", ""
    plain = _PLAIN.search(text)
    if "gguf" in re.split(r"[-_.:]", text):
        if plain or _MXFP4.search(text):
            kind = plain["kind"].replace("fp", "f") if plain else ""
            rest = _PLAIN.sub("", _MXFP4.sub("", text))
            return rest, gguf_format(f"gguf_{kind}" if kind else "mxfp4_moe", organisation), "", ""
        assumed = (
            "The name gives no file of the repository; q4_k_m was taken, which llama.cpp and ollama take by default."
        )
        return text, gguf_format("q4_k_m", organisation), assumed, ""
    for pattern, read in _READERS:
        match = pattern.search(text)
        if match:
            return text[: match.start()] + text[match.end() :], read(match, organisation), "", ""
    match = _MXFP4.search(text)
    if match:
        return text[: match.start()] + text[match.end() :], _mxfp4(match, organisation), "", ""
    mlx = _MLX.search(text) if organisation == "mlx-community" or "mlx" in text else None
    if mlx:
        return _without_mlx(text[: mlx.start()] + text[mlx.end() :]), _mlx(mlx, organisation), "", ""
    if plain:
        form = NamedFormat(said=plain["kind"], config={"plain": _DTYPES[plain["kind"]]})
        return _without_mlx(text[: plain.start()] + text[plain.end() :]), form, "", ""
    return text, None, "", ""


def _without_mlx(text: str) -> str:
    return re.sub(_BEGIN + "mlx" + _END, "", text)
