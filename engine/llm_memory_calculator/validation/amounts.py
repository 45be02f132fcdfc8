"""Amounts of memory as engines' logs print them: several buffers in one text, each of a device or of the host."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = frozenset({"cpu", "host"})
_DEVICES = frozenset({"cuda", "metal", "gpu", "rocm", "vulkan"})
_TERM = re.compile(
    r"(?:(?P<before>[a-z]+)\s+)?~?(?:(?P<times>\d+)\s*x\s*)?(?P<number>\d+(?:\.\d+)?)(?:\s+(?P<after>[a-z]+))?"
)
_BINARY = {"mib": 2**20, "gib": 2**30}
_DECIMAL = {"mb": 10**6, "gb": 10**9}
# These count 2^20 and 2^30 bytes and print MB and GB.
_PRINT_GB_FOR_GIB = frozenset({"sglang", "llama_cpp"})
_TOTAL = re.compile(r"(?:required|peak memory) (\d+(?:\.\d+)?) ([gm]i?b)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Buffer:
    number: float
    on_host: bool


def device_bytes(text: str | None, unit: str | None, engine: str) -> float | None:
    """The sum of what lies on devices ("2113 + 2290 CUDA + 282 CPU"), or on the host where all does; else None."""
    size = None if unit is None else unit_bytes(unit, engine)
    if text is None or size is None:
        return None
    buffers = _buffers(text.lower())
    if buffers is None:
        return None
    on_devices = [buffer.number for buffer in buffers if not buffer.on_host]
    return size * sum(on_devices or [buffer.number for buffer in buffers])


def unit_bytes(unit: str, engine: str) -> int | None:
    """Bytes of a unit as this engine means it."""
    word = unit.lower()
    if engine in _PRINT_GB_FOR_GIB and word in _DECIMAL:
        word = word.replace("b", "ib")
    return (_BINARY | _DECIMAL).get(word)


def total_bytes(note: str | None, engine: str) -> float | None:
    """What a note says was needed in all: "required 5.4 GiB", "peak memory 21.7 GB"."""
    found = _TOTAL.search(note or "")
    if found is None:
        return None
    size = unit_bytes(found[2], engine)
    return None if size is None else float(found[1]) * size


def _buffers(text: str) -> list[_Buffer] | None:
    """The terms of a sum; None for a text that is none. A word holds for the numbers before it that have none."""
    found: list[_Buffer] = []
    word = ""
    for part in reversed(text.split("+")):
        term = _TERM.fullmatch(part.strip())
        if term is None:
            return None
        word = term["before"] or term["after"] or word
        if word and word not in _HOST | _DEVICES:
            return None
        found.append(_Buffer(float(term["number"]) * int(term["times"] or 1), word in _HOST))
    return found
