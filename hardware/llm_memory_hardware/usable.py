"""What a runtime sees of memory that is fitted to order, where that is no fixed share of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

__all__ = ["USABLE_RULES"]

# What Metal lends the GPU by default (recommendedMaxWorkingSetSize, of which the system keeps the rest), in MB as
# llama.cpp and MLX print it, by the GB that the Mac is sold with. Read 2025 and 2026 on macOS 15 and 26, without
# iogpu.wired_limit_mb; it is the same on every generation. The systems before lent two thirds up to 32 GB and three
# quarters above; the 8 GB is theirs still.
_METAL_MB: Final = {
    8: 5726.63,
    16: 12713.12,
    18: 14302.25,
    24: 19069.67,
    32: 26800.60,
    36: 30150.67,
    48: 40200.90,
    64: 55662.79,
    96: 83494.17,
    128: 115448.72,
    256: 239143.80,
    512: 498216.21,
}


def _metal(memory_bytes: int) -> int:
    """The default limit of a Mac of this memory; of a size between two, the share of the smaller.

    The shares go in steps, at 16, 32, 64, 128 and 256 GB: 18 and 24 GB have that of 16, 36 and 48 that of 32.
    """
    size = max((size for size in _METAL_MB if size * 10**9 <= memory_bytes), default=min(_METAL_MB))
    return round(_METAL_MB[size] * 10**6 * memory_bytes / (size * 10**9))


USABLE_RULES: Final[Mapping[str, Callable[[int], int]]] = {"metal": _metal}
"""By the name that an accelerator gives: what the runtime sees of so many bytes."""
