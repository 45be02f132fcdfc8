"""Labels of number formats that are more than one format: read as the quantization_config of checkpoints of that kind.

They are those that reports here print, and what the libraries themselves write into names: MLX, ExLlama, torchao,
BitNet, AQLM, HIGGS, VPTQ, HQQ, AutoRound, TensorRT-LLM's and modelopt's algorithms, llm-compressor's schemes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UnknownFormatError
from .quantisers import ALGORITHMS

_Config = dict[str, Any]


def _integers(bits: int, *, symmetric: bool = True, group: int | None = 128) -> _Config:
    """As llm-compressor writes its schemes: every linear layer but the head."""
    weights: _Config = {"num_bits": bits, "type": "int", "symmetric": symmetric}
    weights |= {"strategy": "channel"} if group is None else {"strategy": "group", "group_size": group}
    return {
        "quant_method": "compressed-tensors",
        "ignore": ["lm_head"],
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights}},
    }


def _mlx(match: re.Match[str]) -> _Config:
    return {"quant_method": "mlx", "bits": int(match["bits"]), "group_size": 64}


def _mlx_mode(match: re.Match[str]) -> _Config:
    return {"quant_method": "mlx", "bits": 4, "group_size": 32, "mode": match["mode"]}


def _exl(match: re.Match[str]) -> _Config:
    method = match["before"] or match["after"] or "exl2"
    return {"quant_method": method, "bits": float(match["bits"]), "head_bits": int(match["head"] or 6)}


def _hqq(match: re.Match[str]) -> _Config:
    return {"quant_method": "hqq", "bits": int(match["bits"]), "group_size": 64}


def _auto_round(match: re.Match[str]) -> _Config:
    return {"quant_method": "auto-round", "bits": int(match["bits"] or 4), "group_size": 128}


def _packed(match: re.Match[str]) -> _Config:
    return {"quant_method": match["method"], "bits": int(match["bits"]), "group_size": 128}


def _weights_only(match: re.Match[str]) -> _Config:
    bits = int(match["bits"])
    return _integers(bits, symmetric=match["asym"] is None, group=None if bits == 8 else 128)


_TORCHAO = {
    "int4": "Int4WeightOnlyConfig",
    "int8": "Int8WeightOnlyConfig",
    "fp8": "Float8WeightOnlyConfig",
    "float8": "Float8WeightOnlyConfig",
    "int8dq": "Int8DynamicActivationInt8WeightConfig",
    "float8dq": "Float8DynamicActivationFloat8WeightConfig",
}


def _torchao(match: re.Match[str]) -> _Config:
    kind = re.sub(r"_?(?:weight_only|wo)$", "", match["kind"])
    return {"quant_method": "torchao", "quant_type": {"default": {"_type": _TORCHAO[kind]}}}


def _aqlm(match: re.Match[str]) -> _Config:
    books, bits = int(match["books"] or 1), int(match["code"] or 16)
    return {"quant_method": "aqlm", "num_codebooks": books, "nbits_per_codebook": bits, "in_group_size": 8}


def _higgs(match: re.Match[str]) -> _Config:
    return {"quant_method": "higgs", "bits": int(match["bits"] or 4), "group_size": 256}


def _vptq(match: re.Match[str]) -> _Config:
    length, residual = int(match["length"]), int(match["residual"] or 0)
    layer = {
        "vector_lens": [-1, length],
        "num_centroids": [-1, int(match["centroids"])],
        "num_res_centroids": [-1, residual or -1],
    }
    return {"quant_method": "vptq", "shared_layer_config": {"all": layer}}


_BPW = r"(?:(?P<before>exl[23])[_ ]?)?(?P<bits>[1-9](?:\.\d{1,3})?)_?bpw(?:_?(?P<after>exl[23]))?(?:_?h(?P<head>\d))?"
_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Config]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"mlx_?(?:int|q)?(?P<bits>[234568])_?(?:bits?)?", _mlx),
        (r"(?P<bits>[234568])_?bits?_mlx", _mlx),
        (r"mlx_?(?P<mode>mxfp4|nvfp4|mxfp8)", _mlx_mode),
        (_BPW, _exl),
        (r"hqq_?(?P<bits>[23468])(?:_?bits?)?", _hqq),
        (r"auto_?round(?:_?(?:int)?(?P<bits>[2348])(?:_?bits?)?)?", _auto_round),
        (r"w(?P<bits>[234568])a16(?P<asym>_asym)?", _weights_only),
        (r"(?P<method>gptq|awq)_?(?:int|w)?(?P<bits>[2348])(?:_?bits?)?", _packed),
        (r"torchao_?(?P<kind>int4|int8|fp8|float8|int8dq|float8dq)(?:_?(?:wo|weight_only))?", _torchao),
        (r"(?P<kind>(?:int4|int8|float8)(?:wo|_weight_only)|int8dq|float8dq)", _torchao),
        (r"bitnet(?:_?b?1\.58)?|b?1\.58_?bits?", lambda _: {"quant_method": "bitnet"}),
        (r"aqlm(?:_?2_?bits?)?(?:_?(?P<books>[1248])x(?P<code>8|1[0-6]))?", _aqlm),
        (r"higgs(?:_?(?P<bits>[234])_?bits?)?", _higgs),
        (r"vptq_?v(?P<length>\d{1,2})_?k(?P<centroids>\d{2,5})(?:_(?P<residual>\d{1,5}))?(?:_woft)?", _vptq),
        (r"mxfp8", lambda _: {"quant_method": "modelopt", "quant_algo": "MXFP8", "ignore": ["lm_head"]}),
    )
)
_INCOMPLETE = {
    "exl2": "the bits a weight: '4.0bpw', 'exl3_4.0bpw'",
    "exl3": "the bits a weight: '4.0bpw', 'exl3_4.0bpw'",
    "mlx": "the bits: 'mlx_4bit'",
    "hqq": "the bits: 'hqq_4bit'",
    "torchao": "its kind: 'torchao_int4', 'torchao_int8', 'torchao_fp8'",
    "vptq": "vectors and centroids as its repositories are named: 'vptq_v8_k65536_256'",
}
# What an error and the documentation show of them.
EXAMPLES = (
    "mlx_4bit",
    "4.0bpw (EXL2, EXL3)",
    "torchao_int4",
    "hqq_4bit",
    "auto_round",
    "w8a16",
    "mxfp8",
    "bitnet",
    "aqlm",
    "higgs",
    "modelopt's and TensorRT-LLM's algorithms such as W4A8_AWQ",
)


def quantization_of(label: str) -> Mapping[str, Any] | None:
    """The quantization_config that checkpoints of this label have, or None for what is none.

    Raises UnknownFormatError for a label that lacks its bits.
    """
    if label in _INCOMPLETE:
        raise UnknownFormatError(f"precision {label!r} needs {_INCOMPLETE[label]}.")
    for pattern, read in _READERS:
        match = pattern.fullmatch(label)
        if match:
            return read(match)
    if label.upper() in ALGORITHMS:
        return {"quant_method": "modelopt", "quant_algo": label.upper(), "exclude_modules": ["lm_head"]}
    return None
