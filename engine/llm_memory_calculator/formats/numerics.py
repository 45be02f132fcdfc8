"""Number formats: the true bits of a stored weight, scales and zero points included, and what it is multiplied in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from llm_memory_hardware.wording import words

from ..errors import UnknownFormatError, did_you_mean, shown
from ..units import ceil_div


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
    block: int = 1
    """Inputs that are stored together: a matrix whose inputs are no multiple of it cannot have this format."""

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


def weights_only(name: str, bits: float, *scales: Scales, block: int = 1) -> Format:
    """Stored in a few bits, multiplied in 16."""
    return Format(name=name, bits=bits, scales=scales, computes_in=_HALF, block=block)


# What a GGUF file may hold: the type's number in the file, inputs a block, bytes a block (scales and minima included)
# and bits of one element. From ggml's block structures (ggml.h, ggml-common.h); the tests compare them with the gguf
# package's table.
GGML_TYPES: dict[str, tuple[int, int, int, float]] = {
    "fp32": (0, 1, 4, 32),
    "fp16": (1, 1, 2, 16),
    "q4_0": (2, 32, 18, 4),
    "q4_1": (3, 32, 20, 4),
    "q5_0": (6, 32, 22, 5),
    "q5_1": (7, 32, 24, 5),
    "q8_0": (8, 32, 34, 8),
    "q8_1": (9, 32, 40, 8),
    "q2_k": (10, 256, 84, 2),
    "q3_k": (11, 256, 110, 3),
    "q4_k": (12, 256, 144, 4),
    "q5_k": (13, 256, 176, 5),
    "q6_k": (14, 256, 210, 6),
    "q8_k": (15, 256, 292, 8),
    "iq2_xxs": (16, 256, 66, 2),
    "iq2_xs": (17, 256, 74, 2),
    "iq3_xxs": (18, 256, 98, 3),
    "iq1_s": (19, 256, 50, 1),
    "iq4_nl": (20, 32, 18, 4),
    "iq3_s": (21, 256, 110, 3),
    "iq2_s": (22, 256, 82, 2),
    "iq4_xs": (23, 256, 136, 4),
    "i8": (24, 1, 1, 8),
    "i16": (25, 1, 2, 16),
    "i32": (26, 1, 4, 32),
    "i64": (27, 1, 8, 64),
    "fp64": (28, 1, 8, 64),
    "iq1_m": (29, 256, 56, 1),
    "bf16": (30, 1, 2, 16),
    "tq1_0": (34, 256, 54, 1.6),
    "tq2_0": (35, 256, 66, 2),
    "mxfp4": (39, 32, 17, 4),
    "nvfp4": (40, 64, 36, 4),
    "q1_0": (41, 128, 18, 1),
}


# What ik_llama.cpp's files hold beside these, whose numbers no other reader knows: inputs a block, bytes a block, bits
# of one element, and bits of a scale that each row has. From its ggml-common.h (block_iq3_k and so on) and, of rows,
# its type traits' row_meta_size; its llama-quantize prints the same bits a weight (examples/quantize/quantize.cpp).
_IK_TYPES: dict[str, tuple[int, int, float, int]] = {
    "q6_0": (32, 26, 6, 0),
    "iq2_k": (256, 76, 2, 0),
    "iq3_k": (256, 110, 3, 0),
    "iq4_k": (256, 144, 4, 0),
    "iq5_k": (256, 176, 5, 0),
    "iq6_k": (256, 212, 6, 0),
    "iq3_ks": (256, 102, 3, 16),
    "iq4_kss": (256, 128, 4, 32),
    "iq4_ks": (256, 136, 4, 32),
    "iq5_ks": (256, 168, 5, 32),
}


def _ik(name: str) -> Format:
    block, size, bits, row = _IK_TYPES[name]
    scales = (Scales(bits=8 * size - block * bits, columns=block), Scales(bits=row))
    held = tuple(one for one in scales if one.bits)
    return Format(name=name, bits=bits, scales=held, computes_in=_HALF, block=block)


def _ggml(name: str) -> Format:
    _, block, size, bits = GGML_TYPES[name]
    scales = Scales(bits=8 * size - block * bits, columns=block)
    return Format(name=name, bits=bits, scales=(scales,) if scales.bits else (), computes_in=_HALF, block=block)


_OWN: dict[str, Format] = {
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
        weights_only("int4", 4, Scales(bits=16, columns=128)),
        # AWQ: 16-bit scale and 4-bit zero point a group of 128 (arXiv 2306.00978)
        weights_only("awq", 4, Scales(bits=20, columns=128)),
        # GPTQ: the same, and a 32-bit group index for each input (arXiv 2210.17323, g_idx of the file format)
        weights_only("gptq", 4, Scales(bits=20, columns=128), Scales(bits=32, rows=None, columns=1)),
        # bitsandbytes: one float32 maximum a block of 64 values (QLoRA, arXiv 2305.14314, without double quantisation)
        weights_only("nf4", 4, Scales(bits=32, columns=64)),
        # OCP microscaling 1.0: one 8-bit exponent a block of 32
        Format(name="mxfp4", bits=4, scales=(Scales(bits=8, columns=32),), computes_in=("fp4", *_HALF), block=32),
        # NVFP4: one fp8 scale a block of 16, one float32 scale a tensor
        Format(
            name="nvfp4",
            bits=4,
            scales=(Scales(bits=8, columns=16), Scales(bits=32, rows=None)),
            computes_in=("fp4", *_HALF),
        ),
    )
}
FORMATS: dict[str, Format] = {name: _ggml(name) for name in GGML_TYPES} | {name: _ik(name) for name in _IK_TYPES} | _OWN

_SPELLINGS = {
    "q8": "q8_0",
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
    "bnb_nf4": "nf4",
    "bnb_8bit": "int8",
    "bnb_int8": "int8",
    "load_in_4bit": "nf4",
    "load_in_8bit": "int8",
    "awq_4bit": "awq",
    "awq_int4": "awq",
    "gptq_4bit": "gptq",
    "gptq_int4": "gptq",
    # llm-compressor's schemes
    "fp8_dynamic": "fp8",
    "fp8_static": "fp8",
    "w8a8_fp8": "fp8",
    "w8a8_int8": "int8",
    "int8_dynamic": "int8",
    "nvfp4a16": "nvfp4",
    "mxfp4a16": "mxfp4",
    "w4a8": "int4",
    "w4afp8": "int4",
}
WEIGHT_FORMATS = tuple(_OWN)
# Of the labels that labels.py reads, one of each kind.
LABELS = (
    "mlx_4bit",
    "4.0bpw (EXL2, EXL3)",
    "torchao_int4",
    "hqq_4bit",
    "auto_round",
    "w8a16",
    "mxfp8",
    "bitnet",
    "aqlm_1x16",
    "higgs",
    "modelopt's and TensorRT-LLM's algorithms such as W4A8_AWQ",
)
# a KV cache keeps one value after another: of nvfp4 and of ggml's types the block scales are what counts; the latter
# are what llama.cpp takes as --cache-type-k
KV_FORMATS = ("fp32", "bf16", "fp16", "fp8", "int8", "nvfp4", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")


def parse_format(name: object, *, argument: str = "precision", accepted: tuple[str, ...] = WEIGHT_FORMATS) -> Format:
    """The format of a name in any usual spelling (`float16`, `FP8_E4M3`, `w4a16`).

    Raises UnknownFormatError naming the argument, what is accepted and the nearest match.
    """
    spelled = spelling(name)
    if spelled in accepted:
        return FORMATS[spelled]
    raise unknown_format(name, argument, accepted)


# the files' own name beside a mix, which is of no other files
_CONTAINED = re.compile(r"(?:gguf|ggml)[\s:_]+(i?q\d\w{0,12})|(i?q\d\w{0,12}?)[\s:_]+(?:gguf|ggml)")


def spelling(name: object) -> str:
    """The name as FORMATS and the GGUF recipes spell it; empty for what is no string."""
    if not isinstance(name, str):
        return ""
    spelled = name.strip().lower().replace("-", "_").removeprefix("torch.")
    if contained := _CONTAINED.fullmatch(spelled):
        spelled = contained[1] or contained[2]
    return _SPELLINGS.get(spelled, spelled)


def unknown_format(
    name: object, argument: str, accepted: tuple[str, ...], few: tuple[str, ...] = ()
) -> UnknownFormatError:
    """The error that names the argument, the nearest match and what is accepted; few: the part of that to be told,
    where all of it is long."""
    also = (*accepted, *(key for key, value in _SPELLINGS.items() if value in accepted))
    near = did_you_mean(spelling(name), also) if isinstance(name, str) else ""
    rest = f"; {words().formats}" if few else ""
    return UnknownFormatError(
        f"{argument} {shown(name)} is not known.{near} Accepted: {', '.join(few or accepted)}{rest}."
    )


def kv_bits(form: Format) -> float:
    """Bits of one cached value, block scales included."""
    blocks = sum(entry.bits / entry.columns for entry in form.scales if entry.columns)
    return form.bits + blocks
