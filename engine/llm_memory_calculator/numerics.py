"""Number formats: the true bits of a stored weight, scales and zero points included, and what it is multiplied in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import UnknownFormatError, did_you_mean
from .units import ceil_div


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """What is stored beside the elements: `bits` for each block of rows x columns (None: the whole extent)."""

    bits: float
    rows: int | None = 1
    columns: int | None = None

    def total_bits(self, rows: int, columns: int) -> float:
        down = 1 if self.rows is None else ceil_div(rows, self.rows)
        across = 1 if self.columns is None else ceil_div(columns, self.columns)
        return self.bits * down * across


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How values are stored, and the formats that a matrix product with them can run in, best first."""

    name: str
    bits: float
    """Bits of one element, without scales."""
    scales: tuple[Scales, ...] = ()
    computes_in: tuple[str, ...]
    """Formats of peak_flops, the first that the accelerator has is used."""

    def stored_bytes(self, rows: int, columns: int) -> float:
        """Bytes of one tensor of rows (outputs) x columns (inputs)."""
        scales = sum(entry.total_bits(rows, columns) for entry in self.scales)
        return (rows * columns * self.bits + scales) / 8

    @property
    def quantized(self) -> bool:
        return self.bits < 16

    def bits_per_weight(self) -> float:
        """Bits a weight of a large matrix (4096 x 4096)."""
        return self.stored_bytes(4096, 4096) * 8 / 4096**2


_HALF = ("bf16", "fp16", "fp32")


def _weights_only(name: str, bits: float, *scales: Scales) -> Format:
    """Stored in a few bits, multiplied in 16."""
    return Format(name=name, bits=bits, scales=scales, computes_in=_HALF)


FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(name="fp32", bits=32, computes_in=("fp32",)),
        Format(name="tf32", bits=32, computes_in=("tf32", "fp32")),
        Format(name="bf16", bits=16, computes_in=_HALF),
        Format(name="fp16", bits=16, computes_in=("fp16", "bf16", "fp32")),
        # one float32 scale an output channel, as llm-compressor and vLLM's own conversion write them
        Format(name="fp8", bits=8, scales=(Scales(bits=32),), computes_in=("fp8", *_HALF)),
        # DeepSeek-V3: one float32 scale a block of 128 x 128
        Format(name="fp8_block", bits=8, scales=(Scales(bits=32, rows=128, columns=128),), computes_in=("fp8", *_HALF)),
        Format(name="int8", bits=8, scales=(Scales(bits=32),), computes_in=("int8", *_HALF)),
        # symmetric, one 16-bit scale a group of 128 (compressed-tensors pack-quantized, w4a16)
        _weights_only("int4", 4, Scales(bits=16, columns=128)),
        # AWQ: 16-bit scale and 4-bit zero point a group of 128 (arXiv 2306.00978)
        _weights_only("awq", 4, Scales(bits=20, columns=128)),
        # GPTQ: the same, and a 32-bit group index for each input (arXiv 2210.17323, g_idx of the file format)
        _weights_only("gptq", 4, Scales(bits=20, columns=128), Scales(bits=32, rows=None, columns=1)),
        # bitsandbytes: one float32 maximum a block of 64 values (QLoRA, arXiv 2305.14314, without double quantisation)
        _weights_only("nf4", 4, Scales(bits=32, columns=64)),
        # OCP microscaling 1.0: one 8-bit exponent a block of 32
        _weights_only("mxfp4", 4, Scales(bits=8, columns=32)),
        # NVFP4: one fp8 scale a block of 16, one float32 scale a tensor
        Format(
            name="nvfp4",
            bits=4,
            scales=(Scales(bits=8, columns=16), Scales(bits=32, rows=None)),
            computes_in=("fp4", *_HALF),
        ),
    )
}

_SPELLINGS = {
    "float32": "fp32",
    "f32": "fp32",
    "float": "fp32",
    "bfloat16": "bf16",
    "float16": "fp16",
    "f16": "fp16",
    "half": "fp16",
    "float8": "fp8",
    "fp8_e4m3": "fp8",
    "fp8_e4m3fn": "fp8",
    "float8_e4m3fn": "fp8",
    "fp8_e5m2": "fp8",
    "e4m3": "fp8",
    "e5m2": "fp8",
    "w8a8": "int8",
    "w4a16": "int4",
    "fp4": "nvfp4",
    "bnb_4bit": "nf4",
}
_GGUF_TYPE = re.compile(r"i?q[2-8]_\w+")
WEIGHT_FORMATS = tuple(FORMATS)
# a KV cache keeps one value after another: nvfp4's block scale is its only overhead that counts
KV_FORMATS = ("fp32", "bf16", "fp16", "fp8", "int8", "nvfp4")


def parse_format(name: object, *, argument: str = "precision", accepted: tuple[str, ...] = WEIGHT_FORMATS) -> Format:
    """The format of a name in any usual spelling (`float16`, `FP8_E4M3`, `w4a16`).

    Raises UnknownFormatError naming the argument, what is accepted and the nearest match.
    """
    if isinstance(name, str):
        spelled = name.strip().lower().replace("-", "_").removeprefix("torch.")
        canonical = _SPELLINGS.get(spelled, spelled)
        if canonical in accepted:
            return FORMATS[canonical]
        near = did_you_mean(spelled, (*accepted, *(key for key, value in _SPELLINGS.items() if value in accepted)))
        if _GGUF_TYPE.match(spelled):
            near = " GGUF types are not described yet; int4 is the nearest in size to q4_k_m."
    else:
        near = ""
    raise UnknownFormatError(f"{argument} {name!r} is not known.{near} Accepted: {', '.join(accepted)}.")


def kv_bits(form: Format) -> float:
    """Bits of one cached value, block scales included."""
    blocks = sum(entry.bits / entry.columns for entry in form.scales if entry.columns)
    return form.bits + blocks
