"""Serving engines, one file each: what one holds beside weights and cache, how it lays a model out, what it costs.

Laws stand in the engine's file, numbers in data/engines/NAME.toml by range of versions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ..facts import table
from . import vllm
from .base import Engine, HostCost, KernelCost

__all__ = ["ENGINES", "Engine", "HostCost", "KernelCost", "engine_for"]

_MADE = {"vllm": vllm.from_facts}
ENGINES = tuple(_MADE)
"""The engines that are described; the first is taken where none is named."""


@lru_cache(maxsize=256)
def engine_for(**settings: Any) -> Engine:
    """The engine of a deployment, of the newest version that is described; `settings` in place of its defaults."""
    name = ENGINES[0]
    facts = table(f"engines/{name}")["version"][-1]
    return _MADE[name](facts["from"], facts, (), **settings)
