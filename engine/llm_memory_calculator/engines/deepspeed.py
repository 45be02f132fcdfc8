"""DeepSpeed's init_inference on Gaudi, under Optimum Habana's generate(): what that holds, at DeepSpeed's own times.

Numbers stand in data/engines/deepspeed.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .optimum_habana import OptimumHabana


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deepspeed(OptimumHabana):
    """DeepSpeed's inference engine; on CUDA its successor is DeepSpeed-MII."""

    TITLE: ClassVar[str] = "DeepSpeed"
