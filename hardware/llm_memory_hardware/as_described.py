"""A device as people describe it, read in the original's keys and units.

Such as {vram: "24 GB", bandwidth: "1 TB/s", tflops: 165}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .errors import InvalidHardwareError, shown

__all__ = ["in_own_keys"]

# Other words for a key, in lower case with underscores; those that search_hardware answers with are among them. None
# that leaves the unit open: a "bandwidth in gbps" may be bits.
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Flops": ("flops", "tflops", "fp16_tflops", "bf16_tflops", "tflops_fp16", "tflops_bf16", "compute_tflops"),
    "Memory_size": ("memory_size", "memory", "memory_gb", "memory_size_gb", "vram", "vram_gb"),
    "Memory_BW": (
        "memory_bw",
        "memory_bandwidth",
        "memory_bandwidth_gb_s",
        "memory_bw_gb_s",
        "bandwidth",
        "bandwidth_gb_s",
    ),
    "ICN": ("icn", "interconnect", "interconnect_gb_s"),
    "type": ("kind", "hardware_type"),
    "name": ("hardware", "gpu", "model"),
}
_KEYS: Final = {word: key for key, words in _WORDS.items() for word in words}
_RATES: Final = {"GB/s": 1.0, "MB/s": 1e-3, "TB/s": 1e3, "GiB/s": 2**30 / 1e9, "TiB/s": 2**40 / 1e9}
# By key, what each suffix multiplies by; letters' case tells bits from bytes.
_UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "Flops": {"TFLOPS": 1, "TFLOP/s": 1, "TFLOPs": 1, "tflops": 1, "T": 1, "GFLOPS": 1e-3, "PFLOPS": 1e3}
    | {"PFLOP/s": 1e3, "PFLOPs": 1e3},
    "Memory_size": {"GB": 1, "gb": 1, "G": 1, "GiB": 2**30 / 1e9, "MB": 1e-3, "MiB": 2**20 / 1e9, "TB": 1e3},
    "Memory_BW": {**_RATES, "gb/s": 1, "tb/s": 1e3},
    "ICN": {**_RATES, "gb/s": 1, "Gb/s": 0.125, "Gbit/s": 0.125},
}
_WRITTEN: Final = re.compile(r"\s*(\d{1,9}(?:,\d{3}){0,3}(?:\.\d{0,9})?)\s*([a-zA-Z/]{0,9})\s*")


def in_own_keys(config: Mapping[str, object]) -> dict[Any, Any]:
    """The same in the original's keys, numbers that are text in their units. Raises InvalidHardwareError for a key that
    is said twice; what is not known stays as it is, for who checks it to refuse."""
    found: dict[Any, Any] = {}
    for word, value in config.items():
        key = _own_key(word)
        if key in found and found[key] != value:
            raise InvalidHardwareError(f"The hardware key {key!r} is said twice, by {shown(word)} too; keep one.")
        found[key] = _number(key, value) if key in _UNITS and isinstance(value, str) else value
    return found


def _own_key(word: object) -> Any:
    """The original's key; a rate by format stays in its own."""
    return _KEYS.get(re.sub(r"[\s-]+", "_", word.strip().lower()), word) if isinstance(word, str) else word


def _number(key: str, text: str) -> object:
    """The number that a text says in the key's unit; the text itself where it says none."""
    written = _WRITTEN.fullmatch(text)
    factor = None if written is None else _UNITS[key].get(written[2], 1 if not written[2] else None)
    return text if written is None or factor is None else float(written[1].replace(",", "")) * factor
